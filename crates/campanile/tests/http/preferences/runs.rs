//! What runs make of preferences (preferences.md sections 2, 4, 6, 9 and 13).

use serde_json::{Value, json};

use super::{reachable, sent, set_default, set_tenant, set_user, three_channels};
use crate::kit::{on_both, steps};

#[test]
fn environment_and_user_as_the_examples_1_to_3() {
    on_both(async |kit| {
        reachable(kit, "u").await;
        three_channels(kit, json!({})).await;
        set_default(kit, json!({"channel_types": {"sms": false}})).await;
        assert_eq!(sent(kit, "u", None).await, ["email", "feed"]);
        set_user(kit, "u", "default", json!({"channel_types": {"email": true}})).await;
        assert_eq!(sent(kit, "u", None).await, ["email", "feed"], "the environment supplies it");
        set_user(kit, "u", "default", json!({"channel_types": {"sms": true}})).await;
        assert_eq!(sent(kit, "u", None).await, ["email", "sms", "feed"]);
        set_default(kit, json!({})).await;
        let email = kit.channel_id("email").await;
        let set = json!({"channel_types": {"email": false}, "channels": {email: true}, "workflows": {"news": {"channel_types": {"sms": false}}}});
        set_user(kit, "u", "default", set).await;
        assert_eq!(sent(kit, "u", None).await, ["email", "feed"], "a channel beats its type beside it");
    });
}

#[test]
fn tenants_as_the_examples_4_and_5() {
    on_both(async |kit| {
        reachable(kit, "u").await;
        three_channels(kit, json!({"categories": ["a"]})).await;
        set_tenant(kit, "acme", json!({"categories": {"a": true}})).await;
        set_user(kit, "u", "default", json!({"workflows": {"news": false}})).await;
        for (tenant, count) in [(None, 0), (Some("acme"), 3), (Some("beta"), 0)] {
            assert_eq!(sent(kit, "u", tenant).await.len(), count, "{tenant:?}");
        }
        let forced =
            json!({"categories": {"a": {"__strategy__": "replace", "channel_types": {"email": false}}}});
        set_tenant(kit, "acme", forced).await;
        set_user(kit, "u", "acme", json!({"categories": {"a": {"channel_types": {"email": true}}}})).await;
        assert_eq!(sent(kit, "u", Some("acme")).await, ["sms", "feed"]);
        set_tenant(kit, "acme", json!({"categories": {"a": {"channel_types": {"email": false}}}})).await;
        assert_eq!(sent(kit, "u", Some("acme")).await, ["sms", "feed"], "the marker persists");
        set_tenant(kit, "acme", json!({"categories": {"a": {"__strategy__": "merge"}}})).await;
        assert_eq!(sent(kit, "u", Some("acme")).await, ["email", "sms", "feed"]);
        // A user's set for another tenant, or one that is no tenant's (corner 16), says nothing here.
        set_user(kit, "u", "marketing", json!({"workflows": {"news": false}})).await;
        set_user(kit, "u", "beta", json!({"workflows": {"news": false}})).await;
        assert_eq!(sent(kit, "u", Some("acme")).await.len(), 3);
        set_user(kit, "u", "beta", json!({"workflows": {"news": true}})).await;
        assert_eq!(
            sent(kit, "u", Some("beta")).await.len(),
            3,
            "a set for the tenant replaces the default one"
        );
    });
}

