//! Date formats (templates.md T2.14). An unsupported directive makes the whole result empty.

use std::fmt::Write as _;

use jiff::ZonedDateTime;

use super::moment::{Moment, offset_text};

/// Widest padding a directive may ask for.
const WIDTH_MAX: usize = 64;

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A directive's value and how it is padded when the format does not say.
struct Field {
    text: String,
    pad: char,
    width: usize,
}

/// The moment in words; `None` when the format has a directive nobody supports.
pub(crate) fn format(moment: &Moment, format: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let (mut pad, mut width, mut upper) = (None, None, false);
        let directive = loop {
            match rest.next()? {
                '-' => pad = Some('-'),
                '_' => pad = Some(' '),
                '0' if width.is_none() => pad = Some('0'),
                '^' => upper = true,
                digit @ '0'..='9' => {
                    let digit = digit as usize - '0' as usize;
                    width = Some((width.unwrap_or(0) * 10 + digit).min(WIDTH_MAX));
                }
                directive => break directive,
            }
        };
        let mut field = field(moment, directive)?;
        if upper {
            field.text = field.text.to_uppercase();
        }
        let fill = pad.unwrap_or(field.pad);
        if fill != '-' {
            let width = width.unwrap_or(field.width);
            let missing = width.saturating_sub(field.text.chars().count());
            out.extend(std::iter::repeat_n(fill, missing));
        }
        out.push_str(&field.text);
    }
    Some(out)
}

fn field(moment: &Moment, directive: char) -> Option<Field> {
    let at = &moment.zoned;
    let number = |value: i64, width| Field { text: value.to_string(), pad: '0', width };
    let text = |text: String| Field { text, pad: ' ', width: 0 };
    let hour12 = (at.hour() + 11).rem_euclid(12) + 1;
    let weekday = at.weekday();
    let day_name = DAYS.get(usize::try_from(weekday.to_monday_zero_offset()).ok()?)?;
    let month_name = MONTHS.get(usize::try_from(at.month() - 1).ok()?)?;
    let afternoon = at.hour() >= 12;
    Some(match directive {
        'a' => text(day_name[..3].to_owned()),
        'A' => text((*day_name).to_owned()),
        'b' | 'h' => text(month_name[..3].to_owned()),
        'B' => text((*month_name).to_owned()),
        'c' => text(join(moment, "%a %b %d %H:%M:%S %Y")?),
        'd' => number(at.day().into(), 2),
        'f' => number((at.subsec_nanosecond() / 1_000).into(), 6),
        'H' => number(at.hour().into(), 2),
        'I' => number(hour12.into(), 2),
        'j' => number(at.day_of_year().into(), 3),
        'm' => number(at.month().into(), 2),
        'M' => number(at.minute().into(), 2),
        'p' => text(if afternoon { "PM" } else { "AM" }.to_owned()),
        'P' => text(if afternoon { "pm" } else { "am" }.to_owned()),
        'q' => number(quarter(at), 1),
        's' => number(at.timestamp().as_second(), 1),
        'S' => number(at.second().into(), 2),
        'u' => number(weekday.to_monday_one_offset().into(), 1),
        'x' => text(join(moment, "%Y-%m-%d")?),
        'X' => text(join(moment, "%H:%M:%S")?),
        'y' => number(i64::from(at.year()).rem_euclid(100), 2),
        'Y' => number(at.year().into(), 4),
        'z' => text(offset_text(at, "")),
        'Z' => text(moment.abbreviation()),
        '%' => text("%".to_owned()),
        _ => return None,
    })
}

fn join(moment: &Moment, parts: &str) -> Option<String> {
    let mut out = String::new();
    write!(out, "{}", format(moment, parts)?).ok()?;
    Some(out)
}

fn quarter(at: &ZonedDateTime) -> i64 {
    i64::from((at.month() + 2) / 3)
}
