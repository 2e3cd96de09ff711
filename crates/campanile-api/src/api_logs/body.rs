//! What is kept of a body: no secrets, and not too much (api-conventions.md A13.2, A13.3).

use campanile_channels::redaction::{REDACTED, webhook_url};
use campanile_channels::truncation::{TRUNCATED, truncate};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

/// A larger body is not parsed for its log.
const PARSED_BYTES_MAX: usize = 64 * 1024;
/// Words in the names of members whose values are secrets (S25).
const SECRET_WORDS: [&str; 7] =
    ["token", "secret", "password", "authorization", "apikey", "privatekey", "signingkey"];

/// A body as it is logged.
pub(super) fn kept(bytes: &[u8]) -> String {
    if bytes.len() > PARSED_BYTES_MAX {
        return json!({"__knock_truncated__": true}).to_string();
    }
    match serde_json::from_slice::<Value>(bytes) {
        Ok(mut value) => {
            redact(&mut value);
            truncate(value).to_string()
        }
        // What is no JSON may hold a secret anywhere.
        Err(_) => Value::from(TRUNCATED).to_string(),
    }
}

/// A path with its query, the values of telling names hidden.
pub(super) fn path(text: &str) -> String {
    let Some((path, query)) = text.split_once('?') else { return text.to_owned() };
    let pairs: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if is_secret(&percent_decode_str(name).decode_utf8_lossy()) => {
                format!("{name}={REDACTED}")
            }
            _ => pair.to_owned(),
        })
        .collect();
    format!("{path}?{}", pairs.join("&"))
}

/// `access_token`, `apiKey`, `tokens`, … References to the object that keeps a token are none.
fn is_secret(name: &str) -> bool {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word)) && !name.contains("tokenobject")
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                if is_secret(name) {
                    hide(value);
                } else if name == "incoming_webhook" {
                    hide_url(value);
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(redact),
        _ => {}
    }
}

/// Nothing and switches are no secrets.
fn hide(value: &mut Value) {
    if !matches!(value, Value::Null | Value::Bool(_)) {
        *value = REDACTED.into();
    }
}

fn hide_url(hook: &mut Value) {
    match hook.get_mut("url") {
        Some(Value::String(url)) => *url = webhook_url(url),
        _ => hide(hook),
    }
}

/// A logged body for readers of an environment that hides personal data: keys stay, values go (delivery.md R13.3).
pub(crate) fn obfuscated(body: Value) -> Value {
    const HIDDEN: &str = "[OBFUSCATED]";
    match body {
        Value::Null => Value::Null,
        Value::Object(map) => {
            map.into_iter().map(|(name, _)| (name, HIDDEN.into())).collect::<Map<String, Value>>().into()
        }
        _ => HIDDEN.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_kept() {
        let hook = "https://hooks.slack.com/services/T/B/s3cret";
        for (body, want) in [
            (json!({"data": {"token": {"access_token": "s3cret"}}}), json!({"data": {"token": REDACTED}})),
            (json!({"data": {"tokens": ["s3cret"]}}), json!({"data": {"tokens": REDACTED}})),
            (
                json!({"connections": [{"incoming_webhook": {"url": hook}}]}),
                json!({"connections": [{"incoming_webhook": {"url": "https://hooks.slack.com/[REDACTED]"}}]}),
            ),
            (
                json!({"api_key": "s3cret", "apiKey": "s3cret"}),
                json!({"api_key": REDACTED, "apiKey": REDACTED}),
            ),
            (json!({"key": "welcome", "token": null}), json!({"key": "welcome", "token": null})),
            (json!({"token_deregistration": true}), json!({"token_deregistration": true})),
            (
                json!({"Password": 7, "n": [{"client-secret": "x"}]}),
                json!({"Password": REDACTED, "n": [{"client-secret": REDACTED}]}),
            ),
        ] {
            let found = kept(body.to_string().as_bytes());
            assert_eq!(serde_json::from_str::<Value>(&found).unwrap(), want, "{body}");
            assert!(!found.contains("s3cret"), "{found}");
        }
        assert_eq!(kept(b"{\"password\": s3cret"), "\"[TRUNCATED]\"");
        assert_eq!(path("/v1/users?access_token=x&a=1"), "/v1/users?access_token=[REDACTED]&a=1");
        assert_eq!(path("/v1/p?access_token_object=x"), "/v1/p?access_token_object=x");
        assert_eq!(path("/v1/users"), "/v1/users");
    }

    #[test]
    fn long_bodies_are_cut_at_the_top_level() {
        let found: Value =
            serde_json::from_str(&kept(json!({"a": "x".repeat(1_025), "b": 1}).to_string().as_bytes()))
                .unwrap();
        assert_eq!(found, json!({"a": TRUNCATED, "b": 1}));
        let huge = json!({"a": "x".repeat(PARSED_BYTES_MAX)}).to_string();
        assert_eq!(kept(huge.as_bytes()), r#"{"__knock_truncated__":true}"#);
    }

    #[test]
    fn personal_data_is_hidden_one_level_deep() {
        for (body, want) in [
            (
                json!({"name": "Ada", "more": {"a": 1}}),
                json!({"name": "[OBFUSCATED]", "more": "[OBFUSCATED]"}),
            ),
            (json!([1, 2]), json!("[OBFUSCATED]")),
            (Value::Null, Value::Null),
        ] {
            assert_eq!(obfuscated(body), want);
        }
    }
}
