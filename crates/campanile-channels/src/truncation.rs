//! The one way in which logs are kept short (delivery.md 6.1). What was sent or stored as content stays whole.

use serde_json::{Map, Value};

/// What stands in place of a value that was too long.
pub const TRUNCATED: &str = "[TRUNCATED]";
const MARKER: &str = "__knock_truncated__";
const STRING_BYTES_MAX: usize = 1024;
const NESTED_BYTES_MAX: usize = 16 * 1024;
const KEYS_MAX: usize = 100;

/// Shortens a log body at its top level (R6.5 to R6.8).
pub fn truncate(body: Value) -> Value {
    match body {
        Value::Object(map) => Value::Object(object(map)),
        Value::String(text) => Value::String(plain(text)),
        other => nested(other),
    }
}

fn object(map: Map<String, Value>) -> Map<String, Value> {
    let is_long = map.len() > KEYS_MAX;
    let mut short: Map<String, Value> = map
        .into_iter()
        .take(KEYS_MAX)
        .map(|(key, value)| {
            let value = match value {
                Value::String(text) if text.len() > STRING_BYTES_MAX => TRUNCATED.into(),
                other => nested(other),
            };
            (key, value)
        })
        .collect();
    if is_long {
        short.insert(MARKER.into(), true.into());
    }
    short
}

fn nested(value: Value) -> Value {
    let is_long = match &value {
        Value::Object(_) | Value::Array(_) => value.to_string().len() > NESTED_BYTES_MAX,
        _ => false,
    };
    if is_long { TRUNCATED.into() } else { value }
}

fn plain(mut text: String) -> String {
    if text.len() > NESTED_BYTES_MAX {
        text.truncate(text.floor_char_boundary(NESTED_BYTES_MAX));
        text.push_str(TRUNCATED);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shortens_as_the_page_shows() {
        let deep = json!({"list": vec!["x".repeat(100); 200]});
        for (body, want) in [
            (json!({"a":"x","b":"x".repeat(2000)}), json!({"a":"x","b":"[TRUNCATED]"})),
            (json!({"a":"x".repeat(1024)}), json!({"a":"x".repeat(1024)})),
            (json!({"a":"é".repeat(513)}), json!({"a":"[TRUNCATED]"})),
            (json!({"a":{"b":"x".repeat(2000)}}), json!({"a":{"b":"x".repeat(2000)}})),
            (deep.clone(), json!({"list":"[TRUNCATED]"})),
            (json!({"n":1,"d":deep}), json!({"n":1,"d":"[TRUNCATED]"})),
            (json!("short"), json!("short")),
            (json!(null), json!(null)),
        ] {
            assert_eq!(truncate(body), want);
        }
        let long = truncate(Value::String("é".repeat(10_000)));
        let long = long.as_str().unwrap();
        assert!(long.ends_with("é[TRUNCATED]") && long.len() == 16 * 1024 + TRUNCATED.len());
    }

    #[test]
    fn keeps_a_hundred_keys() {
        let map: Map<String, Value> = (0..101).map(|n| (format!("k{n:03}"), json!(n))).collect();
        let short = truncate(Value::Object(map));
        assert_eq!(short.as_object().unwrap().len(), 101);
        assert_eq!(short["__knock_truncated__"], true);
        assert_eq!(short["k099"], 99);
        assert_eq!(short.get("k100"), None);
    }
}
