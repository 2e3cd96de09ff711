//! Microsoft Teams: a bot starts a thread in a channel through the Bot Framework, or a webhook takes a card
//! (channels.md 12.5). Direct messages need two calls that depend on each other and are refused with that reason.

use campanile_core::workflow::ChannelType;
use serde_json::{Value, json};

use crate::delivery::{BuildError, Delivery};
use crate::exchange::{HttpRequest, path_segment};
use crate::message::{ChatMessage, ChatTemplate};
use crate::outcome::{self, Outcome, Reply};
use crate::registry::{Connector, Provider};
use crate::setting::{Kind, Required, Setting};

const LOGIN: &str = "https://login.microsoftonline.com";
const SERVICE: &str = "https://smba.trafficmanager.net/teams";
const SCOPE: &str = "https://api.botframework.com/.default";
/// The tenant in whose name a bot of many tenants signs in.
const MULTI_TENANT: &str = "botframework.com";
const CARD: &str = "application/vnd.microsoft.card.adaptive";

/// See the module. Without a bot, connections by webhook still work, so no setting is required.
pub const PROVIDER: Provider = Provider {
    key: "chat_ms_teams",
    name: "Microsoft Teams",
    channel_type: ChannelType::Chat,
    settings: &[
        Setting::text("bot_type")
            .kind(Kind::OneOf(&["single_tenant", "multi_tenant"]))
            .required(Required::Never),
        Setting::text("entra_tenant_id").required(Required::When("bot_type", "single_tenant")),
        Setting::text("bot_id").required(Required::Never),
        Setting::secret("bot_password").required(Required::Never),
        Setting::text("graph_api_client_id").required(Required::Never),
        Setting::secret("graph_api_client_secret").required(Required::Never),
        Setting::text("link_tracking").kind(Kind::Flag).required(Required::Never),
    ],
    timeout_seconds: 30,
    connector: Connector::Chat { build, classify, token: Some(token_request) },
};

fn token_request(delivery: &Delivery<'_>) -> Result<HttpRequest, BuildError> {
    let tenant = match delivery.setting("bot_type").as_deref() {
        Some("single_tenant") => delivery.required("entra_tenant_id")?,
        _ => MULTI_TENANT.to_owned(),
    };
    let path = format!("/{}/oauth2/v2.0/token", path_segment(&tenant));
    Ok(HttpRequest::post(delivery.url(LOGIN, &path)).with_form(&[
        ("grant_type".into(), "client_credentials".into()),
        ("client_id".into(), delivery.required("bot_id")?),
        ("client_secret".into(), delivery.required("bot_password")?),
        ("scope".into(), SCOPE.into()),
    ]))
}

fn build(chat: &ChatMessage, delivery: &Delivery<'_>) -> Result<HttpRequest, BuildError> {
    if let Some(url) = chat.connection.pointer("/incoming_webhook/url") {
        return webhook(url, &chat.template, delivery);
    }
    let text = |key: &str| chat.connection.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let invalid = |why: &str| BuildError::invalid("connection", why);
    let channel = match text("ms_teams_channel_id") {
        Some(id) => id.to_owned(),
        None if delivery.sandbox => delivery.placeholder("ms_teams_channel_id")?,
        None if text("ms_teams_user_id").is_some() => {
            return Err(invalid("direct messages to ms_teams_user_id are not available in this version"));
        }
        None => return Err(invalid("it names no channel and no incoming webhook")),
    };
    let tenant = match text("ms_teams_tenant_id") {
        Some(id) => id.to_owned(),
        None if delivery.sandbox => delivery.placeholder("ms_teams_tenant_id")?,
        None => return Err(invalid("neither it nor the tenant names an ms_teams_tenant_id")),
    };
    let body = json!({
        "isGroup": true,
        "bot": {"id": delivery.required("bot_id")?},
        "tenantId": tenant,
        "channelData": {"channel": {"id": channel}, "tenant": {"id": tenant}},
        "activity": activity(&chat.template)?,
    });
    let token = delivery.required_token()?;
    Ok(HttpRequest::post(delivery.url(SERVICE, "/v3/conversations")).with_bearer(&token).with_json(&body))
}

