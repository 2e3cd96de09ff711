//! Cancelling runs (workflows.md section 21) whose recipients are still to be expanded (P6).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::kit::{Kit, on_both, steps};

const SUBSCRIBERS: usize = 700;

/// An object with many subscribers, and a workflow that waits before it tells anybody.
async fn crowd(kit: &Kit) {
    kit.workflow("tell", json!([steps::delay("delay_1", 1, "hours"), steps::feed("feed_1", "Hi")])).await;
    let rows: Vec<Value> = (0..SUBSCRIBERS)
        .step_by(100)
        .map(|n| {
            let users: Vec<_> = (n..n + 100).map(|n| json!({"id": format!("u{n}")})).collect();
            json!({"id": "crowd", "recipients": users})
        })
        .collect();
    kit.post("/v1/objects/o/bulk/subscriptions/add", json!({"subscriptions": rows})).await.ok();
    kit.idle().await;
}

/// Triggers without waiting for the expansion.
async fn trigger(kit: &Kit) -> String {
    let body = json!({"recipients": [{"collection": "o", "id": "crowd"}], "cancellation_key": "k"});
    let answer = kit.post("/v1/workflows/tell/trigger", body).await.ok();
    answer["workflow_run_id"].as_str().expect("a run id").to_owned()
}

async fn cancel(kit: &Kit, recipients: Value) {
    let body = json!({"cancellation_key": "k", "recipients": recipients});
    kit.post("/v1/workflows/tell/cancel", body).await.ok();
}

/// Everybody who was told, after the wait.
async fn told(kit: &Kit, run: &str) -> BTreeSet<String> {
    kit.idle().await;
    kit.advance("PT2H").await;
    let (mut users, mut after) = (BTreeSet::new(), String::new());
    loop {
        let page = kit.get(&format!("/v1/messages?workflow_run_id={run}{after}")).await.ok();
        for message in page["items"].as_array().expect("a list") {
            let user = message["recipient"].as_str().expect("a user").to_owned();
            assert!(users.insert(user.clone()), "{user} was told twice");
        }
        match page["page_info"]["after"].as_str() {
            Some(cursor) => after = format!("&after={cursor}"),
            None => return users,
        }
    }
}

#[test]
fn named_recipients_hear_nothing_whether_or_not_their_turn_had_come() {
    on_both(async |kit| {
        crowd(kit).await;
        let run = trigger(kit).await;
        // The first and the last of the subscribers, and somebody who is none.
        let named = ["u0", "u1", "u350", "u698", "u699", "stranger"];
        cancel(kit, json!(named)).await;
        let told = told(kit, &run).await;
        assert_eq!(told.len(), SUBSCRIBERS - 5);
        assert!(named.iter().all(|user| !told.contains(*user)), "{told:?}");
        for user in ["u0", "u699"] {
            assert_eq!(kit.status_of_run(&run, user).await, "cancelled");
        }
        assert_eq!(kit.status_of_run(&run, "u2").await, "completed");
    });
}

#[test]
fn without_names_nobody_hears_anything() {
    on_both(async |kit| {
        crowd(kit).await;
        let run = trigger(kit).await;
        cancel(kit, Value::Null).await;
        assert_eq!(told(kit, &run).await, BTreeSet::new());
    });
}
