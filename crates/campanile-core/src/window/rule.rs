//! Rules that name a moment by the wall clock: every Monday at nine (workflows.md R6.3, R6.4).

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::zone::{days_from, instant_of, local_of};
use crate::time::Timestamp;

/// How often a rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frequency {
    /// At `minute` of each hour.
    Hourly,
    /// At `hour:minute` of the days in `days`.
    Daily,
    /// At `hour:minute` of the days in `days`, by default the weekday of now.
    Weekly,
    /// At `hour:minute` on `day_of_month`, or on the last day of a shorter month.
    Monthly,
}

/// A window rule without an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowRule {
    /// How often.
    pub frequency: Frequency,
    /// `None` when the rule does not say.
    pub days: Option<Days>,
    /// 0 to 23.
    pub hour: i8,
    /// A multiple of five below 60.
    pub minute: i8,
    /// 1 to 31.
    pub day_of_month: i8,
}

/// A set of weekdays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(u8);

impl Days {
    const WEEKDAYS: Days = Days(0b001_1111);
    const WEEKENDS: Days = Days(0b110_0000);
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    /// Reads a list of day names, `"weekdays"` or `"weekends"`.
    pub fn parse(value: &Value) -> Option<Self> {
        let names = match value {
            Value::String(text) if text == "weekdays" => return Some(Self::WEEKDAYS),
            Value::String(text) if text == "weekends" => return Some(Self::WEEKENDS),
            other => other.as_array()?,
        };
        let bit = |name: &Value| Self::NAMES.iter().position(|known| name.as_str() == Some(known));
        names.iter().try_fold(Self(0), |days, name| Some(Self(days.0 | 1 << bit(name)?)))
    }

    /// True when the day is in the set.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & (1 << day.to_monday_zero_offset()) != 0
    }

    /// The names, Monday first.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .enumerate()
            .filter(move |(at, _)| self.0 & (1 << at) != 0)
            .map(|(_, name)| name)
    }
}

