//! Message types and guides: what is published, who sees it, what they do with it (in-app.md sections 12 to 14,
//! management.md section 10).

use campanile_engine::Announcement;
use http::Method;
use serde_json::{Value, json};

use crate::kit::{Answer, Kit, on_both, pluck};

const TYPE: &str = "/v1/message_types/tooltip?environment=development&commit=true";

fn tooltip(max_length: i64) -> Value {
    let title = json!({"type": "text", "key": "title", "label": "Title", "settings": {"required": true, "maxLength": max_length}});
    let body = json!({"type": "markdown", "key": "body", "label": null});
    json!({"message_type": {"name": "Tooltip", "description": "A hint", "preview": "<b>{{ title }}</b>",
        "variants": [{"key": "default", "name": "Default", "fields": [title, body]}]}})
}

fn step(reference: &str, title: &str) -> Value {
    json!({"ref": reference, "name": "Step", "schema_key": "tooltip", "schema_semver": "0.0.1",
        "schema_variant_key": "default", "values": {"title": title}})
}

fn guide(change: Value) -> Value {
    let mut guide =
        json!({"name": "Tour", "channel_key": "in-app-guide", "steps": [step("step_1", "Hello")]});
    guide.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
    json!({"guide": guide})
}

impl Kit {
    /// Makes a guide, commits it and switches it on.
    async fn guide(&self, key: &str, change: Value) {
        let path = format!("/v1/guides/{key}?environment=development&commit=true");
        self.service.put(&path, guide(change)).await.ok();
        let path = format!("/v1/guides/{key}/activate?environment=development");
        self.service.put(&path, json!({"status": true})).await.ok();
        self.advance("PT1S").await;
    }

    async fn guides(&self, user: &str, query: &str) -> Value {
        let channel = self.channel_id("in-app-guide").await;
        self.public.get(&format!("/v1/users/{user}/guides/{channel}?{query}")).await.ok()
    }

    /// What a client sends of a guide that it was given.
    async fn ids(&self, key: &str) -> Value {
        let list = self.guides("somebody", "force_all_guides=true").await;
        let entry = list["entries"].as_array().expect("a list").iter().find(|entry| entry["key"] == key);
        let entry = entry.unwrap_or_else(|| panic!("{key} is not in {list}"));
        json!({"channel_id": entry["channel_id"], "guide_id": entry["id"], "guide_key": key,
            "guide_step_ref": entry["steps"][0]["ref"], "content": {"title": "Shown"}})
    }

    async fn engage(&self, user: &str, action: &str, key: &str, change: Value) {
        let mut body = self.ids(key).await;
        body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        let path = format!("/v1/users/{user}/guides/messages/{action}");
        assert_eq!(self.public.put(&path, body).await.ok(), json!({"status": "ok"}));
    }

    async fn delete_with(&self, path: &str, body: Value) -> Answer {
        self.public.send(Method::DELETE, path, body.to_string(), &[]).await
    }
}

/// Why guides are not shown, by key.
fn reasons(list: &Value) -> Vec<(String, String)> {
    pluck(&list["ineligible_guides"], "key")
        .into_iter()
        .zip(pluck(&list["ineligible_guides"], "reason"))
        .collect()
}

fn keys(list: &Value) -> Vec<String> {
    pluck(&list["entries"], "key")
}

#[test]
fn message_types_are_numbered_when_they_change() {
    on_both(async |kit| {
        let made = kit.service.put(TYPE, tooltip(9)).await.ok()["message_type"].clone();
        assert_eq!(
            (&made["owner"], &made["semver"], &made["valid"]),
            (&json!("user"), &json!("0.0.1"), &json!(true))
        );
        assert_eq!(made["variants"][0]["fields"][0]["settings"], json!({"required": true, "max_length": 9}));
        assert_eq!(
            made["variants"][0]["fields"][1],
            json!({"type": "markdown", "key": "body", "label": null})
        );
        let again = kit.service.put(TYPE, tooltip(9)).await.ok()["message_type"].clone();
        assert_eq!((&again["semver"], &again["sha"]), (&made["semver"], &made["sha"]));
        let draft = TYPE.replace("&commit=true", "");
        let draft = kit.service.put(&draft, tooltip(5)).await.ok()["message_type"].clone();
        assert_eq!(draft["semver"], "0.0.1", "only a commit is numbered");
        kit.service.put("/v1/commits?environment=development", json!({})).await.ok();
        let one =
            kit.service.get("/v1/message_types/tooltip?environment=development&annotate=true").await.ok();
        assert_eq!(one["semver"], "0.0.2");
        assert_eq!(
            one["__annotation"],
            json!({"extractable_fields": {"preview": {"default": true, "file_ext": "html"}},
                "readonly_fields": ["key", "valid", "owner", "environment", "semver", "created_at", "updated_at", "sha"]})
        );
        // Promoted content keeps its number, since guides refer to it.
        kit.service.put("/v1/commits/promote?to_environment=production", json!({})).await.ok();
        let live = kit.service.get("/v1/message_types/tooltip?environment=production").await.ok();
        assert_eq!(live["semver"], "0.0.2");
    });
}

