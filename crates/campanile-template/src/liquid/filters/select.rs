//! Picking elements by a property: `where`, `reject`, `find`, `find_index`, `has`.

use super::array::property;
use super::{Args, Context, Filter, items};
use crate::liquid::compare::equal;
use crate::liquid::value::Value;

type Done<'a> = Result<Value<'a>, String>;

pub(super) const FILTERS: &[Filter] = &[
    Filter::new("find", 1, 2, |input, args, _| {
        Ok(matches(&input, args)?.into_iter().find(|(hit, _)| *hit).map_or(Value::Nil, |(_, item)| item))
    }),
    Filter::new("find_index", 1, 2, |input, args, _| {
        Ok(matches(&input, args)?.iter().position(|(hit, _)| *hit).map_or(Value::Nil, Value::from))
    }),
    Filter::new("has", 1, 2, |input, args, _| Ok(matches(&input, args)?.iter().any(|(hit, _)| *hit).into())),
    Filter::new("reject", 1, 2, |input, args, context| select(&input, args, context, false)),
    Filter::new("where", 1, 2, |input, args, context| select(&input, args, context, true)),
];

/// Each element with whether it has the property, or has it with the value asked for.
fn matches<'a>(input: &Value<'a>, args: &Args<'_, 'a>) -> Result<Vec<(bool, Value<'a>)>, String> {
    let key = args.get(0).unwrap_or(&Value::Nil);
    let wanted = args.get(1).filter(|value| !value.is_nil());
    let check = |item: Value<'a>| {
        let found = match &item {
            Value::Object(_) | Value::Record(_) => property(&item, key),
            // An array of texts is searched by containment.
            Value::Str(text) => key.as_str().filter(|key| text.contains(*key)).map(|_| key.clone()),
            Value::Int(_) if matches!(key, Value::Int(_)) => equal(&item, key).then(|| key.clone()),
            Value::Nil => None,
            _ => return Err("input is not an array of objects".to_owned()),
        };
        let hit = match (found, wanted) {
            (Some(value), Some(wanted)) => equal(&value, wanted),
            (Some(value), None) => value.truthy(),
            (None, _) => false,
        };
        Ok((hit, item))
    };
    items(input).into_iter().map(check).collect()
}

fn select<'a>(input: &Value<'a>, args: &Args<'_, 'a>, _: &Context<'_>, keep: bool) -> Done<'a> {
    if args.get(0).is_none_or(Value::is_nil) {
        return Ok(Value::from(Vec::new()));
    }
    let picked = matches(input, args)?.into_iter().filter(|(hit, _)| *hit == keep);
    Ok(Value::from(picked.map(|(_, item)| item).collect::<Vec<_>>()))
}
