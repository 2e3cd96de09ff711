//! Comparing JSON values without converting them (workflows.md R7.7 and the table of 7.3).

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// Deep equality; `1` equals `1.0`, but never `"1"`.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(l), Value::Number(r)) => order_numbers(l, r) == Some(Ordering::Equal),
        (Value::Array(l), Value::Array(r)) => l.len() == r.len() && l.iter().zip(r).all(|(l, r)| equal(l, r)),
        (Value::Object(l), Value::Object(r)) => {
            l.len() == r.len() && l.iter().all(|(key, l)| r.get(key).is_some_and(|r| equal(l, r)))
        }
        _ => left == right,
    }
}

/// The order of two numbers or two texts (code points); `None` for anything else (S17).
pub(super) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(l), Value::Number(r)) => order_numbers(l, r),
        (Value::String(l), Value::String(r)) => Some(l.cmp(r)),
        _ => None,
    }
}

/// Integers exactly, everything else as floats.
pub(super) fn order_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    if let (Some(l), Some(r)) = (left.as_i64(), right.as_i64()) {
        return Some(l.cmp(&r));
    }
    if let (Some(l), Some(r)) = (left.as_u64(), right.as_u64()) {
        return Some(l.cmp(&r));
    }
    left.as_f64()?.partial_cmp(&right.as_f64()?)
}

/// Text in text, membership with the list on either side, or any common item (S18).
pub(super) fn contains(left: &Value, right: &Value) -> bool {
    let holds = |list: &[Value], item: &Value| list.iter().any(|member| equal(member, item));
    match (left, right) {
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        (Value::Array(l), Value::Array(r)) => r.iter().any(|item| holds(l, item)),
        (Value::Array(list), item) | (item, Value::Array(list)) => holds(list, item),
        _ => false,
    }
}

/// Both lists, and every item on the right is on the left.
pub(super) fn contains_all(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(l), Value::Array(r)) => r.iter().all(|item| l.iter().any(|member| equal(member, item))),
        _ => false,
    }
}

/// Lowest to highest, both included; `bounds` must be two numbers (S19).
pub(super) fn between(value: &Value, bounds: &Value) -> bool {
    let Value::Number(number) = value else { return false };
    match bounds.as_array().map(Vec::as_slice) {
        Some([Value::Number(low), Value::Number(high)]) => {
            order_numbers(low, number).is_some_and(Ordering::is_le)
                && order_numbers(number, high).is_some_and(Ordering::is_le)
        }
        _ => false,
    }
}

/// Blank text, null or an empty list; `0`, `false` and `{}` are something.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equality_goes_deep_and_converts_nothing() {
        for (left, right, want) in [
            (json!({"a": [1, {"b": 2.0}]}), json!({"a": [1.0, {"b": 2}]}), true),
            (json!({"a": 1}), json!({"a": 1, "b": null}), false),
            (json!(u64::MAX), json!(u64::MAX - 1), false),
            (json!(-1), json!(u64::MAX), false),
            (json!("1"), json!(1), false),
            (json!(null), json!(""), false),
        ] {
            assert_eq!(equal(&left, &right), want, "{left} {right}");
        }
    }

    #[test]
    fn ranges_include_both_ends() {
        for (value, bounds, want) in [
            (json!(1), json!([1, 3]), true),
            (json!(3.0), json!([1, 3]), true),
            (json!(3.1), json!([1, 3]), false),
            (json!("2"), json!([1, 3]), false),
            (json!(2), json!([1]), false),
            (json!(2), json!({"min": 1}), false),
        ] {
            assert_eq!(between(&value, &bounds), want, "{value} {bounds}");
        }
    }
}