#[test]
fn built_in_message_types_are_there_and_stay() {
    on_both(async |kit| {
        for environment in ["development", "production"] {
            let list = kit.service.get(&format!("/v1/message_types?environment={environment}")).await.ok();
            assert_eq!(pluck(&list["entries"], "key"), ["banner", "card", "modal"]);
            assert_eq!(pluck(&list["entries"], "owner"), ["system"; 3]);
        }
        let banner = kit.service.get("/v1/message_types/banner?environment=development").await.ok();
        assert_eq!(banner["semver"], "0.0.1");
        let path = "/v1/message_types/banner?environment=development&commit=true";
        let fields = kit.service.put(path, tooltip(9)).await.refused(422, "invalid_params");
        assert_eq!(fields, ["key"]);
        // The CLI pushes everything that it pulled.
        let same = kit.service.put(path, json!({"message_type": banner})).await.ok();
        assert_eq!(same["message_type"]["sha"], banner["sha"]);
        let commits = kit.service.get("/v1/commits?environment=development").await.ok();
        assert_eq!(commits["entries"], json!([]), "what comes with the installation was nobody's change");
        kit.guide(
            "tour",
            json!({"steps": [{"ref": "step_1", "schema_key": "banner", "schema_semver": "0.0.1",
            "schema_variant_key": "multi-action", "values": {"title": "T", "body": "B"}}]}),
        )
        .await;
        let content = &kit.guides("ada", "").await["entries"][0]["steps"][0]["content"];
        assert_eq!(
            *content,
            json!({"title": "T", "body": "B", "dismissible": true,
                "primary_button": {"text": "Primary button", "action": "https://example.com"},
                "secondary_button": {"text": "Secondary button", "action": "https://example.com"}})
        );
    });
}

#[test]
fn problems_are_named_by_their_place() {
    on_both(async |kit| {
        kit.service.put(TYPE, tooltip(5)).await.ok();
        let broken = guide(json!({
            "name": null, "channel_key": "email", "activation_url_patterns": [{"directive": "allow"}],
            "steps": [{"ref": "s", "schema_key": "tooltip", "schema_semver": "0.0.1", "schema_variant_key": "default",
                "values": {"title": "too long"}}],
        }));
        for path in
            ["/v1/guides/tour?environment=development", "/v1/guides/tour/validate?environment=development"]
        {
            let answer = kit.service.put(path, broken.clone()).await;
            let fields = answer.refused(422, "invalid_params");
            let want = [
                "activation_url_patterns[0]",
                "channel_key",
                "name",
                "steps[0].ref",
                "steps[0].values.title",
            ];
            assert_eq!(fields, want, "{path}");
        }
        let liquid = guide(json!({"steps": [step("step_1", "{{ a")]}));
        let fields = kit.service.put("/v1/guides/tour?environment=development", liquid).await;
        assert_eq!(fields.refused(422, "invalid_params"), ["steps[0].values.title"]);
        kit.service.get("/v1/guides/tour?environment=development").await.refused(404, "resource_missing");
        let fields = kit
            .service
            .put(
                TYPE,
                json!({"message_type": {"name": "T", "description": null,
            "preview": "{% nope %}", "variants": []}}),
            )
            .await
            .refused(422, "invalid_params");
        assert_eq!(fields, ["preview", "variants"]);
    });
}

