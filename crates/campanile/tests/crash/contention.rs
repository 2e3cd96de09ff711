//! Requests that want the same rows at the same time wait for each other and are all answered.

use serde_json::{Value, json};

use super::support::random::Random;
use super::support::{Server, databases, leftovers};

/// Triggers at once.
const TRIGGERS: usize = 8;
/// People whom each of them identifies, in an order of its own.
const PEOPLE: usize = 90;

#[tokio::test(flavor = "multi_thread")]
async fn triggers_that_identify_the_same_people_in_different_orders_are_all_accepted() {
    for database in databases().await {
        let mut random = Random::seeded(&format!("contention on {}", database.name));
        let mut node = Server::on(&database).start().await;
        node.client.publish("feed", [super::support::workflows::feed()].to_vec().into()).await;
        for round in 0..6 {
            let bodies: Vec<Value> = (0..TRIGGERS)
                .map(|n| {
                    let mut people: Vec<Value> = (0..PEOPLE)
                        .map(|p| json!({"id": format!("p{p}"), "seen_in": round, "by": format!("trigger {n}")}))
                        .collect();
                    random.shuffle(&mut people);
                    json!({"recipients": people, "data": {"n": n}})
                })
                .collect();
            let answers =
                futures_util::future::join_all(bodies.iter().map(|b| node.client.trigger("feed", b))).await;
            for answer in answers {
                let answer = answer.expect("an answer");
                let tail = || node.log_tail();
                assert_eq!(answer.status, 200, "{}: {}\n{}", database.name, answer.body, tail());
            }
        }
        node.stop().await;
        leftovers::none_after(&node).await;
    }
}
