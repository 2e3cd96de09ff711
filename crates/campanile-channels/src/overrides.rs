//! Merging JSON overrides into a finished payload (channels.md 2.1).

use serde_json::{Map, Value};

use crate::delivery::BuildError;

const STRATEGY: &str = "__strategy__";

/// The overrides as an object: none is an empty one, anything but an object an error (R2.6).
pub fn object(overrides: Option<&Value>) -> Result<Map<String, Value>, BuildError> {
    match overrides {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map.clone()),
        Some(_) => Err(BuildError::Overrides),
    }
}

/// Merges recursively: objects merge, scalars and arrays replace, null deletes (R2.7).
pub fn merge(payload: &mut Map<String, Value>, overrides: &Map<String, Value>) {
    for (key, value) in overrides {
        match (payload.get_mut(key), value) {
            (_, Value::Null) => {
                payload.remove(key);
            }
            (Some(Value::Object(inner)), Value::Object(more)) => merge(inner, more),
            (_, Value::Object(more)) => {
                // Merged into nothing rather than copied, so that nulls inside it still mean "no such key".
                let mut fresh = Map::new();
                merge(&mut fresh, more);
                payload.insert(key.clone(), Value::Object(fresh));
            }
            _ => {
                payload.insert(key.clone(), value.clone());
            }
        }
    }
}

/// [`merge`] for push payloads, where `"__strategy__":"replace"` exchanges whole top-level keys (R2.8).
pub fn merge_push(payload: &mut Map<String, Value>, mut overrides: Map<String, Value>) {
    let strategy = overrides.remove(STRATEGY);
    if strategy.as_ref().and_then(Value::as_str) != Some("replace") {
        return merge(payload, &overrides);
    }
    for (key, value) in overrides {
        if value.is_null() {
            payload.remove(&key);
        } else {
            payload.insert(key, value);
        }
    }
}

/// Merges into form fields: an array repeats its field, null drops it, other values become text.
pub fn merge_form(fields: &mut Vec<(String, String)>, overrides: &Map<String, Value>) {
    for (key, value) in overrides {
        fields.retain(|(name, _)| name != key);
        let values = match value {
            Value::Array(values) => values.as_slice(),
            Value::Null => &[],
            one => std::slice::from_ref(one),
        };
        fields.extend(values.iter().map(|value| (key.clone(), as_text(value))));
    }
}

/// A JSON value as the text that form fields, headers and push data hold.
pub fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn merges_as_the_page_shows() {
        for (base, over, want) in [
            (
                json!({"custom_args":{"sender":"knock.app","knock_message_id":"m1"},"categories":["wf"]}),
                json!({"custom_args":{"k":"v"},"categories":["x"]}),
                json!({"custom_args":{"sender":"knock.app","knock_message_id":"m1","k":"v"},"categories":["x"]}),
            ),
            (json!({"a":{"b":1,"c":2}}), json!({"a":{"b":null}}), json!({"a":{"c":2}})),
            (json!({"a":1}), json!({"a":{"b":1,"n":null}}), json!({"a":{"b":1}})),
            (json!({"a":{"b":1}}), json!({"a":2}), json!({"a":2})),
        ] {
            let mut payload = map(base);
            merge(&mut payload, &map(over.clone()));
            assert_eq!(Value::Object(payload), want, "{over}");
        }
    }

    #[test]
    fn push_can_replace_whole_keys() {
        let base = json!({"data":{"a":"1"},"notification":{"title":"t"}});
        for (over, want) in [
            (
                json!({"__strategy__":"replace","data":{"b":"2"}}),
                json!({"data":{"b":"2"},"notification":{"title":"t"}}),
            ),
            (
                json!({"__strategy__":"merge","data":{"b":"2"}}),
                json!({"data":{"a":"1","b":"2"},"notification":{"title":"t"}}),
            ),
            (json!({"__strategy__":"replace","notification":null}), json!({"data":{"a":"1"}})),
        ] {
            let mut payload = map(base.clone());
            merge_push(&mut payload, map(over.clone()));
            assert_eq!(Value::Object(payload), want, "{over}");
        }
    }

    #[test]
    fn form_fields_repeat_drop_and_become_text() {
        let mut fields = vec![("To".into(), "+1".into()), ("Body".into(), "b".into())];
        merge_form(&mut fields, &map(json!({"ContentSid":"HX1","Body":null,"M":["a",1],"T":true})));
        let shown: Vec<String> = fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(shown, ["To=+1", "ContentSid=HX1", "M=a", "M=1", "T=true"]);
    }

    #[test]
    fn anything_but_an_object_is_refused() {
        assert_eq!(object(Some(&json!([1]))), Err(BuildError::Overrides));
        assert_eq!(object(Some(&Value::Null)), Ok(Map::new()));
        assert_eq!(object(None), Ok(Map::new()));
    }
}