#[test]
fn a_guide_is_saved_committed_switched_and_archived() {
    on_both(async |kit| {
        kit.service.put(TYPE, tooltip(9)).await.ok();
        let path = "/v1/guides/tour?environment=development";
        let made = kit.service.put(path, guide(json!({"archived_at": "2024-01-01T00:00:00Z"}))).await.ok();
        let made = &made["guide"];
        assert_eq!(
            (&made["active"], &made["valid"], &made["semver"]),
            (&json!(false), &json!(true), &json!("0.0.1"))
        );
        assert_eq!((&made["type"], &made["environment"]), (&json!("tooltip"), &json!("development")));
        let list = kit.guides("ada", "force_all_guides=true").await;
        assert_eq!((&list["entries"], &list["ineligible_guides"]), (&json!([]), &json!([])), "not committed");

        kit.service.put(&format!("{path}&commit=true"), guide(json!({}))).await.ok();
        let list = kit.guides("ada", "").await;
        assert_eq!(reasons(&list), [("tour".to_owned(), "guide_not_active".to_owned())]);
        assert!(list["ineligible_guides"][0]["message"].as_str().is_some_and(|text| !text.is_empty()));
        // The CLI sends values in the query.
        let activate = "/v1/guides/tour/activate?environment=development";
        kit.service.put(activate, json!({})).await.refused(422, "invalid_params");
        let on = kit.service.put(&format!("{activate}&status=true"), json!({})).await.ok();
        assert_eq!(on["guide"]["active"], true);
        assert_eq!(keys(&kit.guides("ada", "").await), ["tour"]);
        kit.service.put(path, guide(json!({"steps": [step("step_1", "Draft")]}))).await.ok();
        let shown = kit.guides("ada", "").await["entries"][0].clone();
        assert_eq!(
            (&shown["steps"][0]["content"]["title"], &shown["semver"]),
            (&json!("Hello"), &json!("0.0.1"))
        );
        kit.service.put("/v1/commits?environment=development", json!({})).await.ok();
        let shown = kit.guides("ada", "").await["entries"][0].clone();
        assert_eq!(
            (&shown["steps"][0]["content"]["title"], &shown["semver"]),
            (&json!("Draft"), &json!("0.0.2"))
        );

        // A first promotion does not switch it on.
        kit.service.put("/v1/commits/promote?to_environment=production", json!({})).await.ok();
        let live = kit.service.get("/v1/guides/tour?environment=production").await.ok();
        assert_eq!(
            (&live["active"], &live["valid"], &live["semver"]),
            (&json!(false), &json!(true), &json!("0.0.2"))
        );

        let list = kit.service.get("/v1/guides?environment=development&include_json_schema=true").await.ok();
        let schema = &list["entries"][0]["steps"][0]["json_schema"];
        assert_eq!(schema["properties"]["title"], json!({"type": "string", "maxLength": 9}));
        assert_eq!(schema["required"], json!(["title"]));

        assert_eq!(kit.service.delete("/v1/guides/tour").await.ok(), json!({"result": "success"}));
        kit.service.delete("/v1/guides/tour").await.refused(404, "resource_missing");
        for environment in ["development", "production"] {
            let path = format!("/v1/guides/tour?environment={environment}");
            kit.service.get(&path).await.refused(404, "resource_missing");
        }
        let list = kit.guides("ada", "force_all_guides=true").await;
        assert_eq!(
            (&list["entries"], &list["guide_groups"][0]["display_sequence"]),
            (&json!([]), &json!([]))
        );
        // Saving its key again publishes nothing by itself.
        let again = kit.service.put(path, guide(json!({}))).await.ok();
        assert_eq!(again["guide"]["active"], false);
        assert_eq!(kit.guides("ada", "force_all_guides=true").await["entries"], json!([]));
    });
}

#[test]
fn a_schedule_opens_and_closes_by_itself() {
    on_both(async |kit| {
        kit.service.put(TYPE, tooltip(9)).await.ok();
        kit.service.put("/v1/guides/tour?environment=development&commit=true", guide(json!({}))).await.ok();
        let activate = "/v1/guides/tour/activate?environment=development";
        let bad = kit
            .service
            .put(activate, json!({"from": "2026-03-03T09:00:00Z", "until": "2026-03-03T09:00:00Z"}));
        assert_eq!(bad.await.refused(422, "invalid_params"), ["until"]);
        let set = kit
            .service
            .put(activate, json!({"from": "2026-03-03T09:00:00Z", "until": "2026-03-04T09:00:00Z"}));
        let set = set.await.ok()["guide"].clone();
        assert_eq!(
            (&set["active"], &set["active_from"]),
            (&json!(false), &json!("2026-03-03T09:00:00.000000Z"))
        );
        for (advance, shown) in [("PT23H", 0), ("PT1H", 1), ("PT23H59M59S", 1), ("PT1S", 0)] {
            kit.advance(advance).await;
            let list = kit.guides("ada", "").await;
            assert_eq!(keys(&list).len(), shown, "after {advance}");
            let one = kit.service.get("/v1/guides/tour?environment=development").await.ok();
            assert_eq!(one["active"], json!(shown == 1));
        }
        let on = kit.service.put(activate, json!({"status": true})).await.ok()["guide"].clone();
        assert!(on["active"] == true && on.get("active_until").is_none(), "{on}");
        kit.service.put(activate, json!({"until": "2026-03-09T09:00:00Z"})).await.ok();
        assert_eq!(keys(&kit.guides("ada", "").await), ["tour"]);
        kit.advance("P7D").await;
        assert_eq!(reasons(&kit.guides("ada", "").await)[0].1, "guide_not_active");
    });
}

