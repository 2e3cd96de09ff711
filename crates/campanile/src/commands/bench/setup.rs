//! What a run needs on the server: the workflow, the feed channel, the users.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::client::{Connection, Credential, Prepared, Target};
use super::error::BenchError;

pub(super) const WORKFLOW_KEY: &str = "campanile-bench";

/// Creates or replaces the workflow and publishes it: one in-app step with a small template.
pub(super) async fn publish_workflow(target: &Target, connection: &mut Connection) -> Result<(), BenchError> {
    let workflow = json!({"workflow": {
        "name": "Campanile benchmark",
        "steps": [{
            "ref": "feed_1",
            "type": "channel",
            "channel_key": "in-app-feed",
            "template": {
                "markdown_body": "**{{ data.title }}** is ready for {{ recipient.name }}",
                "action_url": "https://bench.test/reports/{{ data.report }}",
            },
        }],
    }});
    let path = format!("/v1/workflows/{WORKFLOW_KEY}?environment=development&commit=true");
    let request = target.prepare(Credential::ServiceToken, Method::PUT, &path, workflow.to_string())?;
    connection.expect_ok(&request).await.map(drop)
}

/// The id of the channel with key `in-app-feed`.
pub(super) async fn feed_channel_id(
    target: &Target,
    connection: &mut Connection,
) -> Result<String, BenchError> {
    let request = target.prepare(Credential::ServiceToken, Method::GET, "/v1/channels", Bytes::new())?;
    let body = connection.expect_ok(&request).await?;
    let list: Value = serde_json::from_slice(&body)
        .map_err(|e| BenchError::Unexpected(format!("GET /v1/channels is not JSON: {e}")))?;
    find_feed(&list).map(str::to_owned).ok_or_else(|| {
        BenchError::Unexpected("GET /v1/channels has no in-app feed with the key in-app-feed".into())
    })
}

fn find_feed(list: &Value) -> Option<&str> {
    let channels = list.get("entries")?.as_array()?;
    let feed = channels.iter().find(|c| c["type"] == "in_app_feed" && c["key"] == "in-app-feed")?;
    feed.get("id")?.as_str()
}

/// Identifies all users, each connection taking the next one until none is left.
pub(super) async fn identify_users(
    target: &Arc<Target>,
    users: &Arc<[String]>,
    connections: usize,
) -> Result<(), BenchError> {
    let next = Arc::new(AtomicUsize::new(0));
    let slots: Vec<_> = (0..connections.clamp(1, users.len()))
        .map(|_| {
            let (target, users, next) = (target.clone(), users.clone(), next.clone());
            tokio::spawn(async move {
                let mut connection = Connection::open(&target).await?;
                while let Some(user) = users.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let body = json!({"name": user, "email": format!("{user}@bench.test")}).to_string();
                    let path = format!("/v1/users/{user}");
                    let request = target.prepare(Credential::SecretKey, Method::PUT, &path, body)?;
                    connection.expect_ok(&request).await?;
                }
                Ok(())
            })
        })
        .collect();
    join_all(slots).await.map(drop)
}

/// Waits for every slot; the first error wins, a panic passes through.
pub(super) async fn join_all<T>(
    slots: Vec<tokio::task::JoinHandle<Result<T, BenchError>>>,
) -> Result<Vec<T>, BenchError> {
    let mut done = Vec::with_capacity(slots.len());
    for slot in slots {
        match slot.await {
            Ok(result) => done.push(result?),
            Err(gone) => {
                return Err(BenchError::Unexpected(format!("a benchmark task ended early: {gone}")));
            }
        }
    }
    Ok(done)
}

/// The trigger requests to rotate through: every user once per round, `recipients` in each.
pub(super) fn trigger_requests(
    target: &Target,
    users: &[String],
    recipients: usize,
) -> Result<Vec<Prepared>, BenchError> {
    users
        .chunks_exact(recipients)
        .enumerate()
        .map(|(round, chunk)| {
            trigger_request(target, chunk, json!({"title": "Weekly report", "report": round}))
        })
        .collect()
}

/// One trigger of the benchmark's workflow.
pub(super) fn trigger_request(
    target: &Target,
    recipients: &[String],
    details: Value,
) -> Result<Prepared, BenchError> {
    let body = json!({"recipients": recipients, "data": details}).to_string();
    let path = format!("/v1/workflows/{WORKFLOW_KEY}/trigger");
    target.prepare(Credential::SecretKey, Method::POST, &path, body)
}

/// A read of a user's feed.
pub(super) fn feed_request(
    target: &Target,
    user: &str,
    channel_id: &str,
    page_size: u32,
) -> Result<Prepared, BenchError> {
    let path = format!("/v1/users/{user}/feeds/{channel_id}?page_size={page_size}&mode=compact");
    target.prepare(Credential::SecretKey, Method::GET, &path, Bytes::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_feed_by_type_and_key() {
        let list = json!({"entries": [
            {"id": "a", "type": "in_app_guide", "key": "in-app-feed"},
            {"id": "b", "type": "in_app_feed", "key": "other"},
            {"id": "c", "type": "in_app_feed", "key": "in-app-feed"},
        ]});
        assert_eq!(find_feed(&list), Some("c"));
        assert_eq!(find_feed(&json!({"entries": []})), None);
        assert_eq!(find_feed(&json!([])), None);
    }
}
