//! API logs (api-conventions.md section 13, delivery.md section 13).

use serde_json::{Value, json};

use crate::kit::db::for_each;
use crate::kit::signer::{Signer, with_token};
use crate::kit::{Kit, on_both, pluck};

async fn log(kit: &Kit, id: &str) -> Value {
    kit.service.get(&format!("/v1/admin/logs/{id}")).await.ok()
}

async fn list(kit: &Kit, query: &str) -> Value {
    kit.service.get(&format!("/v1/admin/logs?{query}")).await.ok()
}

#[test]
fn a_request_is_found_by_its_id() {
    on_both(async |kit| {
        let headers = [("x-knock-client", "Knock/ClientJS 1")];
        let body = json!({"name": "Ada", "note": "x".repeat(2_000)}).to_string();
        let answer = kit.secret.send(http::Method::PUT, "/v1/users/ada?a=1", body, &headers).await;
        let id = answer.header("x-request-id").to_owned();
        let log = log(kit, &id).await;
        for (member, want) in [
            ("request_id", json!(id)),
            ("environment", json!("development")),
            ("operation", json!("identifyUser")),
            ("method", json!("PUT")),
            ("path", json!("/v1/users/ada?a=1")),
            ("status", json!(200)),
            ("client", json!("Knock/ClientJS 1")),
            ("user_id", Value::Null),
            ("inserted_at", json!(kit.now().await)),
            ("request_body", json!({"name": "Ada", "note": "[TRUNCATED]"})),
        ] {
            assert_eq!(log[member], want, "{member}: {log}");
        }
        assert_eq!(log["response_body"]["id"], "ada");
        assert!(
            log["credential"].as_str().is_some_and(|hint| hint.starts_with("sk_te") && hint != "sk_test_kit")
        );
        assert!(log["duration_us"].as_i64().is_some_and(|micros| micros > 0));
        // The body itself was not cut (A13.4).
        assert_eq!(kit.get("/v1/users/ada").await.ok()["note"], "x".repeat(2_000));
        kit.service.get("/v1/admin/logs/AAAAAAAAAAAAAAAAAAAA").await.refused(404, "resource_missing");
        kit.service.get("/v1/admin/logs/!").await.refused(404, "resource_missing");
        kit.secret.get("/v1/admin/logs").await.refused(401, "bearer_token_invalid");
    });
}

#[test]
fn failures_are_kept_with_their_reason() {
    on_both(async |kit| {
        let broken = kit.secret.send(http::Method::PUT, "/v1/users/ada", "{\"password\": x", &[]).await;
        broken.refused(400, "invalid_params");
        let log = log(kit, broken.header("x-request-id")).await;
        assert_eq!(
            (log["status"].as_i64(), &log["response_body"]["code"]),
            (Some(400), &json!("invalid_params"))
        );
        assert_eq!(log["request_body"], "[TRUNCATED]", "what cannot be read may hold a secret");
        // Whoever has no key is logged with the account, and without a body.
        let nobody = kit.nobody.put("/v1/users/ada", json!({"name": "x"})).await;
        nobody.refused(401, "authentication_required");
        let log = self::log(kit, nobody.header("x-request-id")).await;
        assert_eq!((&log["environment"], &log["credential"]), (&Value::Null, &Value::Null));
        assert_eq!((&log["request_body"], log["status"].as_i64()), (&Value::Null, Some(401)));
    });
}

#[test]
fn secrets_and_feeds_are_not_kept() {
    on_both(async |kit| {
        let signer = Signer::made_by(&kit.service, "development").await;
        let chat = kit.channel_id("chat").await;
        let path = format!("/v1/users/ada/channel_data/{chat}");
        let hook = "https://hooks.slack.com/services/T/B/s3cret";
        let data = json!({"data": {
            "token": {"access_token": "s3cret"},
            "connections": [{"incoming_webhook": {"url": hook}}, {"channel_id": "C1", "access_token": "s3cret"}],
        }});
        let stored = kit.put(&path, data).await;
        let log = log(kit, stored.header("x-request-id")).await;
        assert!(!log.to_string().contains("s3cret"), "{log}");
        assert_eq!(log["request_body"]["data"]["connections"][1]["channel_id"], "C1");
        stored.ok();
        let feed = kit.channel_id("in-app-feed").await;
        let token = signer.sign(json!({"sub": "ada"}));
        let path = format!("/v1/users/ada/feeds/{feed}?access_token=s3cret");
        let read = with_token(&kit.public, "GET", &path, Value::Null, &token).await;
        let log = self::log(kit, read.header("x-request-id")).await;
        assert_eq!((&log["response_body"], &log["user_id"]), (&Value::Null, &json!("ada")));
        let shown = log.to_string();
        assert!(!shown.contains("s3cret") && !shown.contains(&token), "{shown}");
        let exchanged = kit.service.post("/v1/api_keys/exchange?environment=development", json!({})).await;
        let log = self::log(kit, exchanged.header("x-request-id")).await;
        let key = exchanged.ok()["api_key"].as_str().expect("a key").to_owned();
        assert!(!log.to_string().contains(&key), "{log}");
        assert_eq!(log["credential"], "bootstrap");
    });
}

