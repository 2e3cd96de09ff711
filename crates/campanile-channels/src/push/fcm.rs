//! Firebase Cloud Messaging, HTTP v1. Data values are flat strings; requests carry an OAuth token of Google.

use campanile_core::time::Micros;
use campanile_core::workflow::ChannelType;
use serde_json::{Map, Value, json};

use crate::delivery::{BuildError, Delivery};
use crate::exchange::{HttpAnswer, HttpRequest, path_segment};
use crate::message::PushMessage;
use crate::outcome::{self, Outcome, Reply};
use crate::overrides;
use crate::registry::{Connector, Provider};
use crate::setting::{Kind, Setting};

const BASE: &str = "https://fcm.googleapis.com";
/// What Google takes of notification and data together.
const PAYLOAD_BYTES_MAX: usize = 4096;
/// The least wait after an exceeded quota.
const QUOTA_WAIT: Micros = Micros::seconds(60);
const MESSAGE_ID: &str = "knock_message_id";

/// See the module.
pub const PROVIDER: Provider = Provider {
    key: "push_fcm",
    name: "Firebase",
    channel_type: ChannelType::Push,
    settings: &[Setting::text("project_id"), Setting::secret("service_account_json").kind(Kind::Object)],
    timeout_seconds: 30,
    connector: Connector::Push { build, classify, token: Some(super::token_request) },
};

fn build(push: &PushMessage, delivery: &Delivery<'_>) -> Result<HttpRequest, BuildError> {
    let project = delivery.required("project_id")?;
    let token = delivery.required_token()?;
    let mut message = Map::new();
    message.insert("token".into(), push.token.clone().into());
    if !push.silent {
        message.insert("notification".into(), json!({"title": push.title, "body": push.body}));
    }
    message.insert("data".into(), Value::Object(flat(&push.data)));

    let mut more = overrides::object(delivery.overrides)?;
    if let Some(Value::Object(data)) = more.get_mut("data") {
        let removed: Vec<String> =
            data.iter().filter(|(_, value)| value.is_null()).map(|(key, _)| key.clone()).collect();
        let mut flattened = flat(data);
        flattened.extend(removed.into_iter().map(|key| (key, Value::Null)));
        *data = flattened;
    }
    overrides::merge_push(&mut message, more);

    // Kept whatever the overrides replaced, unless they name it themselves (R2.9).
    let data = message.entry("data").or_insert_with(|| Value::Object(Map::new()));
    match data {
        Value::Object(data) => {
            data.retain(|_, value| !value.is_null());
            data.entry(MESSAGE_ID).or_insert_with(|| delivery.message_id.into());
        }
        _ => return Err(BuildError::Overrides),
    }
    let size = |key: &str| message.get(key).map_or(0, |value| value.to_string().len());
    let bytes = size("notification") + size("data");
    if bytes > PAYLOAD_BYTES_MAX {
        return Err(BuildError::TooLarge { bytes, bytes_max: PAYLOAD_BYTES_MAX });
    }
    let url = delivery.url(BASE, &format!("/v1/projects/{}/messages:send", path_segment(&project)));
    Ok(HttpRequest::post(url).with_bearer(&token).with_json(&json!({"message": message})))
}

/// Trigger data as FCM takes it: nested keys joined by dots, every value a string, reserved names dropped.
fn flat(data: &Map<String, Value>) -> Map<String, Value> {
    let mut flat = Map::new();
    for (key, value) in data {
        flatten(key.clone(), value, &mut flat);
    }
    flat.retain(|key, _| {
        !(matches!(key.as_str(), "from" | "message_type" | MESSAGE_ID)
            || key.starts_with("google.")
            || key.starts_with("gcm."))
    });
    if let Some(Value::String(id)) = data.get(MESSAGE_ID) {
        flat.insert(MESSAGE_ID.into(), id.clone().into());
    }
    flat
}

fn flatten(path: String, value: &Value, into: &mut Map<String, Value>) {
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| flatten(format!("{path}.{key}"), value, into));
        }
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(n, value)| flatten(format!("{path}.{n}"), value, into));
        }
        scalar => {
            into.insert(path, overrides::as_text(scalar).into());
        }
    }
}

