//! Send windows of a channel step: one entry per weekday (workflows.md R8.9, S25).

use super::fields::{Fields, INVALID};
use crate::problem::Problems;
use crate::workflow::SendWindow;

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const DAY_SECONDS: u32 = 86_400;

/// Reads `send_windows`; `None` means always open.
pub(super) fn parse(step: &Fields<'_>, problems: &mut Problems) -> Option<[SendWindow; 7]> {
    let entries = step.list("send_windows", problems)?;
    let path = step.path("send_windows");
    if entries.len() != 7 {
        problems.add(&path, "must have one entry for each day of the week");
    }
    let mut week = [None; 7];
    for (at, entry) in entries.iter().enumerate() {
        let Some(fields) = Fields::of(entry, format!("{path}[{at}]"), problems) else { continue };
        let window = window(&fields, problems);
        let Some(day) = fields.text_required("day", problems) else { continue };
        match DAYS.iter().position(|known| *known == day) {
            None => problems.add(fields.path("day"), INVALID),
            Some(day) if week[day].is_some() => problems.add(fields.path("day"), "has already been taken"),
            Some(day) => week[day] = Some(window),
        }
    }
    let week = week.map(|window| window.unwrap_or(SendWindow::Closed));
    if !entries.is_empty() && entries.iter().all(|entry| entry["type"] == "do_not_send") {
        problems.add(&path, "must have a day of type send");
    }
    Some(week)
}

fn window(fields: &Fields<'_>, problems: &mut Problems) -> SendWindow {
    let sends = match fields.text_required("type", problems) {
        Some("send") => true,
        Some("do_not_send") => false,
        Some(_) => {
            problems.add(fields.path("type"), INVALID);
            return SendWindow::Closed;
        }
        None => return SendWindow::Closed,
    };
    let mut time = |name: &str, default: u32| {
        let Some(text) = fields.text(name, problems) else { return default };
        let second = second_of_day(text);
        if !sends {
            problems.add(fields.path(name), "is only allowed with type send");
        } else if second.is_none() {
            problems.add(fields.path(name), INVALID);
        }
        second.unwrap_or(default)
    };
    let (from, until) = (time("from", 0), time("until", DAY_SECONDS));
    if !sends {
        return SendWindow::Closed;
    }
    if until <= from {
        problems.add(fields.path("until"), "must be later than from");
    }
    SendWindow::Open { from, until }
}

/// Reads `HH:MM` and `HH:MM:SS`.
fn second_of_day(text: &str) -> Option<u32> {
    let two = |part: &str, below: u32| {
        let number: u32 = part.parse().ok()?;
        (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()) && number < below)
            .then_some(number)
    };
    let mut parts = text.split(':');
    let (hour, minute) = (two(parts.next()?, 24)?, two(parts.next()?, 60)?);
    let second = parts.next().map_or(Some(0), |part| two(part, 60))?;
    parts.next().is_none().then_some(hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_two_forms_of_time() {
        for (text, want) in [
            ("00:00", Some(0)),
            ("09:30", Some(34_200)),
            ("23:59:59", Some(86_399)),
            ("24:00", None),
            ("9:30", None),
            ("09:60", None),
            ("09:30:00Z", None),
            ("+9:30", None),
            ("09:30:00:00", None),
            ("", None),
        ] {
            assert_eq!(second_of_day(text), want, "{text}");
        }
    }
}
