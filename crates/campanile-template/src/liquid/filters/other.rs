//! JSON, defaults, plurals, versions.

use std::cmp::Ordering;

use super::{Args, Context, Filter};
use crate::liquid::compare::equal;
use crate::liquid::number::Number;
use crate::liquid::value::Value;

type Done<'a> = Result<Value<'a>, String>;

pub(super) const FILTERS: &[Filter] =
    &[
        Filter::new("compare_versions", 1, 1, |input, args, _| {
            let order = compare_versions(&input.to_text(), &args.text(0));
            Ok(order.map_or(Value::Nil, |order| Value::Int(order as i64)))
        }),
        Filter::new("default", 0, 1, default),
        Filter::new("equals", 1, 1, |input, args, _| {
            Ok(equal(&input, args.get(0).unwrap_or(&Value::Nil)).into())
        }),
        Filter::new("from_json", 0, 0, |input, _, _| {
            Ok(serde_json::from_str(&input.to_text()).map_or(Value::Nil, |json| Value::owned(&json)))
        }),
        Filter::new("json", 0, 0, |input, _, _| Ok(json(&input).into())),
        Filter::new("pluralize", 2, 2, pluralize),
    ];

fn json(input: &Value<'_>) -> String {
    match input {
        Value::Array(items) => serde_json::to_string(items),
        Value::Object(map) => serde_json::to_string(map),
        other => serde_json::to_string(&other.to_json()),
    }
    .unwrap_or_default()
}

/// nil, false and everything empty take the default; `allow_false: true` keeps false.
fn default<'a>(input: Value<'a>, args: &Args<'_, 'a>, _: &Context<'_>) -> Done<'a> {
    let keeps_false = args.named("allow_false").is_some_and(Value::truthy);
    let replaced = match &input {
        Value::Bool(false) => !keeps_false,
        other => other.is_nil() || other.is_empty(),
    };
    Ok(if replaced { args.get(0).cloned().unwrap_or_else(|| Value::text("")) } else { input })
}

fn pluralize<'a>(input: Value<'a>, args: &Args<'_, 'a>, _: &Context<'_>) -> Done<'a> {
    let one = Number::of(&input).decimal() == rust_decimal::Decimal::ONE;
    Ok(args.get(usize::from(!one)).cloned().unwrap_or(Value::Nil))
}

/// Precedence of semantic versions; `None` when either is none.
fn compare_versions(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (version(a)?, version(b)?);
    Some(a.0.cmp(&b.0).then_with(|| match (a.1, b.1) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => {
            let (mut a, mut b) = (a.split('.'), b.split('.'));
            loop {
                match (a.next(), b.next()) {
                    (None, None) => return Ordering::Equal,
                    (None, Some(_)) => return Ordering::Less,
                    (Some(_), None) => return Ordering::Greater,
                    (Some(a), Some(b)) => match compare_identifiers(a, b) {
                        Ordering::Equal => {}
                        unequal => return unequal,
                    },
                }
            }
        }
    }))
}

/// Numbers below words, numbers by size.
fn compare_identifiers(a: &str, b: &str) -> Ordering {
    match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    }
}

/// The three numbers and the pre-release of `1.2.3-rc.1+build`.
fn version(text: &str) -> Option<([u64; 3], Option<&str>)> {
    let text = text.trim().split('+').next()?;
    let (core, pre) = match text.split_once('-') {
        Some((core, pre)) => (core, Some(pre)),
        None => (text, None),
    };
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if pre.is_some_and(|pre| !pre.split('.').all(word)) {
        return None;
    }
    let mut numbers = core.split('.').map(|part| part.parse::<u64>().ok());
    let parts = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some((parts, pre))
}
