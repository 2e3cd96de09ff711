//! A kill in the middle of a large expansion: nested objects that share their members, and each member is told exactly
//! once.

use std::collections::HashMap;

use hyper::Method;
use serde_json::{Value, json};

use super::support::random::Random;
use super::support::{Database, Node, Server, databases, leftovers, pause, workflows};

/// Members of the three teams; each shares a third of them with the next, and the organisation has some of its own.
const TEAMS: [(&str, u64, u64); 4] =
    [("team-a", 0, 1_200), ("team-b", 800, 2_000), ("team-c", 1_600, 2_800), ("org", 2_500, 3_000)];
/// Everybody but the actor.
const TOLD: usize = 2_999;
/// They, and the organisation with its teams.
const RUNS: i64 = TOLD as i64 + 4;
const KILLS: u64 = 4;

async fn subscribe(node: &Node) {
    for (object, from, to) in TEAMS {
        let rows: Vec<Value> = (from..to)
            .step_by(100)
            .map(|n| {
                let users: Vec<Value> = (n..n + 100).map(|n| json!({"id": format!("u{n}")})).collect();
                json!({"id": object, "recipients": users})
            })
            .collect();
        let path = "/v1/objects/crowd/bulk/subscriptions/add";
        let queued = node.client.must(Method::POST, path, Some(&json!({"subscriptions": rows}))).await;
        let id = queued["id"].as_str().expect("an operation has an id");
        node.wait("everybody is subscribed", 60, || async {
            let path = format!("/v1/bulk_operations/{id}");
            let now = node.client.must(Method::GET, &path, None).await;
            if now["status"] == "completed" { Ok(()) } else { Err(now.to_string()) }
        })
        .await;
    }
    let teams: Vec<Value> =
        TEAMS[..3].iter().map(|(id, ..)| json!({"id": id, "collection": "crowd", "is_team": true})).collect();
    let path = "/v1/objects/crowd/org/subscriptions";
    node.client.must(Method::POST, path, Some(&json!({"recipients": teams}))).await;
}

/// How many messages a run has made, up to a page of them.
async fn begun(node: &Node, run: &str) -> usize {
    let path = format!("/v1/messages?workflow_run_id={run}&page_size=50");
    node.client.must(Method::GET, &path, None).await["items"].as_array().map_or(0, Vec::len)
}

async fn kill_while_expanding(database: &Database) {
    let mut random = Random::seeded(&format!("fan-out on {}", database.name));
    let mut node = Server::on(database).start().await;
    node.client.publish("all", json!([workflows::feed()])).await;
    subscribe(&node).await;
    let body = json!({
        "recipients": [{"id": "org", "collection": "crowd"}, "u7", {"id": "team-b", "collection": "crowd"}],
        "actor": "u1700", "data": {"n": 1},
    });
    let run = node.client.accepted("all", &body).await;
    let mut in_the_middle = 0;
    for _ in 0..KILLS {
        pause(random.below(100)).await;
        node.kill();
        let runs = leftovers::recipient_runs(&node).await;
        in_the_middle += u64::from((1..RUNS).contains(&runs));
        node.start().await;
        node.wait("the expansion goes on", 30, || async {
            if begun(&node, &run).await > 0 { Ok(()) } else { Err("no message".to_owned()) }
        })
        .await;
    }
    eprintln!("{}: {in_the_middle} of {KILLS} kills in the middle of the expansion", database.name);
    assert!(in_the_middle > 0, "no kill came in time");
    leftovers::none_soon(&node, 60).await;
    let mut told: HashMap<String, usize> = HashMap::new();
    for message in node.client.messages(&run).await.expect("messages of a run") {
        let user = message["recipient"].as_str().expect("only users have feeds").to_owned();
        *told.entry(user).or_default() += 1;
    }
    let twice: Vec<_> = told.iter().filter(|(_, count)| **count != 1).collect();
    assert!(twice.is_empty(), "{}: told more than once: {twice:?}", database.name);
    let missed: Vec<_> =
        (0..3_000).map(|n| format!("u{n}")).filter(|user| !told.contains_key(user)).collect();
    assert_eq!(missed, ["u1700"], "{}: everybody but the actor is told", database.name);
    assert_eq!(told.len(), TOLD);
    node.stop().await;
    leftovers::none_after(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_subscriber_is_told_exactly_once_across_kills() {
    for database in databases().await {
        kill_while_expanding(&database).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_the_middle_is_quick_and_the_next_start_goes_on() {
    let database = Database::sqlite();
    let mut node = Server::on(&database).start().await;
    node.client.publish("all", json!([workflows::feed()])).await;
    subscribe(&node).await;
    let body = json!({"recipients": [{"id": "org", "collection": "crowd"}], "data": {"n": 1}});
    let run = node.client.accepted("all", &body).await;
    node.stop().await;
    node.start().await;
    leftovers::none_soon(&node, 60).await;
    assert_eq!(node.client.messages(&run).await.expect("messages of a run").len(), 3_000);
    node.stop().await;
    leftovers::none_after(&node).await;
}
