//! Timestamps inside a filter chain: an instant, the zone it is shown in, the precision it came with.

use std::fmt;

use campanile_core::time::Timestamp;
use jiff::tz::TimeZone;
use jiff::{ZonedDateTime, civil};

use super::value::Value;

/// A zoned timestamp. It prints as ISO 8601 with a numeric offset (`Z` when it came as UTC).
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) zoned: ZonedDateTime,
    /// Fraction digits as given.
    digits: usize,
    /// True when a zone was asked for; otherwise the offset is the input's.
    zone_known: bool,
}

impl Moment {
    /// Reads a filter's input: ISO 8601, Unix seconds, `now`, `today` (T2.14).
    pub(crate) fn read(input: &Value<'_>, now: Timestamp) -> Option<Self> {
        match input {
            Value::Moment(moment) => Some((**moment).clone()),
            Value::Int(seconds) => Self::of_seconds(*seconds),
            Value::Str(text) => match text.trim() {
                "now" | "today" => Some(Self::of(now.to_jiff().to_zoned_datetime(TimeZone::UTC), 0)),
                text => Self::parse(text),
            },
            _ => None,
        }
    }

    fn of(zoned: ZonedDateTime, digits: usize) -> Self {
        Self { zoned, digits, zone_known: false }
    }

    fn of_seconds(seconds: i64) -> Option<Self> {
        let at = jiff::Timestamp::from_second(seconds).ok()?;
        Some(Self::of(at.to_zoned_datetime(TimeZone::UTC), 0))
    }

    fn parse(text: &str) -> Option<Self> {
        if text.len() > 64 || !text.is_ascii() {
            return None;
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return Self::of_seconds(text.parse().ok()?);
        }
        // Without this, jiff would also read weekdays, durations and other forms nobody documented.
        if !text.as_bytes().get(..5)?.iter().enumerate().all(|(i, b)| (i == 4) == (*b == b'-')) {
            return None;
        }
        let digits = text
            .split_once('.')
            .map_or(0, |(_, tail)| tail.bytes().take_while(u8::is_ascii_digit).count().min(9));
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            let zone = offset_of(text).map_or(TimeZone::UTC, TimeZone::fixed);
            return Some(Self::of(at.to_zoned_datetime(zone), digits));
        }
        let at = text.parse::<civil::DateTime>().ok()?;
        Some(Self::of(at.to_zoned_datetime(TimeZone::UTC).ok()?, digits))
    }

    /// The same instant in an IANA zone; `None` when there is no such zone.
    pub(crate) fn in_zone(&self, name: &str) -> Option<Self> {
        let zone = TimeZone::get(name.trim()).ok()?;
        Some(Self { zoned: self.zoned.with_time_zone(zone), digits: self.digits, zone_known: true })
    }

    /// The IANA zone it is shown in; UTC for what came as UTC, nothing for a bare offset.
    pub(crate) fn zone_name(&self) -> Option<&str> {
        if !self.zone_known && self.zoned.offset().is_zero() {
            return Some("UTC");
        }
        self.zoned.time_zone().iana_name()
    }

    /// `EST`, `UTC`; a numeric offset when the zone has no abbreviation.
    pub(crate) fn abbreviation(&self) -> String {
        if self.zoned.offset().is_zero() && !self.zone_known {
            return "UTC".to_owned();
        }
        self.zoned.strftime("%Z").to_string()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = &self.zoned;
        write!(f, "{:04}-{:02}-{:02}", at.year(), at.month(), at.day())?;
        write!(f, "T{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())?;
        if self.digits > 0 {
            let nanos = format!("{:09}", at.subsec_nanosecond());
            write!(f, ".{}", nanos.get(..self.digits).unwrap_or(&nanos))?;
        }
        if !self.zone_known && at.offset().is_zero() {
            return f.write_str("Z");
        }
        f.write_str(&offset_text(at, ":"))
    }
}

/// `-05:00`, with the separator asked for.
pub(crate) fn offset_text(at: &ZonedDateTime, separator: &str) -> String {
    let seconds = at.offset().seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
}

/// The numeric offset an ISO 8601 text ends with.
fn offset_of(text: &str) -> Option<jiff::tz::Offset> {
    let tail = &text[text.find(['T', 't', ' '])?..];
    let at = tail.rfind(['+', '-'])?;
    let sign = if tail[at..].starts_with('-') { -1 } else { 1 };
    let digits: String = tail[at..].chars().filter(char::is_ascii_digit).take(4).collect();
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let minutes: i32 = digits.get(2..4).unwrap_or("0").parse().ok()?;
    jiff::tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}
