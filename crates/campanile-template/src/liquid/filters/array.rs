//! Arrays: order, size, joining.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::{Args, Context, Filter, items};
use crate::liquid::compare::order;
use crate::liquid::number::Number;
use crate::liquid::value::{Value, graphemes};

type Done<'a> = Result<Value<'a>, String>;

pub(super) const FILTERS: &[Filter] = &[
    Filter::new("compact", 0, 1, compact),
    Filter::new("concat", 1, 1, concat),
    Filter::new("first", 0, 0, |input, _, _| Ok(input.property("first").unwrap_or(Value::Nil))),
    Filter::new("intersect", 1, 1, intersect),
    Filter::new("join", 0, 1, join),
    Filter::new("last", 0, 0, |input, _, _| Ok(input.property("last").unwrap_or(Value::Nil))),
    Filter::new("map", 1, 1, map),
    Filter::new("reverse", 0, 0, |input, _, _| {
        Ok(Value::from(items(&input).into_iter().rev().collect::<Vec<_>>()))
    }),
    Filter::new("size", 0, 0, |input, _, _| Ok(size(&input))),
    Filter::new("sort", 0, 1, sort),
    Filter::new("sort_natural", 0, 1, sort_natural),
    Filter::new("sum", 0, 1, sum),
    Filter::new("uniq", 0, 1, uniq),
];

/// Property `key` of an element; a number picks by position.
pub(super) fn property<'a>(item: &Value<'a>, key: &Value<'a>) -> Option<Value<'a>> {
    match key {
        Value::Int(index) => item.element(*index),
        Value::Str(key) => item.property(key),
        _ => None,
    }
}

fn key_of<'a>(item: &Value<'a>, args: &Args<'_, 'a>) -> Value<'a> {
    match args.get(0) {
        None | Some(Value::Nil) => item.clone(),
        Some(key) => property(item, key).unwrap_or(Value::Nil),
    }
}

fn size<'a>(input: &Value<'a>) -> Value<'a> {
    match input {
        Value::Str(text) => graphemes(text).into(),
        other => other.length().unwrap_or(0).into(),
    }
}

fn compact<'a>(input: Value<'a>, args: &Args<'_, 'a>, _: &Context<'_>) -> Done<'a> {
    let kept = items(&input).into_iter().filter(|item| !key_of(item, args).is_nil());
    Ok(Value::from(kept.collect::<Vec<_>>()))
}

fn concat<'a>(input: Value<'a>, args: &Args<'_, 'a>, _: &Context<'_>) -> Done<'a> {
    let mut joined = items(&input);
    match args.get(0) {
        Some(tail @ (Value::Array(_) | Value::List(_) | Value::Range(..))) => joined.extend(items(tail)),
        _ => return Err("argument is not an array".to_owned()),
    }
    Ok(joined.into())
}

fn intersect<'a>(input: Value<'a>, args: &Args<'_, 'a>, _: &Context<'_>) -> Done<'a> {
    let only_arrays = |value: &Value<'a>| match value {
        Value::Array(_) | Value::List(_) | Value::Range(..) => items(value),
        _ => Vec::new(),
    };
    let other = args.get(0).map(only_arrays).unwrap_or_default();
    let mut wanted: HashSet<String> = other.iter().map(identity).collect();
    // Removing what was found drops duplicates too.
    let kept = only_arrays(&input).into_iter().filter(|item| wanted.remove(&identity(item)));
    Ok(Value::from(kept.collect::<Vec<_>>()))
}

/// A text that two values share when they are equal. Comparing all pairs would let long arrays run for hours.
fn identity(value: &Value<'_>) -> String {
    match value {
        Value::Int(number) => format!("#{number}"),
        Value::Decimal(number) => format!("#{}", number.normalize()),
        Value::Str(text) => format!("'{}", &**text),
        other => other.to_json().to_string(),
    }
}

fn join<'a>(input: Value<'a>, args: &Args<'_, 'a>, context: &Context<'_>) -> Done<'a> {
    let separator = args.get(0).map_or(crate::liquid::value::Text::Borrowed(" "), Value::to_text);
    let mut out = String::new();
    for (i, item) in items(&input).iter().enumerate() {
        if i > 0 {
            out.push_str(&separator);
        }
        item.print(&mut out);
        context.allow(out.len())?;
    }
    Ok(out.into())
}

/// A missing property gives nil; elements that are no objects are refused.
fn map<'a>(input: Value<'a>, args: &Args<'_, 'a>, _: &Context<'_>) -> Done<'a> {
    let key = args.get(0).unwrap_or(&Value::Nil);
    let mut out = Vec::new();
    for item in items(&input) {
        match item {
            Value::Object(_) | Value::Record(_) => out.push(property(&item, key).unwrap_or(Value::Nil)),
            _ => return Err("input is not an array of objects".to_owned()),
        }
    }
    Ok(out.into())
}

fn sort<'a>(input: Value<'a>, args: &Args<'_, 'a>, _: &Context<'_>) -> Done<'a> {
    sort_by(&input, args, |value| value.clone(), order)
}

fn sort_natural<'a>(input: Value<'a>, args: &Args<'_, 'a>, _: &Context<'_>) -> Done<'a> {
    sort_by(&input, args, |value| value.to_text().to_lowercase().into(), order)
}

/// Stable; nil goes last. A pair without an order is an error, found once and reported after sorting.
fn sort_by<'a>(
    input: &Value<'a>,
    args: &Args<'_, 'a>,
    key: fn(&Value<'a>) -> Value<'a>,
    compare: fn(&Value<'_>, &Value<'_>) -> Result<Ordering, String>,
) -> Done<'a> {
    let mut keyed: Vec<(Option<Value<'a>>, Value<'a>)> = Vec::new();
    for item in items(input) {
        let value = key_of(&item, args);
        keyed.push(((!value.is_nil()).then(|| key(&value)), item));
    }
    // Checked before sorting: a comparison without a total order must not reach the sort.
    for pair in keyed.windows(2) {
        if let [(Some(a), _), (Some(b), _)] = pair {
            compare(a, b)?;
        }
    }
    let mut problem = None;
    keyed.sort_by(|(a, _), (b, _)| match (a, b) {
        (Some(a), Some(b)) => compare(a, b).unwrap_or_else(|message| {
            problem = Some(message);
            Ordering::Equal
        }),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    match problem {
        Some(message) => Err(message),
        None => Ok(Value::from(keyed.into_iter().map(|(_, item)| item).collect::<Vec<_>>())),
    }
}

fn sum<'a>(input: Value<'a>, args: &Args<'_, 'a>, _: &Context<'_>) -> Done<'a> {
    let mut total = Number::Int(0);
    for item in items(&input) {
        let scalar = !matches!(item, Value::Object(_) | Value::Record(_));
        if args.get(0).is_some_and(|key| !key.is_nil()) && scalar {
            return Err("input is not an array of objects".to_owned());
        }
        total = total.plus(Number::of(&key_of(&item, args)))?;
    }
    Ok(total.into())
}

fn uniq<'a>(input: Value<'a>, args: &Args<'_, 'a>, _: &Context<'_>) -> Done<'a> {
    let mut seen = HashSet::new();
    let kept = items(&input).into_iter().filter(|item| seen.insert(identity(&key_of(item, args))));
    Ok(Value::from(kept.collect::<Vec<_>>()))
}
