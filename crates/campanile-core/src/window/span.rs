//! Durations as documents and data write them (workflows.md R6.1).

use serde_json::Value;

use crate::problem::Problems;
use crate::time::Micros;

/// A duration: so many of a unit. Negative means before (S29).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// What is counted.
    pub unit: SpanUnit,
    /// How many.
    pub value: i64,
}

/// The units of a [`Span`]; all have a fixed length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanUnit {
    /// One second.
    Seconds,
    /// 60 seconds.
    Minutes,
    /// 60 minutes.
    Hours,
    /// 24 hours, daylight saving or not.
    Days,
    /// 7 days.
    Weeks,
    /// 30 days (S29).
    Months,
}

impl SpanUnit {
    /// Every unit, shortest first.
    pub const ALL: [SpanUnit; 6] =
        [Self::Seconds, Self::Minutes, Self::Hours, Self::Days, Self::Weeks, Self::Months];

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Minutes => "minutes",
            Self::Hours => "hours",
            Self::Days => "days",
            Self::Weeks => "weeks",
            Self::Months => "months",
        }
    }

    /// Reads a wire name.
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.as_str() == name)
    }

    const fn seconds(self) -> i64 {
        match self {
            Self::Seconds => 1,
            Self::Minutes => 60,
            Self::Hours => 3_600,
            Self::Days => 86_400,
            Self::Weeks => 7 * 86_400,
            Self::Months => 30 * 86_400,
        }
    }
}

impl Span {
    /// Reads `{unit, value}`, noting every problem under `field`.
    pub fn parse(value: &Value, field: &str, problems: &mut Problems) -> Option<Self> {
        let Value::Object(object) = value else {
            problems.add(field, "is invalid");
            return None;
        };
        let mut read = |name: &str, known: bool| {
            if !known {
                let blank = object.get(name).is_none_or(Value::is_null);
                problems.add(format!("{field}.{name}"), if blank { "can't be blank" } else { "is invalid" });
            }
        };
        let unit = object.get("unit").and_then(Value::as_str).and_then(SpanUnit::from_wire);
        let count = object.get("value").and_then(Value::as_i64);
        read("unit", unit.is_some());
        read("value", count.is_some());
        Some(Self { unit: unit?, value: count? })
    }

    /// The length; what cannot be counted saturates.
    pub const fn to_micros(self) -> Micros {
        Micros::seconds(self.value.saturating_mul(self.unit.seconds()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_six_units() {
        for (written, want) in [
            (json!({"unit": "seconds", "value": 30}), Some(30)),
            (json!({"unit": "minutes", "value": 5}), Some(300)),
            (json!({"unit": "hours", "value": -24}), Some(-86_400)),
            (json!({"unit": "days", "value": 1}), Some(86_400)),
            (json!({"unit": "weeks", "value": 2}), Some(14 * 86_400)),
            (json!({"unit": "months", "value": 1}), Some(30 * 86_400)),
            (json!({"unit": "years", "value": 1}), None),
            (json!({"unit": "days", "value": 1.5}), None),
            (json!({"unit": "days", "value": "1"}), None),
            (json!({"unit": "days"}), None),
            (json!("1 day"), None),
        ] {
            let mut problems = Problems::default();
            let span = Span::parse(&written, "delay_for", &mut problems);
            assert_eq!(span.map(|span| span.to_micros()), want.map(Micros::seconds), "{written}");
            assert_eq!(problems.is_empty(), want.is_some(), "{written}");
        }
    }

    #[test]
    fn saturates() {
        assert_eq!(Span { unit: SpanUnit::Months, value: i64::MAX }.to_micros(), Micros(i64::MAX));
        assert_eq!(Span { unit: SpanUnit::Months, value: i64::MIN }.to_micros(), Micros(i64::MIN));
    }
}
