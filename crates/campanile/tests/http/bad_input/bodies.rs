//! Bodies (api-conventions.md sections 3 and 11).

use std::io::Write as _;

use campanile_api::operations::Operation;
use serde_json::json;

use super::{built, check, method, plausible, rightful};
use crate::kit::on_both;

/// More than the 10 MB that a body may have.
const TOO_LARGE: usize = 11 * 1024 * 1024;
/// Writes that say everything in path and query.
const WITHOUT_BODY: [&str; 10] = [
    "cancelBroadcast",
    "commitAllChanges",
    "promoteAllCommits",
    "promoteOneCommit",
    "exchangeForApiKey",
    "upsertPreferenceCategory",
    "resetPreferenceCenter",
    "generatePreferenceCenterSignedUrl",
    "slackProviderRevokeAccess",
    "msTeamsProviderRevokeAccess",
];

/// Name, body, headers, status, code.
type Case<'c> = (&'c str, Vec<u8>, &'c [(&'c str, &'c str)], u16, &'c str);

fn reads_a_body(op: &&Operation) -> bool {
    matches!(op.method, "PUT" | "POST") && !WITHOUT_BODY.contains(&op.id)
}

fn nested() -> Vec<u8> {
    let mut body = br#"{"data":"#.to_vec();
    body.extend(std::iter::repeat_n(b'[', 10_000));
    body.extend(std::iter::repeat_n(b']', 10_000));
    body.push(b'}');
    body
}

fn zipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

