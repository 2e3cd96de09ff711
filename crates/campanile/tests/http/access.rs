//! User tokens and enhanced security (api-conventions.md 2.2 and 2.3, in-app.md sections 2 and 3).

use campanile_api::operations::{Access, Operation, all};
use serde_json::{Value, json};

use crate::bad_input::{NO_MESSAGE, method, path_of, plausible};
use crate::kit::signer::{Signer, with_token};
use crate::kit::{Answer, Kit, on_both, pluck};

const HOST: &str = "https://api.knock.app/v1";

async fn enhance(kit: &Kit, on: bool) {
    let change = json!({"enhanced_security": on});
    let shown = kit.service.put("/v1/admin/environments/development", change).await.ok();
    assert_eq!(shown["enhanced_security"], on);
}

/// A path of the operation for a user, and for what belongs to nobody.
fn path(op: &Operation, user: &str, channel: &str) -> String {
    path_of(op, |name| match name {
        "user_id" => user.to_owned(),
        "channel_id" => channel.to_owned(),
        "id" if op.path.contains("/feeds/") => channel.to_owned(),
        "id" if op.path.contains("/preferences/") => "default".to_owned(),
        "message_id" => NO_MESSAGE.to_owned(),
        "action" => "seen".to_owned(),
        _ => "sample-1".to_owned(),
    })
}

/// True for operations on objects and providers, whose grants name a thing and never come by themselves.
fn is_about_objects(op: &Operation) -> bool {
    op.path.starts_with("/v1/objects/") || op.path.starts_with("/v1/providers/")
}

/// The decision table of 2.2 over every operation that a public key may call.
#[test]
fn every_client_operation_follows_the_decision_table() {
    on_both(async |kit| {
        let signer = Signer::made_by(&kit.service, "development").await;
        let other = Signer::made_by(&kit.service, "production").await;
        let channel = kit.channel_id("in-app-feed").await;
        let (own, foreign) = (signer.sign(json!({"sub": "u1"})), other.sign(json!({"sub": "u1"})));
        let granted_nothing = signer.sign(json!({"sub": "u1", "explicit_grants": true, "grants": {}}));
        let client = || all().filter(|op| op.access == Access::Client);
        assert!(client().count() > 50);
        for enhanced in [false, true] {
            enhance(kit, enhanced).await;
            for op in client() {
                let path = path(op, "u1", &channel);
                let ask = async |token: Option<&str>| -> Answer {
                    let headers: Vec<_> =
                        token.map(|token| ("x-knock-user-token", token)).into_iter().collect();
                    kit.public.send(method(op), &path, "", &headers).await
                };
                let what = format!("{} {path}, enhanced {enhanced}", op.method);
                let alone = ask(None).await;
                if enhanced || is_about_objects(op) {
                    alone.refused(401, "missing_user_token");
                    ask(Some("")).await.refused(401, "missing_user_token");
                } else {
                    assert!(![401, 403].contains(&alone.status), "{what}: {}", alone.text);
                }
                for bad in ["x", &foreign, &format!("{own}x"), &own.replace('.', "")] {
                    ask(Some(bad)).await.refused(401, "invalid_user_token");
                }
                ask(Some(&granted_nothing)).await.refused(403, "access_denied");
                let answer = ask(Some(&own)).await;
                if is_about_objects(op) {
                    answer.refused(403, "access_denied");
                } else if op.path.contains("/v1/users/") {
                    assert!(![401, 403].contains(&answer.status), "{what}: {}", answer.text);
                }
                if op.path.starts_with("/v1/users/") {
                    let stranger = path.replacen("/users/u1", "/users/u2", 1);
                    let headers = [("x-knock-user-token", own.as_str())];
                    kit.public.send(method(op), &stranger, "", &headers).await.refused(403, "access_denied");
                }
                // A secret key may do everything and its token is not looked at.
                let headers = [("x-knock-user-token", "x")];
                let secret = kit.secret.send(method(op), &path, "", &headers).await;
                assert!(secret.status != 401, "{what}: {}", secret.text);
            }
        }
    });
}