fn classify(push: &PushMessage, reply: Reply<'_>) -> Outcome {
    let Ok(answer) = reply.result else { return outcome::by_default(reply) };
    let body = answer.json();
    if answer.is_success() {
        return Outcome::Sent { external_id: body["name"].as_str().map(str::to_owned) };
    }
    let code = error_code(&body);
    let reason = format!("FCM {code}: {}", body["error"]["message"].as_str().unwrap_or_default());
    let bounce = || Outcome::Bounce { reason: reason.clone(), token: Some(push.token.clone()) };
    match code {
        "UNREGISTERED" | "SENDER_ID_MISMATCH" => bounce(),
        "INVALID_ARGUMENT" if blames_the_token(&body) => bounce(),
        "INVALID_ARGUMENT" | "THIRD_PARTY_AUTH_ERROR" | "PERMISSION_DENIED" => Outcome::fatal(reason),
        "QUOTA_EXCEEDED" => Outcome::Retry { reason, retry_after: Some(quota_wait(answer, reply)) },
        "INTERNAL" | "UNAVAILABLE" => {
            Outcome::Retry { reason, retry_after: outcome::retry_after(answer, reply.now) }
        }
        _ => outcome::by_default(reply),
    }
}

fn quota_wait(answer: &HttpAnswer, reply: Reply<'_>) -> Micros {
    outcome::retry_after(answer, reply.now).unwrap_or(QUOTA_WAIT)
}

fn details(body: &Value) -> impl Iterator<Item = &Value> {
    body["error"]["details"].as_array().into_iter().flatten()
}

fn is_type(detail: &Value, name: &str) -> bool {
    detail["@type"].as_str().is_some_and(|kind| kind.ends_with(name))
}

/// `errorCode` of the FCM detail, else the general status.
fn error_code(body: &Value) -> &str {
    details(body)
        .find(|detail| is_type(detail, "FcmError"))
        .and_then(|detail| detail["errorCode"].as_str())
        .or_else(|| body["error"]["status"].as_str())
        .unwrap_or_default()
}

