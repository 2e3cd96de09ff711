//! Slack: a bot posts with a token, or an incoming webhook takes the text. HTTP 200 alone is no success.

use campanile_core::workflow::ChannelType;
use serde_json::{Map, Value};

use super::mrkdwn;
use crate::delivery::{BuildError, Delivery};
use crate::exchange::HttpRequest;
use crate::message::{ChatMessage, ChatTemplate};
use crate::outcome::{self, Outcome, Reply};
use crate::registry::{Connector, Provider};
use crate::setting::{Kind, Required, Setting};

pub(super) const BASE: &str = "https://slack.com/api";
/// Blocks of one message.
const BLOCKS_MAX: usize = 50;
/// Errors that pass.
const TEMPORARY: [&str; 6] = [
    "ratelimited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
];

/// See the module. The app's own settings serve OAuth only; each connection brings its token.
pub const PROVIDER: Provider = Provider {
    key: "chat_slack",
    name: "Slack",
    channel_type: ChannelType::Chat,
    settings: &[
        Setting::text("app_id").required(Required::Never),
        Setting::text("client_id").required(Required::Never),
        Setting::secret("client_secret").required(Required::Never),
        Setting::text("email_based_user_id_resolution").kind(Kind::Flag).required(Required::Never),
        Setting::text("link_tracking").kind(Kind::Flag).required(Required::Never),
    ],
    timeout_seconds: 30,
    connector: Connector::Chat { build, classify, token: None },
};

fn build(chat: &ChatMessage, delivery: &Delivery<'_>) -> Result<HttpRequest, BuildError> {
    let mut body = body(&chat.template)?;
    if let Some(url) = chat.connection.pointer("/incoming_webhook/url") {
        return webhook(url, &body, delivery);
    }
    let text = |key: &str| chat.connection.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let channel = match text("channel_id").or(text("user_id")) {
        Some(id) => id.to_owned(),
        None if delivery.sandbox => delivery.placeholder("channel_id")?,
        None => {
            return Err(BuildError::invalid("connection", "it names no channel, user or incoming webhook"));
        }
    };
    let token = match text("access_token") {
        Some(token) => token.to_owned(),
        None => delivery.placeholder("access_token")?,
    };
    body.insert("channel".into(), channel.into());
    if let Some(parent) = &chat.reply_to {
        body.insert("thread_ts".into(), parent.as_str().into());
    }
    Ok(HttpRequest::post(delivery.url(BASE, "/chat.postMessage")).with_bearer(&token).with_json(&body))
}

fn webhook(
    url: &Value,
    body: &Map<String, Value>,
    delivery: &Delivery<'_>,
) -> Result<HttpRequest, BuildError> {
    let not_https = || BuildError::invalid("connection", "its incoming webhook is no https URL");
    let mut url = url::Url::parse(url.as_str().unwrap_or_default()).map_err(|_| not_https())?;
    if let Some(base) = delivery.setting("base_url") {
        url = url::Url::parse(&format!("{}{}", base.trim_end_matches('/'), url.path()))
            .map_err(|_| not_https())?;
    }
    if url.scheme() != "https" && !(url.scheme() == "http" && delivery.allow_private_addresses) {
        return Err(not_https());
    }
    let mut request = HttpRequest::post(url).with_json(body);
    request.guarded = true;
    Ok(request)
}

/// JSON templates are the body themselves, with the summary as its text for device notifications.
fn body(template: &ChatTemplate) -> Result<Map<String, Value>, BuildError> {
    let mut body = Map::new();
    match &template.json_content {
        Some(Value::Object(map)) => {
            check_blocks(map)?;
            body = map.clone();
            if let (None, Some(summary)) = (body.get("text"), &template.summary) {
                body.insert("text".into(), summary.as_str().into());
            }
        }
        None | Some(Value::Null) => {
            let blocks = template.blocks.iter().flatten();
            let texts: Vec<String> = blocks
                .map(|block| match block.kind.as_str() {
                    "text" => {
                        let mut escaped = String::new();
                        mrkdwn::escape(&block.content, &mut escaped);
                        escaped
                    }
                    _ => mrkdwn::from_markdown(&block.content),
                })
                .collect();
            body.insert("text".into(), texts.join("\n\n").into());
        }
        Some(_) => return Err(BuildError::invalid("template", "its JSON is not an object")),
    }
    Ok(body)
}