#[test]
fn every_body_is_checked_by_the_same_rules() {
    on_both(async |kit| {
        let channel = kit.channel_id("in-app-feed").await;
        let mut bomb = br#"{"name":""#.to_vec();
        bomb.resize(TOO_LARGE, b' ');
        let bomb = zipped(&bomb);
        let table: Vec<Case<'_>> = vec![
            ("cut off", br#"{"name": "#.to_vec(), &[], 400, "invalid_params"),
            ("two values", br#"{} {}"#.to_vec(), &[], 400, "invalid_params"),
            ("not UTF-8", b"{\"name\": \"\xff\xfe\"}".to_vec(), &[], 400, "invalid_params"),
            (
                "half a surrogate",
                br#"{"name": "\ud800", "data": {"a": "\ud800"}}"#.to_vec(),
                &[],
                400,
                "invalid_params",
            ),
            ("nested", nested(), &[], 400, "invalid_params"),
            ("a list", b"[]".to_vec(), &[], 422, "invalid_params"),
            ("a text", br#""x""#.to_vec(), &[], 422, "invalid_params"),
            ("null", b"null".to_vec(), &[], 422, "invalid_params"),
            ("a form", b"a=1".to_vec(), &[("content-type", "text/plain")], 415, "unsupported_media_type"),
            ("a bomb", bomb, &[("content-encoding", "gzip")], 413, "payload_too_large"),
            ("no gzip", b"{}".to_vec(), &[("content-encoding", "gzip")], 400, "invalid_params"),
        ];
        for op in built().filter(reads_a_body) {
            let path = plausible(op, &channel);
            let caller = rightful(kit, op);
            for (name, body, headers, status, code) in &table {
                let answer = caller.send(method(op), &path, body.clone(), headers).await;
                let found = (answer.status, answer.json["code"].as_str().unwrap_or_default());
                assert_eq!(found, (*status, *code), "{name}: {} {path}: {}", op.method, answer.text);
                check(&answer);
            }
            let answer = caller.announce(op.method, &path, TOO_LARGE).await;
            answer.refused(413, "payload_too_large");
        }
    });
}

#[test]
fn wrong_types_are_refused_with_their_fields() {
    on_both(async |kit| {
        let channel = kit.channel_id("in-app-feed").await;
        let body = json!({
            "name": 1, "timezone": 5, "channel_data": 7, "recipients": 5, "data": 7, "actor": 7, "tenant": 7,
            "cancellation_key": 7, "settings": 7, "message_ids": 7, "metadata": 7, "status": {}, "workflow": 7,
            "email_layout": 7, "advance": 5, "to": 5, "environment": 7, "type": 7, "provider": 7,
            "channel_types": 7, "subscribed": 7, "preferences": 7, "config": 7,
        });
        for op in built().filter(reads_a_body) {
            let path = plausible(op, &channel);
            let answer = rightful(kit, op).send(method(op), &path, body.to_string(), &[]).await;
            check(&answer);
            assert!((400..500).contains(&answer.status), "{} {path}: {}", op.method, answer.text);
            if answer.status == 422 && answer.json["code"] == "invalid_params" {
                let errors = answer.json["errors"].as_array().expect("errors");
                assert!(!errors.is_empty(), "{} {path}: {}", op.method, answer.text);
            }
        }
    });
}

#[test]
fn a_trigger_names_every_wrong_field_at_once() {
    on_both(async |kit| {
        let body = json!({
            "recipients": ["", 5, {"collection": "x"}, {"id": "u", "timezone": "Mars/Base"}],
            "actor": [],
            "tenant": "a b",
            "data": [],
            "cancellation_key": 1,
            "settings": {"sandbox_mode": "yes"},
        });
        let answer = kit.post("/v1/workflows/any/trigger", body).await;
        let fields = answer.refused(422, "invalid_params");
        let wanted = [
            "actor",
            "cancellation_key",
            "data",
            "recipients[0]",
            "recipients[1]",
            "recipients[2].id",
            "recipients[3].timezone",
            "settings.sandbox_mode",
            "tenant",
        ];
        assert_eq!(fields, wanted, "{}", answer.text);
    });
}

#[test]
fn a_compressed_body_is_read() {
    on_both(async |kit| {
        let body = zipped(br#"{"name": "Ada"}"#);
        let headers = [("content-encoding", "gzip")];
        let user = kit.secret.send(http::Method::PUT, "/v1/users/ada", body, &headers).await.ok();
        assert_eq!(user["name"], "Ada");
    });
}

/// Texts that databases, terminals and parsers are known to trip over, at every place that keeps a text.
#[test]
fn no_text_is_a_fault_of_ours() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        kit.workflow("greet", json!([crate::kit::steps::feed("feed_1", "{{ data.k }}")])).await;
        let run = kit.trigger("greet", json!({"recipients": ["ada"]})).await;
        let message = kit.messages(&run).await[0]["id"].as_str().expect("an id").to_owned();
        let push = kit.channel_id("push").await;
        let long = "x".repeat(100_000);
        for text in
            ["a\0b", "\0", "\u{fffe}\u{10ffff}", "\u{202e}abc", "\\u0000", "'; DROP TABLE x; --", &long]
        {
            let step = json!({"ref": text, "type": "channel", "channel_key": text, "name": text,
                "template": {"markdown_body": text}});
            let greeting = crate::kit::steps::feed("feed_1", text);
            for (caller, method, path, body) in [
                (
                    &kit.secret,
                    "PUT",
                    "/v1/users/ada",
                    json!({"name": text, text: 1, "nested": {text: [text]}}),
                ),
                (
                    &kit.secret,
                    "PUT",
                    "/v1/users/ada",
                    json!({"timezone": text, "email": text, "created_at": text}),
                ),
                (&kit.secret, "PUT", "/v1/objects/projects/p1", json!({"name": text, text: {text: text}})),
                (&kit.secret, "PUT", "/v1/tenants/acme", json!({"name": text, text: text})),
                (
                    &kit.secret,
                    "PUT",
                    "/v1/tenants/acme",
                    json!({"settings": {"branding": {"primary_color": text}}}),
                ),
                (
                    &kit.secret,
                    "PUT",
                    &format!("/v1/users/ada/channel_data/{push}"),
                    json!({"data": {"tokens": [text]}}),
                ),
                (&kit.secret, "POST", "/v1/workflows/greet/trigger", json!({"recipients": [text]})),
                (&kit.secret, "POST", "/v1/workflows/greet/trigger", json!({"recipients": [{"id": text}]})),
                (
                    &kit.secret,
                    "POST",
                    "/v1/workflows/greet/trigger",
                    json!({"recipients": [{"id": "ada", "collection": text}]}),
                ),
                (
                    &kit.secret,
                    "POST",
                    "/v1/workflows/greet/trigger",
                    json!({"recipients": [{"id": "ada", text: text, "$trigger_data": {text: text, "k": text}}]}),
                ),
                (
                    &kit.secret,
                    "POST",
                    "/v1/workflows/greet/trigger",
                    json!({"recipients": ["ada"], "data": {text: text, "k": text, "n": {text: [text]}}}),
                ),
                (
                    &kit.secret,
                    "POST",
                    "/v1/workflows/greet/trigger",
                    json!({"recipients": ["ada"], "tenant": text}),
                ),
                (
                    &kit.secret,
                    "POST",
                    "/v1/workflows/greet/trigger",
                    json!({"recipients": ["ada"], "actor": {"id": text}}),
                ),
                (
                    &kit.secret,
                    "POST",
                    "/v1/workflows/greet/trigger",
                    json!({"recipients": ["ada"], "cancellation_key": text}),
                ),
                (
                    &kit.secret,
                    "POST",
                    "/v1/workflows/greet/cancel",
                    json!({"cancellation_key": text, "recipients": [text]}),
                ),
                (
                    &kit.public,
                    "PUT",
                    &format!("/v1/messages/{message}/interacted"),
                    json!({"metadata": {text: text}}),
                ),
                (&kit.public, "POST", "/v1/messages/batch/read", json!({"message_ids": [text, message]})),
                (
                    &kit.service,
                    "PUT",
                    "/v1/workflows/odd?environment=development&commit=true",
                    json!({"workflow": {"name": text, "description": text, "tags": [text], "categories": [text],
                        "steps": [greeting]}}),
                ),
                (
                    &kit.service,
                    "PUT",
                    "/v1/workflows/odd?environment=development&commit=true",
                    json!({"workflow": {"name": "Odd", "categories": [text], "steps": [greeting]}}),
                ),
                (
                    &kit.service,
                    "PUT",
                    "/v1/workflows/odd?environment=development",
                    json!({"workflow": {"name": "Odd", "steps": [step]}}),
                ),
                (
                    &kit.service,
                    "PUT",
                    "/v1/email_layouts/odd?environment=development",
                    json!({"email_layout": {"name": text, "html_layout": format!("{text}{{{{ content }}}}"),
                        "text_layout": "{{ content }}"}}),
                ),
                (&kit.service, "POST", "/v1/admin/keys", json!({"description": text})),
                (&kit.service, "PUT", "/v1/admin/channels/sms", json!({"name": text, "description": text})),
                (
                    &kit.service,
                    "PUT",
                    "/v1/admin/channels/sms",
                    json!({"provider_settings": {"account_id": text}}),
                ),
                (&kit.service, "POST", "/v1/admin/clock", json!({"advance": text})),
                (
                    &kit.service,
                    "PUT",
                    "/v1/workflows/greet/run?environment=development",
                    json!({"recipients": [{"id": "ada", "name": text}], "data": {"k": text}}),
                ),
            ] {
                let method: http::Method = method.parse().expect("a method");
                let answer = caller.send(method, path, body.to_string(), &[]).await;
                assert!(answer.status < 500, "{path} {}: {}", body.to_string().escape_debug(), answer.text);
                check(&answer);
            }
        }
        kit.idle().await;
        // Whatever was kept can be read again.
        let feed = kit.channel_id("in-app-feed").await;
        for path in [
            "/v1/users".to_owned(),
            "/v1/users/ada".to_owned(),
            "/v1/objects/projects".to_owned(),
            "/v1/tenants".to_owned(),
            "/v1/messages".to_owned(),
            "/v1/messages?trigger_data=%7B%22k%22%3A%22a%5Cu0000b%22%7D".to_owned(),
            format!("/v1/users/ada/feeds/{feed}"),
            format!("/v1/messages/{message}/events"),
            format!("/v1/messages/{message}/activities"),
        ] {
            let answer = kit.get(&path).await;
            check(&answer);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        }
    });
}
