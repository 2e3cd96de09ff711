//! When a message may leave (workflows.md 8.1).

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::zone::{days_from, instant_of, local_of, zone_named};
use crate::time::Timestamp;
use crate::workflow::SendWindow;

/// The next instant at which a window opens; `None` when one is open now, or when none ever opens.
/// `windows` start on Monday.
pub fn next_opening(windows: &[SendWindow; 7], now: Timestamp, zone: &str) -> Option<Timestamp> {
    let zone = zone_named(zone);
    let today = local_of(now, &zone).date();
    // From yesterday, whose window a gap at midnight can move into today, to the same weekday next week.
    let spans = days_from(today.yesterday().unwrap_or(today)).take(10).filter_map(|date| {
        match windows[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs()) % 7] {
            SendWindow::Closed => None,
            SendWindow::Open { from, until } => {
                Some((second_of(date, from, &zone)?, second_of(date, until, &zone)?))
            }
        }
    });
    for (opens, closes) in spans {
        // A gap can swallow a window whole.
        if now < closes && opens < closes {
            return (now < opens).then_some(opens);
        }
    }
    None
}

fn second_of(date: Date, second: u32, zone: &TimeZone) -> Option<Timestamp> {
    let local = date.at(0, 0, 0, 0).checked_add(i64::from(second).seconds()).ok()?;
    instant_of(local, zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn open(from_hour: u32, until_hour: u32) -> SendWindow {
        SendWindow::Open { from: from_hour * 3_600, until: until_hour * 3_600 }
    }

    #[test]
    fn finds_the_opening() {
        let office = {
            let mut week = [open(9, 17); 7];
            week[5] = SendWindow::Closed;
            week[6] = SendWindow::Closed;
            week
        };
        let mut sunday_only = [SendWindow::Closed; 7];
        sunday_only[6] = open(2, 3);
        let check = |windows: &[SendWindow; 7], zone: &str, now: &str, want: Option<&str>| {
            let next = next_opening(windows, Timestamp::parse(now).unwrap(), zone);
            assert_eq!(next, want.map(|at| Timestamp::parse(at).unwrap()), "{zone} {now}");
        };
        let new_york = "America/New_York";
        check(&office, new_york, "2026-03-06T22:30:00Z", Some("2026-03-09T13:00:00Z"));
        check(&office, new_york, "2026-03-06T21:59:59Z", None);
        // The end is excluded, the beginning is not.
        check(&office, new_york, "2026-03-06T22:00:00Z", Some("2026-03-09T13:00:00Z"));
        check(&office, new_york, "2026-03-09T13:00:00Z", None);
        check(&office, new_york, "2026-03-09T12:59:59Z", Some("2026-03-09T13:00:00Z"));
        check(&office, "Mars/Olympus", "2026-03-09T08:00:00Z", Some("2026-03-09T09:00:00Z"));
        check(&[open(0, 24); 7], new_york, "2026-03-08T04:59:59Z", None);
        // The gap swallows the only hour of that Sunday.
        check(&sunday_only, new_york, "2026-03-08T06:00:00Z", Some("2026-03-15T06:00:00Z"));
        check(&sunday_only, new_york, "2026-03-08T08:00:00Z", Some("2026-03-15T06:00:00Z"));
        // Open through both hours of the fold.
        let mut fold = [SendWindow::Closed; 7];
        fold[6] = open(1, 2);
        check(&fold, new_york, "2026-11-01T05:30:00Z", None);
        check(&fold, new_york, "2026-11-01T06:30:00Z", None);
        check(&fold, new_york, "2026-11-01T07:00:00Z", Some("2026-11-08T06:00:00Z"));
        check(&[SendWindow::Closed; 7], new_york, "2026-11-01T07:00:00Z", None);
    }
}