#[test]
fn commercial_workflows_heed_the_flag() {
    on_both(async |kit| {
        reachable(kit, "u").await;
        three_channels(kit, json!({"settings": {"is_commercial": true}})).await;
        assert_eq!(sent(kit, "u", None).await.len(), 3);
        set_user(kit, "u", "default", json!({"commercial_subscribed": false})).await;
        set_user(kit, "u", "acme", json!({"commercial_subscribed": true, "workflows": {"news": true}})).await;
        set_tenant(kit, "acme", json!({"commercial_subscribed": true})).await;
        assert_eq!(sent(kit, "u", None).await, [""; 0]);
        assert_eq!(sent(kit, "u", Some("acme")).await, [""; 0], "an opt-out counts everywhere");
        // It survives identifying and a replacement that does not name it (PF6.5), not a deletion.
        kit.put("/v1/users/u", json!({"preferences": {"default": {"channel_types": {"sms": true}}}}))
            .await
            .ok();
        set_user(kit, "u", "default", json!({"channel_types": {"sms": true}})).await;
        assert_eq!(sent(kit, "u", None).await, [""; 0]);
        three_channels(kit, json!({})).await;
        assert_eq!(sent(kit, "u", None).await.len(), 3, "a transactional workflow ignores it");
        three_channels(kit, json!({"settings": {"is_commercial": true}})).await;
        kit.delete("/v1/users/u/preferences/default").await.ok();
        assert_eq!(sent(kit, "u", None).await.len(), 3);
        set_default(kit, json!({"commercial_subscribed": false})).await;
        assert_eq!(sent(kit, "u", None).await, [""; 0]);
        assert_eq!(sent(kit, "u", Some("acme")).await.len(), 3, "the tenant speaks first");
    });
}

#[test]
fn a_workflow_may_override_preferences_but_not_the_opt_out() {
    on_both(async |kit| {
        reachable(kit, "u").await;
        set_user(kit, "u", "default", json!({"workflows": {"news": false}})).await;
        three_channels(kit, json!({"settings": {"override_preferences": true}})).await;
        assert_eq!(sent(kit, "u", None).await.len(), 3);
        let both = json!({"name": "news", "steps": [], "settings": {"override_preferences": true, "is_commercial": true}});
        let path = "/v1/workflows/news?environment=development";
        let fields = kit.service.put(path, json!({"workflow": both})).await.refused(422, "invalid_params");
        assert_eq!(fields, ["settings.override_preferences"]);
    });
}

#[test]
fn the_log_says_which_layer_said_what() {
    on_both(async |kit| {
        reachable(kit, "u").await;
        three_channels(kit, json!({"categories": ["a"]})).await;
        set_default(kit, json!({"channel_types": {"sms": true, "in_app_feed": false}})).await;
        let dino =
            json!({"variable": "recipient.muted", "operator": "not_contains", "argument": "data.dino"});
        let later = json!({"variable": "data.x", "operator": "exists", "argument": null});
        set_user(
            kit,
            "u",
            "default",
            json!({"categories": {"a": {"channel_types": {"email": {"conditions": [dino, later]}}}}}),
        )
        .await;
        kit.put("/v1/users/u", json!({"muted": ["trex"]})).await.ok();
        let run = kit.trigger("news", json!({"recipients": ["u"], "data": {"dino": "trex"}})).await;
        assert_eq!(kit.steps(&run).await, ["sms"]);
        let log = kit.log_of_run(&run, "u").await;
        let of =
            |step: &str| log.iter().find(|event| event.step.as_deref() == Some(step)).expect("it is logged");
        let email = of("email");
        assert_eq!(
            (email.event.as_str(), &email.data["reason"]),
            ("step_skipped", &json!("preferences_opted_out"))
        );
        let opinion = &email.data["opinions"][0];
        assert_eq!(
            (&opinion["layer"], &opinion["key"], &opinion["outcome"]),
            (&json!("recipient"), &json!("categories.a.channel_types.email"), &json!(false))
        );
        let conditions = opinion["conditions"].as_array().expect("conditions");
        assert_eq!(
            (
                &conditions[0]["resolved_variable"],
                &conditions[0]["resolved_argument"],
                &conditions[0]["outcome"]
            ),
            (&json!(["trex"]), &json!("trex"), &json!("false"))
        );
        assert_eq!(conditions[1]["outcome"], "not_evaluated");
        // The resolved set, with what is implied (PF4.7).
        let types = json!({"email": true, "in_app_feed": false, "sms": true, "push": true, "chat": true, "http": true});
        assert_eq!(email.data["preferences"]["channel_types"], types);
        let feed = of("feed");
        assert_eq!(
            feed.data["opinions"],
            json!([{"layer": "environment", "key": "channel_types.in_app_feed", "outcome": false}])
        );
        let sms = of("sms");
        assert_eq!(sms.event, "message_enqueued");
        assert_eq!(
            sms.data["opinions"],
            json!([{"layer": "environment", "key": "channel_types.sms", "outcome": true}])
        );
    });
}

