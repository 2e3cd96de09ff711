//! Which guides a user gets, and with what (in-app.md sections 12 and 13).

use serde_json::json;

use super::{TYPE, guide, keys, reasons, step, tooltip};
use crate::kit::on_both;

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
fn a_guide_renders_published_partials_with_its_variables() {
    on_both(async |kit| {
        let partial = |text: &str| json!({"partial": {"name": "P", "type": "markdown", "content": text}});
        let path = "/v1/partials/greeting?environment=development";
        kit.service.put(TYPE, tooltip(60)).await.ok();
        let tour = guide(json!({"steps": [step("step_1", "{% render 'greeting', who: recipient.id %}")]}));
        let guides = "/v1/guides/tour?environment=development&commit=true";
        let fields = kit.service.put(guides, tour).await.refused(422, "invalid_params");
        assert_eq!(fields, ["steps[0].values.title"], "the partial does not exist");
        kit.service.put(path, partial("draft")).await.ok();
        kit.guide("tour", json!({"steps": [step("step_1", "{% render 'greeting', who: recipient.id %}")]}))
            .await;
        let title = async || {
            let list = kit.guides("ada", "").await;
            list["entries"][0]["steps"][0]["content"]["title"].as_str().unwrap_or("?").to_owned()
        };
        assert_eq!(title().await, "", "T6.9: a draft prints nothing");
        for text in ["Hi {{ who }}{{ recipient.id }} {{ vars.app_name }}", "Bye {{ who }}"] {
            kit.service.put("/v1/admin/variables/app_name", json!({"value": "Acme"})).await.ok();
            kit.service.put(&format!("{path}&commit=true"), partial(text)).await.ok();
            let want = text
                .replace("{{ who }}", "ada")
                .replace("{{ recipient.id }}", "")
                .replace("{{ vars.app_name }}", "Acme");
            assert_eq!(title().await, want, "a commit is seen at once");
        }
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
