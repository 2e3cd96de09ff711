//! P5: each occurrence of a schedule makes one run, however often the process dies around it.

use hyper::Method;
use serde_json::{Value, json};

use super::support::random::Random;
use super::support::{Node, Server, databases, leftovers, pause, workflows};

/// Schedules that fire at the same instants.
const SCHEDULES: usize = 40;
/// Hours that pass.
const HOURS: usize = 6;

async fn schedule(node: &Node, more: Value) {
    let recipients: Vec<Value> = (0..SCHEDULES).map(|n| json!({"id": format!("u{n}")})).collect();
    let mut body = json!({"workflow": "digest", "recipients": recipients, "data": {"n": 1}});
    body.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
    node.client.must(Method::POST, "/v1/schedules", Some(&body)).await;
}

/// Recipient and instant of every message, sorted.
async fn fired(node: &Node) -> Result<Vec<(String, String)>, String> {
    let all = node.client.all("/v1/messages", "items").await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut list: Vec<_> =
        all.iter().map(|message| (text(&message["recipient"]), text(&message["inserted_at"]))).collect();
    list.sort_unstable();
    Ok(list)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_occurrence_makes_one_run_over_kills() {
    for database in databases().await {
        let mut random = Random::seeded(&format!("schedules on {}", database.name));
        let mut node = Server::on(&database).flag("--virtual-time").start().await;
        node.client.publish("digest", json!([workflows::feed()])).await;
        let to = |hour: usize| json!({"to": format!("2036-01-01T{hour:02}:00:00Z")});
        node.client.must(Method::POST, "/v1/admin/clock", Some(&to(0))).await;
        schedule(&node, json!({"repeats": [{"frequency": "hourly"}], "ending_at": format!("2036-01-01T{HOURS:02}:00:00Z")})).await;
        // Time moves, and the process dies somewhere in it.
        for _ in 0..4 {
            let client = node.client.clone();
            let move_on = to(HOURS);
            let moving = tokio::spawn(async move {
                client.send(Method::POST, "/v1/admin/clock", Some(&move_on), &[]).await
            });
            pause(10 + random.below(150)).await;
            node.kill();
            drop(moving.await);
            node.start().await;
        }
        // What a dead node held comes back when its lease ends, which is virtual time on PostgreSQL.
        node.client.must(Method::POST, "/v1/admin/clock", Some(&to(HOURS))).await;
        let all = fired(&node).await.expect("messages");
        let mut want: Vec<(String, usize)> =
            (0..SCHEDULES).flat_map(|n| (1..=HOURS).map(move |hour| (format!("u{n}"), hour))).collect();
        want.sort_unstable();
        let got: Vec<(String, usize)> =
            all.iter().map(|(who, at)| (who.clone(), at[11..13].parse().expect("an hour"))).collect();
        assert_eq!(got, want, "{}", database.name);
        node.stop().await;
        leftovers::none_after(&node).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_offs_of_one_instant_survive_a_kill_at_that_instant() {
    for database in databases().await {
        let mut node = Server::on(&database).start().await;
        node.client.publish("digest", json!([workflows::feed()])).await;
        let now = campanile_core::clock::Clock::System.now();
        let at = campanile_core::time::Timestamp(now.0 + 1_000_000);
        schedule(&node, json!({"scheduled_at": at})).await;
        while campanile_core::clock::Clock::System.now().0 < at.0 + 15_000 {
            pause(1).await;
        }
        node.kill();
        node.start().await;
        let all = node
            .wait("every one-off fires", 20, || async {
                let all = fired(&node).await?;
                if all.len() >= SCHEDULES { Ok(all) } else { Err(format!("{} messages", all.len())) }
            })
            .await;
        let mut people: Vec<&str> = all.iter().map(|(who, _)| who.as_str()).collect();
        people.dedup();
        assert_eq!((people.len(), all.len()), (SCHEDULES, SCHEDULES), "{}", database.name);
        let early = all.iter().find(|(_, when)| *when < at.to_string());
        assert_eq!(early, None, "{}: due at {at}", database.name);
        node.stop().await;
        leftovers::none_after(&node).await;
    }
}