#[test]
fn no_token_opens_what_is_closed_to_public_keys() {
    on_both(async |kit| {
        let signer = Signer::made_by(&kit.service, "development").await;
        let channel = kit.channel_id("in-app-feed").await;
        let token = signer.sign(json!({"sub": "sample-1"}));
        for op in all().filter(|op| op.access == Access::Secret) {
            let headers = [("x-knock-user-token", token.as_str())];
            let answer = kit.public.send(method(op), &plausible(op, &channel), "", &headers).await;
            answer.refused(403, "incorrect_token_type");
        }
    });
}

#[test]
fn a_token_without_a_key_to_check_it_is_refused() {
    on_both(async |kit| {
        let signer = Signer::made_by(&kit.service, "production").await;
        let token = signer.sign(json!({"sub": "u1"}));
        let answer = with_token(&kit.public, "GET", "/v1/users/u1", Value::Null, &token).await;
        answer.refused(401, "missing_jwt_signing_key");
        assert_eq!(answer.json["type"], "authentication_error");
        with_token(&kit.live_public, "GET", "/v1/users/u1", Value::Null, &token)
            .await
            .refused(404, "resource_missing");
        // The other environment's mode is its own.
        enhance(kit, true).await;
        kit.live_public.get("/v1/users/u1").await.refused(404, "resource_missing");
        kit.public.get("/v1/users/u1").await.refused(401, "missing_user_token");
    });
}

#[test]
fn tokens_expire_by_the_server_s_clock() {
    on_both(async |kit| {
        let signer = Signer::made_by(&kit.service, "development").await;
        kit.users(&["u1"]).await;
        let token = signer.sign(json!({"sub": "u1"}));
        let ask = async || with_token(&kit.public, "GET", "/v1/users/u1", Value::Null, &token).await;
        ask().await.ok();
        kit.advance("PT60M59S").await;
        ask().await.ok();
        kit.advance("PT1S").await;
        ask().await.refused(401, "invalid_user_token");
        for header in
            [json!({"alg": "none"}), json!({"alg": "HS256"}), json!({"alg": "rs256"}), json!({"typ": "JWT"})]
        {
            let token = signer.sign_as(&header, &json!({"sub": "u1"}));
            let answer = with_token(&kit.public, "GET", "/v1/users/u1", Value::Null, &token).await;
            answer.refused(401, "invalid_user_token");
        }
    });
}

/// The worked example of api-conventions.md 2.3.
#[test]
fn explicit_grants_are_all_there_is() {
    on_both(async |kit| {
        let signer = Signer::made_by(&kit.service, "development").await;
        let channel = kit.channel_id("in-app-feed").await;
        let grants = json!({format!("{HOST}/users/u1"): {"preferences/read": [{}]}});
        let token = signer.sign(json!({"sub": "u1", "explicit_grants": true, "grants": grants}));
        for (method, path, may) in [
            ("GET", "/v1/users/u1/preferences".to_owned(), true),
            ("PUT", "/v1/users/u1/preferences/default".to_owned(), false),
            ("GET", "/v1/users/u2/preferences".to_owned(), false),
            ("GET", format!("/v1/users/u1/feeds/{channel}"), false),
            ("GET", "/v1/users/u1".to_owned(), false),
        ] {
            let answer = with_token(&kit.public, method, &path, Value::Null, &token).await;
            if may {
                assert!(![401, 403].contains(&answer.status), "{method} {path}: {}", answer.text);
            } else {
                answer.refused(403, "access_denied");
            }
        }
    });
}