/// What Slack would answer with `invalid_blocks`, which names no place.
fn check_blocks(body: &Map<String, Value>) -> Result<(), BuildError> {
    let wrong = |why: String| BuildError::invalid("template", why);
    let blocks = match body.get("blocks") {
        None => return Ok(()),
        Some(Value::Array(blocks)) => blocks,
        Some(_) => return Err(wrong("blocks is not an array".into())),
    };
    if blocks.len() > BLOCKS_MAX {
        return Err(wrong(format!("blocks has {} elements, Slack takes {BLOCKS_MAX}", blocks.len())));
    }
    match blocks.iter().position(|block| !block["type"].is_string()) {
        Some(index) => Err(wrong(format!("blocks[{index}] has no type"))),
        None => Ok(()),
    }
}

fn classify(chat: &ChatMessage, reply: Reply<'_>) -> Outcome {
    let Ok(answer) = reply.result else { return outcome::by_default(reply) };
    if chat.connection.get("incoming_webhook").is_some_and(|hook| !hook.is_null()) {
        return match outcome::by_default(reply) {
            Outcome::Sent { .. } if answer.text().trim() != "ok" => {
                Outcome::fatal(format!("Slack: {}", short(&answer.text())))
            }
            Outcome::Fatal { reason } if !answer.body.is_empty() => {
                Outcome::fatal(format!("{reason}: {}", short(&answer.text())))
            }
            other => other,
        };
    }
    let body = answer.json();
    match (body["ok"].as_bool(), body["error"].as_str()) {
        _ if answer.status == 429 => outcome::by_default(reply),
        (Some(true), _) if answer.is_success() => {
            Outcome::Sent { external_id: body["ts"].as_str().map(str::to_owned) }
        }
        (Some(false), Some(error)) if is_temporary(error) => Outcome::Retry {
            reason: format!("Slack: {error}"),
            retry_after: outcome::retry_after(answer, reply.now),
        },
        (Some(false), Some(error)) if answer.status < 500 => Outcome::fatal(format!("Slack: {error}")),
        // A 200 that is not Slack's JSON comes from something between us and Slack.
        _ if answer.is_success() => Outcome::retry("Slack: the answer is not JSON"),
        _ => outcome::by_default(reply),
    }
}

/// True for errors that pass.
pub(super) fn is_temporary(error: &str) -> bool {
    TEMPORARY.contains(&error)
}

