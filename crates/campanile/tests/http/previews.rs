//! Previews of steps, templates, layouts and partials (templates.md section 16).

use serde_json::{Value, json};

use crate::kit::{Kit, on_both, steps};

const TEMPLATES: &str = "/v1/templates/preview?environment=development";
const LAYOUTS: &str = "/v1/email_layouts/preview?environment=development";
const PARTIALS: &str = "/v1/partials/preview?environment=development";

/// A change laid over a request, member by member.
fn with(mut body: Value, change: Value) -> Value {
    let members = change.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(members);
    body
}

async fn template(kit: &Kit, channel_type: &str, template: Value, change: Value) -> Value {
    let body = json!({"channel_type": channel_type, "template": template, "recipient": "ada"});
    kit.service.post(TEMPLATES, with(body, change)).await.ok()
}

fn step_path(workflow: &str, step: &str) -> String {
    format!("/v1/workflows/{workflow}/steps/{step}/preview_template?environment=development")
}

/// Field and line of each error, in order.
fn places(answer: &Value) -> Vec<String> {
    assert_eq!(answer["result"], "error", "{answer}");
    let errors = answer["errors"].as_array().expect("a list");
    errors
        .iter()
        .map(|error| format!("{} {}", error["field"].as_str().unwrap_or("?"), error["line"]))
        .collect()
}

async fn furnish(kit: &Kit) {
    kit.put("/v1/users/ada", json!({"name": "Ada", "email": "ada@example.com", "plan": "pro"})).await.ok();
    kit.put("/v1/users/ben", json!({"name": "Ben"})).await.ok();
    kit.put("/v1/objects/projects/p1", json!({"name": "Apollo"})).await.ok();
    kit.put(
        "/v1/tenants/acme",
        json!({"name": "Acme", "settings": {"branding": {"primary_color": "#123456"}}}),
    )
    .await
    .ok();
}

