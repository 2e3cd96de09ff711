//! One repeat rule: which wall clock times it names, and every how many periods (R22.5 to R22.9).

use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::problem::Problems;
use crate::time::Timestamp;
use crate::window::{Days, Frequency, instant_of, local_of};

/// The longest interval: longer ones leave the calendar.
const INTERVAL_MAX: i64 = 10_000;

/// A repeat rule as a schedule has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepeatRule {
    /// The period.
    pub frequency: Frequency,
    /// Every n-th period, counted from the anchor's.
    pub interval: i64,
    /// Which days; weekly rules take the anchor's weekday when they do not say, hourly and monthly ones do not ask.
    pub days: Option<Days>,
    /// 0 to 23; 0 when it does not say.
    pub hour: Option<i8>,
    /// A multiple of five below 60; 0 when it does not say.
    pub minute: Option<i8>,
    /// 1 to 31, or the last day of a shorter month; 1 when it does not say.
    pub day_of_month: Option<i8>,
}

impl RepeatRule {
    /// Reads a rule; every malformed member is noted by its path.
    pub fn parse(value: &Value, field: &str, problems: &mut Problems) -> Option<Self> {
        let Some(map) = value.as_object() else {
            problems.add(field, "must be an object");
            return None;
        };
        let given = |name: &str| map.get(name).filter(|value| !value.is_null());
        let frequency = match given("frequency").map(Value::as_str) {
            None => {
                problems.add(format!("{field}.frequency"), "can't be blank");
                None
            }
            Some(Some("hourly")) => Some(Frequency::Hourly),
            Some(Some("daily")) => Some(Frequency::Daily),
            Some(Some("weekly")) => Some(Frequency::Weekly),
            Some(Some("monthly")) => Some(Frequency::Monthly),
            Some(_) => {
                problems.add(format!("{field}.frequency"), "must be one of hourly, daily, weekly, monthly");
                None
            }
        };
        let days = given("days").map(|list| {
            let read = Days::parse(list);
            if read.is_none() {
                let message = "must be a list of mon, tue, wed, thu, fri, sat, sun, or weekdays or weekends";
                problems.add(format!("{field}.days"), message);
            }
            read
        });
        let mut number = |name: &str, from: i64, to: i64, step: i64| {
            let read = given(name).map(|value| {
                let read = value.as_i64().filter(|n| (from..=to).contains(n) && n % step == 0);
                if read.is_none() {
                    let of = if step > 1 { format!(" and divisible by {step}") } else { String::new() };
                    problems.add(
                        format!("{field}.{name}"),
                        format!("must be an integer from {from} to {to}{of}"),
                    );
                }
                read
            });
            read.unwrap_or(None)
        };
        let interval = number("interval", 1, INTERVAL_MAX, 1).unwrap_or(1);
        let (hour, minute) = (number("hours", 0, 23, 1), number("minutes", 0, 55, 5));
        let day_of_month = number("day_of_month", 1, 31, 1);
        let small = |n: Option<i64>| n.and_then(|n| i8::try_from(n).ok());
        Some(Self {
            frequency: frequency?,
            interval,
            // An empty list says nothing.
            days: days.flatten().filter(|days| days.names().next().is_some()),
            hour: small(hour),
            minute: small(minute),
            day_of_month: small(day_of_month),
        })
    }

