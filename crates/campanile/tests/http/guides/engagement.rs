//! What users do with guides (in-app.md section 14).

use serde_json::{Value, json};

use super::{TYPE, keys, reasons, step, tooltip};
use crate::kit::{on_both, pluck};

#[test]
fn the_first_engagement_makes_the_message() {
    on_both(async |kit| {
        kit.service.put(TYPE, tooltip(9)).await.ok();
        kit.guide("tour", json!({})).await;
        kit.users(&["ada"]).await;
        kit.engage("ada", "seen", "tour", json!({"data": {"page": "home", "n": {}}, "tenant": "acme"})).await;
        let shown = kit.guides("ada", "").await["entries"][0]["steps"][0]["message"].clone();
        let id = shown["id"].as_str().expect("an id").to_owned();
        assert_eq!(shown["seen_at"], kit.now().await);
        assert_eq!((&shown["read_at"], &shown["archived_at"]), (&Value::Null, &Value::Null));
        let message = kit.get(&format!("/v1/messages/{id}")).await.ok();
        assert_eq!((&message["status"], &message["recipient"]), (&json!("delivered"), &json!("ada")));
        assert_eq!(
            (&message["channel"]["type"], &message["tenant"]),
            (&json!("in_app_guide"), &json!("acme"))
        );
        assert_eq!(message["data"], json!({"page": "home", "n": {}}));
        let source = &message["source"];
        assert_eq!(
            (&source["type"], &source["key"], &source["step_ref"]),
            (&json!("guide"), &json!("tour"), &json!("step_1"))
        );
        assert_eq!(
            (&source["workflow_run_id"], &source["workflow_recipient_run_id"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(source["version_id"].as_str().map(str::len), Some(36));
        let content = kit.get(&format!("/v1/messages/{id}/content")).await.ok();
        assert_eq!(content["data"]["content"], json!({"title": "Shown"}));
        assert_eq!(kit.events(&id).await, ["created", "delivered", "seen"]);

        kit.advance("PT1M").await;
        kit.engage("ada", "seen", "tour", json!({})).await;
        kit.engage("ada", "interacted", "tour", json!({"metadata": {"score": 9}})).await;
        let shown = kit.guides("ada", "").await["entries"][0]["steps"][0]["message"].clone();
        assert_eq!(shown["id"], *id, "one message");
        let now = json!(kit.now().await);
        assert_eq!((&shown["seen_at"], &shown["read_at"], &shown["interacted_at"]), (&now, &now, &now));
        let events = kit.full_events(&id).await;
        assert_eq!(kit.events(&id).await, ["created", "delivered", "seen", "seen", "read", "interacted"]);
        assert_eq!(events[5]["data"], json!({"score": 9}));
        let feed = kit.feed("ada", "").await;
        assert_eq!(
            (&feed["entries"], &feed["meta"]["unread_count"]),
            (&json!([]), &json!(0)),
            "never in feeds"
        );
        let list = kit.get("/v1/users/ada/messages?source=tour").await.ok();
        assert_eq!(pluck(&list["items"], "id"), [id.as_str()]);
    });
}

#[test]
fn archived_guides_are_put_away_until_taken_back() {
    on_both(async |kit| {
        kit.service.put(TYPE, tooltip(9)).await.ok();
        kit.guide("one", json!({})).await;
        kit.guide("two", json!({"steps": [step("step_1", "A"), step("step_2", "B")]})).await;
        let reason = async |user: &str, key: &str| {
            let list = kit.guides(user, "").await;
            reasons(&list).into_iter().find(|(found, _)| found == key).map(|(_, reason)| reason)
        };
        let archived = Some("marked_as_archived".to_owned());
        kit.engage("ada", "archived", "one", json!({})).await;
        assert_eq!(reason("ada", "one").await, archived);
        assert_eq!(reason("bob", "one").await, None, "of one user only");
        // All steps, or a final one.
        kit.engage("ada", "archived", "two", json!({})).await;
        assert_eq!(reason("ada", "two").await, None);
        kit.engage("ada", "archived", "two", json!({"guide_step_ref": "step_2"})).await;
        assert_eq!(reason("ada", "two").await, archived);
        kit.engage("bob", "archived", "two", json!({"is_final": true})).await;
        assert_eq!(reason("bob", "two").await, archived);

        let path = |user: &str| format!("/v1/users/{user}/guides/messages/archived");
        for user in ["ada", "bob"] {
            kit.delete_with(&path(user), json!({"guide_key": "two"})).await.ok();
            assert_eq!(reason(user, "two").await, None);
        }
        let shown = kit.guides("ada", "").await;
        let steps = &shown["entries"][0]["steps"];
        assert_eq!(pluck(steps, "ref"), ["step_1", "step_2"]);
        assert!(steps[0]["message"]["id"].is_string() && steps[0]["message"]["archived_at"].is_null());

        // Reset forgets, the message stays in the logs, and the next engagement makes another.
        let before = steps[0]["message"]["id"].clone();
        let reset =
            kit.public.put("/v1/users/ada/guides/engagements/reset", json!({"guide_key": "two"})).await;
        assert_eq!(reset.ok(), json!({"status": "ok"}));
        assert_eq!(kit.guides("ada", "").await["entries"][0]["steps"][0]["message"]["id"], Value::Null);
        kit.get(&format!("/v1/messages/{}", before.as_str().expect("an id"))).await.ok();
        kit.advance("PT1S").await;
        kit.engage("ada", "seen", "two", json!({})).await;
        let after = kit.guides("ada", "").await["entries"][0]["steps"][0]["message"]["id"].clone();
        assert!(after.is_string() && after != before);

        kit.delete_with(&path("ada"), json!({"guide_key": "nope"})).await.refused(404, "resource_missing");
        let fields = kit.delete_with(&path("ada"), json!({})).await.refused(422, "invalid_params");
        assert_eq!(fields, ["guide_key"]);
        let reset = "/v1/users/ada/guides/engagements/reset";
        kit.public.put(reset, json!({"guide_key": "nope"})).await.refused(404, "resource_missing");
    });
}

#[test]
fn engagement_belongs_to_a_guide() {
    on_both(async |kit| {
        kit.service.put(TYPE, tooltip(9)).await.ok();
        kit.guide("one", json!({})).await;
        kit.guide("two", json!({})).await;
        let ids = kit.ids("one").await;
        let other = kit.ids("two").await["guide_id"].clone();
        let seen = "/v1/users/ada/guides/messages/seen";
        for (change, status, want) in [
            (json!({"guide_key": "nope"}), 404, vec![]),
            (json!({"guide_id": other}), 422, vec!["guide_id"]),
            (
                json!({"channel_id": kit.channel_id("email").await, "guide_step_ref": "step_9"}),
                422,
                vec!["channel_id", "guide_step_ref"],
            ),
            (json!({"content": null, "guide_key": null}), 422, vec!["content", "guide_key"]),
        ] {
            let mut body = ids.clone();
            body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
            let code = if status == 404 { "resource_missing" } else { "invalid_params" };
            assert_eq!(kit.public.put(seen, body).await.refused(status, code), want, "{change}");
        }
        assert_eq!(kit.get("/v1/messages").await.ok()["items"], json!([]), "nothing was changed");
        // Older clients, and guides that are switched off.
        kit.service
            .put("/v1/guides/one/activate?environment=development", json!({"status": false}))
            .await
            .ok();
        kit.public.put("/v1/users/ada/guides/messages/null/seen", ids.clone()).await.ok();
        // A path that the peer's list of public endpoints prints.
        let channel = kit.channel_id("in-app-guide").await;
        for action in ["seen", "interacted"] {
            let path = format!("/v1/users/ada/guides/{channel}/messages/null/{action}");
            kit.public.put(&path, ids.clone()).await.ok();
        }
        kit.public.put("/v1/users/ada/guides/messages/0ujsszwN8NRY24YaXiTIE2VWDTS/archived", ids).await.ok();
        let shown = kit.guides("ada", "force_all_guides=true").await["entries"][0].clone();
        assert_eq!((&shown["key"], &shown["active"]), (&json!("one"), &json!(false)));
        let message = &shown["steps"][0]["message"];
        assert!(message["archived_at"].is_string() && message["interacted_at"].is_string(), "{message}");
    });
}

#[test]
fn the_throttle_window_opens_with_a_throttled_guide() {
    on_both(async |kit| {
        kit.service.put(TYPE, tooltip(9)).await.ok();
        for key in ["one", "two", "three"] {
            kit.guide(key, json!({})).await;
        }
        let group = "/v1/admin/guide_group?environment=development";
        let saved = kit
            .service
            .put(
                group,
                json!({
            "display_sequence": ["three", "one", "later"], "unthrottled": ["two"], "display_interval": 3600}),
            )
            .await
            .ok();
        assert_eq!(kit.service.get(group).await.ok(), saved);
        let list = kit.guides("ada", "").await;
        let shown = &list["guide_groups"][0];
        assert_eq!(shown["display_sequence"], json!(["two", "three", "one"]), "unthrottled ones first");
        assert_eq!(shown["display_sequence_unthrottled"], json!(["two"]));
        assert_eq!(shown["display_sequence_throttled"], json!(["three", "one"]));
        assert_eq!(shown["display_interval"], 3600);
        assert_eq!(keys(&list), ["two", "three", "one"]);
        assert_eq!(list["entries"][0]["bypass_global_group_limit"], true);

        let log = async || kit.guides("ada", "").await["guide_group_display_logs"].clone();
        kit.engage("ada", "archived", "one", json!({"unthrottled": true})).await;
        kit.engage("ada", "archived", "two", json!({})).await;
        assert_eq!(log().await, json!({}), "unthrottled guides open no window");
        kit.engage("ada", "archived", "three", json!({})).await;
        assert_eq!(log().await, json!({"default": kit.now().await}));
        let at = kit.now().await;
        kit.advance("PT1M").await;
        kit.public.put("/v1/users/ada/guides/engagements/reset", json!({"guide_key": "three"})).await.ok();
        kit.engage("ada", "seen", "three", json!({})).await;
        assert_eq!(log().await, json!({"default": at}), "the log stays");
        let bad = json!({"display_interval": 0, "unthrottled": ["a", "a"], "display_sequence": [7]});
        let fields = kit.service.put(group, bad).await.refused(422, "invalid_params");
        assert_eq!(fields, ["display_interval", "display_sequence[0]", "unthrottled[1]"]);
        let misspelt = kit.service.put(group, json!({"display_intervall": 60})).await;
        assert_eq!(misspelt.refused(422, "invalid_params"), ["display_intervall"]);
    });
}

#[test]
fn engagement_can_be_kept_per_tenant() {
    on_both(async |kit| {
        kit.service.put(TYPE, tooltip(9)).await.ok();
        kit.guide("tour", json!({})).await;
        let shown = async |user: &str, query: &str| keys(&kit.guides(user, query).await).len();
        kit.engage("ada", "archived", "tour", json!({"tenant": "acme"})).await;
        assert_eq!((shown("ada", "tenant=acme").await, shown("ada", "tenant=beta").await), (0, 0), "global");
        kit.channel("in-app-guide", json!({"channel_settings": {"per_tenant_scope": true}})).await;
        kit.engage("bob", "archived", "tour", json!({"tenant": "acme"})).await;
        assert_eq!((shown("bob", "tenant=acme").await, shown("bob", "tenant=beta").await), (0, 1));
        assert_eq!(shown("bob", "").await, 1);
        let path = "/v1/users/bob/guides/messages/archived";
        kit.delete_with(path, json!({"guide_key": "tour", "tenant": "acme"})).await.ok();
        assert_eq!(shown("bob", "tenant=acme").await, 1);
    });
}
