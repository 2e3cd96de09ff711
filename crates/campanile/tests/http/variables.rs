//! Variables: set by the admin API, read by the management API, seen by templates and feeds (templates.md section 4,
//! management.md M13.4).

use serde_json::{Value, json};

use crate::kit::{Kit, on_both, pluck, steps};

async fn set(kit: &Kit, key: &str, body: Value) -> Value {
    kit.service.put(&format!("/v1/admin/variables/{key}"), body).await.ok()
}

/// What ada's newest message says.
async fn said(kit: &Kit) -> String {
    kit.advance("PT1S").await;
    kit.trigger("greet", json!({"recipients": [{"id": "ada"}]})).await;
    let feed = kit.feed("ada", "page_size=1").await;
    feed["entries"][0]["blocks"][0]["rendered"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn are_listed_with_and_without_an_environment_and_secrets_are_hidden() {
    on_both(async |kit| {
        let list = kit.service.get("/v1/variables").await.ok();
        assert_eq!(pluck(&list["entries"], "key"), ["app_name", "app_url"], "every account has these");
        assert_eq!(list["entries"][0]["value"], Value::Null);
        kit.advance("PT1S").await;
        let made = set(
            kit,
            "api_token",
            json!({"type": "secret", "description": "For them", "value": "0123456789abcdef",
                "environment_values": {"production": "hush"}}),
        )
        .await;
        let hidden = json!({"development": null, "production": "****************"});
        assert_eq!((&made["value"], &made["environment_values"]), (&json!("************cdef"), &hidden));
        kit.advance("PT1S").await;
        let url = set(
            kit,
            "app_url",
            json!({"value": "https://acme.test",
            "environment_values": {"production": "https://acme.example"}}),
        )
        .await;
        assert_eq!(kit.service.get("/v1/variables/app_url").await.ok(), url);
        assert_eq!(kit.service.get("/v1/variables/api_token").await.ok(), made);

        for (query, keys) in
            [("type=secret", vec!["api_token"]), ("type=public", vec!["app_name", "app_url"])]
        {
            let list = kit.service.get(&format!("/v1/variables?{query}")).await.ok();
            assert_eq!(pluck(&list["entries"], "key"), keys, "{query}");
        }
        // The built-in ones are as old as the environments, whose birth the kit's clock does not decide.
        let whole = kit.service.get("/v1/variables").await.ok();
        let whole = pluck(&whole["entries"], "key");
        let (mut paged, mut query) = (Vec::new(), "limit=2".to_owned());
        loop {
            let page = kit.service.get(&format!("/v1/variables?{query}")).await.ok();
            paged.extend(pluck(&page["entries"], "key"));
            let Some(after) = page["page_info"]["after"].as_str() else { break };
            query = format!("limit=2&after={after}");
        }
        assert_eq!((paged.len(), paged), (3, whole));
        for (environment, token, url) in [
            ("development", "************cdef", "https://acme.test"),
            ("production", "****************", "https://acme.example"),
        ] {
            let list = kit.service.get(&format!("/v1/variables?environment={environment}")).await.ok();
            let entries = list["entries"].as_array().expect("a list");
            let of = |key| entries.iter().find(|entry| entry["key"] == key).expect("there");
            assert_eq!((&of("api_token")["value"], &of("app_url")["value"]), (&json!(token), &json!(url)));
            assert!(entries.iter().all(|entry| entry.get("environment_values").is_none()));
        }
        kit.service.get("/v1/variables?type=hidden").await.refused(422, "invalid_params");
        kit.service.get("/v1/variables?environment=nowhere").await.refused(404, "resource_missing");
        kit.service.get("/v1/variables/none").await.refused(404, "resource_missing");

        kit.service.delete("/v1/admin/variables/api_token").await;
        kit.service.get("/v1/variables/api_token").await.refused(404, "resource_missing");
        kit.service.delete("/v1/admin/variables/api_token").await.refused(404, "resource_missing");
        kit.service.delete("/v1/admin/variables/app_url").await;
        let reset = kit.service.get("/v1/variables/app_url").await.ok();
        assert_eq!(reset["value"], Value::Null, "a built-in one only loses its values");
    });
}

#[test]
fn a_bad_change_names_its_fields_and_changes_nothing() {
    on_both(async |kit| {
        set(kit, "token", json!({"type": "secret", "value": "0123456789"})).await;
        for (key, body, fields) in [
            ("branding", json!({"value": "x"}), vec!["key"]),
            ("a%20b", json!({}), vec!["key"]),
            ("1st", json!({}), vec!["key"]),
            ("x", json!({"value": 1, "type": "hidden"}), vec!["type", "value"]),
            ("x", json!({"vlaue": "1"}), vec!["vlaue"]),
            ("x", json!({"value": "a\u{0}b"}), vec!["value"]),
            ("x", json!({"value": "a".repeat(10_001)}), vec!["value"]),
            ("x", json!({"environment_values": []}), vec!["environment_values"]),
            ("x", json!({"environment_values": {"nowhere": "1"}}), vec!["environment_values.nowhere"]),
            ("x", json!({"environment_values": {"production": 1}}), vec!["environment_values.production"]),
            ("app_name", json!({"type": "secret"}), vec!["type"]),
            ("token", json!({"type": "public"}), vec!["type"]),
        ] {
            let answer = kit.service.put(&format!("/v1/admin/variables/{key}"), body.clone()).await;
            let mut found = answer.refused(422, "invalid_params");
            found.sort();
            assert_eq!(found, fields, "{key} {body}");
        }
        kit.service.get("/v1/variables/x").await.refused(404, "resource_missing");
    });
}

#[test]
fn templates_see_typed_values_and_secrets_and_feeds_only_what_is_public() {
    on_both(async |kit| {
        let text = "{{ vars.app_url }}|{{ vars.token }}|{% if vars.flag == true %}yes{% endif %}\
                    {% if vars.app_name %}named{% endif %}|{{ vars.zip }}";
        kit.workflow("greet", json!([steps::feed("feed_1", text)])).await;
        assert_eq!(said(kit).await, "<p>|||</p>", "unset is nil");
        set(kit, "app_url", json!({"value": "Acme"})).await;
        set(kit, "token", json!({"type": "secret", "value": "hush-hush"})).await;
        set(kit, "flag", json!({"value": "true", "environment_values": {"production": "false"}})).await;
        set(kit, "zip", json!({"value": "007"})).await;
        assert_eq!(said(kit).await, "<p>Acme|hush-hush|yes|007</p>");
        let feed = kit.feed("ada", "page_size=1").await;
        assert_eq!(feed["vars"], json!({"app_url": "Acme", "flag": true, "zip": "007"}));

        // An answer sent back keeps what it hides.
        let shown = kit.service.get("/v1/variables/token").await.ok();
        set(kit, "token", shown).await;
        set(kit, "flag", json!({"environment_values": {"development": "false"}})).await;
        assert_eq!(said(kit).await, "<p>Acme|hush-hush||007</p>");
        kit.restart().await;
        assert_eq!(said(kit).await, "<p>Acme|hush-hush||007</p>", "they are stored");

        kit.channel("in-app-feed", json!({"channel_settings": {"vars": {"only": ["zip"]}}})).await;
        assert_eq!(kit.feed("ada", "page_size=1").await["vars"], json!({"zip": "007"}));
        kit.channel("in-app-feed", json!({"channel_settings": {"vars": false}})).await;
        assert_eq!(kit.feed("ada", "page_size=1").await["vars"], json!({}));
    });
}
