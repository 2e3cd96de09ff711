//! A walk through the router, from a channel to a promoted workflow.

use std::path::PathBuf;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use campanile_core::clock::Clock;
use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use campanile_engine::{Engine, EngineOptions, Vault};
use campanile_store::{Environment, Store, StoreOptions};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use crate::app::{App, AppOptions};

struct Server {
    router: Router,
    folder: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Server {
    async fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("campanile-{}", Uuid::new_v4()));
        std::fs::create_dir_all(&folder).unwrap();
        let options = StoreOptions { database_url: None, data_dir: folder.clone() };
        let store = Store::open(&options).await.unwrap();
        let now = Timestamp(1_000_000);
        store
            .transact(move |tx| {
                Box::pin(async move {
                    for (id, slug) in [(1, "development"), (2, "production")] {
                        let environment = Environment {
                            id: EnvId(id),
                            uuid: Uuid::new_v4(),
                            slug: slug.into(),
                            name: slug.into(),
                            position: id,
                            owner: "system".into(),
                            settings: "{}".into(),
                            created_at: now,
                        };
                        tx.insert_environment(&environment).await?;
                    }
                    tx.set_setting("cursor_key", "test").await?;
                    tx.insert_service_token("st_test", "robot", now).await
                })
            })
            .await
            .unwrap();
        let clock = Clock::standing_at(now);
        let engine = Engine::new(store, clock, Vault::new(&[1; 32]), EngineOptions::default()).await.unwrap();
        let app = App::new(engine, b"cursor", AppOptions::default());
        Self { router: crate::router(app), folder }
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", "Bearer st_test")
            .header("content-type", "application/json")
            .body(if body.is_null() { Body::empty() } else { Body::from(body.to_string()) })
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(method, path, body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }
}

const DEV: &str = "environment=development";

fn workflow() -> Value {
    json!({"workflow": {"$schema": "x", "name": "W", "description": null, "steps": [
        {"ref": "sms_1", "type": "channel", "channel_key": "sms", "template": {"text_body@": "a.txt", "text_body": "Hi"}}]}})
}

#[tokio::test]
async fn from_a_channel_to_production() {
    let server = Server::new().await;
    assert_eq!(server.ok("GET", "/v1/whoami", Value::Null).await["service_token_name"], "robot");

    let channel = json!({"type": "sms", "provider": "twilio", "name": "Texts", "provider_settings": {
        "account_id": "AC1", "auth_token": "0123456789abcdef", "from_type": "phone_number"}});
    let made = server.ok("PUT", "/v1/admin/channels/sms", channel).await;
    let of = |view: &Value, name: &str| view["environment_settings"]["development"][name].clone();
    assert_eq!(
        (of(&made, "is_valid"), of(&made, "provider_settings")["auth_token"].clone()),
        (json!(false), json!("************cdef"))
    );
    let number =
        json!({"provider_settings": {"phone_number": "+15550100", "auth_token": "************cdef"}});
    let changed = server.ok("PUT", "/v1/admin/channels/sms", number).await;
    assert_eq!(of(&changed, "is_valid"), true);
    assert_eq!(server.ok("GET", "/v1/channels/sms", Value::Null).await, changed);
    let typo = json!({"provider_settings": {"token": "x"}});
    let (status, answer) = server.call("PUT", "/v1/admin/channels/sms", typo).await;
    assert_eq!((status, answer["errors"][0]["field"].clone()), (422, json!("provider_settings.token")));

    let path = format!("/v1/workflows/wfl/validate?{DEV}");
    assert_eq!(server.ok("PUT", &path, workflow()).await["workflow"]["valid"], true);
    assert_eq!(server.call("GET", &format!("/v1/workflows/wfl?{DEV}"), Value::Null).await.0, 404);
    let path = format!("/v1/workflows/wfl?{DEV}&annotate=true&commit=true&commit_message=why");
    let saved = server.ok("PUT", &path, workflow()).await;
    let names: Vec<_> = saved["workflow"].as_object().unwrap().keys().cloned().collect();
    let want = [
        "__annotation",
        "active",
        "created_at",
        "environment",
        "key",
        "name",
        "sha",
        "steps",
        "trigger_frequency",
        "updated_at",
        "valid",
    ];
    assert_eq!(names, want);
    assert_eq!(saved["workflow"]["steps"][0]["template"]["text_body"], "Hi");
    assert_eq!(saved["workflow"]["steps"][0]["channel_type"], "sms");

    let off = server.ok("PUT", &format!("/v1/workflows/wfl/activate?{DEV}&status=false"), json!({})).await;
    assert_eq!(off["workflow"]["active"], false);
    let page = server.ok("GET", &format!("/v1/workflows?{DEV}&limit=1"), Value::Null).await;
    assert_eq!(page["entries"][0]["key"], "wfl");
    assert_eq!(page["page_info"], json!({"after": null, "before": null, "page_size": 1}));

    let commits = server.ok("GET", &format!("/v1/commits?{DEV}&promoted=false"), Value::Null).await;
    let commit = &commits["entries"][0];
    assert_eq!((&commit["author"]["name"], &commit["commit_message"]), (&json!("robot"), &json!("why")));
    let path = format!("/v1/commits/{}/promote", commit["id"].as_str().unwrap());
    let promoted = server.ok("PUT", &path, Value::Null).await;
    assert_eq!(promoted["commit"]["environment"], "production");
    let live = server.ok("GET", "/v1/workflows/wfl?environment=production", Value::Null).await;
    assert_eq!((&live["active"], &live["valid"]), (&json!(true), &json!(true)));
    server.ok("PUT", "/v1/commits/promote?to_environment=production", Value::Null).await;
    server.ok("PUT", &format!("/v1/commits?{DEV}"), Value::Null).await;

    let environments = server.ok("GET", "/v1/environments?limit=1", Value::Null).await;
    assert!(environments["entries"][0]["last_commit_at"].is_string());
    let after = environments["page_info"]["after"].as_str().unwrap();
    let next = server.ok("GET", &format!("/v1/environments?limit=1&after={after}"), Value::Null).await;
    assert_eq!(next["entries"][0]["slug"], "production");
}