    /// `ScheduleRepeatRule`: what was given, `days` always as a list (C31).
    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        map.insert("__typename".into(), "ScheduleRepeat".into());
        let frequency = match self.frequency {
            Frequency::Hourly => "hourly",
            Frequency::Daily => "daily",
            Frequency::Weekly => "weekly",
            Frequency::Monthly => "monthly",
        };
        map.insert("frequency".into(), frequency.into());
        map.insert("interval".into(), self.interval.into());
        map.insert("days".into(), json!(self.days.map(|days| days.names().collect::<Vec<_>>())));
        map.insert("hours".into(), json!(self.hour));
        map.insert("minutes".into(), json!(self.minute));
        map.insert("day_of_month".into(), json!(self.day_of_month));
        Value::Object(map)
    }

    /// The earliest match strictly after `after` and not before `anchor`; intervals count from the anchor's period by
    /// the wall clock of the zone. `None` when the rule never matches, or only past the end of the calendar.
    pub fn next_after(&self, after: Timestamp, anchor: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let start = local_of(anchor, zone);
        let after = after.max(Timestamp(anchor.0.saturating_sub(1)));
        // A day back: a time in a gap moves forward, maybe past `after`, though its wall clock time is not.
        let from = local_of(after, zone).saturating_sub(1.day()).max(start.saturating_sub(1.day()));
        let first = self.period_of(start);
        let skipped = (self.period_of(from) - first).max(0) / self.interval;
        let periods = (0..self.periods_max()).map(|n| first + (skipped + n) * self.interval);
        periods
            .map_while(|period| self.first_day(period))
            .flat_map(|day| self.times_in(day, start))
            .filter_map(|local| instant_of(local, zone))
            .find(|at| *at > after)
    }

    /// Periods that must be looked at before one of them surely matches: a day back, whatever the interval, and for
    /// daily rules a whole round of weekdays.
    fn periods_max(&self) -> i64 {
        match self.frequency {
            Frequency::Hourly => 80,
            Frequency::Daily => 12,
            Frequency::Weekly | Frequency::Monthly => 4,
        }
    }

    /// The number of a wall clock time's period: hours, days, weeks (Monday first) or months of the calendar.
    fn period_of(&self, local: DateTime) -> i64 {
        let days = i64::from(days_since_monday(local.date()));
        match self.frequency {
            Frequency::Hourly => days * 24 + i64::from(local.hour()),
            Frequency::Daily => days,
            Frequency::Weekly => days.div_euclid(7),
            Frequency::Monthly => i64::from(local.year()) * 12 + i64::from(local.month()) - 1,
        }
    }

    /// The first wall clock time of a period; `None` past the end of the calendar.
    fn first_day(&self, period: i64) -> Option<DateTime> {
        let day = |days: i64| MONDAY.checked_add(days.days()).ok();
        match self.frequency {
            Frequency::Hourly => {
                let hour = i8::try_from(period.rem_euclid(24)).ok()?;
                Some(day(period.div_euclid(24))?.at(hour, 0, 0, 0))
            }
            Frequency::Daily => Some(day(period)?.at(0, 0, 0, 0)),
            Frequency::Weekly => Some(day(period * 7)?.at(0, 0, 0, 0)),
            Frequency::Monthly => {
                let year = i16::try_from(period.div_euclid(12)).ok()?;
                let month = i8::try_from(period.rem_euclid(12) + 1).ok()?;
                Some(Date::new(year, month, 1).ok()?.at(0, 0, 0, 0))
            }
        }
    }

    /// The matches in the period that begins at `first`, in order.
    fn times_in(&self, first: DateTime, anchor: DateTime) -> Vec<DateTime> {
        let (hour, minute) = (self.hour.unwrap_or(0), self.minute.unwrap_or(0));
        let at = |date: Date| date.at(hour, minute, 0, 0);
        match self.frequency {
            Frequency::Hourly => vec![first.date().at(first.hour(), minute, 0, 0)],
            Frequency::Daily => {
                let matches = self.days.is_none_or(|days| days.contains(first.date().weekday()));
                matches.then(|| at(first.date())).into_iter().collect()
            }
            Frequency::Weekly => (0..7)
                .filter_map(|n| first.date().checked_add(n.days()).ok())
                .filter(|date| match self.days {
                    Some(days) => days.contains(date.weekday()),
                    None => date.weekday() == anchor.date().weekday(),
                })
                .map(at)
                .collect(),
            Frequency::Monthly => {
                let first = first.date();
                let day = self.day_of_month.unwrap_or(1).min(first.days_in_month());
                Date::new(first.year(), first.month(), day).ok().map(at).into_iter().collect()
            }
        }
    }
}

/// Some Monday from which days and weeks are counted.
const MONDAY: Date = jiff::civil::date(1970, 1, 5);

fn days_since_monday(date: Date) -> i32 {
    MONDAY.until(date).map_or(0, |span| span.get_days())
}
