//! Values to text, to JSON and back.

use std::fmt::Write as _;
use std::rc::Rc;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Number, Value as Json};

use super::value::{Text, Value};

impl<'a> Value<'a> {
    /// Writes what `{{ value }}` prints (templates.md 2.1).
    pub(crate) fn print(&self, out: &mut String) {
        match self {
            Self::Nil | Self::Empty | Self::Blank => {}
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Int(value) => drop(write!(out, "{value}")),
            Self::Decimal(value) => print_decimal(*value, out),
            Self::Str(text) => out.push_str(text),
            Self::Array(items) => items.iter().for_each(|item| Value::from(item).print(out)),
            Self::List(items) => items.iter().for_each(|item| item.print(out)),
            Self::Object(map) => {
                if let Ok(text) = serde_json::to_string(map) {
                    out.push_str(&text);
                }
            }
            Self::Record(_) => drop(write!(out, "{}", self.to_json())),
            Self::Range(first, last) => drop(write!(out, "{first}..{last}")),
            Self::Moment(moment) => drop(write!(out, "{moment}")),
        }
    }

    /// The printed form, borrowed when it already is text.
    pub(crate) fn to_text(&self) -> Text<'a> {
        match self {
            Self::Str(text) => text.clone(),
            Self::Nil => Text::Borrowed(""),
            other => {
                let mut out = String::new();
                other.print(&mut out);
                Text::Shared(out.into())
            }
        }
    }

    /// The native value as JSON.
    pub(crate) fn to_json(&self) -> Json {
        match self {
            Self::Nil | Self::Empty | Self::Blank => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Int(value) => Json::from(*value),
            Self::Decimal(value) => match value.to_u64().filter(|_| value.scale() == 0) {
                Some(whole) => Json::from(whole),
                None => value.to_f64().and_then(Number::from_f64).map_or(Json::Null, Json::Number),
            },
            Self::Str(text) => Json::String(text.to_string()),
            Self::Array(items) => Json::Array(items.to_vec()),
            Self::Object(map) => Json::Object((*map).clone()),
            Self::List(items) => items.iter().map(Value::to_json).collect(),
            Self::Record(members) => {
                Json::Object(members.iter().map(|(k, v)| (k.to_string(), v.to_json())).collect())
            }
            Self::Range(..) | Self::Moment(_) => Json::String(self.to_text().to_string()),
        }
    }

    /// A value that owns all of `json`: for what filters parse.
    pub(crate) fn owned(json: &Json) -> Value<'static> {
        match json {
            Json::Array(items) => Value::from(items.iter().map(Value::owned).collect::<Vec<_>>()),
            Json::Object(map) => {
                let member =
                    |(key, value): (&String, &Json)| (Text::Shared(key.as_str().into()), Value::owned(value));
                Value::Record(Rc::new(map.iter().map(member).collect()))
            }
            Json::String(text) => Value::Str(Text::Shared(text.as_str().into())),
            Json::Null => Value::Nil,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => match Value::from(json) {
                Value::Int(value) => Value::Int(value),
                Value::Decimal(value) => Value::Decimal(value),
                _ => number.to_string().into(),
            },
        }
    }
}

/// The shortest text that reads back as the same number, always with a fraction (`2.0`).
fn print_decimal(value: Decimal, out: &mut String) {
    let value = value.normalize();
    let exact = value.mantissa().unsigned_abs() < 1_000_000_000_000_000;
    match value.to_f64() {
        _ if value.scale() == 0 => drop(write!(out, "{value}.0")),
        // `{:?}` of a float always has a fraction; it only turns to exponents below and above this range.
        Some(float) if !exact && (1e-4..1e15).contains(&float.abs()) => drop(write!(out, "{float:?}")),
        _ => drop(write!(out, "{value}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_each_type() {
        let json = serde_json::json!({"b": [1, [2, "x"]], "a": null});
        for (value, want) in [
            (Value::from(&json), r#"{"a":null,"b":[1,[2,"x"]]}"#),
            (Value::from(&json["b"]), "12x"),
            (Value::Decimal(Decimal::new(150, 2)), "1.5"),
            (Value::Decimal(Decimal::new(20, 1)), "2.0"),
            (Value::Decimal(Decimal::from(5) / Decimal::from(3)), "1.6666666666666667"),
            (Value::Range(1, 3), "1..3"),
            (Value::Nil, ""),
        ] {
            assert_eq!(&*value.to_text(), want);
        }
    }

    #[test]
    fn json_survives_both_ways() {
        let json = serde_json::json!({"a": [1, 2.5, "x", null, true], "b": {"c": 18446744073709551615u64}});
        assert_eq!(Value::owned(&json).to_json(), json);
        assert_eq!(Value::from(&json).to_json(), json);
    }
}
