//! Numbers, money and dates as a locale writes them (templates.md 2.7).

use super::{Args, Context, Filter};
use crate::liquid::moment::Moment;
use crate::liquid::number::Number;
use crate::liquid::value::Value;
use crate::locale::{Fraction, Locale, Style, decimal, money};

type Done<'a> = Result<Value<'a>, String>;

pub(super) const FILTERS: &[Filter] = &[
    Filter::new("currency", 0, 2, |input, args, _| amount(input, args, Fraction::OfCurrency)),
    Filter::new("format_date_in_locale", 0, 2, |input, args, context| {
        let style = style(args, 1)?;
        dated(input, args, context, |locale, moment| locale.date(moment, style))
    }),
    Filter::new("format_datetime_in_locale", 0, 3, |input, args, context| {
        let (date, time) = (style(args, 1)?, style(args, 2)?);
        dated(input, args, context, |locale, moment| locale.datetime(moment, date, time))
    }),
    Filter::new("format_number", 0, 1, |input, args, _| {
        if input.is_nil() {
            return Ok(input);
        }
        Ok(decimal(Number::of(&input).decimal(), Locale::of(&args.text(0))).into())
    }),
    Filter::new("rounded_currency", 0, 2, |input, args, _| amount(input, args, Fraction::Rounded)),
];

/// Nil stays nil, so that `default` can follow.
fn amount<'a>(input: Value<'a>, args: &Args<'_, 'a>, fraction: Fraction) -> Done<'a> {
    if input.is_nil() {
        return Ok(input);
    }
    let code = args.text(0);
    let code = if code.is_empty() { "USD" } else { &*code };
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(format!("{code:?} is not a currency code of three letters"));
    }
    Ok(money(Number::of(&input).decimal(), code, fraction, Locale::of(&args.text(1))).into())
}

fn style(args: &Args<'_, '_>, index: usize) -> Result<Style, String> {
    let name = args.text(index);
    match &*name {
        "" => Ok(Style::Short),
        name => Style::of(name).ok_or_else(|| format!("{name:?} is no style: short, medium, long or full")),
    }
}

/// What is no timestamp is returned unchanged, as `date` does.
fn dated<'a>(
    input: Value<'a>,
    args: &Args<'_, 'a>,
    context: &Context<'_>,
    write: impl Fn(&Locale, &Moment) -> String,
) -> Done<'a> {
    let Some(moment) = Moment::read(&input, context.options.now) else { return Ok(input) };
    Ok(write(Locale::of(&args.text(0)), &moment).into())
}
