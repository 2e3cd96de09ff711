//! What must not be shown: one list of names for delivery logs, message content and debug output (delivery.md R6.3).

use serde_json::Value;

/// What stands in place of a secret.
pub const REDACTED: &str = "[REDACTED]";
const HEADER_WORDS: [&str; 5] = ["authorization", "apikey", "token", "cookie", "signature"];
const BODY_KEYS: [&str; 6] = ["key", "api_key", "api_secret", "password", "access_token", "auth_token"];
/// Shorter texts are no secrets: replacing them would shred the log.
const SECRET_BYTES_MIN: usize = 4;

/// True for headers that carry credentials.
pub fn is_secret_header(name: &str) -> bool {
    let name: String =
        name.chars().filter(|c| !matches!(c, '-' | '_')).collect::<String>().to_ascii_lowercase();
    HEADER_WORDS.iter().any(|word| name.contains(word))
}

/// True for body and query keys that carry credentials.
pub fn is_secret_key(name: &str) -> bool {
    BODY_KEYS.iter().any(|key| name.eq_ignore_ascii_case(key))
}

/// A secret header's value with only its scheme left: `Bearer [REDACTED]`.
pub fn header_value(value: &str) -> String {
    match value.split_once(' ') {
        Some((scheme, rest)) if !rest.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphabetic()) => {
            format!("{scheme} {REDACTED}")
        }
        _ => REDACTED.to_owned(),
    }
}

/// Replaces the values of secret keys, at any depth.
pub fn body(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if is_secret_key(key) {
                    *value = REDACTED.into();
                } else {
                    body(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(body),
        _ => {}
    }
}

/// A chat connection without its token and with the path of its webhook URL hidden.
pub fn connection(connection: &Value) -> Value {
    let mut shown = connection.clone();
    body(&mut shown);
    if let Some(url) = shown.pointer_mut("/incoming_webhook/url") {
        *url = webhook_url(url.as_str().unwrap_or_default()).into();
    }
    shown
}

/// A query without its question mark, the credentials in it hidden.
pub fn query(text: &str) -> String {
    let pairs: Vec<String> = text
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((key, _)) if is_secret_key(key) || is_secret_header(key) => format!("{key}={REDACTED}"),
            _ => pair.to_owned(),
        })
        .collect();
    pairs.join("&")
}

/// A URL without its user and password and with the credentials in its query hidden.
pub fn url(text: &str) -> String {
    let Ok(mut url) = url::Url::parse(text) else { return text.to_owned() };
    let _ = url.set_password(None);
    let _ = url.set_username("");
    match url.query().map(query) {
        // Put together by hand, since the marks around the word would be encoded.
        Some(query) => {
            format!("{}?{query}{}", &url[..url::Position::AfterPath], &url[url::Position::AfterQuery..])
        }
        None => url.into(),
    }
}

/// A URL that is a secret as a whole, reduced to its host.
pub fn webhook_url(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(url) => format!("{}://{}/{REDACTED}", url.scheme(), url.host_str().unwrap_or_default()),
        Err(_) => REDACTED.to_owned(),
    }
}

/// True for hosts whose URL paths are secrets themselves (Slack, Teams, Discord).
pub fn is_webhook_host(host: &str, path: &str) -> bool {
    host == "hooks.slack.com"
        || host.ends_with(".webhook.office.com")
        || host.ends_with(".logic.azure.com")
        || ((host == "discord.com" || host == "discordapp.com") && path.contains("/webhooks/"))
}

/// Replaces the secrets themselves wherever they occur in a text.
pub fn replace_secrets(text: &str, secrets: &[&str]) -> String {
    secrets
        .iter()
        .filter(|secret| secret.len() >= SECRET_BYTES_MIN)
        .fold(text.to_owned(), |text, secret| text.replace(secret, REDACTED))
}

/// [`replace_secrets`] in every text of a JSON value.
pub fn replace_secrets_in(value: &mut Value, secrets: &[&str]) {
    match value {
        Value::String(text) => *text = replace_secrets(text, secrets),
        Value::Array(values) => values.iter_mut().for_each(|value| replace_secrets_in(value, secrets)),
        Value::Object(map) => map.values_mut().for_each(|value| replace_secrets_in(value, secrets)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn knows_secret_headers() {
        for (name, want) in [
            ("Authorization", true),
            ("X-API-Key", true),
            ("apiKey", true),
            ("X-Postmark-Server-Token", true),
            ("Set-Cookie", true),
            ("x-webhook-signature", true),
            ("Idempotency-Key", false),
            ("Content-Type", false),
        ] {
            assert_eq!(is_secret_header(name), want, "{name}");
        }
    }

    #[test]
    fn keeps_the_scheme_only() {
        for (value, want) in [
            ("Bearer abc", "Bearer [REDACTED]"),
            ("Basic dXNlcjpwYXNz", "Basic [REDACTED]"),
            ("abc", "[REDACTED]"),
            ("t=1,s=a b", "[REDACTED]"),
        ] {
            assert_eq!(header_value(value), want, "{value}");
        }
    }

    #[test]
    fn hides_keys_at_any_depth_and_secrets_by_value() {
        let mut value =
            json!({"key":"k","a":[{"Password":{"x":1},"note":"has hunter22 in it"}],"monkey":"m"});
        body(&mut value);
        replace_secrets_in(&mut value, &["hunter22", "m"]);
        assert_eq!(
            value,
            json!({"key":REDACTED,"a":[{"Password":REDACTED,"note":"has [REDACTED] in it"}],"monkey":"m"})
        );
    }

    #[test]
    fn urls_lose_their_credentials() {
        for (text, want) in [
            ("https://u:p@h.test/a?api_key=x&b=1#f", "https://h.test/a?api_key=[REDACTED]&b=1#f"),
            ("https://h.test/a", "https://h.test/a"),
            ("not a url", "not a url"),
        ] {
            assert_eq!(url(text), want, "{text}");
        }
    }

    #[test]
    fn webhook_urls_keep_their_host() {
        assert_eq!(
            webhook_url("https://hooks.slack.com/services/T/B/x"),
            "https://hooks.slack.com/[REDACTED]"
        );
        assert_eq!(webhook_url("nonsense"), REDACTED);
        assert!(is_webhook_host("discord.com", "/api/webhooks/1/x"));
        assert!(!is_webhook_host("discord.com", "/api/channels/1/messages"));
    }
}
