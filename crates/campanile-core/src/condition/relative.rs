//! Timestamps told from now: `30_days_ago`, `3_days_from_now` (workflows.md R7.14, S21).

use crate::time::{Micros, Timestamp};

const MINUTE: i64 = 60_000_000;
/// The shortest distance a condition may name.
const DISTANCE_MIN: Micros = Micros(15 * MINUTE);

/// Why a text that reads as a relative timestamp is refused.
pub(super) const TOO_CLOSE: &str = "must be at least 15 minutes from now";

/// A distance from now; negative is the past. Exact arithmetic: a day is 24 hours in every zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Relative(Micros);

impl Relative {
    /// Reads the encoding; `None` for any other text. A number too large to count saturates.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (number, rest) = text.split_once(['_', ' '])?;
        let (unit, direction) = rest.split_once(['_', ' '])?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number = number.parse().unwrap_or(i64::MAX);
        let unit = match unit {
            "minute" | "minutes" => MINUTE,
            "hour" | "hours" => 60 * MINUTE,
            "day" | "days" => 24 * 60 * MINUTE,
            "week" | "weeks" => 7 * 24 * 60 * MINUTE,
            _ => return None,
        };
        let distance = i64::saturating_mul(number, unit);
        match direction {
            "ago" => Some(Self(Micros(-distance))),
            "from_now" | "from now" => Some(Self(Micros(distance))),
            _ => None,
        }
    }

    /// True for a distance the page refuses.
    pub(super) fn is_too_close(self) -> bool {
        self.0.0.saturating_abs() < DISTANCE_MIN.0
    }

    /// The instant meant at `now`.
    pub(super) fn at(self, now: Timestamp) -> Timestamp {
        now + self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_encoding_only() {
        for (text, want) in [
            ("15_minutes_ago", Some(-15 * MINUTE)),
            ("1 day from now", Some(24 * 60 * MINUTE)),
            ("1_day_from now", Some(24 * 60 * MINUTE)),
            ("2_weeks_from_now", Some(14 * 24 * 60 * MINUTE)),
            ("99999999999999999999_hours_ago", Some(-i64::MAX)),
            ("1_month_ago", None),
            ("-1_days_ago", None),
            ("_days_ago", None),
            ("1_days_since", None),
            ("1__days_ago", None),
            ("", None),
        ] {
            assert_eq!(Relative::parse(text).map(|r| r.0.0), want, "{text}");
        }
        assert!(Relative::parse("14_minutes_from_now").unwrap().is_too_close());
        assert!(!Relative::parse("15_minutes_from_now").unwrap().is_too_close());
    }
}
