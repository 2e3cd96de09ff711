//! `vars.branding`: the account's, an environment's, a layout's and a tenant's (templates.md T4.3–T4.5).

use serde_json::{Value, json};

use crate::kit::{Kit, on_both, steps};

const PATH: &str = "/v1/admin/branding";

/// What ada's newest e-mail says.
async fn said(kit: &Kit, workflow: &str, tenant: Option<&str>) -> String {
    kit.advance("PT1S").await;
    let run = kit.trigger(workflow, json!({"recipients": ["ada"], "tenant": tenant})).await;
    let id = kit.messages(&run).await[0]["id"].as_str().expect("an id").to_owned();
    let content = kit.get(&format!("/v1/messages/{id}/content")).await.ok();
    content["data"]["text_body"].as_str().unwrap_or_default().to_owned()
}

fn mail(layout: Option<&str>) -> Value {
    let mut mail = steps::email("email_1", "Hi");
    let shown = ["logo_url", "dark_logo_url", "primary_color", "primary_color_contrast", "motto"];
    let shown: Vec<_> = shown.iter().map(|key| format!("{{{{ vars.branding.{key} }}}}")).collect();
    mail["template"]["text_body"] = shown.join(" ").into();
    mail["template"]["settings"] = json!({"layout_key": layout});
    mail
}

#[test]
fn keys_come_from_tenant_layout_and_account_one_by_one() {
    on_both(async |kit| {
        kit.put("/v1/users/ada", json!({"email": "ada@example.com"})).await.ok();
        let layout = json!({"email_layout": {
            "name": "Own", "html_layout": "<html><body>{{ content }}</body></html>",
            "text_layout": "{{ content }}", "branding_overrides": {"primary_color": "#000003", "logo_url": "layout"},
        }});
        let path = "/v1/email_layouts/own?environment=development&commit=true";
        kit.service.put(path, layout).await.ok();
        kit.workflow("bare", json!([mail(None)])).await;
        kit.workflow("own", json!([mail(Some("own"))])).await;
        // A partial sees `vars` and its arguments only.
        let partial = json!({"partial": {"name": "Mark", "type": "html", "content": "{{ vars.branding.primary_color }}"}});
        kit.service.put("/v1/partials/mark?environment=development&commit=true", partial).await.ok();
        let mut with_partial = mail(Some("own"));
        with_partial["template"]["text_body"] = "{% render 'mark' %}".into();
        kit.workflow("partial", json!([with_partial])).await;

        assert_eq!(said(kit, "bare", None).await.trim(), "#000000 #FFFFFF", "the defaults of T4.3");
        let set = json!({"branding": {"logo_url": "account", "primary_color": "#000001", "motto": "go"}});
        kit.service.put(PATH, set).await.ok();
        kit.put("/v1/tenants/acme", json!({"settings": {"branding": {"primary_color": "#000002"}}}))
            .await
            .ok();
        kit.put("/v1/tenants/plain", json!({"name": "Plain"})).await.ok();
        for (workflow, tenant, want) in [
            ("bare", None, "account account #000001 #FFFFFF go"),
            ("bare", Some("acme"), "account account #000002 #FFFFFF go"),
            ("bare", Some("plain"), "account account #000001 #FFFFFF go"),
            ("own", None, "layout layout #000003 #FFFFFF go"),
            ("own", Some("acme"), "layout layout #000002 #FFFFFF go"),
            ("partial", None, "#000003"),
            ("partial", Some("acme"), "#000002"),
        ] {
            assert_eq!(said(kit, workflow, tenant).await, want, "{workflow} {tenant:?}");
        }
        kit.restart().await;
        assert_eq!(said(kit, "bare", None).await, "account account #000001 #FFFFFF go");
    });
}

#[test]
fn an_environment_has_its_own_and_preference_centers_show_it() {
    on_both(async |kit| {
        let path = "/v1/users/ada/preference_center/config";
        let nothing = json!({"logo_url": null, "icon_url": null, "primary_color": null, "primary_color_contrast": null});
        assert_eq!(kit.public.get(path).await.ok()["branding"], nothing);
        let answer = kit
            .service
            .put(
                PATH,
                json!({
                    "branding": {"logo_url": "l", "dark_primary_color": "#fff"},
                    "environment_values": {"production": {"logo_url": "live"}},
                }),
            )
            .await
            .ok();
        assert_eq!(kit.service.get(PATH).await.ok(), answer);
        assert_eq!(
            answer["environment_values"],
            json!({"development": {}, "production": {"logo_url": "live"}})
        );
        let keys = answer["branding"].as_object().expect("an object");
        assert_eq!((keys.len(), &keys["icon_url"], &keys["logo_url"]), (10, &Value::Null, &json!("l")));
        let shown = |logo: &str| {
            let mut shown = nothing.clone();
            shown["logo_url"] = logo.into();
            shown["dark"] = json!({"primary_color": "#fff"});
            shown
        };
        assert_eq!(kit.public.get(path).await.ok()["branding"], shown("l"));
        assert_eq!(kit.live_public.get(path).await.ok()["branding"], shown("live"));

        kit.service.put(PATH, json!({"branding": {"logo_url": null, "dark_primary_color": null}})).await.ok();
        assert_eq!(kit.public.get(path).await.ok()["branding"], nothing, "null takes a key away");
    });
}

#[test]
fn a_bad_change_names_its_fields_and_changes_nothing() {
    on_both(async |kit| {
        let before = kit.service.get(PATH).await.ok();
        for (body, fields) in [
            (json!({"branding": {"primary_color": "red", "logo_url": "x"}}), vec!["branding.primary_color"]),
            (json!({"branding": {"logo_url": 1}, "colour": {}}), vec!["branding.logo_url", "colour"]),
            (json!({"branding": {"a b": "x"}}), vec!["branding.a b"]),
            (json!({"branding": {"x": "a\u{0}"}}), vec!["branding.x"]),
            (json!({"branding": {"x": "a".repeat(2_001)}}), vec!["branding.x"]),
            (json!({"branding": []}), vec!["branding"]),
            (json!({"environment_values": []}), vec!["environment_values"]),
            (json!({"environment_values": {"nowhere": {}}}), vec!["environment_values.nowhere"]),
            (
                json!({"environment_values": {"production": {"dark_primary_color": "#12"}}}),
                vec!["environment_values.production.dark_primary_color"],
            ),
        ] {
            let mut found = kit.service.put(PATH, body.clone()).await.refused(422, "invalid_params");
            found.sort();
            assert_eq!(found, fields, "{body}");
        }
        let many: serde_json::Map<String, Value> = (0..101).map(|n| (format!("k{n}"), json!("x"))).collect();
        kit.service.put(PATH, json!({"branding": many})).await.refused(422, "invalid_params");
        assert_eq!(kit.service.get(PATH).await.ok(), before);
        kit.get(PATH).await.refused(401, "bearer_token_invalid");
    });
}