#[tokio::test]
async fn keys_are_shown_once() {
    let server = Server::new().await;
    let key = server.ok("POST", "/v1/api_keys/exchange?environment=production", Value::Null).await;
    assert!(key["api_key"].as_str().is_some_and(|key| key.starts_with("sk_live_") && key.len() == 51));
    let made = server.ok("POST", "/v1/admin/keys", json!({"type": "public"})).await;
    assert!(made["key"].as_str().is_some_and(|key| key.starts_with("pk_test_")));
    let keys = server.ok("GET", "/v1/admin/keys", Value::Null).await;
    assert_eq!(keys["entries"].as_array().map(Vec::len), Some(2));
    assert!(!keys.to_string().contains(made["key"].as_str().unwrap()));
    let entries = keys["entries"].as_array().unwrap();
    let hint = entries.iter().find(|key| key["type"] == "public").unwrap()["hint"].as_str().unwrap();
    let path = format!("/v1/admin/keys/{}", hint.replace('…', "%E2%80%A6"));
    assert_eq!(server.call("DELETE", &path, Value::Null).await.0, 204);
    assert_eq!(server.call("DELETE", &path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn refuses_with_the_documented_envelope() {
    let server = Server::new().await;
    let layout = json!({"email_layout": {"name": "L", "html_layout": "x", "text_layout": "{{ content }}"}});
    for (method, path, body, status, code, field) in [
        ("GET", "/v1/workflows", json!(null), 422, "invalid_params", "environment"),
        ("GET", "/v1/workflows?environment=none", json!(null), 404, "resource_missing", ""),
        ("GET", "/v1/workflows?environment=development&branch=b", json!(null), 404, "branch_not_found", ""),
        (
            "GET",
            "/v1/workflows?environment=production&branch=b",
            json!(null),
            422,
            "invalid_params",
            "branch",
        ),
        (
            "GET",
            "/v1/workflows?environment=development&annotate=2",
            json!(null),
            422,
            "invalid_params",
            "annotate",
        ),
        ("PUT", "/v1/workflows/wfl?environment=development", json!({}), 422, "invalid_params", "workflow"),
        (
            "PUT",
            "/v1/email_layouts/lay?environment=development",
            layout.clone(),
            422,
            "invalid_params",
            "html_layout",
        ),
        ("PUT", "/v1/email_layouts/lay?environment=production", layout, 422, "invalid_params", "html_layout"),
        ("PUT", "/v1/workflows/wfl/activate?environment=development", json!({}), 404, "resource_missing", ""),
        ("GET", "/v1/commits/nope", json!(null), 404, "resource_missing", ""),
        ("PUT", "/v1/commits/promote", json!(null), 422, "invalid_params", "to_environment"),
        (
            "PUT",
            "/v1/commits/promote?to_environment=development",
            json!(null),
            422,
            "invalid_params",
            "branch",
        ),
        ("PUT", "/v1/commits?environment=production", json!(null), 422, "invalid_params", "environment"),
        (
            "PUT",
            "/v1/commits?environment=development&resource_id=a",
            json!(null),
            422,
            "invalid_params",
            "resource_id",
        ),
        ("PUT", "/v1/admin/channels/fax", json!({"name": "x"}), 422, "invalid_params", "provider"),
        ("GET", "/v1/branches?environment=development", json!(null), 501, "not_implemented", ""),
    ] {
        let (got, answer) = server.call(method, path, body).await;
        assert_eq!((got, answer["code"].as_str()), (status, Some(code)), "{method} {path}: {answer}");
        assert_eq!(
            answer["errors"][0]["field"].as_str().unwrap_or_default(),
            field,
            "{method} {path}: {answer}"
        );
    }
}
