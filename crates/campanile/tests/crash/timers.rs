//! P5: a timer survives a kill; it fires once, never early, and late only by the time that the process was down.

use std::time::Duration;

use campanile_core::time::Timestamp;

use super::support::{Client, Node, Server, databases, leftovers, pause, workflows};

/// What the delay step waits.
const DELAY_SECONDS: i64 = 3;
/// How late a timer may be on a busy machine.
const LATE: i64 = 3_000_000;

fn now() -> i64 {
    campanile_core::clock::Clock::System.now().0
}

/// The only message of a run, with the instant at which it was made.
async fn fired(node: &Node, run: &str) -> (String, i64) {
    node.wait("the timer fires", 20, || async {
        let messages = node.client.messages(run).await?;
        let [message] = messages.as_slice() else { return Err(format!("{} messages", messages.len())) };
        let id = message["id"].as_str().unwrap_or_default().to_owned();
        let at = message["inserted_at"].as_str().unwrap_or_default();
        let at = Timestamp::parse(at).ok_or_else(|| format!("{at} is no instant"))?;
        Ok((id, at.0))
    })
    .await
}

async fn trigger(client: &Client) -> (String, i64, i64) {
    let before = now();
    let run = client.accepted("soon", &workflows::to_one("u1", 1)).await;
    (run, before, now())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_fires_once_and_not_early_however_long_the_process_was_down() {
    for database in databases().await {
        let mut node = Server::on(&database).start().await;
        node.client.identify("u1").await;
        let steps = [workflows::delay(DELAY_SECONDS as u64), workflows::feed()];
        node.client.publish("soon", steps.to_vec().into()).await;

        // Down when it falls due.
        let (run, before, answered) = trigger(&node.client).await;
        node.kill();
        while now() < answered + (DELAY_SECONDS * 1_000_000) + 300_000 {
            pause(20).await;
        }
        node.start().await;
        let up = now();
        let (missed, at) = fired(&node, &run).await;
        assert!(at >= before + DELAY_SECONDS * 1_000_000, "{}: fired early", database.name);
        assert!(at <= up + LATE, "{}: fired {} µs after the start", database.name, at - up);

        // Up again before it falls due.
        let (run, before, answered) = trigger(&node.client).await;
        node.kill();
        node.start().await;
        let (kept, at) = fired(&node, &run).await;
        let (due, latest) = (before + DELAY_SECONDS * 1_000_000, answered + DELAY_SECONDS * 1_000_000);
        assert!(at >= due, "{}: fired {} µs early", database.name, due - at);
        assert!(at.max(up) <= latest.max(up) + LATE, "{}: fired {} µs late", database.name, at - latest);

        // Killed again after it fired: it does not fire again.
        node.kill();
        node.start().await;
        node.stop().await;
        leftovers::none_after(&node).await;
        node.start().await;
        let all = node.client.all("/v1/messages", "items").await.expect("messages");
        let mut ids: Vec<&str> = all.iter().filter_map(|message| message["id"].as_str()).collect();
        let mut want = [missed.as_str(), kept.as_str()];
        ids.sort_unstable();
        want.sort_unstable();
        assert_eq!(ids, want, "{}: each timer made one message", database.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_timers_of_one_instant_survive_a_kill_at_that_instant() {
    for database in databases().await {
        let mut node = Server::on(&database).start().await;
        node.client.identify("u1").await;
        node.client.publish("soon", [workflows::delay(1), workflows::feed()].to_vec().into()).await;
        let first = now();
        let mut runs = Vec::new();
        for _ in 0..100 {
            let before = now();
            runs.push((node.client.accepted("soon", &workflows::to_one("u1", 1)).await, before));
        }
        // Somewhere among them.
        while now() < first + 1_030_000 {
            pause(1).await;
        }
        node.kill();
        node.start().await;
        for (run, before) in &runs {
            let (_, at) = fired(&node, run).await;
            assert!(at >= before + 1_000_000, "{}: fired early", database.name);
        }
        // Leases of the dead node run out, then nothing is left.
        node.wait("nothing is left to do", 20, || async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let all = node.client.all("/v1/messages", "items").await?;
            if all.len() == runs.len() { Ok(()) } else { Err(format!("{} messages", all.len())) }
        })
        .await;
        node.stop().await;
        leftovers::none_after(&node).await;
    }
}