#[test]
fn a_fetch_has_everything_that_clients_read() {
    on_both(async |kit| {
        kit.service.put(TYPE, tooltip(60)).await.ok();
        kit.put("/v1/users/ada", json!({"name": "Ada"})).await.ok();
        kit.put("/v1/tenants/acme", json!({"name": "Acme"})).await.ok();
        let title = "{{ recipient.name }}{{ recipient.id }} {{ tenant.name }} {{ data.page }}{{ actor.id }}";
        let mut one = step("step_1", title);
        one["values"]["body"] = json!("**{{ data.page }}**");
        kit.guide(
            "tour",
            json!({"steps": [one], "activation_url_patterns": [
            {"directive": "allow", "pathname": "/dashboard/*"}, {"directive": "block", "search": "id=*"}]}),
        )
        .await;
        kit.guide("other", json!({})).await;
        let list = kit.guides("ada", "tenant=acme&data=%7B%22page%22%3A%22home%22%7D").await;
        let entry = &list["entries"][0];
        assert_eq!(
            entry["steps"],
            json!([{"ref": "step_1", "schema_key": "tooltip", "schema_semver": "0.0.1", "schema_variant_key": "default",
                "content": {"title": "Adaada Acme home", "body": "<p><strong>home</strong></p>"},
                "message": {"id": null, "seen_at": null, "read_at": null, "interacted_at": null, "archived_at": null,
                    "link_clicked_at": null}}])
        );
        assert_eq!(
            entry["activation_url_patterns"],
            json!([{"directive": "allow", "pathname": "/dashboard/*"}, {"directive": "block", "search": "id=*"}])
        );
        assert_eq!(
            (&entry["activation_url_rules"], &entry["activation_location_rules"]),
            (&json!([]), &json!([]))
        );
        assert_eq!(
            (&entry["__typename"], &entry["type"], &entry["active"]),
            (&json!("Guide"), &json!("tooltip"), &json!(true))
        );
        assert_eq!((&entry["semver"], &entry["bypass_global_group_limit"]), (&json!("0.0.1"), &json!(false)));
        assert_eq!(list["entries"][1]["activation_url_patterns"], json!([]), "never null");
        assert_eq!(list["guide_group_display_logs"], json!({}));
        let group = &list["guide_groups"][0];
        assert_eq!(
            (&group["__typename"], &group["key"], group.get("display_interval")),
            (&json!("GuideGroup"), &json!("default"), None)
        );
        assert_eq!(group["display_sequence"], json!(["tour", "other"]), "oldest first");

        assert_eq!(keys(&kit.guides("ada", "type=tooltip").await), ["tour", "other"]);
        let none = kit.guides("ada", "type=modal").await;
        assert_eq!((&none["entries"], &none["ineligible_guides"]), (&json!([]), &json!([])));
        assert_eq!(none["guide_groups"][0]["display_sequence"], json!(["tour", "other"]), "never filtered");
        // An unknown user is one without properties.
        let ghost = kit.guides("ghost", "").await;
        assert_eq!(ghost["entries"][0]["steps"][0]["content"]["title"], "ghost  ");
        assert_eq!(kit.get("/v1/messages").await.ok()["items"], json!([]), "fetching makes no message");

        let channel = kit.channel_id("in-app-guide").await;
        for data in ["%5B1%5D", "%7B"] {
            let path = format!("/v1/users/ada/guides/{channel}?data={data}");
            assert_eq!(kit.public.get(&path).await.refused(422, "invalid_params"), ["data"]);
        }
        let feed = kit.channel_id("in-app-feed").await;
        kit.public.get(&format!("/v1/users/ada/guides/{feed}")).await.refused(422, "channel_invalid");
        kit.public.get("/v1/users/ada/guides/nonsense").await.refused(404, "resource_missing");
        let live = kit.live_public.get(&format!("/v1/users/ada/guides/{channel}")).await.ok();
        assert_eq!(live["entries"], json!([]), "environments do not see each other");
    });
}

