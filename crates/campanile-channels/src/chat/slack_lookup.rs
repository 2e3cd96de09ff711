//! Finding a Slack user by e-mail address, for recipients without channel data (channels.md R12.1 to R12.4).

use serde_json::{Value, json};

use crate::delivery::Delivery;
use crate::exchange::HttpRequest;
use crate::outcome::{self, Outcome, Reply};

const BASE: &str = "https://slack.com/api";

/// What the look-up found.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// The channel data to store for the user.
    ChannelData(Value),
    /// Nobody has this address: the step is skipped.
    Nobody,
    /// Worth asking again.
    Retry(String),
    /// Slack refuses to say.
    Refused(String),
}

/// Asks with the tenant's token.
pub fn request(email: &str, token: &str, delivery: &Delivery<'_>) -> HttpRequest {
    let query: String = url::form_urlencoded::byte_serialize(email.as_bytes()).collect();
    let url = delivery.url(BASE, &format!("/users.lookupByEmail?email={query}"));
    HttpRequest::new(http::Method::GET, url).with_bearer(token)
}

/// Reads the answer.
pub fn read(reply: Reply<'_>) -> Found {
    let body = reply.result.map_or(Value::Null, |answer| answer.json());
    match (body["ok"].as_bool(), body.pointer("/user/id"), body["error"].as_str()) {
        (Some(true), Some(Value::String(id)), _) => {
            Found::ChannelData(json!({"connections": [{"user_id": id}]}))
        }
        (_, _, Some("users_not_found")) => Found::Nobody,
        (_, _, Some(error)) if super::slack::is_temporary(error) => Found::Retry(format!("Slack: {error}")),
        (_, _, Some(error)) => Found::Refused(format!("Slack: {error}")),
        _ => match outcome::by_default(reply) {
            Outcome::Retry { reason, .. } => Found::Retry(reason),
            Outcome::Fatal { reason } => Found::Refused(reason),
            _ => Found::Retry("Slack: the answer is not what was asked for".into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests::answer;
    use crate::setting::Settings;
    use campanile_core::time::Timestamp;

    #[test]
    fn asks() {
        let settings = Settings::new();
        let request = request("a+b@x.io", "xoxb", &Delivery::new("m1", &settings, Timestamp(0)));
        assert_eq!(request.url, "https://slack.com/api/users.lookupByEmail?email=a%2Bb%40x.io");
        assert_eq!((request.method.as_str(), request.header("authorization")), ("GET", Some("Bearer xoxb")));
    }

    #[test]
    fn reads_every_answer() {
        for (status, body, want) in [
            (
                200,
                r#"{"ok":true,"user":{"id":"U1"}}"#,
                Found::ChannelData(json!({"connections":[{"user_id":"U1"}]})),
            ),
            (200, r#"{"ok":false,"error":"users_not_found"}"#, Found::Nobody),
            (200, r#"{"ok":false,"error":"ratelimited"}"#, Found::Retry("Slack: ratelimited".into())),
            (200, r#"{"ok":false,"error":"missing_scope"}"#, Found::Refused("Slack: missing_scope".into())),
            (503, "", Found::Retry("HTTP 503".into())),
            (404, "", Found::Refused("HTTP 404".into())),
            (200, "{}", Found::Retry("Slack: the answer is not what was asked for".into())),
        ] {
            let answer = answer(status, body);
            assert_eq!(read(Reply { result: Ok(&answer), now: Timestamp(0) }), want, "{status} {body}");
        }
    }
}