/// An invalid argument is the token's fault only when no field of the request is named (R11.8).
fn blames_the_token(body: &Value) -> bool {
    details(body).any(|detail| is_type(detail, "FcmError"))
        && !details(body).any(|detail| {
            is_type(detail, "BadRequest")
                && detail["fieldViolations"].as_array().is_some_and(|fields| !fields.is_empty())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests::answer;
    use crate::setting::Settings;
    use campanile_core::time::Timestamp;

    fn request(push: &PushMessage, over: Option<Value>) -> Result<HttpRequest, BuildError> {
        let settings: Settings = json!({"project_id":"p-1"}).as_object().cloned().unwrap();
        let delivery = Delivery {
            access_token: Some("ya29"),
            overrides: over.as_ref(),
            ..Delivery::new("m1", &settings, Timestamp(0))
        };
        build(push, &delivery)
    }

    fn push(data: Value, silent: bool) -> PushMessage {
        PushMessage {
            token: "tok".into(),
            title: "T".into(),
            body: "B".into(),
            data: data.as_object().cloned().unwrap(),
            silent,
        }
    }

    #[test]
    fn builds() {
        for (push, over, want) in [
            (
                push(json!({"o":{"id":7,"tags":["a","b"],"ok":true}}), false),
                None,
                json!({"token":"tok","notification":{"title":"T","body":"B"},
                    "data":{"o.id":"7","o.tags.0":"a","o.tags.1":"b","o.ok":"true","knock_message_id":"m1"}}),
            ),
            (
                push(json!({"n":null,"e":{},"l":[],"from":"x","google.a":"x","gcm":{"b":1},"f":1.5}), true),
                None,
                json!({"token":"tok","data":{"n":"","f":"1.5","knock_message_id":"m1"}}),
            ),
            (
                push(json!({"a":1}), false),
                Some(
                    json!({"data":{"b":{"c":false}},"android":{"priority":"high"},"notification":{"body":null}}),
                ),
                json!({"token":"tok","notification":{"title":"T"},"android":{"priority":"high"},
                    "data":{"a":"1","b.c":"false","knock_message_id":"m1"}}),
            ),
            (
                push(json!({"a":1}), true),
                Some(json!({"__strategy__":"replace","data":{"b":2}})),
                json!({"token":"tok","data":{"b":"2","knock_message_id":"m1"}}),
            ),
        ] {
            let request = request(&push, over).unwrap();
            assert_eq!(request.url, "https://fcm.googleapis.com/v1/projects/p-1/messages:send");
            assert_eq!(request.header("authorization"), Some("Bearer ya29"));
            assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), json!({"message": want}));
        }
    }

    #[test]
    fn refuses_what_google_would() {
        let large = push(json!({"a": "x".repeat(5000)}), false);
        assert!(matches!(request(&large, None), Err(BuildError::TooLarge { bytes_max: 4096, .. })));
        assert_eq!(request(&push(json!({}), false), Some(json!("x"))), Err(BuildError::Overrides));
        assert_eq!(request(&push(json!({}), false), Some(json!({"data":"x"}))), Err(BuildError::Overrides));
        let settings = Settings::new();
        let shown = Delivery { sandbox: true, ..Delivery::new("m1", &settings, Timestamp(0)) };
        let shown = build(&push(json!({}), false), &shown).unwrap();
        assert!(shown.url.contains("/PROJECT_ID/"));
    }

    #[test]
    fn classifies() {
        let fcm = |status: &str, code: &str, fields: bool| {
            let mut details =
                vec![json!({"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":code})];
            if fields {
                details.push(json!({"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"message.data"}]}));
            }
            json!({"error":{"status":status,"message":"m","details":details}}).to_string()
        };
        let bounce = |reason: &str| Outcome::Bounce { reason: reason.into(), token: Some("tok".into()) };
        for (status, body, want) in [
            (200, r#"{"name":"projects/p/messages/1"}"#.into(), Outcome::sent("projects/p/messages/1")),
            (404, fcm("NOT_FOUND", "UNREGISTERED", false), bounce("FCM UNREGISTERED: m")),
            (403, fcm("PERMISSION_DENIED", "SENDER_ID_MISMATCH", false), bounce("FCM SENDER_ID_MISMATCH: m")),
            (400, fcm("INVALID_ARGUMENT", "INVALID_ARGUMENT", false), bounce("FCM INVALID_ARGUMENT: m")),
            (
                400,
                fcm("INVALID_ARGUMENT", "INVALID_ARGUMENT", true),
                Outcome::fatal("FCM INVALID_ARGUMENT: m"),
            ),
            (
                400,
                json!({"error":{"status":"INVALID_ARGUMENT","message":"m"}}).to_string(),
                Outcome::fatal("FCM INVALID_ARGUMENT: m"),
            ),
            (
                401,
                fcm("UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR", false),
                Outcome::fatal("FCM THIRD_PARTY_AUTH_ERROR: m"),
            ),
            (
                403,
                json!({"error":{"status":"PERMISSION_DENIED","message":"m"}}).to_string(),
                Outcome::fatal("FCM PERMISSION_DENIED: m"),
            ),
            (
                429,
                fcm("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", false),
                Outcome::Retry { reason: "FCM QUOTA_EXCEEDED: m".into(), retry_after: Some(QUOTA_WAIT) },
            ),
            (500, fcm("INTERNAL", "INTERNAL", false), Outcome::retry("FCM INTERNAL: m")),
            (503, fcm("UNAVAILABLE", "UNAVAILABLE", false), Outcome::retry("FCM UNAVAILABLE: m")),
            (502, String::new(), Outcome::retry("HTTP 502")),
            (429, String::new(), Outcome::retry("HTTP 429")),
            (404, String::new(), Outcome::fatal("HTTP 404")),
        ] {
            let answer = answer(status, &body);
            let reply = Reply { result: Ok(&answer), now: Timestamp(0) };
            assert_eq!(classify(&push(json!({}), false), reply), want, "{status} {body}");
        }
    }
}