#[test]
fn conditions_are_judged_by_user_tenant_and_data() {
    on_both(async |kit| {
        kit.service.put(TYPE, tooltip(9)).await.ok();
        kit.put("/v1/users/ada", json!({"plan": "pro", "beta": true})).await.ok();
        kit.put("/v1/users/bob", json!({"plan": "free", "beta": "true"})).await.ok();
        let when = |variable: &str, argument: &str| json!({"variable": variable, "operator": "equal_to", "argument": argument});
        for (key, conditions) in [
            ("plan", json!({"all": [when("recipient.plan", "pro")]})),
            // Typed: "true" is not true.
            ("beta", json!({"all": [when("recipient.beta", "true")]})),
            ("home", json!({"all": [when("data.page", "home")]})),
            ("acme", json!({"any": [{"all": [when("tenant.id", "acme"), when("recipient.plan", "free")]}]})),
        ] {
            kit.guide(key, json!({"target_property_conditions": conditions})).await;
        }
        for (user, query, want) in [
            ("ada", "", vec!["plan", "beta"]),
            ("bob", "", vec![]),
            ("bob", "tenant=acme&data=%7B%22page%22:%22home%22%7D", vec!["home", "acme"]),
            ("ghost", "data=%7B%22page%22:%22home%22%7D", vec!["home"]),
        ] {
            let list = kit.guides(user, query).await;
            assert_eq!(keys(&list), want, "{user} {query}");
            assert!(reasons(&list).iter().all(|(_, reason)| reason == "target_conditions_not_met"), "{list}");
            assert_eq!(reasons(&list).len() + want.len(), 4);
        }
        let all = kit.guides("bob", "force_all_guides=true").await;
        assert_eq!((keys(&all).len(), reasons(&all).len()), (4, 4), "shown and marked");

        kit.guide("vip", json!({"target_audience_key": "vip"})).await;
        let list = kit.guides("ada", "").await;
        assert!(reasons(&list).contains(&("vip".to_owned(), "not_in_target_audience".to_owned())), "{list}");
    });
}

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
        kit.public.put("/v1/users/ada/guides/messages/0ujsszwN8NRY24YaXiTIE2VWDTS/archived", ids).await.ok();
        let shown = kit.guides("ada", "force_all_guides=true").await["entries"][0].clone();
        assert_eq!((&shown["key"], &shown["active"]), (&json!("one"), &json!(false)));
        assert!(shown["steps"][0]["message"]["archived_at"].is_string());
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

#[test]
fn a_guide_that_cannot_be_rendered_is_left_out() {
    on_both(async |kit| {
        kit.service.put(TYPE, tooltip(60)).await.ok();
        kit.guide("loop", json!({"steps": [step("step_1", "{% for i in (1..data.n) %}{% endfor %}x")]}))
            .await;
        kit.guide("tour", json!({})).await;
        assert_eq!(keys(&kit.guides("ada", "data=%7B%22n%22:3%7D").await), ["loop", "tour"]);
        assert_eq!(keys(&kit.guides("ada", "data=%7B%22n%22:900000%7D").await), ["tour"]);
    });
}

#[test]
fn changes_are_announced_after_they_are_on_disk() {
    on_both(async |kit| {
        kit.service.put(TYPE, tooltip(9)).await.ok();
        kit.workflow("feeds", json!([crate::kit::steps::feed("feed_1", "Hi")])).await;
        let mut heard = kit.server().engine.listen();
        kit.guide("tour", json!({})).await;
        kit.service
            .put("/v1/admin/guide_group?environment=development", json!({"display_interval": 60}))
            .await
            .ok();
        kit.trigger("feeds", json!({"recipients": [{"id": "ada"}]})).await;
        let message = kit.feed("ada", "").await["entries"][0]["id"].clone();
        let mut guides = 0;
        let mut others = Vec::new();
        while let Ok(announcement) = heard.try_recv() {
            match announcement {
                Announcement::Guide { key, .. } if key == "tour" => guides += 1,
                Announcement::GuideGroup { .. } => others.push("group".to_owned()),
                Announcement::FeedMessage { user, message, .. } => others.push(format!("{user} {message}")),
                Announcement::Elsewhere => {}
                Announcement::Guide { key, .. } => panic!("{key} was not changed"),
            }
        }
        assert_eq!(guides, 2, "committed, then switched on");
        assert_eq!(others, ["group".to_owned(), format!("ada {}", message.as_str().expect("an id"))]);
    });
}
