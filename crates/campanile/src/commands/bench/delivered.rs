//! How many messages the server has really delivered, asked from the feeds and from its metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use serde::Deserialize;

use super::client::{Connection, Credential, Prepared, Target};
use super::error::BenchError;
use super::setup::{feed_request, join_all};

const COUNTER: &str = "campanile_messages_delivered_total";
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Without progress for so long the feeds are asked whether everything is there after all.
const STALLED_AFTER: Duration = Duration::from_secs(2);
/// … and after so long the rest counts as not delivered.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(30);

/// The two counts. Several nodes share the feeds, but each has its own counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) feeds: u64,
    pub(super) counter: Option<u64>,
}

/// Counts for a fixed set of users.
pub(super) struct DeliveredCounts {
    target: Arc<Target>,
    feeds: Arc<[Prepared]>,
    metrics: Prepared,
    connections: usize,
}

impl DeliveredCounts {
    pub(super) fn new<'a>(
        target: &Arc<Target>,
        users: impl Iterator<Item = &'a String>,
        channel_id: &str,
        connections: usize,
    ) -> Result<Self, BenchError> {
        let feeds =
            users.map(|user| feed_request(target, user, channel_id, 1)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            target: target.clone(),
            metrics: target.prepare(Credential::SecretKey, Method::GET, "/metrics", Bytes::new())?,
            connections: connections.clamp(1, feeds.len().max(1)),
            feeds: feeds.into(),
        })
    }

    pub(super) async fn read(&self) -> Result<Totals, BenchError> {
        let mut connection = Connection::open(&self.target).await?;
        let counter = self.read_counter(&mut connection).await?;
        Ok(Totals { feeds: self.read_feeds().await?, counter })
    }

    /// The server's counter alone.
    pub(super) async fn counter(&self) -> Result<Option<u64>, BenchError> {
        self.read_counter(&mut Connection::open(&self.target).await?).await
    }

    /// Waits until `expected` messages more than `before` are delivered, or nothing moves any more.
    /// Returns how many there are and when the last progress was seen.
    pub(super) async fn settle(&self, before: Totals, expected: u64) -> Result<(u64, Instant), BenchError> {
        let mut connection = Connection::open(&self.target).await?;
        let mut progress = (0, Instant::now());
        let mut asked_feeds = Instant::now();
        loop {
            let now = self.read_counter(&mut connection).await?;
            let by_counter = now.zip(before.counter).map_or(0, |(now, then)| now.saturating_sub(then));
            if by_counter > progress.0 {
                progress = (by_counter, Instant::now());
            }
            let stalled = progress.1.elapsed() > STALLED_AFTER && asked_feeds.elapsed() > STALLED_AFTER;
            let without_counter = now.is_none() && asked_feeds.elapsed() > LOOK_EVERY * 10;
            if progress.0 >= expected || stalled || without_counter {
                asked_feeds = Instant::now();
                let by_feeds = self.read_feeds().await?.saturating_sub(before.feeds);
                let done_by_feeds = by_feeds >= expected;
                if by_feeds > progress.0 {
                    // Counted by another node or not counted: this is the earliest proof of it.
                    progress = (by_feeds, asked_feeds);
                }
                if done_by_feeds || progress.1.elapsed() > GIVEN_UP_AFTER {
                    return Ok((by_feeds, progress.1));
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn read_counter(&self, connection: &mut Connection) -> Result<Option<u64>, BenchError> {
        let answer = connection.send(self.metrics.clone()).await?;
        Ok(if answer.status == 200 { sum_counter(&String::from_utf8_lossy(&answer.body)) } else { None })
    }

    async fn read_feeds(&self) -> Result<u64, BenchError> {
        let next = Arc::new(AtomicUsize::new(0));
        let slots = (0..self.connections)
            .map(|_| {
                let (target, feeds, next) = (self.target.clone(), self.feeds.clone(), next.clone());
                tokio::spawn(async move {
                    let mut connection = Connection::open(&target).await?;
                    let mut sum = 0;
                    while let Some(request) = feeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                        sum += total_count(&connection.expect_ok(request).await?)?;
                    }
                    Ok(sum)
                })
            })
            .collect();
        Ok(join_all(slots).await?.into_iter().sum())
    }
}

#[derive(Deserialize)]
struct FeedPage {
    meta: FeedMeta,
}

#[derive(Deserialize)]
struct FeedMeta {
    total_count: u64,
}

fn total_count(body: &[u8]) -> Result<u64, BenchError> {
    serde_json::from_slice::<FeedPage>(body)
        .map(|page| page.meta.total_count)
        .map_err(|e| BenchError::Unexpected(format!("the feed's answer has no meta.total_count: {e}")))
}

/// The counter over all its label sets; `None` when the page does not have it.
fn sum_counter(page: &str) -> Option<u64> {
    let values = page.lines().filter_map(|line| {
        let rest = line.strip_prefix(COUNTER)?;
        let value = match rest.strip_prefix('{') {
            Some(labels) => labels.rsplit_once('}')?.1,
            None => rest.strip_prefix(' ')?,
        };
        value.split_whitespace().next()?.parse::<f64>().ok()
    });
    values.fold(None, |sum: Option<u64>, value| Some(sum.unwrap_or(0) + value as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_the_counter() {
        for (page, want) in [
            ("# TYPE x counter\ncampanile_messages_delivered_total 12\n# EOF\n", Some(12)),
            (
                "campanile_messages_delivered_total{channel=\"in_app_feed\"} 3\n\
                 campanile_messages_delivered_total{channel=\"a}b\"} 4\n",
                Some(7),
            ),
            ("campanile_messages_delivered_total_other 9\n", None),
            ("", None),
        ] {
            assert_eq!(sum_counter(page), want, "{page}");
        }
    }

    #[test]
    fn reads_the_feed_total() {
        let page =
            br#"{"entries":[],"meta":{"__typename":"FeedMetadata","total_count":41,"unread_count":1}}"#;
        assert_eq!(total_count(page).ok(), Some(41));
        assert!(total_count(b"{}").is_err());
    }
}
