//! Fan-out to the subscribers of one object: how fast a trigger that names only the object reaches all of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::client::{Connection, Credential, Target};
use super::delivered::{DeliveredCounts, Totals};
use super::error::BenchError;
use super::histogram::Histogram;
use super::report::{Delivery, Report};
use super::setup::WORKFLOW_KEY;

const COLLECTION: &str = "bench";
/// Recipients of one entry, and entries of one bulk request: what the API takes.
const PER_ENTRY: usize = 100;
const ENTRIES: usize = 1_000;
/// Feeds that are read before and after; all of them would take longer than the fan-out.
const SAMPLE: usize = 500;
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Without progress for so long the rest counts as not delivered.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(60);

/// Subscribes `subscribers` users to one object, then triggers it until `duration` is over, each time waiting for the
/// last message.
pub(super) async fn measure(
    target: &Arc<Target>,
    channel_id: &str,
    subscribers: usize,
    duration: Duration,
) -> Result<Report, BenchError> {
    let mut connection = Connection::open(target).await?;
    subscribe(target, &mut connection, subscribers).await?;
    let sample: Vec<String> = (0..subscribers).step_by(subscribers.div_ceil(SAMPLE)).map(user).collect();
    let counts = DeliveredCounts::new(target, sample.iter(), channel_id, 16)?;
    let before = counts.read().await?;
    let reference = json!({"collection": COLLECTION, "id": object(subscribers)});
    let body =
        json!({"recipients": [reference], "data": {"title": "Weekly report", "report": 1}}).to_string();
    let path = format!("/v1/workflows/{WORKFLOW_KEY}/trigger");
    let request = target.prepare(Credential::SecretKey, Method::POST, &path, body)?;
    let (started, mut accepted, mut answer) = (Instant::now(), 0, Histogram::default());
    let (mut delivered, mut last) = (0, started);
    while accepted == 0 || started.elapsed() < duration {
        let sent = Instant::now();
        connection.expect_ok(&request).await?;
        answer.record(sent.elapsed());
        accepted += 1;
        let expected = accepted * subscribers as u64;
        (delivered, last) = arrived(&counts, before, expected).await?;
        if delivered < expected {
            break;
        }
    }
    let expected = accepted * subscribers as u64;
    // The counter is the server's word; the feeds are the proof.
    let shown = counts.read().await?.feeds - before.feeds;
    if shown < accepted * sample.len() as u64 {
        delivered = delivered.min(expected - 1);
    }
    Ok(Report {
        suite: "fanout",
        concurrency: 1,
        recipients: 1,
        subscribers: Some(subscribers),
        users: subscribers,
        elapsed: started.elapsed(),
        accepted,
        delivery: Some(Delivery { expected, delivered, elapsed: last.saturating_duration_since(started) }),
        request: "trigger",
        answer,
        ..Report::default()
    })
}

/// Waits until the server has counted `expected` messages more; answers how many, and when the last came.
async fn arrived(
    counts: &DeliveredCounts,
    before: Totals,
    expected: u64,
) -> Result<(u64, Instant), BenchError> {
    let mut progress = (0, Instant::now());
    loop {
        let now = counts.counter().await?.zip(before.counter).map_or(0, |(now, then)| now - then);
        if now > progress.0 {
            progress = (now, Instant::now());
        }
        if progress.0 >= expected || progress.1.elapsed() > GIVEN_UP_AFTER {
            return Ok(progress);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Each number of subscribers has its object, so that one database serves several measurements.
fn object(subscribers: usize) -> String {
    format!("audience-{subscribers}")
}

fn user(n: usize) -> String {
    format!("bench-{n:06}")
}

async fn subscribe(
    target: &Target,
    connection: &mut Connection,
    subscribers: usize,
) -> Result<(), BenchError> {
    let path = format!("/v1/objects/{COLLECTION}/bulk/subscriptions/add");
    for first in (0..subscribers).step_by(PER_ENTRY * ENTRIES) {
        let end = (first + PER_ENTRY * ENTRIES).min(subscribers);
        let entries: Vec<Value> = (first..end)
            .step_by(PER_ENTRY)
            .map(|n| {
                let users: Vec<Value> = (n..(n + PER_ENTRY).min(end))
                    .map(|n| json!({"id": user(n), "name": format!("User {n}")}))
                    .collect();
                json!({"id": object(subscribers), "recipients": users, "properties": {"role": "member"}})
            })
            .collect();
        let body = json!({"subscriptions": entries}).to_string();
        let request = target.prepare(Credential::SecretKey, Method::POST, &path, body)?;
        let queued = parsed(&connection.expect_ok(&request).await?)?;
        let id = queued["id"].as_str().unwrap_or_default();
        let path = format!("/v1/bulk_operations/{id}");
        let look = target.prepare(Credential::SecretKey, Method::GET, &path, Bytes::new())?;
        loop {
            let now = parsed(&connection.expect_ok(&look).await?)?;
            match (now["status"].as_str(), now["error_count"].as_u64()) {
                (Some("completed"), Some(0)) => break,
                (Some("completed" | "failed"), _) => {
                    return Err(BenchError::Unexpected(format!("subscribing went wrong: {now}")));
                }
                _ => tokio::time::sleep(LOOK_EVERY * 5).await,
            }
        }
    }
    Ok(())
}

fn parsed(body: &[u8]) -> Result<Value, BenchError> {
    serde_json::from_slice(body).map_err(|e| BenchError::Unexpected(format!("an answer is not JSON: {e}")))
}
