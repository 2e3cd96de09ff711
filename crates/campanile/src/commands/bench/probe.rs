//! Trigger → readable in the feed, measured by a few probes beside the main load.
//!
//! A probe has a user of its own and its own connection. It triggers, and from the 200 on reads the
//! newest feed item until it carries the mark of this trigger. Probes are paced, so they stay a small
//! part of the load however fast the server is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{Connection, Target};
use super::error::BenchError;
use super::histogram::Histogram;
use super::setup::{feed_request, join_all, trigger_request};

/// Between two reads of the feed: the resolution of the measurement.
const POLL_EVERY: Duration = Duration::from_millis(1);
/// A message that shows later counts as lost, which the report says.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who probes, and how often.
pub(super) struct Probes {
    pub(super) target: Arc<Target>,
    pub(super) channel_id: Arc<str>,
    /// One probe for each.
    pub(super) users: Arc<[String]>,
    /// Triggers per second, all probes together.
    pub(super) rate: f64,
}

/// What the probes saw.
#[derive(Default)]
pub(super) struct ProbeOutcome {
    pub(super) accepted: u64,
    pub(super) lost: u64,
    pub(super) trigger_to_feed: Histogram,
}

impl Probes {
    /// Probes until `duration` has passed; a probe that is under way then is finished first.
    pub(super) async fn run(self, duration: Duration) -> Result<ProbeOutcome, BenchError> {
        let every = Duration::from_secs_f64(self.users.len() as f64 / self.rate);
        let started = Instant::now();
        let tasks = (0..self.users.len())
            .map(|index| {
                let probe = Probe {
                    target: self.target.clone(),
                    channel_id: self.channel_id.clone(),
                    user: self.users[index].clone(),
                    marks: unique_prefix(),
                };
                // Spread over the period, so that probes do not fire together.
                let offset = every.mul_f64(index as f64 / self.users.len() as f64);
                tokio::spawn(probe.run(started + offset, every, started + duration))
            })
            .collect();
        let mut total = ProbeOutcome::default();
        for one in join_all(tasks).await? {
            total.accepted += one.accepted;
            total.lost += one.lost;
            total.trigger_to_feed.merge(&one.trigger_to_feed);
        }
        Ok(total)
    }
}

struct Probe {
    target: Arc<Target>,
    channel_id: Arc<str>,
    user: String,
    marks: String,
}

impl Probe {
    async fn run(self, first: Instant, every: Duration, end: Instant) -> Result<ProbeOutcome, BenchError> {
        let mut outcome = ProbeOutcome::default();
        let mut connection = Connection::open(&self.target).await?;
        let feed = feed_request(&self.target, &self.user, &self.channel_id, 1)?;
        let mut ticks = tokio::time::interval_at(first.into(), every);
        // A slow answer delays the next probe; it does not cause a burst of them.
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for number in 0_u64.. {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(end.into()) => break,
                _ = ticks.tick() => {}
            }
            let mark = format!("{}-{number}", self.marks);
            let details = json!({"title": "Probe", "report": number, "mark": mark});
            let trigger = trigger_request(&self.target, std::slice::from_ref(&self.user), details)?;
            let sent = Instant::now();
            connection.expect_ok(&trigger).await?;
            outcome.accepted += 1;
            // The closing quote: mark 1 must not be found in mark 12.
            let wanted = format!("{mark}\"");
            loop {
                let answer = connection.expect_ok(&feed).await?;
                if contains(&answer, wanted.as_bytes()) {
                    outcome.trigger_to_feed.record(sent.elapsed());
                    break;
                }
                if sent.elapsed() > PATIENCE {
                    outcome.lost += 1;
                    break;
                }
                tokio::time::sleep(POLL_EVERY).await;
            }
        }
        Ok(outcome)
    }
}

/// Never the same twice: feeds keep the marks of earlier runs.
fn unique_prefix() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_do_not_repeat_and_are_found_whole() {
        assert_ne!(unique_prefix(), unique_prefix());
        let body = br#"{"entries":[{"data":{"mark":"ab-12"}}]}"#;
        assert!(contains(body, b"ab-12\""));
        assert!(!contains(body, b"ab-1\""));
        assert!(!contains(b"", b"ab"));
    }
}
