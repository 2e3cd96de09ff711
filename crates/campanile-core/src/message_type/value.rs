//! Whether a value fits its field. What holds Liquid is known only when it is rendered, so its text is not judged.

use serde_json::{Map, Value};
use unicode_segmentation::UnicodeSegmentation;

use super::{Field, FieldKind};
use crate::fields::INVALID;
use crate::problem::Problems;
use crate::workflow::is_for_tools;

const FORMAT: &str = "has invalid format";

/// True when a text is a template.
fn is_liquid(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

impl Field {
    /// Notes what is wrong with a value under `path`. Null is an absent value; an empty one of a required field is
    /// refused (T18.3) unless a default stands in for an absent one.
    pub fn check(&self, value: &Value, path: &str, problems: &mut Problems) {
        if let FieldKind::Compound(fields) = &self.kind {
            return compound(self, fields, value, path, problems);
        }
        if is_empty(value) {
            if self.required && (!value.is_null() || self.default.is_null()) {
                problems.add(path, "is required");
            }
            return;
        }
        match &self.kind {
            FieldKind::Text { min_length, max_length } => {
                text(value, *min_length, *max_length, path, problems)
            }
            FieldKind::Markdown if value.is_string() => {}
            FieldKind::Markdown | FieldKind::Compound(_) => problems.add(path, INVALID),
            FieldKind::Boolean => {
                if boolean(value).is_none() {
                    problems.add(path, INVALID);
                }
            }
            FieldKind::Number { min, max } => match number(value) {
                None => problems.add(path, INVALID),
                Some(found) => {
                    if let Some(min) = min.filter(|min| found < *min) {
                        problems.add(path, format!("must be greater than or equal to {min}"));
                    }
                    if let Some(max) = max.filter(|max| found > *max) {
                        problems.add(path, format!("must be less than or equal to {max}"));
                    }
                }
            },
            FieldKind::Color => pattern(value, is_color, path, problems),
            FieldKind::Url => pattern(value, is_url, path, problems),
            FieldKind::Select(options) => {
                if !value.as_str().is_some_and(|value| options.iter().any(|option| option == value)) {
                    problems.add(path, INVALID);
                }
            }
            FieldKind::MultiSelect(options) => match value {
                Value::Array(list) => {
                    for (at, entry) in list.iter().enumerate() {
                        if !entry.as_str().is_some_and(|entry| options.iter().any(|option| option == entry)) {
                            problems.add(format!("{path}[{at}]"), INVALID);
                        }
                    }
                }
                _ => problems.add(path, INVALID),
            },
            FieldKind::Json(schema) => {
                let Some(decoded) = decoded(value, path, problems) else { return };
                for (place, why) in schema.iter().flat_map(|schema| schema.problems(&decoded)) {
                    problems.add(format!("{path}{place}"), why);
                }
            }
            FieldKind::List(schema) => {
                let Some(decoded) = decoded(value, path, problems) else { return };
                let Value::Array(items) = decoded else { return problems.add(path, INVALID) };
                for (at, item) in items.iter().enumerate() {
                    for (place, why) in schema.iter().flat_map(|schema| schema.problems(item)) {
                        problems.add(format!("{path}[{at}]{place}"), why);
                    }
                }
            }
        }
    }

    /// A value without members that no sub-field names.
    pub(super) fn known(&self, value: &Value) -> Value {
        match (&self.kind, value) {
            (FieldKind::Compound(fields), Value::Object(given)) => {
                let kept = fields
                    .iter()
                    .filter_map(|field| Some((field.key.clone(), given.get(&field.key)?.clone())));
                Value::Object(kept.collect())
            }
            (_, value) => value.clone(),
        }
    }
}

/// Sub-fields are judged by their own settings; a field that is not required may be left out whole.
fn compound(field: &Field, fields: &[Field], value: &Value, path: &str, problems: &mut Problems) {
    let empty = Map::new();
    let given = match value {
        Value::Null if !field.required => return,
        Value::Null => &empty,
        Value::Object(given) => given,
        _ => return problems.add(path, INVALID),
    };
    for key in given.keys().filter(|key| !is_for_tools(key)) {
        if !fields.iter().any(|field| field.key == *key) {
            problems.add(format!("{path}.{key}"), INVALID);
        }
    }
    for field in fields {
        let value = given.get(&field.key).unwrap_or(&Value::Null);
        field.check(value, &format!("{path}.{}", field.key), problems);
    }
}

fn text(value: &Value, min: Option<usize>, max: Option<usize>, path: &str, problems: &mut Problems) {
    let Value::String(text) = value else { return problems.add(path, INVALID) };
    if is_liquid(text) || (min.is_none() && max.is_none()) {
        return;
    }
    let length = text.graphemes(true).count();
    if let Some(min) = min.filter(|min| length < *min) {
        problems.add(path, format!("should be at least {min} character(s)"));
    }
    if let Some(max) = max.filter(|max| length > *max) {
        problems.add(path, format!("should be at most {max} character(s)"));
    }
}

fn pattern(value: &Value, matches: fn(&str) -> bool, path: &str, problems: &mut Problems) {
    match value {
        Value::String(text) if is_liquid(text) || matches(text) => {}
        Value::String(_) => problems.add(path, FORMAT),
        _ => problems.add(path, INVALID),
    }
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|digits| {
        matches!(digits.len(), 3 | 6) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// A URI or a part of one: nothing that has to be escaped.
fn is_url(text: &str) -> bool {
    !text.chars().any(|c| c.is_whitespace() || c.is_control() || "\"<>\\^`{|}".contains(c))
}

/// A boolean, or one written as text.
pub(super) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A number, or one written as text.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            serde_json::from_str::<serde_json::Number>(text.trim()).ok().and_then(|number| number.as_f64())
        }
        _ => None,
    }
}

/// JSON, or a text of it. `None` when it holds Liquid, and when a problem was noted.
fn decoded(value: &Value, path: &str, problems: &mut Problems) -> Option<Value> {
    let Value::String(text) = value else { return (!has_liquid(value)).then(|| value.clone()) };
    if is_liquid(text) {
        return None;
    }
    let decoded = serde_json::from_str(text).ok();
    if decoded.is_none() {
        problems.add(path, "is not valid JSON");
    }
    decoded
}

fn has_liquid(value: &Value) -> bool {
    match value {
        Value::String(text) => is_liquid(text),
        Value::Array(list) => list.iter().any(has_liquid),
        Value::Object(object) => object.values().any(has_liquid),
        _ => false,
    }
}