/// JSON templates are the activity themselves; Markdown is sent as Teams' own kind of it.
fn activity(template: &ChatTemplate) -> Result<Value, BuildError> {
    match &template.json_content {
        Some(Value::Object(map)) => Ok(Value::Object(map.clone())),
        None | Some(Value::Null) => {
            Ok(json!({"type": "message", "text": markdown(template), "textFormat": "markdown"}))
        }
        Some(_) => Err(BuildError::invalid("template", "its JSON is not an object")),
    }
}

fn markdown(template: &ChatTemplate) -> String {
    let blocks = template.blocks.iter().flatten();
    blocks.map(|block| block.content.as_str()).collect::<Vec<_>>().join("\n\n")
}

/// A JSON template is posted as it is; Markdown becomes a card of one text, since workflow URLs ignore bare text.
fn webhook(url: &Value, template: &ChatTemplate, delivery: &Delivery<'_>) -> Result<HttpRequest, BuildError> {
    let not_https = || BuildError::invalid("connection", "its incoming webhook is no https URL");
    let mut url = url::Url::parse(url.as_str().unwrap_or_default()).map_err(|_| not_https())?;
    if let Some(base) = delivery.setting("base_url") {
        url = url::Url::parse(&format!("{}{}", base.trim_end_matches('/'), url.path()))
            .map_err(|_| not_https())?;
    }
    if url.scheme() != "https" && !(url.scheme() == "http" && delivery.allow_private_addresses) {
        return Err(not_https());
    }
    let body = match &template.json_content {
        Some(Value::Object(map)) => Value::Object(map.clone()),
        None | Some(Value::Null) => json!({"type": "message", "attachments": [{
            "contentType": CARD,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [{"type": "TextBlock", "text": markdown(template), "wrap": true}],
            },
        }]}),
        Some(_) => return Err(BuildError::invalid("template", "its JSON is not an object")),
    };
    let mut request = HttpRequest::post(url).with_json(&body);
    request.guarded = true;
    Ok(request)
}