impl WindowRule {
    /// Reads `{frequency, days?, hours?, minutes?, day_of_month?}`, or says what is malformed. Other keys, an
    /// `interval` too, are ignored.
    pub fn parse(object: &Map<String, Value>) -> Result<Self, &'static str> {
        let given = |name: &str| object.get(name).filter(|value| !value.is_null());
        let number = |name: &str, default: i8, ok: fn(i64) -> bool| match given(name) {
            None => Some(default),
            Some(value) => value.as_i64().filter(|n| ok(*n)).and_then(|n| i8::try_from(n).ok()),
        };
        let frequency = match given("frequency").and_then(Value::as_str) {
            Some("hourly") => Frequency::Hourly,
            Some("daily") => Frequency::Daily,
            Some("weekly") => Frequency::Weekly,
            Some("monthly") => Frequency::Monthly,
            _ => return Err("frequency is invalid"),
        };
        let days = match given("days") {
            None => None,
            Some(list) => Some(Days::parse(list).ok_or("days is invalid")?),
        };
        Ok(Self {
            frequency,
            days: days.filter(|days| days.0 != 0),
            hour: number("hours", 0, |n| (0..24).contains(&n)).ok_or("hours is invalid")?,
            minute: number("minutes", 0, |n| (0..60).contains(&n) && n % 5 == 0)
                .ok_or("minutes is invalid")?,
            day_of_month: number("day_of_month", 1, |n| (1..=31).contains(&n))
                .ok_or("day_of_month is invalid")?,
        })
    }

    /// The earliest match strictly after `now`; `None` only at the end of the calendar.
    pub fn next_after(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let local = local_of(now, zone);
        // A day back: a match in a gap moves forward, maybe past now, though its wall clock time is not.
        let start = local.date().yesterday().unwrap_or(local.date());
        let later = |at: DateTime| instant_of(at, zone).filter(|at| *at > now);
        match self.frequency {
            Frequency::Hourly => days_from(start)
                .take(4)
                .flat_map(|date| (0..24).map(move |hour| date.at(hour, self.minute, 0, 0)))
                .find_map(later),
            Frequency::Daily | Frequency::Weekly => {
                let on = |day: Weekday| match (self.days, self.frequency) {
                    (Some(days), _) => days.contains(day),
                    (None, Frequency::Weekly) => day == local.date().weekday(),
                    (None, _) => true,
                };
                let dates = days_from(start).take(10).filter(|date| on(date.weekday()));
                dates.map(|date| self.time_on(date)).find_map(later)
            }
            Frequency::Monthly => std::iter::successors(Some(start.first_of_month()), |first| {
                first.last_of_month().tomorrow().ok()
            })
            .take(4)
            .filter_map(|first| {
                let day = self.day_of_month.min(first.days_in_month());
                Date::new(first.year(), first.month(), day).ok()
            })
            .map(|date| self.time_on(date))
            .find_map(later),
        }
    }

    fn time_on(&self, date: Date) -> DateTime {
        date.at(self.hour, self.minute, 0, 0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::zone::zone_named;
    use super::*;

    #[test]
    fn finds_the_next_match() {
        let check = |rule: Value, zone: &str, now: &str, want: &str| {
            let read = WindowRule::parse(rule.as_object().unwrap()).unwrap();
            let next = read.next_after(Timestamp::parse(now).unwrap(), &zone_named(zone));
            assert_eq!(next, Timestamp::parse(want), "{rule} {zone} {now}");
        };
        let monday = || json!({"frequency": "weekly", "days": ["mon"], "hours": 9});
        let new_york = "America/New_York";
        check(monday(), new_york, "2026-03-04T12:00:00Z", "2026-03-09T13:00:00Z");
        check(monday(), new_york, "2026-02-25T12:00:00Z", "2026-03-02T14:00:00Z");
        // Now exactly Monday nine o'clock.
        check(monday(), new_york, "2026-03-09T13:00:00Z", "2026-03-16T13:00:00Z");
        check(
            json!({"frequency": "daily", "days": "weekdays", "hours": 9, "minutes": 30, "interval": 4}),
            "UTC",
            "2026-03-06T10:00:00Z",
            "2026-03-09T09:30:00Z",
        );
        let last = || json!({"frequency": "monthly", "day_of_month": 31, "hours": 9});
        check(last(), "UTC", "2026-01-31T10:00:00Z", "2026-02-28T09:00:00Z");
        check(last(), "UTC", "2026-02-28T09:00:00Z", "2026-03-31T09:00:00Z");
        check(json!({"frequency": "monthly"}), "UTC", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
        check(
            json!({"frequency": "hourly", "minutes": 15}),
            "UTC",
            "2026-03-04T01:15:00Z",
            "2026-03-04T02:15:00Z",
        );
        // Missing days: the weekday of now (S46), here a Wednesday.
        check(
            json!({"frequency": "weekly", "hours": 8}),
            "UTC",
            "2026-03-04T12:00:00Z",
            "2026-03-11T08:00:00Z",
        );
        // The gap of 2026-03-08 and the fold of 2026-11-01.
        let gap = || json!({"frequency": "daily", "hours": 2, "minutes": 30});
        check(gap(), new_york, "2026-03-08T06:00:00Z", "2026-03-08T07:30:00Z");
        check(gap(), new_york, "2026-03-08T07:10:00Z", "2026-03-08T07:30:00Z");
        let fold = || json!({"frequency": "daily", "hours": 1, "minutes": 30});
        check(fold(), new_york, "2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z");
        check(fold(), new_york, "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z");
        check(
            json!({"frequency": "hourly", "minutes": 15}),
            new_york,
            "2026-03-08T06:30:00Z",
            "2026-03-08T07:15:00Z",
        );
        // Nobody knows the zone, so it counts as unset.
        check(monday(), "Mars/Olympus", "2026-03-04T12:00:00Z", "2026-03-09T09:00:00Z");
    }

    #[test]
    fn refuses_malformed_rules() {
        for rule in [
            json!({}),
            json!({"frequency": "yearly"}),
            json!({"frequency": "daily", "days": "mon"}),
            json!({"frequency": "daily", "days": ["monday"]}),
            json!({"frequency": "daily", "hours": 24}),
            json!({"frequency": "daily", "minutes": 7}),
            json!({"frequency": "daily", "minutes": "5"}),
            json!({"frequency": "monthly", "day_of_month": 0}),
        ] {
            assert!(WindowRule::parse(rule.as_object().unwrap()).is_err(), "{rule}");
        }
    }

    #[test]
    fn day_sets_print_in_order() {
        let names = |value: Value| Days::parse(&value).map(|days| days.names().collect::<Vec<_>>());
        assert_eq!(names(json!("weekends")), Some(vec!["sat", "sun"]));
        assert_eq!(names(json!(["fri", "mon", "fri"])), Some(vec!["mon", "fri"]));
        assert_eq!(names(json!("weekdays")).map(|days| days.len()), Some(5));
    }
}
