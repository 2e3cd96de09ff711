//! Dates and times by a locale's patterns.

use std::fmt::Write as _;

use jiff::ZonedDateTime;
use jiff::civil::Weekday;

use super::{Locale, metazone};
use crate::liquid::Moment;

/// How much is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// `12/31/23`
    Short,
    /// `Dec 31, 2023`
    Medium,
    /// `December 31, 2023`
    Long,
    /// `Sunday, December 31, 2023`
    Full,
}

impl Style {
    /// By its name in templates.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "short" => Some(Self::Short),
            "medium" => Some(Self::Medium),
            "long" => Some(Self::Long),
            "full" => Some(Self::Full),
            _ => None,
        }
    }
}

impl Locale {
    /// `31 December 2023`
    pub(crate) fn date(&self, moment: &Moment, style: Style) -> String {
        self.fill(self.date.get(style as usize).map_or("", String::as_str), moment)
    }

    /// `31 Dec 2023, 14:30`
    pub(crate) fn datetime(&self, moment: &Moment, date: Style, time: Style) -> String {
        let time = self.fill(self.time.get(time as usize).map_or("", String::as_str), moment);
        let date_text = self.date(moment, date);
        let join = self.join.get(date as usize).map_or("{1}, {0}", String::as_str);
        unquoted(join).replace("{0}", &time).replace("{1}", &date_text)
    }

    fn fill(&self, pattern: &str, moment: &Moment) -> String {
        let mut out = String::new();
        let mut rest = pattern;
        while let Some(first) = rest.chars().next() {
            if first == '\'' {
                let (quoted, after) = rest[1..].split_once('\'').unwrap_or((&rest[1..], ""));
                out.push_str(if quoted.is_empty() { "'" } else { quoted });
                rest = after;
            } else if first.is_ascii_alphabetic() {
                let length = rest.len() - rest.trim_start_matches(first).len();
                self.field(first, length, moment, &mut out);
                rest = &rest[length..];
            } else {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        out
    }

    fn field(&self, letter: char, length: usize, moment: &Moment, out: &mut String) {
        let at = &moment.zoned;
        let word = |list: &[String], index: usize| list.get(index).cloned().unwrap_or_default();
        let number = |value: i64| self.digits(&format!("{value:0length$}"));
        let (month, hour) = (at.month() as usize, i64::from(at.hour()));
        let text = match (letter, length) {
            ('y', 2) => self.digits(&format!("{:02}", at.year().rem_euclid(100))),
            ('y', _) => self.digits(&at.year().to_string()),
            ('M' | 'L', 1 | 2) => number(month as i64),
            ('M' | 'L', 3) => word(&self.mon, month - 1),
            ('M' | 'L', _) => word(&self.months, month - 1),
            ('d', _) => number(at.day().into()),
            ('E' | 'c', _) => word(&self.days, sunday_first(at.weekday())),
            ('G', _) => self.era.clone(),
            ('H', _) => number(hour),
            ('h', _) => number((hour + 11) % 12 + 1),
            ('m', _) => number(at.minute().into()),
            ('s', _) => number(at.second().into()),
            ('a', _) => word(&self.ampm, usize::from(hour >= 12)),
            ('z', 4) => self.zone(moment, true),
            ('z', _) => self.zone(moment, false),
            _ => String::new(),
        };
        out.push_str(&text);
    }

    /// `Eastern Standard Time` or `EST`; where the locale has no name, the offset (T2.17).
    fn zone(&self, moment: &Moment, is_long: bool) -> String {
        let kind = usize::from(!is_long);
        let at = &moment.zoned;
        let zone = moment.zone_name();
        if zone.is_some_and(|name| ["UTC", "Etc/UTC", "Etc/UCT", "Zulu"].contains(&name)) {
            return self.utc[kind].clone().unwrap_or_else(|| "UTC".to_owned());
        }
        let is_daylight = at.time_zone().to_offset_info(at.timestamp()).dst().is_dst();
        if zone == Some("Europe/London")
            && is_daylight
            && let Some(name) = &self.bst[kind]
        {
            return name.clone();
        }
        let names = if is_long { &self.zl } else { &self.zs };
        let name = zone
            .and_then(metazone)
            .filter(|metazone| !(*metazone == "GMT" && is_daylight))
            .and_then(|metazone| names.get(metazone)?[usize::from(is_daylight)].as_ref());
        name.cloned().unwrap_or_else(|| self.offset(at, is_long))
    }

    /// `GMT-05:00`, short `GMT-5`.
    fn offset(&self, at: &ZonedDateTime, is_long: bool) -> String {
        let seconds = at.offset().seconds();
        let (hours, minutes) = (seconds.unsigned_abs() / 3_600, seconds.unsigned_abs() / 60 % 60);
        let mut text = String::new();
        if seconds != 0 {
            text.push(if seconds < 0 { '-' } else { '+' });
            let _ = match (is_long, minutes) {
                (true, _) => write!(text, "{hours:02}:{minutes:02}"),
                (false, 0) => write!(text, "{hours}"),
                (false, _) => write!(text, "{hours}:{minutes:02}"),
            };
        }
        self.gmt.replace("{0}", &self.digits(&text))
    }
}

fn sunday_first(day: Weekday) -> usize {
    day.to_sunday_zero_offset() as usize
}

/// A joining pattern without its quotes.
fn unquoted(pattern: &str) -> String {
    pattern.replace('\'', "")
}
