//! P6: a cancellation that was answered stops what waits, also across a kill and among recipients that are still being
//! expanded.

use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value, json};

use super::support::{Node, Server, databases, leftovers, pause, workflows};

/// Runs that fall due while they are being cancelled.
const RACERS: u64 = 96;
/// Cancellations at once.
const GROUP: usize = 8;
/// Recipients of a run that is expanded in several pieces.
const WIDE: usize = 900;

fn cancellable(user: &str, n: u64, key: &str) -> Value {
    json!({"recipients": [user], "data": {"n": n}, "cancellation_key": key})
}

/// Cancels; anything but 204 ends the test.
async fn cancel(node: &Node, workflow: &str, key: &str) {
    let body = json!({"cancellation_key": key});
    let path = format!("/v1/workflows/{workflow}/cancel");
    let answer = node.client.send(Method::POST, &path, Some(&body), &[]).await.expect("an answer");
    assert_eq!(answer.status, 204, "cancelling answered {}\n{}", answer.body, node.log_tail());
}

async fn count(node: &Node, run: &str) -> usize {
    node.client.messages(run).await.expect("messages of a run").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_that_was_answered_survives_a_kill() {
    for database in databases().await {
        let mut node = Server::on(&database).start().await;
        node.client.identify("u1").await;
        node.client.publish("soon", [workflows::delay(2), workflows::feed()].to_vec().into()).await;
        let mut cancelled = Vec::new();
        for n in 0..10 {
            cancelled.push(node.client.accepted("soon", &cancellable("u1", n, "stop")).await);
        }
        let kept = node.client.accepted("soon", &cancellable("u1", 99, "go")).await;
        cancel(&node, "soon", "stop").await;
        node.kill();
        node.start().await;
        node.wait("the run that was not cancelled goes on", 20, || async {
            let count = count(&node, &kept).await;
            if count == 1 { Ok(()) } else { Err(format!("{count} messages")) }
        })
        .await;
        // Stopped and looked into: no timer waits any more, so nothing can come later.
        node.stop().await;
        leftovers::none_after(&node).await;
        node.start().await;
        for run in &cancelled {
            assert_eq!(count(&node, run).await, 0, "{}: a cancelled run went on", database.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_reaches_recipients_that_are_still_being_expanded() {
    for database in databases().await {
        let mut node = Server::on(&database).start().await;
        node.client.publish("soon", [workflows::delay(1), workflows::feed()].to_vec().into()).await;
        let recipients: Vec<Value> = (0..WIDE).map(|user| json!({"id": format!("u{user}")})).collect();
        let mut runs = Vec::new();
        for round in 0..4 {
            let key = format!("wide-{round}");
            let body = json!({"recipients": recipients, "data": {"n": round}, "cancellation_key": key});
            let run = node.client.accepted("soon", &body).await;
            pause(round * 15).await;
            cancel(&node, "soon", &key).await;
            runs.push(run);
        }
        // Stopped and looked into: no timer waits any more, so nothing can come later.
        node.stop().await;
        leftovers::none_after(&node).await;
        node.start().await;
        for run in &runs {
            assert_eq!(count(&node, run).await, 0, "{}: a cancelled run went on", database.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_what_is_just_falling_due_either_stops_it_or_comes_too_late() {
    for database in databases().await {
        let mut node = Server::on(&database).start().await;
        node.client.identify("u1").await;
        node.client.publish("soon", [workflows::delay(1), workflows::feed()].to_vec().into()).await;
        let begun = Instant::now();
        let all = (0..RACERS).map(|n| {
            let client = &node.client;
            async move { client.accepted("soon", &cancellable("u1", n, &format!("race-{n}"))).await }
        });
        let runs = futures_util::future::join_all(all).await;
        // From the instant at which the first falls due.
        while begun.elapsed() < Duration::from_secs(1) {
            pause(1).await;
        }
        // Several at a time, so that cancellations and timers meet in the database.
        let mut counts = Vec::new();
        for (group, runs) in runs.chunks(GROUP).enumerate() {
            let all = runs.iter().enumerate().map(|(k, run)| {
                let (node, key) = (&node, format!("race-{}", group * GROUP + k));
                async move {
                    cancel(node, "soon", &key).await;
                    (run, count(node, run).await)
                }
            });
            counts.extend(futures_util::future::join_all(all).await);
        }
        node.stop().await;
        leftovers::none_after(&node).await;
        node.start().await;
        let mut stopped = 0;
        for (run, at_cancel) in counts {
            let now = count(&node, run).await;
            assert!(now <= 1, "{}: {now} messages of one run", database.name);
            assert_eq!(
                now, at_cancel,
                "{}: a run went on after its cancellation was answered",
                database.name
            );
            stopped += usize::from(now == 0);
        }
        eprintln!("cancel on {}: {stopped} of {RACERS} were stopped", database.name);
    }
}