/// Check 10 of 15.1, hidden corner 13, and the table of in-app.md section 3.
#[test]
fn tenant_grants_restrict_feeds_and_preferences() {
    on_both(async |kit| {
        let signer = Signer::made_by(&kit.service, "development").await;
        let channel = kit.channel_id("in-app-feed").await;
        kit.users(&["u1"]).await;
        kit.workflow("note", json!([crate::kit::steps::feed("f", "{{ data.n }}")])).await;
        for (n, tenant) in [("acme", Some("acme")), ("beta", Some("beta")), ("none", None)] {
            let mut body = json!({"recipients": ["u1"], "data": {"n": n}});
            if let Some(tenant) = tenant {
                body["tenant"] = tenant.into();
            }
            kit.trigger("note", body).await;
            kit.advance("PT1S").await;
        }
        let token = |uris: &[&str]| {
            let grant = |uri: &&str| {
                (
                    format!("{HOST}/{uri}"),
                    json!({"user/feed_read": [{}], "preferences/write": [], "feed/write": []}),
                )
            };
            let grants: Value = uris.iter().map(grant).collect::<serde_json::Map<_, _>>().into();
            signer.sign(json!({"sub": "u1", "explicit_grants": true, "grants": grants}))
        };
        let feed = async |token: &str, query: &str| {
            let path = format!("/v1/users/u1/feeds/{channel}{query}");
            with_token(&kit.public, "GET", &path, Value::Null, token).await
        };
        let names = |answer: Answer| {
            let entries = answer.ok()["entries"].as_array().cloned().unwrap_or_default();
            entries
                .iter()
                .map(|entry| entry["data"]["n"].as_str().unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        };
        let acme = token(&["tenants/acme"]);
        // Items of no tenant are hidden from a token that names only the tenant (S6).
        assert_eq!(names(feed(&acme, "?tenant=acme").await), ["acme"]);
        for query in ["", "?tenant=beta", "?has_tenant=true", "?tenant=acme&has_tenant=false"] {
            feed(&acme, query).await.refused(403, "access_denied");
        }
        let both = token(&["users/u1", "objects/$tenants/acme"]);
        assert_eq!(names(feed(&both, "?tenant=acme").await), ["none", "acme"]);
        assert_eq!(names(feed(&both, "").await), ["none", "beta", "acme"]);
        feed(&both, "?tenant=beta").await.refused(403, "access_denied");
        let user = token(&["users/u1"]);
        assert_eq!(names(feed(&user, "?tenant=beta").await), ["none", "beta"]);
        let path = format!("/v1/users/u1/feeds/{channel}/settings");
        with_token(&kit.public, "GET", &path, Value::Null, &acme).await.ok();
        for (set, may) in [("acme", true), ("beta", false), ("default", false)] {
            let path = format!("/v1/users/u1/preferences/{set}");
            let answer = with_token(&kit.public, "PUT", &path, json!({}), &acme).await;
            assert_eq!(answer.status != 403, may, "{set}: {}", answer.text);
        }
        // Writes want the message's tenant to be allowed.
        let items = kit.get("/v1/users/u1/messages").await.ok()["items"].clone();
        for item in items.as_array().expect("a list") {
            let path = format!("/v1/messages/{}/seen", item["id"].as_str().expect("an id"));
            let answer = with_token(&kit.public, "PUT", &path, json!({}), &acme).await;
            assert_eq!(answer.status == 200, item["tenant"] == "acme", "{}: {}", item["tenant"], answer.text);
        }
    });
}

#[test]
fn messages_are_their_owner_s_only() {
    on_both(async |kit| {
        let signer = Signer::made_by(&kit.service, "development").await;
        kit.users(&["u1", "u2"]).await;
        kit.workflow("note", json!([crate::kit::steps::feed("f", "hi")])).await;
        let run = kit.trigger("note", json!({"recipients": ["u1", "u2"]})).await;
        let messages = kit.messages(&run).await;
        let of = |user: &str| {
            let found = messages.iter().find(|message| message["recipient"] == user).expect("a message");
            found["id"].as_str().expect("an id").to_owned()
        };
        let (own, foreign) = (of("u1"), of("u2"));
        let token = signer.sign(json!({"sub": "u1"}));
        let ask = async |method: &str, path: String, body: Value| {
            with_token(&kit.public, method, &path, body, &token).await
        };
        ask("GET", format!("/v1/messages/{own}"), Value::Null).await.ok();
        ask("GET", format!("/v1/messages/{foreign}"), Value::Null).await.refused(403, "access_denied");
        ask("PUT", format!("/v1/messages/{foreign}/read"), json!({})).await.refused(403, "access_denied");
        let batch = "/v1/messages/batch/seen".to_owned();
        let mixed = json!({"message_ids": [own, foreign]});
        ask("POST", batch.clone(), mixed).await.refused(403, "access_denied");
        for id in [&own, &foreign] {
            let message = kit.get(&format!("/v1/messages/{id}")).await.ok();
            assert_eq!(message["engagement_statuses"], json!([]), "nothing of a refused batch is done");
        }
        let done = ask("POST", batch, json!({"message_ids": [own, NO_MESSAGE]})).await.ok();
        assert_eq!(pluck(&done, "id"), [own]);
    });
}

#[test]
fn objects_need_a_grant_of_their_own() {
    on_both(async |kit| {
        let signer = Signer::made_by(&kit.service, "development").await;
        let channel = kit.channel_id("chat").await;
        let path = format!("/v1/objects/$tenants/acme/channel_data/{channel}");
        kit.put(&path, json!({"data": {"token": {"access_token": "xoxb-1"}}})).await.ok();
        let token = |grant: &str| {
            let grants = json!({format!("{HOST}/tenants/acme"): {grant: []}});
            signer.sign(json!({"sub": "u1", "grants": grants}))
        };
        let (read, write) = (token("channel_data/read"), token("channel_data/write"));
        let implicit = signer.sign(json!({"sub": "u1"}));
        for (method, token, may) in [
            ("GET", &read, true),
            ("GET", &write, false),
            ("GET", &implicit, false),
            ("PUT", &read, false),
            ("PUT", &write, true),
            ("DELETE", &implicit, false),
        ] {
            let body = json!({"data": {"token": {"access_token": "xoxb-2"}}});
            let body = if method == "PUT" { body } else { Value::Null };
            let answer = with_token(&kit.public, method, &path, body, token).await;
            assert_eq!(answer.status == 200, may, "{method}: {}", answer.text);
        }
        kit.public.get(&path).await.refused(401, "missing_user_token");
    });
}

#[test]
fn signing_keys_rotate() {
    on_both(async |kit| {
        kit.users(&["u1"]).await;
        let made = kit.service.post("/v1/admin/signing_keys", json!({})).await.ok();
        let first = Signer::new(made["private_key"].as_str().expect("a private key is shown once"));
        let second = Signer::made_by(&kit.service, "development").await;
        let path = format!("/v1/admin/signing_keys/{}", made["id"].as_str().expect("an id"));
        let ask = async |signer: &Signer| {
            let token = signer.sign(json!({"sub": "u1"}));
            with_token(&kit.public, "GET", "/v1/users/u1", Value::Null, &token).await
        };
        ask(&first).await.ok();
        ask(&second).await.ok();
        let listed = kit.service.get("/v1/admin/signing_keys?environment=development").await.ok();
        assert!(!listed.to_string().contains("PRIVATE"), "{listed}");
        assert_eq!(pluck(&listed["entries"], "environment"), ["development", "development"]);
        kit.service.delete(&path).await.ok();
        ask(&first).await.refused(401, "invalid_user_token");
        ask(&second).await.ok();
        kit.service.delete(&path).await.refused(404, "resource_missing");
        // What is uploaded works like what is made.
        let made =
            kit.service.post("/v1/admin/signing_keys", json!({"environment": "production"})).await.ok();
        let uploaded = json!({"public_key": made["public_key"], "description": "ours"});
        let shown = kit.service.post("/v1/admin/signing_keys", uploaded).await.ok();
        assert!(shown.get("private_key").is_none(), "{shown}");
        ask(&Signer::new(made["private_key"].as_str().expect("PEM"))).await.ok();
        for (body, field) in [
            (json!({"environment": "nowhere"}), "environment"),
            (json!({"public_key": made["private_key"]}), "public_key"),
            (json!({"public_key": "x"}), "public_key"),
            (json!({"description": 7}), "description"),
        ] {
            let answer = kit.service.post("/v1/admin/signing_keys", body).await;
            assert_eq!(answer.refused(422, "invalid_params"), [field]);
        }
        for _ in 0..8 {
            kit.service.post("/v1/admin/signing_keys", json!({"public_key": made["public_key"]})).await.ok();
        }
        let more =
            kit.service.post("/v1/admin/signing_keys", json!({"public_key": made["public_key"]})).await;
        assert_eq!(more.refused(422, "invalid_params"), ["environment"]);
        let wrong =
            kit.service.put("/v1/admin/environments/development", json!({"enhanced_security": 1})).await;
        assert_eq!(wrong.refused(422, "invalid_params"), ["enhanced_security"]);
        kit.restart().await;
        let token = second.sign(json!({"sub": "u1"}));
        with_token(&kit.public, "GET", "/v1/users/u1", Value::Null, &token).await.ok();
    });
}
