//! From a provider's outcome to the message's next status, its events and the next attempt (delivery.md 2.1, 7).

use campanile_channels::outcome::Outcome;
use campanile_core::event::MessageEventType as Event;
use campanile_core::message::DeliveryStatus as Status;
use campanile_core::time::{Micros, Timestamp};
use campanile_store::{DeliveryLog, DeliveryResult, MessageView};
use serde_json::{Value, json};

/// Attempts in all (X2).
const ATTEMPTS_MAX: i64 = 8;
/// From the first attempt (R7.3).
const WINDOW: Micros = Micros::seconds(30 * 60);
/// Nominal wait after the first attempt; each next one doubles (R7.1).
const FIRST_WAIT: Micros = Micros::seconds(14);
/// Characters kept of a provider's text (R4.3).
const DETAILS_CHARS_MAX: usize = 1_024;

/// What an attempt knows about itself.
pub(super) struct Facts<'a> {
    pub(super) message: &'a MessageView,
    /// From 1.
    pub(super) number: i64,
    pub(super) first_at: Timestamp,
    pub(super) now: Timestamp,
}

/// What is written.
pub(super) struct Verdict {
    pub(super) result: DeliveryResult,
    /// When to try again.
    pub(super) again_at: Option<Timestamp>,
}

fn verdict(message: &MessageView, now: Timestamp, status: Status, events: Vec<(Event, Value)>) -> Verdict {
    let events = events
        .into_iter()
        .map(|(kind, data)| (kind.code(), (!data.is_null()).then(|| data.to_string())))
        .collect();
    Verdict {
        result: DeliveryResult {
            env: message.row.env,
            message: message.row.id,
            status: Some(status.code()),
            shows: false,
            events,
            log: None,
            metadata: None,
            snapshot: None,
            at: now,
        },
        again_at: None,
    }
}

/// Judges what a provider said.
pub(super) fn judge(
    facts: &Facts<'_>,
    outcome: Outcome,
    log: DeliveryLog,
    snapshot: Option<String>,
) -> Verdict {
    let mut judged = match outcome {
        Outcome::Sent { external_id } => accepted(facts, Status::Sent, Event::Sent, external_id),
        Outcome::Delivered { external_id } => {
            accepted(facts, Status::Delivered, Event::Delivered, external_id)
        }
        Outcome::Bounce { reason, token } => {
            let mut data = json!({"failure_reason": "bounced", "failure_details": cut(&reason)});
            if let Some(token) = token {
                data = json!({"failure_reason": reason, "failure_details": null, "token": token});
            }
            verdict(facts.message, facts.now, Status::Bounced, vec![(Event::Bounced, data)])
        }
        Outcome::Fatal { reason } => fatal(facts, &reason, None),
        Outcome::Retry { reason, retry_after } => retry(facts, &reason, retry_after, None),
    };
    judged.result.log = Some(log);
    judged.result.snapshot = snapshot;
    judged
}

fn accepted(facts: &Facts<'_>, status: Status, event: Event, external_id: Option<String>) -> Verdict {
    let mut judged = verdict(facts.message, facts.now, status, vec![(event, Value::Null)]);
    judged.result.metadata = external_id.map(|id| json!({"external_id": id}).to_string());
    judged
}

fn attempted(facts: &Facts<'_>, retryable: bool) -> (Event, Value) {
    let data = json!({"attempt": facts.number, "max_attempts": ATTEMPTS_MAX, "retryable": retryable});
    (Event::DeliveryAttempted, data)
}

fn undelivered(facts: &Facts<'_>, first: (Event, Value), reason: &str, details: &str) -> Verdict {
    let data = json!({"failure_reason": reason, "failure_details": cut(details)});
    verdict(facts.message, facts.now, Status::Undelivered, vec![first, (Event::Undelivered, data)])
}

/// The fault will not go away.
pub(super) fn fatal(facts: &Facts<'_>, reason: &str, log: Option<DeliveryLog>) -> Verdict {
    let mut judged = undelivered(facts, attempted(facts, false), "fatal_error", reason);
    judged.result.log = log;
    judged
}

/// Worth another attempt, while attempts and window last.
pub(super) fn retry(
    facts: &Facts<'_>,
    reason: &str,
    retry_after: Option<Micros>,
    log: Option<DeliveryLog>,
) -> Verdict {
    let first = attempted(facts, true);
    let mut judged = match next_attempt(facts, retry_after) {
        Some(at) => {
            let events = vec![first, (Event::Queued, Value::Null)];
            Verdict { again_at: Some(at), ..verdict(facts.message, facts.now, Status::Queued, events) }
        }
        None => undelivered(facts, first, "retries_exhausted", reason),
    };
    judged.result.log = log;
    judged
}

/// R7.1, R7.2: nominal wait with jitter, or what the provider asks for, inside the window.
fn next_attempt(facts: &Facts<'_>, retry_after: Option<Micros>) -> Option<Timestamp> {
    if facts.number >= ATTEMPTS_MAX {
        return None;
    }
    let left = (facts.first_at + WINDOW - facts.now).0;
    if left <= 0 {
        return None;
    }
    let nominal = FIRST_WAIT.0 << (facts.number - 1);
    // Jitter from the id: spread over messages, the same when the attempt is judged again.
    let noise = i64::from(facts.message.row.id.0[7 + facts.number as usize % 8]);
    let jittered = nominal / 2 + nominal / 2 * noise / 255;
    let wait = jittered.max(retry_after.map_or(0, |wait| wait.0)).min(left);
    Some(facts.now + Micros(wait))
}

/// The sandbox kept it.
pub(super) fn not_sent(facts: &Facts<'_>, log: DeliveryLog) -> Verdict {
    let mut judged = verdict(facts.message, facts.now, Status::NotSent, vec![(Event::NotSent, Value::Null)]);
    judged.result.log = Some(log);
    judged
}

/// An in-app message whose send window opened.
pub(super) fn shown(message: &MessageView, now: Timestamp) -> Verdict {
    let mut judged = verdict(message, now, Status::Delivered, vec![(Event::Delivered, Value::Null)]);
    judged.result.shows = true;
    judged
}

/// There is nothing to deliver with.
pub(super) fn lost(message: &MessageView, now: Timestamp, reason: &str) -> Verdict {
    fatal(&Facts { message, number: 1, first_at: now, now }, reason, None)
}

fn cut(text: &str) -> String {
    text.chars().take(DETAILS_CHARS_MAX).collect()
}
