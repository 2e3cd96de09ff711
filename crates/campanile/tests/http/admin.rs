//! The admin API: the clock, channels, keys.

use serde_json::{Value, json};

use crate::kit::db::for_each;
use crate::kit::{Kit, on_both};

#[test]
fn the_clock_only_moves_forward() {
    on_both(async |kit| {
        let at = |answer: &Value| answer["now"].as_str().unwrap_or_default().to_owned();
        let clock = kit.service.get("/v1/admin/clock").await.ok();
        assert_eq!(clock, json!({"now": "2026-03-02T09:00:00.000000Z", "virtual": true}));
        for (body, now) in [
            (json!({"advance": "PT24H"}), "2026-03-03T09:00:00.000000Z"),
            (json!({"advance": "P1DT1S"}), "2026-03-04T09:00:01.000000Z"),
            (json!({"advance": "PT0S"}), "2026-03-04T09:00:01.000000Z"),
            (json!({"to": "2026-03-05T01:00:00+01:00"}), "2026-03-05T00:00:00.000000Z"),
        ] {
            let moved = kit.service.post("/v1/admin/clock", body.clone()).await.ok();
            assert_eq!((at(&moved).as_str(), &moved["ran"]), (now, &json!([])), "{body}");
        }
        for (body, field) in [
            (json!({"to": "2026-03-04T00:00:00Z"}), "to"),
            (json!({"to": "tomorrow"}), "to"),
            (json!({"advance": "-PT1H"}), "advance"),
            (json!({"advance": "P1M"}), "advance"),
            (json!({"advance": "soon"}), "advance"),
            (json!({"advance": "PT1H", "to": "2027-01-01T00:00:00Z"}), "advance"),
            (json!({}), "advance"),
        ] {
            let answer = kit.service.post("/v1/admin/clock", body.clone()).await;
            assert_eq!(answer.refused(422, "invalid_params"), [field], "{body}");
        }
        assert_eq!(kit.now().await, "2026-03-05T00:00:00.000000Z");
    });
}

#[test]
fn the_machine_s_clock_cannot_be_moved() {
    for_each(async |db| {
        let kit = Kit::with(db, |config| config.virtual_time = false).await;
        assert_eq!(kit.service.get("/v1/admin/clock").await.ok()["virtual"], false);
        let answer = kit.service.post("/v1/admin/clock", json!({"advance": "PT1H"})).await;
        answer.refused(422, "virtual_time_off");
        kit.close().await;
    });
}

#[test]
fn channels_keep_their_type_and_hide_their_secrets() {
    on_both(async |kit| {
        let made = json!({"type": "sms", "provider": "sms_twilio", "name": "Texts",
            "provider_settings": {"account_id": "AC1", "auth_token": "very-secret-token", "from_type": "phone_number",
                "phone_number": "+1555"}});
        let shown = kit.service.put("/v1/admin/channels/texts", made).await.ok();
        assert_eq!(
            (&shown["key"], &shown["type"], &shown["provider"]),
            (&json!("texts"), &json!("sms"), &json!("sms_twilio"))
        );
        assert!(!shown.to_string().contains("very-secret-token"), "{shown}");
        let listed = kit.service.get("/v1/channels/texts?environment=development").await.ok();
        assert_eq!(listed["name"], "Texts");
        assert!(!listed.to_string().contains("very-secret-token"), "{listed}");
        for (key, body, field) in [
            ("texts", json!({"type": "email"}), "type"),
            ("texts", json!({"provider": "email_smtp"}), "provider"),
            ("texts", json!({"environment": "staging"}), "environment"),
            ("texts", json!({"provider_settings": {"nonsense": 1}}), "provider_settings.nonsense"),
            ("texts", json!({"provider_settings": {"base_url": "ftp://x"}}), "provider_settings.base_url"),
            ("texts", json!({"channel_settings": {"nonsense": 1}}), "channel_settings.nonsense"),
            ("new", json!({"type": "sms"}), "provider"),
            ("new", json!({"type": "sms", "provider": "acme"}), "provider"),
            ("a%20b", json!({"type": "sms", "provider": "sms_twilio"}), "key"),
        ] {
            let answer = kit.service.put(&format!("/v1/admin/channels/{key}"), body.clone()).await;
            assert_eq!(answer.refused(422, "invalid_params"), [field], "{key} {body}");
        }
        // A channel that was refused does not exist.
        kit.service.get("/v1/channels/new?environment=development").await.refused(404, "resource_missing");
    });
}

#[test]
fn keys_count_for_their_environment_and_kind() {
    on_both(async |kit| {
        for (environment, kind, prefix) in [
            ("development", "secret", "sk_test_"),
            ("development", "public", "pk_test_"),
            ("production", "secret", "sk_"),
            ("production", "public", "pk_"),
        ] {
            let body = json!({"environment": environment, "type": kind});
            let made = kit.service.post("/v1/admin/keys", body).await.ok();
            let key = made["key"].as_str().expect("a key");
            assert!(key.starts_with(prefix), "{environment} {kind}: {key}");
            let id = format!("{environment}-{kind}");
            let caller = kit.caller(key);
            caller.put(&format!("/v1/users/{id}"), json!({})).await.ok();
            let (own, other) = if environment == "development" {
                (&kit.secret, &kit.live)
            } else {
                (&kit.live, &kit.secret)
            };
            own.get(&format!("/v1/users/{id}")).await.ok();
            other.get(&format!("/v1/users/{id}")).await.refused(404, "resource_missing");
            assert_eq!(caller.get("/v1/users").await.status, if kind == "secret" { 200 } else { 403 });
        }
        for (body, field) in [
            (json!({"environment": "staging"}), "environment"),
            (json!({"environment": 1}), "environment"),
            (json!({"type": "master"}), "type"),
        ] {
            let answer = kit.service.post("/v1/admin/keys", body).await;
            assert_eq!(answer.refused(422, "invalid_params"), [field]);
        }
        kit.service.delete("/v1/admin/keys/nonsense").await.refused(404, "resource_missing");
    });
}