#[test]
fn who_cannot_be_reached_is_not_asked() {
    on_both(async |kit| {
        kit.users(&["u"]).await;
        three_channels(kit, json!({})).await;
        set_user(kit, "u", "default", json!({"workflows": {"news": false}})).await;
        let run = kit.trigger("news", json!({"recipients": ["u"]})).await;
        let log = kit.log_of_run(&run, "u").await;
        let reasons: Vec<_> =
            log.iter().filter(|e| e.event == "step_skipped").map(|e| e.data["reason"].clone()).collect();
        assert_eq!(reasons, ["missing_recipient_data", "missing_recipient_data", "preferences_opted_out"]);
    });
}

#[test]
fn conditions_read_the_run_and_templates_read_the_set() {
    on_both(async |kit| {
        kit.users(&["u", "boss"]).await;
        let body = "{{ recipient.preferences.channel_types.sms }}|{{ tenant.settings.preferences.channel_types.push }}";
        kit.workflow("news", json!([steps::feed("feed", body)])).await;
        kit.workflow("plain", json!([steps::feed("feed", "Hi")])).await;
        set_default(kit, json!({"channel_types": {"sms": false}})).await;
        set_tenant(kit, "acme", json!({"channel_types": {"push": true}})).await;
        let run = kit.trigger("news", json!({"recipients": ["u"], "tenant": "acme"})).await;
        let message = kit.messages(&run).await[0]["id"].as_str().expect("an id").to_owned();
        let content = kit.get(&format!("/v1/messages/{message}/content")).await.ok();
        assert_eq!(content["data"]["blocks"][0]["rendered"], "<p>false|true</p>");
        // Roots that the workflow itself never reads.
        for (variable, argument, wanted) in [
            ("recipient.name", "u", true),
            ("actor.name", "boss", true),
            ("actor.name", "recipient.name", false),
            ("tenant.name", "Acme", true),
            ("workflow.key", "plain", true),
            ("run.total_activities", "1", true),
            ("data.n", "5", true),
            ("data.n", "{{ data.n }}", false),
        ] {
            let conditions = json!([{"variable": variable, "operator": "equal_to", "argument": argument}]);
            set_user(kit, "u", "acme", json!({"workflows": {"plain": {"conditions": conditions}}})).await;
            kit.put("/v1/tenants/acme", json!({"name": "Acme"})).await.ok();
            let body = json!({"recipients": ["u"], "actor": "boss", "tenant": "acme", "data": {"n": 5}});
            let run = kit.trigger("plain", body).await;
            assert_eq!(kit.messages(&run).await.len(), usize::from(wanted), "{variable} {argument}");
        }
    });
}

#[test]
fn preferences_count_at_the_step_and_not_at_the_trigger() {
    on_both(async |kit| {
        kit.users(&["u"]).await;
        let list =
            json!([steps::feed("before", "1"), steps::delay("wait", 1, "hours"), steps::feed("after", "2")]);
        kit.workflow("news", list).await;
        let opted_out = kit.trigger("news", json!({"recipients": ["u"]})).await;
        set_user(kit, "u", "default", json!({"workflows": {"news": false}})).await;
        let opted_in = kit.trigger("news", json!({"recipients": ["u"], "tenant": "acme"})).await;
        kit.advance("PT30M").await;
        set_tenant(kit, "acme", json!({"workflows": {"news": true}})).await;
        kit.advance("PT1H").await;
        assert_eq!(kit.steps(&opted_out).await, ["before"]);
        assert_eq!(kit.steps(&opted_in).await, ["after"]);
    });
}

