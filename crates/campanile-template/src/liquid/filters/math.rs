//! Arithmetic.

use super::{Args, Context, Filter};
use crate::liquid::number::Number;
use crate::liquid::value::Value;

type Done<'a> = Result<Value<'a>, String>;

pub(super) const FILTERS: &[Filter] = &[
    Filter::new("abs", 0, 0, |input, _, _| Ok(Number::of(&input).abs().into())),
    Filter::new("at_least", 1, 1, at_least),
    Filter::new("at_most", 1, 1, at_most),
    Filter::new("ceil", 0, 0, |input, _, _| Ok(Number::of(&input).ceil().into())),
    Filter::new("divided_by", 1, 1, |input, args, _| operate(&input, args, Number::divided_by)),
    Filter::new("floor", 0, 0, |input, _, _| Ok(Number::of(&input).floor().into())),
    Filter::new("minus", 1, 1, |input, args, _| operate(&input, args, Number::minus)),
    Filter::new("modulo", 1, 1, |input, args, _| operate(&input, args, Number::modulo)),
    Filter::new("plus", 1, 1, |input, args, _| operate(&input, args, Number::plus)),
    Filter::new("round", 0, 1, round),
    Filter::new("times", 1, 1, |input, args, _| operate(&input, args, Number::times)),
];

fn argument(args: &Args<'_, '_>) -> Number {
    args.get(0).map_or(Number::Int(0), Number::of)
}

fn operate<'a>(
    input: &Value<'a>,
    args: &Args<'_, 'a>,
    apply: fn(Number, Number) -> Result<Number, String>,
) -> Done<'a> {
    apply(Number::of(input), argument(args)).map(Value::from)
}

fn at_least<'a>(input: Value<'a>, args: &Args<'_, 'a>, _: &Context<'_>) -> Done<'a> {
    let (number, least) = (Number::of(&input), argument(args));
    Ok(if number.decimal() < least.decimal() { least } else { number }.into())
}

fn at_most<'a>(input: Value<'a>, args: &Args<'_, 'a>, _: &Context<'_>) -> Done<'a> {
    let (number, most) = (Number::of(&input), argument(args));
    Ok(if number.decimal() > most.decimal() { most } else { number }.into())
}

fn round<'a>(input: Value<'a>, args: &Args<'_, 'a>, _: &Context<'_>) -> Done<'a> {
    let (number, digits) = (Number::of(&input), argument(args).whole());
    if digits >= 0 {
        return Ok(number.round(u32::try_from(digits).unwrap_or(u32::MAX)).into());
    }
    // A negative count rounds to tens, hundreds and so on.
    let Some(unit) = u32::try_from(-digits).ok().and_then(|power| 10_i64.checked_pow(power)) else {
        return Ok(Value::Int(0));
    };
    let units = Number::Decimal(number.decimal()).divided_by(Number::Int(unit))?;
    Ok(units.round(0).times(Number::Int(unit))?.into())
}
