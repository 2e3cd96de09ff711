//! Credentials (api-conventions.md 2.2).

use campanile_api::operations::{Access, all};
use serde_json::json;

use super::{built, check, method, plausible, rightful, unbuilt};
use crate::kit::on_both;

#[test]
fn every_operation_tells_callers_apart() {
    on_both(async |kit| {
        let channel = kit.channel_id("in-app-feed").await;
        let unknown = kit.caller("sk_test_unknown");
        for op in all() {
            let path = plausible(op, &channel);
            let table = match op.access {
                Access::Service => vec![
                    (&kit.nobody, 401, "bearer_token_missing"),
                    (&kit.secret, 401, "bearer_token_invalid"),
                    (&kit.public, 401, "bearer_token_invalid"),
                    (&unknown, 401, "bearer_token_invalid"),
                ],
                Access::Secret => vec![
                    (&kit.nobody, 401, "authentication_required"),
                    (&kit.public, 403, "incorrect_token_type"),
                    (&kit.service, 401, "incorrect_token_type"),
                    (&unknown, 401, "api_key_missing"),
                ],
                Access::Client => vec![
                    (&kit.nobody, 401, "authentication_required"),
                    (&kit.service, 401, "incorrect_token_type"),
                    (&unknown, 401, "api_key_missing"),
                ],
            };
            for (caller, status, code) in table {
                let answer = caller.send(method(op), &path, "", &[]).await;
                answer.refused(status, code);
                assert_eq!(answer.json["type"], "authentication_error", "{} {path}", op.method);
            }
        }
    });
}

#[test]
fn the_right_caller_is_answered_or_told_that_it_is_not_built() {
    on_both(async |kit| {
        let channel = kit.channel_id("in-app-feed").await;
        let mut counted = (0, 0);
        for op in unbuilt() {
            let answer = rightful(kit, op).send(method(op), &plausible(op, &channel), "{}", &[]).await;
            answer.refused(501, "not_implemented");
            assert_eq!(answer.header("x-should-retry"), "false");
            counted.1 += 1;
        }
        for op in built() {
            let body = if op.method == "GET" { "" } else { "{}" };
            let answer = rightful(kit, op).send(method(op), &plausible(op, &channel), body, &[]).await;
            check(&answer);
            let code = answer.json["code"].as_str().unwrap_or_default();
            let refused = ["not_implemented", "route_not_found", "method_not_allowed"];
            assert!(!refused.contains(&code), "{} {}: {code}", op.method, op.path);
            assert!(![401, 403].contains(&answer.status), "{} {}: {code}", op.method, op.path);
            counted.0 += 1;
        }
        assert_eq!(counted.0 + counted.1, all().count());
        assert!(counted.0 >= 70, "only {} operations are answered", counted.0);
    });
}

#[test]
fn only_bearer_with_one_space_is_read() {
    on_both(async |kit| {
        for (value, status) in [
            ("Bearer sk_test_kit", 200),
            ("bearer sk_test_kit", 200),
            ("BEARER sk_test_kit", 200),
            ("Bearer  sk_test_kit", 401),
            ("Bearer", 401),
            ("Basic sk_test_kit", 401),
            ("sk_test_kit", 401),
            ("Bearer sk_test_kit x", 401),
        ] {
            let answer =
                kit.nobody.send(http::Method::GET, "/v1/users", "", &[("authorization", value)]).await;
            assert_eq!(answer.status, status, "{value:?}: {}", answer.text);
            check(&answer);
        }
        kit.nobody.get("/v1/users?api_key=sk_test_kit").await.refused(401, "authentication_required");
    });
}

#[test]
fn a_revoked_key_is_refused_at_once() {
    on_both(async |kit| {
        let body = json!({"environment": "development", "type": "secret", "description": "to be revoked"});
        let made = kit.service.post("/v1/admin/keys", body).await.ok();
        let secret = made["key"].as_str().expect("a key is shown once").to_owned();
        let caller = kit.caller(&secret);
        caller.get("/v1/users").await.ok();
        let keys = kit.service.get("/v1/admin/keys").await.ok();
        let entries = keys["entries"].as_array().expect("a list");
        let mine = entries.iter().find(|key| key["description"] == "to be revoked").expect("it is listed");
        assert!(!keys.to_string().contains(&secret), "a listed key must not be the whole key");
        let hint = mine["hint"].as_str().expect("a key has a hint");
        kit.service.delete(&format!("/v1/admin/keys/{hint}")).await.ok();
        caller.get("/v1/users").await.refused(401, "api_key_expired");
    });
}