fn classify(chat: &ChatMessage, reply: Reply<'_>) -> Outcome {
    let Ok(answer) = reply.result else { return outcome::by_default(reply) };
    let is_webhook = chat.connection.get("incoming_webhook").is_some_and(|hook| !hook.is_null());
    match outcome::by_default(reply) {
        Outcome::Sent { .. } if is_webhook => {
            // Old connectors answer 200 and put what went wrong into the text.
            let text = answer.text();
            match text.split_once("HTTP error ") {
                None => Outcome::Sent { external_id: None },
                Some((_, code)) if code.starts_with("429") => {
                    Outcome::retry("Microsoft Teams: HTTP error 429")
                }
                Some((_, code)) => {
                    let code: String = code.chars().take_while(char::is_ascii_digit).collect();
                    Outcome::fatal(format!("Microsoft Teams: HTTP error {code}"))
                }
            }
        }
        Outcome::Sent { .. } => {
            let body = answer.json();
            let id = body["activityId"].as_str().or(body["id"].as_str()).map(str::to_owned);
            Outcome::Sent { external_id: id }
        }
        Outcome::Fatal { .. } if answer.status == 412 => Outcome::retry(outcome::status_reason(answer)),
        Outcome::Fatal { reason } => match answer.json().pointer("/error/code").and_then(Value::as_str) {
            Some(code) => Outcome::fatal(format!("{reason}: {code}")),
            None => Outcome::fatal(reason),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ChatBlock;
    use crate::outcome::tests::{answer, word};
    use crate::setting::Settings;
    use campanile_core::time::Timestamp;

    fn markdown(content: &str) -> ChatTemplate {
        let block = ChatBlock { kind: "markdown".into(), name: "body".into(), content: content.into() };
        ChatTemplate { blocks: Some(vec![block]), ..Default::default() }
    }

    fn built(connection: Value, template: ChatTemplate) -> Result<HttpRequest, BuildError> {
        let settings: Settings = json!({"bot_id": "B"}).as_object().cloned().unwrap();
        let chat = ChatMessage { connection, template, ..Default::default() };
        let mut delivery = Delivery::new("m1", &settings, Timestamp(0));
        delivery.access_token = Some("T");
        build(&chat, &delivery)
    }

    #[test]
    fn a_bot_starts_a_thread() {
        let connection = json!({"ms_teams_channel_id": "19:x@thread.tacv2", "ms_teams_tenant_id": "t1"});
        let request = built(connection, markdown("**Hi**")).unwrap();
        assert_eq!(request.url, "https://smba.trafficmanager.net/teams/v3/conversations");
        assert_eq!(request.header("authorization"), Some("Bearer T"));
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(
            body,
            json!({
                "isGroup": true, "bot": {"id": "B"}, "tenantId": "t1",
                "channelData": {"channel": {"id": "19:x@thread.tacv2"}, "tenant": {"id": "t1"}},
                "activity": {"type": "message", "text": "**Hi**", "textFormat": "markdown"},
            })
        );
        for (connection, why) in [
            (json!({"ms_teams_user_id": "29:x", "ms_teams_tenant_id": "t1"}), "direct messages"),
            (json!({"ms_teams_channel_id": "19:x"}), "ms_teams_tenant_id"),
            (json!({"ms_teams_channel_id": null}), "no channel"),
        ] {
            let refused = built(connection.clone(), markdown("x")).unwrap_err().to_string();
            assert!(refused.contains(why), "{connection}: {refused}");
        }
    }

    #[test]
    fn a_webhook_takes_a_card() {
        let hook = json!({"incoming_webhook": {"url": "https://x.logic.azure.com/workflows/1"}});
        let request = built(hook.clone(), markdown("Hi")).unwrap();
        assert!(request.guarded && request.header("authorization").is_none());
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body.pointer("/attachments/0/content/body/0/text"), Some(&json!("Hi")));
        let native = ChatTemplate { json_content: Some(json!({"text": "as it is"})), ..Default::default() };
        assert_eq!(built(hook, native).unwrap().body, br#"{"text":"as it is"}"#);
        let plain = json!({"incoming_webhook": {"url": "http://x.test"}});
        assert!(built(plain, markdown("x")).is_err());
    }

    #[test]
    fn asks_for_the_bot_s_token() {
        for (settings, url) in [
            (json!({}), "https://login.microsoftonline.com/botframework.com/oauth2/v2.0/token"),
            (
                json!({"bot_type": "single_tenant", "entra_tenant_id": "e1"}),
                "https://login.microsoftonline.com/e1/oauth2/v2.0/token",
            ),
        ] {
            let mut settings = settings.as_object().cloned().unwrap();
            settings.insert("bot_id".into(), "B".into());
            settings.insert("bot_password".into(), "P".into());
            let request = token_request(&Delivery::new("m1", &settings, Timestamp(0))).unwrap();
            assert_eq!(request.url, url);
            assert!(
                String::from_utf8_lossy(&request.body)
                    .contains("scope=https%3A%2F%2Fapi.botframework.com%2F.default")
            );
        }
    }

    #[test]
    fn judges_every_answer() {
        let bot = json!({"ms_teams_channel_id": "c"});
        let hook = json!({"incoming_webhook": {"url": "https://x.test"}});
        for (connection, status, body, want) in [
            (&bot, 201, r#"{"id":"19:x;messageid=1","activityId":"1"}"#, "sent"),
            (&bot, 412, "", "retry"),
            (&bot, 403, r#"{"error":{"code":"ForbiddenOperationException"}}"#, "fatal"),
            (&bot, 404, "", "fatal"),
            (&bot, 502, "", "retry"),
            (&hook, 200, "1", "sent"),
            (&hook, 202, "", "sent"),
            (
                &hook,
                200,
                "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with x",
                "retry",
            ),
            (&hook, 200, "endpoint returned HTTP error 403", "fatal"),
        ] {
            let chat = ChatMessage { connection: connection.clone(), ..Default::default() };
            let answer = answer(status, body);
            let outcome = classify(&chat, Reply { result: Ok(&answer), now: Timestamp(0) });
            assert_eq!(word(&outcome), want, "{status} {body}");
            if status == 201 {
                assert_eq!(outcome, Outcome::sent("1"));
            }
        }
    }
}