#[test]
fn lists_filter_and_page() {
    on_both(async |kit| {
        for n in 0..5 {
            kit.put(&format!("/v1/users/u{n}"), json!({})).await.ok();
        }
        kit.get("/v1/users/ghost").await.refused(404, "resource_missing");
        kit.advance("PT1H").await;
        let later = kit.now().await;
        kit.get("/v1/users/u1").await.ok();
        kit.live.get("/v1/users/u1").await.refused(404, "resource_missing");
        let paths = |list: &Value| pluck(&list["entries"], "path");
        let all = list(kit, "").await;
        assert_eq!(paths(&all)[..2], ["/v1/users/u1", "/v1/users/ghost"], "newest first");
        assert_eq!(all["entries"].as_array().map(Vec::len), Some(7), "{all}");
        assert!(all["entries"][0].get("request_body").is_none(), "bodies are in the single log");
        for (query, want) in [
            ("status=failed", 1),
            ("status=succeeded", 6),
            ("operation=identifyUser", 5),
            ("method=get", 2),
            ("method=get&status=failed", 1),
            ("environment=production", 1),
            ("environment=production&status=succeeded", 0),
            ("user=u1", 0),
            (&format!("inserted_at.gte={later}"), 1),
            (&format!("inserted_at.lt={later}"), 6),
        ] {
            let found = list(kit, query).await;
            assert_eq!(found["entries"].as_array().map(Vec::len), Some(want), "{query}: {found}");
        }
        // Pages, forwards and back.
        let first = list(kit, "limit=4").await;
        let after = first["page_info"]["after"].as_str().expect("there are more").to_owned();
        let second = list(kit, &format!("limit=4&after={after}")).await;
        assert_eq!([paths(&first), paths(&second)].concat(), paths(&all));
        let before = second["page_info"]["before"].as_str().expect("a page before").to_owned();
        assert_eq!(paths(&list(kit, &format!("limit=4&before={before}")).await), paths(&first));
        for (query, field) in [
            ("environment=nowhere", "environment"),
            ("status=maybe", "status"),
            ("limit=0", "limit"),
            ("inserted_at.gt=x", "inserted_at.gt"),
        ] {
            let answer = kit.service.get(&format!("/v1/admin/logs?{query}")).await;
            assert_eq!(answer.refused(422, "invalid_params"), [field]);
        }
        // The management API is the account's; the admin API is not logged.
        kit.service.get("/v1/whoami").await.ok();
        let account = list(kit, "environment=account").await;
        assert_eq!(pluck(&account["entries"], "operation"), ["getWhoami"], "{account}");
    });
}

#[test]
fn an_environment_can_hide_personal_data_from_readers() {
    on_both(async |kit| {
        let answer = kit.put("/v1/users/ada", json!({"name": "Ada", "more": {"a": 1}})).await;
        let hide = json!({"hide_pii_data": true});
        kit.service.put("/v1/admin/environments/development", hide).await.ok();
        let log = log(kit, answer.header("x-request-id")).await;
        assert_eq!(log["request_body"], json!({"name": "[OBFUSCATED]", "more": "[OBFUSCATED]"}));
        assert_eq!((log["status"].as_i64(), &log["path"]), (Some(200), &json!("/v1/users/ada")));
        // The public API shows everything (R13.1), and so does the environment's view of the management API.
        assert_eq!(kit.get("/v1/users/ada").await.ok()["name"], "Ada");
        let shown = kit.service.get("/v1/environments/development").await.ok();
        assert_eq!(shown["hide_pii_data"], true);
    });
}

#[test]
fn logs_survive_a_restart_and_end_with_their_time() {
    on_both(async |kit| {
        let answer = kit.put("/v1/users/ada", json!({})).await;
        let id = answer.header("x-request-id").to_owned();
        kit.restart().await;
        log(kit, &id).await;
        let store = kit.server().engine.store().clone();
        let now = kit.server().engine.clock().now();
        assert_eq!(store.prune_api_logs(now).await.expect("the database answers"), 0);
        let next = campanile_core::time::Timestamp(now.0 + 1);
        assert_eq!(store.prune_api_logs(next).await.expect("the database answers"), 1);
        kit.service.get(&format!("/v1/admin/logs/{id}")).await.refused(404, "resource_missing");
    });
}

#[test]
fn under_load_logs_are_left_out_and_counted() {
    for_each(async |db| {
        let kit = Kit::with(db, |config| config.api_logs = 1).await;
        for _ in 0..15 {
            kit.get("/v1/users").await.ok();
        }
        for _ in 0..15 {
            kit.nobody.get("/v1/users").await.refused(401, "authentication_required");
        }
        // What has no key is the account's, and cannot crowd out what has one.
        let kept = list(&kit, "").await["entries"].as_array().map_or(0, Vec::len);
        let refused = list(&kit, "environment=account").await["entries"].as_array().map_or(0, Vec::len);
        // Ten at once, and one a second since.
        assert!((10..15).contains(&kept) && (10..15).contains(&refused), "{kept} {refused}");
        let metrics = kit.nobody.get("/metrics").await.text;
        let dropped = metrics.lines().find_map(|line| line.strip_prefix("campanile_api_logs_dropped_total "));
        assert_eq!(
            dropped.and_then(|count| count.parse::<usize>().ok()),
            Some(30 - kept - refused),
            "{metrics}"
        );
        kit.close().await;
    });
}

#[test]
fn logs_can_be_switched_off() {
    for_each(async |db| {
        let kit = Kit::with(db, |config| config.api_logs = 0).await;
        kit.get("/v1/users").await.ok();
        kit.get("/v1/users/ghost").await.refused(404, "resource_missing");
        assert_eq!(list(&kit, "").await["entries"], json!([]));
        kit.close().await;
    });
}
