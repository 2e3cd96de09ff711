//! What a channel picker asks of Slack: whether a token works, which channels there are, and to forget the token
//! (channels.md 12.8).

use http::Method;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::slack::BASE;
use crate::delivery::Delivery;
use crate::exchange::{HttpAnswer, HttpRequest, TransportError};

/// Errors after which a token is worth nothing any more.
const DEAD_TOKEN: [&str; 6] = [
    "invalid_auth",
    "not_authed",
    "token_revoked",
    "token_expired",
    "account_inactive",
    "org_login_required",
];

/// Which channels to list.
#[derive(Debug, Clone)]
pub struct ChannelQuery {
    /// From the page before.
    pub cursor: Option<String>,
    /// Channels in one page.
    pub limit: u32,
    /// Without archived ones.
    pub exclude_archived: bool,
    /// Types, separated by commas.
    pub types: String,
    /// For tokens of a whole organisation.
    pub team_id: Option<String>,
}

impl Default for ChannelQuery {
    fn default() -> Self {
        Self {
            cursor: None,
            limit: 200,
            exclude_archived: true,
            types: "public_channel,private_channel".into(),
            team_id: None,
        }
    }
}

/// Asks whether a token works.
pub fn auth_test(token: &str, delivery: &Delivery<'_>) -> HttpRequest {
    HttpRequest::post(delivery.url(BASE, "/auth.test")).with_bearer(token)
}

/// Asks Slack to forget a token.
pub fn auth_revoke(token: &str, delivery: &Delivery<'_>) -> HttpRequest {
    HttpRequest::new(Method::GET, delivery.url(BASE, "/auth.revoke")).with_bearer(token)
}

/// Asks for a page of channels. This method takes no JSON, only a query or a form.
pub fn list_channels(query: &ChannelQuery, token: &str, delivery: &Delivery<'_>) -> HttpRequest {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    pairs.append_pair("limit", &query.limit.to_string());
    pairs.append_pair("exclude_archived", if query.exclude_archived { "true" } else { "false" });
    pairs.append_pair("types", &query.types);
    for (name, value) in [("cursor", &query.cursor), ("team_id", &query.team_id)] {
        if let Some(value) = value {
            pairs.append_pair(name, value);
        }
    }
    let url = delivery.url(BASE, &format!("/conversations.list?{}", pairs.finish()));
    HttpRequest::new(Method::GET, url).with_bearer(token)
}

/// Reads any answer: Slack says in the body whether it did what was asked.
pub fn read(result: Result<&HttpAnswer, &TransportError>) -> Result<Value, Refusal> {
    let answer = result.map_err(|error| Refusal::Unavailable(error.code().into()))?;
    let body = answer.json();
    match (body["ok"].as_bool(), body["error"].as_str()) {
        (Some(true), _) if answer.is_success() => Ok(body),
        _ if answer.status == 429 => Err(Refusal::Throttled),
        (Some(false), Some("ratelimited")) => Err(Refusal::Throttled),
        (Some(false), Some(error)) if super::slack::is_temporary(error) => {
            Err(Refusal::Unavailable(error.to_owned()))
        }
        (Some(false), Some(error)) if answer.status < 500 => Err(Refusal::Refused(error.to_owned())),
        _ => Err(Refusal::Unavailable(format!("HTTP {}", answer.status))),
    }
}

/// True when Slack refused because the token is worth nothing.
pub fn is_dead(error: &str) -> bool {
    DEAD_TOKEN.contains(&error)
}

/// The channels of an answer in the wire's form, and the cursor of the next page.
pub fn channels(body: &Value) -> (Vec<Value>, Option<&str>) {
    let list = body["channels"].as_array().into_iter().flatten();
    let channels = list
        .filter_map(|channel| {
            let text = |name: &str| channel[name].as_str().unwrap_or_default();
            let flag = |name: &str| channel[name].as_bool().unwrap_or(false);
            // A conversation with one person has that person in place of a name.
            let name = if text("name").is_empty() { text("user") } else { text("name") };
            (!text("id").is_empty()).then(|| {
                json!({
                    "id": text("id"),
                    "name": name,
                    "is_private": flag("is_private"),
                    "is_im": flag("is_im"),
                    "context_team_id": text("context_team_id"),
                })
            })
        })
        .collect();
    let cursor = body.pointer("/response_metadata/next_cursor").and_then(Value::as_str);
    (channels, cursor.filter(|cursor| !cursor.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests::answer;
    use crate::setting::Settings;
    use campanile_core::time::Timestamp;

    #[test]
    fn asks_as_slack_documents() {
        let settings = Settings::new();
        let delivery = Delivery::new("", &settings, Timestamp(0));
        let query =
            ChannelQuery { cursor: Some("dXNl=".into()), team_id: Some("T1".into()), ..Default::default() };
        let page = "https://slack.com/api/conversations.list?limit=200&exclude_archived=true\
                    &types=public_channel%2Cprivate_channel&cursor=dXNl%3D&team_id=T1";
        for (request, method, url) in [
            (auth_test("xoxb", &delivery), "POST", "https://slack.com/api/auth.test"),
            (auth_revoke("xoxb", &delivery), "GET", "https://slack.com/api/auth.revoke"),
            (list_channels(&query, "xoxb", &delivery), "GET", page),
        ] {
            assert_eq!((request.method.as_str(), request.url.as_str()), (method, url));
            assert_eq!(request.header("authorization"), Some("Bearer xoxb"));
        }
    }

    #[test]
    fn reads_every_answer() {
        let refused = |error: &str| Err(Refusal::Refused(error.into()));
        let away = |why: &str| Err(Refusal::Unavailable(why.into()));
        for (status, body, want) in [
            (200, r#"{"ok":true}"#, Ok(json!({"ok": true}))),
            (200, r#"{"ok":false,"error":"invalid_auth"}"#, refused("invalid_auth")),
            (200, r#"{"ok":false,"error":"ratelimited"}"#, Err(Refusal::Throttled)),
            (429, "", Err(Refusal::Throttled)),
            (200, r#"{"ok":false,"error":"internal_error"}"#, away("internal_error")),
            (503, "", away("HTTP 503")),
            (200, "<html>", away("HTTP 200")),
        ] {
            assert_eq!(read(Ok(&answer(status, body))), want, "{status} {body}");
        }
        assert_eq!(read(Err(&TransportError::Dns("x".into()))), away("dns_error"));
        assert!(is_dead("token_revoked") && !is_dead("missing_scope"));
    }

    #[test]
    fn channels_have_the_wire_s_form() {
        let body = json!({
            "channels": [
                {"id": "C1", "name": "general", "is_private": false, "is_im": false, "context_team_id": "T1", "topic": {}},
                {"id": "D1", "user": "U1", "is_im": true},
                {"name": "no id"},
            ],
            "response_metadata": {"next_cursor": "abc"},
        });
        let (list, cursor) = channels(&body);
        assert_eq!(
            list,
            [
                json!({"id": "C1", "name": "general", "is_private": false, "is_im": false, "context_team_id": "T1"}),
                json!({"id": "D1", "name": "U1", "is_private": false, "is_im": true, "context_team_id": ""}),
            ]
        );
        assert_eq!(cursor, Some("abc"));
        assert_eq!(channels(&json!({"response_metadata": {"next_cursor": ""}})), (vec![], None));
    }
}
