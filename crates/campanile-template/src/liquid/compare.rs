//! Equality, order and containment (templates.md 2.3). Types are not coerced.

use std::cmp::Ordering;

use rust_decimal::Decimal;

use super::ast::Operator;
use super::value::Value;

/// Applies an operator; the error says which types cannot be ordered.
pub(crate) fn compare(left: &Value<'_>, operator: Operator, right: &Value<'_>) -> Result<bool, String> {
    let ordered = |accept: fn(Ordering) -> bool| {
        let orderless = |value: &Value<'_>| matches!(value, Value::Nil | Value::Empty | Value::Blank);
        if orderless(left) || orderless(right) {
            return Ok(false);
        }
        order(left, right).map(accept)
    };
    match operator {
        Operator::Equal => Ok(equal(left, right)),
        Operator::NotEqual => Ok(!equal(left, right)),
        Operator::Less => ordered(Ordering::is_lt),
        Operator::LessOrEqual => ordered(Ordering::is_le),
        Operator::Greater => ordered(Ordering::is_gt),
        Operator::GreaterOrEqual => ordered(Ordering::is_ge),
        Operator::Contains => Ok(contains(left, right)),
    }
}

/// `==`. An integer equals the decimal of the same size; `empty` and `blank` equal what they describe.
pub(crate) fn equal(left: &Value<'_>, right: &Value<'_>) -> bool {
    use Value::{Blank, Bool, Decimal as Dec, Empty, Int, Moment, Nil, Range, Str};
    match (left, right) {
        (Blank, Blank) | (Empty, Empty) => true,
        (Blank, Empty) | (Empty, Blank) => false,
        (Blank, other) | (other, Blank) => other.is_blank(),
        (Empty, other) | (other, Empty) => other.is_empty(),
        (Nil, Nil) => true,
        (Bool(a), Bool(b)) => a == b,
        (Int(a), Int(b)) => a == b,
        (Int(a), Dec(b)) | (Dec(b), Int(a)) => Decimal::from(*a) == *b,
        (Dec(a), Dec(b)) => a == b,
        (Str(a), Str(b)) => **a == **b,
        (Range(a, b), Range(c, d)) => (a, b) == (c, d),
        (Moment(a), Moment(b)) => a.zoned == b.zoned,
        _ => equal_elements(left, right),
    }
}

fn equal_elements(left: &Value<'_>, right: &Value<'_>) -> bool {
    let (Some(a), Some(b)) = (left.length(), right.length()) else { return false };
    if a != b {
        return false;
    }
    match (left, right) {
        (Value::Array(a), Value::Array(b)) => a == b,
        (Value::Object(a), Value::Object(b)) => a == b,
        (Value::Object(_) | Value::Record(_), Value::Object(_) | Value::Record(_)) => {
            left.to_json() == right.to_json()
        }
        (Value::Array(_) | Value::List(_), Value::Array(_) | Value::List(_)) => {
            (0..a as i64).all(|i| match (left.element(i), right.element(i)) {
                (Some(a), Some(b)) => equal(&a, &b),
                _ => false,
            })
        }
        _ => false,
    }
}

/// Order of two numbers or two texts.
pub(crate) fn order(left: &Value<'_>, right: &Value<'_>) -> Result<Ordering, String> {
    use Value::{Decimal as Dec, Int, Moment, Str};
    Ok(match (left, right) {
        (Int(a), Int(b)) => a.cmp(b),
        (Int(a), Dec(b)) => Decimal::from(*a).cmp(b),
        (Dec(a), Int(b)) => a.cmp(&Decimal::from(*b)),
        (Dec(a), Dec(b)) => a.cmp(b),
        (Str(a), Str(b)) => (**a).cmp(b),
        (Moment(a), Moment(b)) => a.zoned.cmp(&b.zoned),
        _ => return Err(format!("cannot order {} and {}", kind(left), kind(right))),
    })
}

/// Substring of a text, or element of an array; false for anything else, and nothing contains nil or false.
pub(crate) fn contains(left: &Value<'_>, right: &Value<'_>) -> bool {
    if !right.truthy() {
        return false;
    }
    match left {
        Value::Str(text) => text.contains(&*right.to_text()),
        Value::Array(items) => items.iter().any(|item| equal(&item.into(), right)),
        Value::List(items) => items.iter().any(|item| equal(item, right)),
        Value::Range(first, last) => matches!(right, Value::Int(i) if first <= i && i <= last),
        Value::Object(_) | Value::Record(_) => right.as_str().is_some_and(|key| left.member(key).is_some()),
        _ => false,
    }
}

/// What to call a value's type in a message.
pub(crate) fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::Nil => "nil",
        Value::Bool(_) => "a boolean",
        Value::Int(_) | Value::Decimal(_) => "a number",
        Value::Str(_) => "a text",
        Value::Array(_) | Value::List(_) => "an array",
        Value::Object(_) | Value::Record(_) => "an object",
        Value::Range(..) => "a range",
        Value::Moment(_) => "a timestamp",
        Value::Empty | Value::Blank => "a keyword",
    }
}
