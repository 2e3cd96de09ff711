//! Durations, window rules and send windows (workflows.md sections 6 and 8.1).

mod rule;
mod send;
mod span;
mod zone;

pub use rule::{Days, Frequency, WindowRule};
pub use send::next_opening;
pub use span::{Span, SpanUnit};
pub(crate) use zone::{instant_of, local_of};
pub use zone::{is_zone, zone_named};

use serde_json::Value;

use crate::problem::Problems;
use crate::time::{Micros, Timestamp};

/// The longest delay and batch window (workflows.md R6.5, S28).
pub const WAIT_MAX: Micros = Micros::seconds(365 * 86_400);

/// A dynamic window that cannot be waited for; the step is skipped with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Invalid {
    /// For the run's log.
    pub reason: &'static str,
}

/// The instant a dynamic window ends (R6.2 to R6.5), at most [`WAIT_MAX`] from now. `value` is what stands at the
/// field path: an instant, a duration or a window rule; `offset` is the static duration beside it.
pub fn resolve(
    value: Option<&Value>,
    offset: Option<Span>,
    now: Timestamp,
    zone: &str,
) -> Result<Timestamp, Invalid> {
    resolve_within(value, offset, now, zone, WAIT_MAX)
}

/// [`resolve`] for steps with another maximum.
pub fn resolve_within(
    value: Option<&Value>,
    offset: Option<Span>,
    now: Timestamp,
    zone: &str,
    wait_max: Micros,
) -> Result<Timestamp, Invalid> {
    let refuse = |reason| Err(Invalid { reason });
    let base = match value {
        None => return refuse("the path leads nowhere"),
        Some(Value::Null) => return refuse("the value is null"),
        Some(Value::String(text)) => match Timestamp::parse(text) {
            Some(at) => at,
            None => return refuse("the text is not an ISO 8601 datetime"),
        },
        Some(Value::Object(object)) if object.contains_key("frequency") => {
            let rule = WindowRule::parse(object).map_err(|reason| Invalid { reason })?;
            match rule.next_after(now, &zone_named(zone)) {
                Some(at) => at,
                None => return refuse("the rule never matches"),
            }
        }
        Some(duration @ Value::Object(_)) => match Span::parse(duration, "", &mut Problems::default()) {
            Some(span) if span.value > 0 => now + span.to_micros(),
            Some(_) => return refuse("the duration is not positive"),
            None => return refuse("the duration is malformed"),
        },
        Some(_) => return refuse("the value is no datetime, duration or window rule"),
    };
    let at = offset.map_or(base, |offset| base + offset.to_micros());
    if at <= now {
        return refuse("the instant is not in the future");
    }
    if at - now > wait_max {
        return refuse("the instant is too far in the future");
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn resolves_the_three_forms() {
        let now = Timestamp::parse("2026-03-04T12:00:00Z").unwrap();
        let hours = |value| Some(Span { unit: SpanUnit::Hours, value });
        let check = |value: Option<Value>, offset: Option<Span>, want: Option<&str>| {
            let at = resolve(value.as_ref(), offset, now, "America/New_York");
            assert_eq!(at.ok(), want.map(|at| Timestamp::parse(at).unwrap()), "{value:?} {offset:?}");
        };
        let rule = || json!({"frequency": "weekly", "days": ["mon"], "hours": 9});
        check(Some(json!("2026-03-04T12:00:01Z")), None, Some("2026-03-04T12:00:01Z"));
        check(Some(json!("2026-03-05")), None, Some("2026-03-05"));
        check(Some(json!({"unit": "minutes", "value": 5})), None, Some("2026-03-04T12:05:00Z"));
        check(Some(rule()), None, Some("2026-03-09T13:00:00Z"));
        check(Some(rule()), hours(-1), Some("2026-03-09T12:00:00Z"));
        check(Some(json!("2026-03-06T00:00:00Z")), hours(-24), Some("2026-03-05T00:00:00Z"));
        // With an offset only the sum must lie ahead.
        check(Some(json!("2026-03-04T11:00:00Z")), hours(2), Some("2026-03-04T13:00:00Z"));
        // What skips the step.
        check(None, None, None);
        check(None, hours(1), None);
        check(Some(json!(null)), None, None);
        check(Some(json!("2026-03-04T12:00:00Z")), None, None);
        check(Some(json!("2026-03-05T12:00:00Z")), hours(-24), None);
        check(Some(json!("2027-03-05T12:00:00Z")), None, None);
        check(Some(json!("soon")), None, None);
        check(Some(json!(5)), None, None);
        check(Some(json!({"unit": "days", "value": 0})), None, None);
        check(Some(json!({"unit": "days", "value": 366})), None, None);
        check(Some(json!({"unit": "days"})), None, None);
        check(Some(json!({"frequency": "weekly", "hours": 25})), None, None);
    }
}
