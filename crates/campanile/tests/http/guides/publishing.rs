//! Message types and guides as they are saved, committed, switched and announced (management.md section 10).

use campanile_engine::Announcement;
use serde_json::json;

use super::{TYPE, guide, keys, reasons, step, tooltip};
use crate::kit::{on_both, pluck};

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
