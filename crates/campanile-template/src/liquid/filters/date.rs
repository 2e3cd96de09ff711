//! Timestamps: `date` and `timezone`.

use std::rc::Rc;

use super::{Args, Context, Filter};
use crate::liquid::moment::Moment;
use crate::liquid::strftime;
use crate::liquid::value::Value;

type Done<'a> = Result<Value<'a>, String>;

pub(super) const FILTERS: &[Filter] =
    &[Filter::new("date", 1, 2, date), Filter::new("timezone", 1, 1, timezone)];

/// What cannot be read is returned unchanged, so is anything for an empty format (T2.14).
fn date<'a>(input: Value<'a>, args: &Args<'_, 'a>, context: &Context<'_>) -> Done<'a> {
    let format = args.text(0);
    let Some(moment) = Moment::read(&input, context.options.now).filter(|_| !format.is_empty()) else {
        return Ok(input);
    };
    let asked = args.get(1).map(Value::to_text);
    let zone = match &asked {
        Some(zone) => Some(&**zone),
        // A value that already went through `timezone` keeps its zone.
        None if matches!(input, Value::Moment(_)) => None,
        None => context.options.timezone,
    };
    let moment = zone.and_then(|zone| moment.in_zone(zone)).unwrap_or(moment);
    Ok(strftime::format(&moment, &format).unwrap_or_default().into())
}

/// An unknown zone or unreadable input changes nothing (S6).
fn timezone<'a>(input: Value<'a>, args: &Args<'_, 'a>, context: &Context<'_>) -> Done<'a> {
    let moved = Moment::read(&input, context.options.now).and_then(|moment| moment.in_zone(&args.text(0)));
    Ok(moved.map_or(input, |moment| Value::Moment(Rc::new(moment))))
}