#[test]
fn every_channel_shows_its_fields_rendered() {
    on_both(async |kit| {
        furnish(kit).await;
        let situation =
            json!({"actor": {"id": "p1", "collection": "projects"}, "tenant": "acme", "data": {"n": 7}});
        for (channel, given, want) in [
            (
                "sms",
                json!({"text_body": "{{ data.n }} for {{ recipient.name }}", "settings": {"to_number": " +1{{ n }} "}}),
                json!({"text_body": "7 for Ada", "settings": {"to_number": "+17", "payload_overrides": null}}),
            ),
            (
                "push",
                json!({"title": " {{ actor.name }} ", "text_body": "b", "settings": {"delivery_type": "content"}}),
                json!({"title": "Apollo", "text_body": "b", "settings": {"delivery_type": "content"}}),
            ),
            (
                "chat",
                json!({"markdown_body": "*{{ tenant.name }}*", "summary": "{{ vars.branding.primary_color }}"}),
                json!({"markdown_body": "*Acme*", "summary": "#123456"}),
            ),
            (
                "chat",
                json!({"json_body": r#"{"n": {{ data.n }}}"#}),
                json!({"markdown_body": "", "json_body": r#"{"n":7}"#}),
            ),
            (
                "in_app_feed",
                json!({"markdown_body": "**{{ total_activities }}**", "action_url": " /{{ activities[0].data.n }} ",
                    "action_buttons": [{"label": "L{{ n }}", "action": " /a "}]}),
                json!({"markdown_body": "**1**", "html_body": "<p><strong>1</strong></p>", "action_url": "/7",
                    "action_buttons": [{"label": "L7", "action": "/a"}]}),
            ),
        ] {
            let answer = template(kit, channel, given, situation.clone()).await;
            assert_eq!(answer["result"], "success", "{answer}");
            assert_eq!((&answer["content_type"], &answer["errors"]), (&json!(channel), &json!([])));
            assert_eq!(answer["template"], want);
        }
        let answer = template(
            kit,
            "sms",
            json!({"text_body": "{% for i in (1..18) %}0123456789{% endfor %}"}),
            json!({}),
        )
        .await;
        assert_eq!(answer["segments"], json!({"encoding": "GSM-7", "units": 180, "count": 2}));
        let facts = json!({"workflow": {"key": "w", "categories": ["news"], "commercial": true}});
        let text = "{{ workflow.key }} {{ workflow.categories }} {{ workflow.commercial }} {{ current_message.id.size }} \
                    {{ recipient.preferences.channel_types | json }} {{ vars.commercial_unsubscribe_url }}";
        let answer = template(kit, "sms", json!({"text_body": text}), facts).await;
        assert_eq!(answer["template"]["text_body"], "w news true 27 null https://example.com");
    });
}

#[test]
fn an_email_is_shown_whole_under_both_sets_of_names() {
    on_both(async |kit| {
        furnish(kit).await;
        let mail = json!({
            "subject": "Hi\n{{ recipient.name }}", "html_body": "<style>p{color:red}</style><p>{{ data.n }}</p>",
            "preview_text": "{{ data.n }}!", "settings": {"attachment_key": "files"},
        });
        let answer =
            template(kit, "email", mail.clone(), json!({"data": {"n": 7}, "layout": {"key": null}})).await;
        let shown = &answer["template"];
        assert_eq!((&shown["subject"], &shown["subject_line"]), (&json!("Hi Ada"), &json!("Hi Ada")));
        assert_eq!((&shown["text_body"], &shown["text_content"]), (&json!("7"), &json!("7")));
        assert_eq!(shown["html_body"], shown["html_content"]);
        assert!(
            shown["html_body"].as_str().is_some_and(|html| html.contains(r#"<p style="color:red">7</p>"#)),
            "T16.9"
        );
        assert_eq!(
            (&shown["preview_text"], &shown["settings"]),
            (&json!("7!"), &json!({"attachment_key": "files"}))
        );

        // Without a layout: the default one (T16.5), whose logo is never empty (T16.6).
        let answer = template(kit, "email", mail.clone(), json!({})).await;
        let html = answer["template"]["html_body"].as_str().expect("HTML").to_owned();
        assert!(
            html.contains("prefers-color-scheme") && html.contains(r#"src="https://example.com""#),
            "{html}"
        );
        let inline = json!({"layout": {"html_content": "<main>{{ content }}</main>", "text_content": "[{{ content }}]"}});
        let answer = template(kit, "email", mail.clone(), inline).await;
        assert!(
            answer["template"]["html_body"].as_str().is_some_and(|html| html.contains("<main>")),
            "{answer}"
        );
        let layout = json!({"email_layout": {
            "name": "Own", "html_layout": "<main>{{ content }}{{ vars.branding.primary_color }}</main>",
            "text_layout": "{{ content }}", "branding_overrides": {"primary_color": "#000003"},
        }});
        kit.service.put("/v1/email_layouts/own?environment=development", layout).await.ok();
        let own = json!({"layout": {"key": "own"}});
        let body = json!({"channel_type": "email", "template": mail, "recipient": "ada"});
        let fields =
            kit.service.post(TEMPLATES, with(body, own.clone())).await.refused(422, "invalid_params");
        assert_eq!(fields, ["layout.key"], "it is not published");
        kit.service
            .put("/v1/commits?environment=development&resource_type=email_layout", json!({}))
            .await
            .ok();
        let answer = template(kit, "email", mail.clone(), own).await;
        assert!(
            answer["template"]["html_body"].as_str().is_some_and(|html| html.contains("#000003")),
            "{answer}"
        );
        let blocks = json!({"subject": "s", "settings": {"layout_key": "own"}, "visual_blocks": [
            {"type": "button_set", "buttons": [{"label": "Go", "action": "{{ vars.app_url }}", "variant": "solid"}]},
        ]});
        let answer = template(kit, "email", blocks, json!({})).await;
        assert_eq!(answer["template"]["text_body"], "Go (https://example.com)");
    });
}

#[test]
fn all_errors_come_at_once_in_order_and_nothing_is_a_failure_of_the_request() {
    on_both(async |kit| {
        furnish(kit).await;
        let answer = template(
            kit,
            "email",
            json!({"subject": "{{ 1 | divided_by: 0 }}", "html_body": "<p>\n{{ 'x' | base64_decode }}</p>",
                "text_body": "a\n\n{{ 1 | modulo: 0 }}", "settings": {}}),
            json!({"layout": {"key": null}}),
        )
        .await;
        assert_eq!(places(&answer), ["html_body 2", "subject 1", "text_body 3"], "{answer}");
        let answer = template(
            kit,
            "sms",
            json!({"text_body": "\n{% if %}", "settings": {"to_number": "{{"}}),
            json!({}),
        )
        .await;
        assert_eq!(places(&answer), ["settings.to_number 1", "text_body 2"], "syntax too");
        let answer =
            template(kit, "chat", json!({"json_body": "{\"a\": {{ data.quote }}}"}), json!({})).await;
        assert_eq!(places(&answer), ["json_body 1"]);
        let answer = template(
            kit,
            "in_app_feed",
            json!({"markdown_body": "{% for i in (1..1000000000) %}x{% endfor %}", "action_url": "{{ 1 | divided_by: 0 }}"}),
            json!({}),
        )
        .await;
        assert_eq!(places(&answer), ["action_url 1", "markdown_body 1"]);
        assert!(answer["errors"][0]["message"].as_str().is_some_and(|why| why.contains("zero")), "{answer}");
    });
}

#[test]
fn a_step_is_previewed_as_saved_with_what_is_published_around_it() {
    on_both(async |kit| {
        furnish(kit).await;
        let partial = |text: &str| json!({"partial": {"name": "P", "type": "text", "content": text}});
        kit.service.put("/v1/partials/sign?environment=development&commit=true", partial("old")).await.ok();
        kit.workflow("hey", json!([steps::feed("feed_1", "{{ data.n }} {% render 'sign' %}")])).await;
        kit.service.put("/v1/partials/sign?environment=development", partial("new")).await.ok();
        let mut hook = steps::webhook("hook_1", "https://a.test/{{ recipient.id }}");
        hook["template"]["headers"] = json!([{"key": "x-n", "value": "{{ data.n }}"}]);
        let branch = json!({"ref": "branch_1", "type": "branch", "branches": [
            {"name": "a", "conditions": steps::all(&[("data.n", "equal_to", json!("1"))]), "terminates": false, "steps": [hook]},
            {"name": "else", "terminates": false, "steps": []},
        ]});
        let document = json!({"workflow": {"name": "Hi", "steps": [
            steps::feed("feed_1", "saved {{ data.n }} {% render 'sign' %} {{ workflow.key }}"), branch,
        ]}});
        kit.service.put("/v1/workflows/hey?environment=development", document).await.ok();
        let body = json!({"recipient": "ada", "data": {"n": 7}});
        let answer = kit.service.post(&step_path("hey", "feed_1"), body.clone()).await.ok();
        assert_eq!(answer["template"]["markdown_body"], "saved 7 old hey", "C10: {answer}");
        let answer = kit.service.post(&step_path("hey", "hook_1"), body.clone()).await.ok();
        assert_eq!(
            (&answer["content_type"], &answer["template"]),
            (
                &json!("http"),
                &json!({"method": "post", "url": "https://a.test/ada", "headers": [{"key": "x-n", "value": "7"}],
                    "query_params": [], "body": r#"{"to":"ada"}"#})
            )
        );
        for path in [step_path("none", "feed_1"), step_path("hey", "none")] {
            kit.service.post(&path, body.clone()).await.refused(404, "resource_missing");
        }
        let fields = kit
            .service
            .post(&step_path("hey", "branch_1"), body.clone())
            .await
            .refused(422, "invalid_params");
        assert_eq!(fields, ["step_ref"]);
        kit.service
            .post(&step_path("hey", "feed_1").replace("development", "production"), body)
            .await
            .refused(404, "resource_missing");
    });
}

#[test]
fn a_layout_stands_around_nothing() {
    on_both(async |kit| {
        furnish(kit).await;
        let layout = |html: &str| {
            json!({"recipient": "ada", "email_layout": {"name": "L", "html_layout": html,
                "text_layout": "{{ content }}-- {{ footer_links }}", "footer_links": [{"text": "{{ recipient.name }}", "url": "/"}],
                "branding_overrides": {"primary_color": "#000003"}}})
        };
        let html = "<html><head></head><body>{{ recipient.name }}{{ content }}{{ vars.branding.primary_color }} \
                    {{ vars.manage_preferences_url }} {{ vars.commercial_unsubscribe_url }} {{ footer_links }}</body></html>";
        let answer = kit.service.post(LAYOUTS, layout(html)).await.ok();
        assert_eq!((&answer["result"], &answer["errors"]), (&json!("success"), &json!([])));
        let shown = answer["layout"]["html_body"].as_str().expect("HTML");
        assert!(
            shown.ends_with(
                "Ada#000003 https://example.com https://example.com <a href=\"/\">Ada</a></body></html>"
            ),
            "{shown}"
        );
        assert_eq!(answer["layout"]["text_body"], "-- Ada (/)");
        let answer = kit.service.post(LAYOUTS, layout("{{ content }}\n{% if %}")).await.ok();
        assert_eq!(places(&answer), ["html_layout 2"]);
        let answer = kit.service.post(LAYOUTS, layout("{{ content }}\n\n{{ 1 | divided_by: 0 }}")).await.ok();
        assert_eq!(places(&answer), ["html_layout 3"]);
        let fields = kit.service.post(LAYOUTS, layout("<p>")).await.refused(422, "invalid_params");
        assert_eq!(fields, ["email_layout.html_layout"]);
    });
}

#[test]
fn a_partial_is_previewed_with_all_of_its_fields() {
    on_both(async |kit| {
        let field = |key: &str, kind: &str| json!({"type": kind, "key": key, "label": key});
        let body = |content: &str, data: Value| {
            json!({"data": data, "partial": {"name": "P", "type": "html", "content": content,
                "input_schema": [field("name", "text"), field("on", "boolean"), field("more", "markdown")]}})
        };
        let content = "<style>b{color:red}</style><b>{{ name }}</b>{% if on %}on{% endif %}{{ more }}{{ other }}{{ vars.app_url }}";
        let all = json!({"name": "Jane", "on": false, "more": "*m*", "other": [1], "vars": "no", "a b": 1});
        let answer = kit.service.post(PARTIALS, body(content, all.clone())).await.ok();
        assert_eq!(
            answer,
            json!({"result": "success", "type": "html", "errors": [],
                "content": "<b>Jane</b><p><em>m</em></p>[1]https://example.com"})
        );
        let mut fields = kit
            .service
            .post(PARTIALS, body(content, json!({"on": true})))
            .await
            .refused(422, "invalid_params");
        fields.sort();
        assert_eq!(fields, ["data.more", "data.name"], "T16.7: required or not");
        let framed = with(body(content, all.clone()), json!({"layout": {"key": "default"}}));
        let answer = kit.service.post(PARTIALS, framed).await.ok();
        let html = answer["content"].as_str().expect("HTML");
        assert!(html.contains("<b style=\"color:red\">Jane</b>") && html.contains("</html>"), "{html}");
        for (content, want) in [("a\n{% if %}", "content 2"), ("\n\n{{ 1 | divided_by: 0 }}", "content 3")] {
            let answer = kit.service.post(PARTIALS, body(content, all.clone())).await.ok();
            assert_eq!(places(&answer), [want]);
        }
        let text =
            json!({"partial": {"name": "P", "type": "text", "content": "x"}, "layout": {"key": "default"}});
        assert_eq!(kit.service.post(PARTIALS, text).await.refused(422, "invalid_params"), ["layout.key"]);
        let kind = json!({"partial": {"name": "P", "type": "xml", "content": "x"}});
        assert_eq!(kit.service.post(PARTIALS, kind).await.refused(422, "invalid_params"), ["partial.type"]);
    });
}

#[test]
fn a_malformed_request_names_its_fields() {
    on_both(async |kit| {
        furnish(kit).await;
        let good = json!({"channel_type": "sms", "template": {"text_body": "x"}, "recipient": "ada"});
        for (change, fields) in [
            (json!({"recipient": "ghost", "actor": "ghost"}), vec!["actor", "recipient"]),
            (json!({"recipient": null}), vec!["recipient"]),
            (json!({"recipient": {"id": "zed", "name": "Zed"}}), vec!["recipient"]),
            (json!({"recipient": {"id": "p1", "collection": "projects", "name": "Zed"}}), vec!["recipient"]),
            (json!({"actor": 1, "tenant": "a b", "data": []}), vec!["actor", "data", "tenant"]),
            (json!({"channel_type": "http"}), vec!["channel_type"]),
            (json!({"channel_type": null, "template": null}), vec!["channel_type", "template"]),
            (json!({"template": {}}), vec!["template.text_body"]),
            (json!({"template": []}), vec!["template"]),
            (json!({"workflow": {"commercial": 1}}), vec!["workflow.commercial", "workflow.key"]),
            (json!({"layout": {"key": "a", "html_content": "b"}}), vec!["layout"]),
            (
                json!({"channel_type": "email", "template": {"subject": "s", "html_body": "b", "settings": {}},
                    "layout": {"html_content": "<p>"}}),
                vec!["layout.html_content"],
            ),
            (
                json!({"channel_type": "email", "template": {"subject": "s", "settings": {},
                    "visual_blocks": [{"type": "box"}]}}),
                vec!["template.visual_blocks[0].type"],
            ),
        ] {
            let mut found = kit
                .service
                .post(TEMPLATES, with(good.clone(), change.clone()))
                .await
                .refused(422, "invalid_params");
            found.sort();
            assert_eq!(found, fields, "{change}");
        }
        kit.service
            .post("/v1/templates/preview?environment=nowhere", good.clone())
            .await
            .refused(404, "resource_missing");
        // Another environment's people are nobody here.
        let fields = kit
            .service
            .post(&TEMPLATES.replace("development", "production"), good)
            .await
            .refused(422, "invalid_params");
        assert_eq!(fields, ["recipient"]);
    });
}

#[test]
fn committed_translations_and_stored_data_are_seen() {
    on_both(async |kit| {
        furnish(kit).await;
        kit.put("/v1/users/ada", json!({"locale": "de"})).await.ok();
        let german = json!({"translation": {"format": "json", "content": r#"{"hi":"Hallo {{ name }}"}"#}});
        let path = "/v1/translations/de?environment=development";
        kit.service.put(path, german).await.ok();
        let text = json!({"text_body": "{{ 'hi' | t: name: recipient.name }} {% assign b = 'ben' | user %}{{ b.name }}"});
        let answer = template(kit, "sms", text.clone(), json!({})).await;
        assert_eq!(answer["template"]["text_body"], " Ben", "T5.13: drafts are not used");
        kit.service
            .put("/v1/commits?environment=development&resource_type=translation", json!({}))
            .await
            .ok();
        let answer = template(kit, "sms", text, json!({})).await;
        assert_eq!(answer["template"]["text_body"], "Hallo Ada Ben");
    });
}