fn short(text: &str) -> String {
    text.trim().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ChatBlock;
    use crate::outcome::tests::answer;
    use crate::setting::Settings;
    use campanile_core::time::{Micros, Timestamp};
    use serde_json::json;

    fn markdown(content: &str) -> ChatTemplate {
        let block = ChatBlock { kind: "markdown".into(), name: "body".into(), content: content.into() };
        ChatTemplate { blocks: Some(vec![block]), ..Default::default() }
    }

    fn chat(connection: Value, template: ChatTemplate) -> ChatMessage {
        ChatMessage { connection, template, ..Default::default() }
    }

    fn request(chat: &ChatMessage, sandbox: bool) -> Result<HttpRequest, BuildError> {
        let settings = Settings::new();
        build(chat, &Delivery { sandbox, ..Delivery::new("m1", &settings, Timestamp(0)) })
    }

    #[test]
    fn builds() {
        let native = ChatTemplate {
            json_content: Some(json!({"blocks":[{"type":"divider"}]})),
            summary: Some("S".into()),
            ..Default::default()
        };
        let hook = "https://hooks.slack.com/services/T/B/x";
        for (connection, template, url, token, want) in [
            (
                json!({"channel_id":"C1","user_id":"U1","access_token":"xoxb"}),
                markdown("**hi** <you>"),
                "https://slack.com/api/chat.postMessage",
                Some("Bearer xoxb"),
                json!({"channel":"C1","text":"*hi* &lt;you&gt;"}),
            ),
            (
                json!({"user_id":"U1","access_token":"xoxb"}),
                native.clone(),
                "https://slack.com/api/chat.postMessage",
                Some("Bearer xoxb"),
                json!({"channel":"U1","text":"S","blocks":[{"type":"divider"}]}),
            ),
            (json!({"incoming_webhook":{"url":hook}}), markdown("hi"), hook, None, json!({"text":"hi"})),
        ] {
            let request = request(&chat(connection, template), false).unwrap();
            assert_eq!(request.url, url);
            assert_eq!(request.header("authorization"), token);
            assert_eq!(request.guarded, token.is_none());
            assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), want);
        }
        let mut reply = chat(json!({"channel_id":"C1","access_token":"x"}), markdown("hi"));
        reply.reply_to = Some("1.2".into());
        let body = request(&reply, false).unwrap().body;
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["thread_ts"], "1.2");
    }

    #[test]
    fn blocks_are_checked_before_slack_sees_them() {
        let divider = json!({"type": "divider"});
        for (json, want) in [
            (json!({"blocks": [divider]}), None),
            (json!({"text": "x"}), None),
            (json!({"blocks": {}}), Some("blocks is not an array")),
            (json!({"blocks": [divider, {"text": "x"}]}), Some("blocks[1] has no type")),
            (json!({"blocks": ["x"]}), Some("blocks[0] has no type")),
            (json!({"blocks": vec![divider.clone(); 51]}), Some("blocks has 51 elements, Slack takes 50")),
            (json!([divider]), Some("its JSON is not an object")),
        ] {
            let template = ChatTemplate { json_content: Some(json.clone()), ..Default::default() };
            let told = request(&chat(json!({"channel_id":"C1","access_token":"x"}), template), false).err();
            assert_eq!(told, want.map(|why| BuildError::invalid("template", why)), "{json}");
        }
    }

    #[test]
    fn needs_a_destination_and_a_token() {
        for connection in [
            json!({}),
            json!({"access_token":"x"}),
            json!({"incoming_webhook":{"url":"http://hooks.slack.com/x"}}),
        ] {
            let error = request(&chat(connection.clone(), markdown("hi")), false).unwrap_err();
            assert!(matches!(error, BuildError::Invalid { what: "connection", .. }), "{connection}");
        }
        let no_token = chat(json!({"channel_id":"C1"}), markdown("hi"));
        assert_eq!(request(&no_token, false), Err(BuildError::MissingSetting("access_token")));
        assert_eq!(request(&no_token, true).unwrap().header("authorization"), Some("Bearer ACCESS_TOKEN"));
    }

    #[test]
    fn classifies_the_api() {
        let message = chat(json!({"channel_id":"C1"}), markdown("hi"));
        for (status, body, want) in [
            (200, r#"{"ok":true,"ts":"1.20","channel":"C1"}"#, Outcome::sent("1.20")),
            (200, r#"{"ok":false,"error":"ratelimited"}"#, Outcome::retry("Slack: ratelimited")),
            (200, r#"{"ok":false,"error":"internal_error"}"#, Outcome::retry("Slack: internal_error")),
            (200, r#"{"ok":false,"error":"channel_not_found"}"#, Outcome::fatal("Slack: channel_not_found")),
            (200, r#"{"ok":false,"error":"brand_new"}"#, Outcome::fatal("Slack: brand_new")),
            (200, "<html>", Outcome::retry("Slack: the answer is not JSON")),
            (503, r#"{"ok":false,"error":"whatever"}"#, Outcome::retry("HTTP 503")),
            (403, "", Outcome::fatal("HTTP 403")),
        ] {
            let answer = answer(status, body);
            assert_eq!(
                classify(&message, Reply { result: Ok(&answer), now: Timestamp(0) }),
                want,
                "{status} {body}"
            );
        }
        let mut slow = answer(429, "");
        slow.headers.push(("Retry-After".into(), "30".into()));
        let want = Outcome::Retry { reason: "HTTP 429".into(), retry_after: Some(Micros::seconds(30)) };
        assert_eq!(classify(&message, Reply { result: Ok(&slow), now: Timestamp(0) }), want);
    }

    #[test]
    fn classifies_incoming_webhooks() {
        let message = chat(json!({"incoming_webhook":{"url":"u"}}), markdown("hi"));
        for (status, body, want) in [
            (200, "ok", Outcome::Sent { external_id: None }),
            (200, "no_text", Outcome::fatal("Slack: no_text")),
            (400, "invalid_payload", Outcome::fatal("HTTP 400: invalid_payload")),
            (403, "", Outcome::fatal("HTTP 403")),
            (410, "channel_is_archived", Outcome::fatal("HTTP 410: channel_is_archived")),
            (429, "", Outcome::retry("HTTP 429")),
            (500, "x", Outcome::retry("HTTP 500")),
        ] {
            let answer = answer(status, body);
            assert_eq!(
                classify(&message, Reply { result: Ok(&answer), now: Timestamp(0) }),
                want,
                "{status} {body}"
            );
        }
    }
}