#[test]
fn recipients_named_inline_bring_their_preferences() {
    on_both(async |kit| {
        kit.workflow("news", json!([steps::feed("feed", "Hi")])).await;
        set_user(kit, "bob", "acme", json!({"workflows": {"news": false}})).await;
        let off = json!({"default": {"workflows": {"news": false}}});
        let body = json!({
            "recipients": [{"id": "ada", "preferences": off}, {"id": "bob", "name": "Bob"}, {"id": "eve"}],
            "tenant": {"id": "acme", "settings": {"preference_set": {"categories": {"x": true}}}},
        });
        let run = kit.trigger("news", body).await;
        let mut found = crate::kit::pluck(&json!(kit.messages(&run).await), "recipient");
        found.sort();
        assert_eq!(found, ["ada", "eve"], "the default set of ada is no layer under acme");
        let run = kit.trigger("news", json!({"recipients": ["ada", {"id": "bob"}, "eve"]})).await;
        let mut found = crate::kit::pluck(&json!(kit.messages(&run).await), "recipient");
        found.sort();
        assert_eq!(found, ["bob", "eve"]);
    });
}

#[test]
fn objects_have_preferences_too() {
    on_both(async |kit| {
        // Example 8: the object is made when missing.
        let path = "/v1/objects/projects/p1/preferences/default";
        kit.put(path, json!({"channel_types": {"http": false}})).await.ok();
        kit.get("/v1/objects/projects/p1").await.ok();
        kit.workflow("news", json!([steps::webhook("hook", "http://127.0.0.1:9/hook")])).await;
        let project = json!({"id": "p1", "collection": "projects"});
        let run =
            kit.trigger("news", json!({"recipients": [project], "settings": {"sandbox_mode": true}})).await;
        assert_eq!(kit.steps(&run).await, [""; 0]);
        kit.delete(path).await.ok();
        let run =
            kit.trigger("news", json!({"recipients": [project], "settings": {"sandbox_mode": true}})).await;
        assert_eq!(kit.steps(&run).await, ["hook"]);
    });
}

#[test]
fn a_large_run_reads_preferences_by_the_chunk() {
    on_both(async |kit| {
        kit.workflow("news", json!([steps::feed("feed", "Hi")])).await;
        let ids: Vec<String> = (0..600).map(|n| format!("u{n:03}")).collect();
        let users: Vec<Value> =
            ids.iter().map(|id| json!({"id": id, "n": id[1..].parse::<i64>().unwrap_or(0)})).collect();
        crate::bulk::done(kit, "/v1/users/bulk/identify", json!({"users": users})).await;
        let odd: Vec<&String> = ids.iter().skip(1).step_by(2).collect();
        let body = json!({"preferences": {"workflows": {"news": false}}, "user_ids": odd});
        crate::bulk::done(kit, "/v1/users/bulk/preferences", body).await;
        // Somebody in the last chunk asks for a root that nobody before needed.
        let conditions =
            json!([{"variable": "recipient.n", "operator": "greater_than", "argument": "data.floor"}]);
        for id in ["u590", "u592"] {
            set_user(kit, id, "default", json!({"workflows": {"news": {"conditions": conditions}}})).await;
        }
        let run = kit.trigger("news", json!({"recipients": ids, "data": {"floor": 591}})).await;
        let mut total = 0;
        for id in &ids {
            let feed = kit.log_of_run(&run, id).await;
            total += feed.iter().filter(|event| event.event == "message_enqueued").count();
        }
        assert_eq!(total, 299);
    });
}
