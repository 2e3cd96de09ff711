//! Partials through the management API, and what they do to the templates that render them (templates.md section 6).

use campanile_engine::resources;
use campanile_store::ResourceKind;
use serde_json::{Value, json};

use crate::kit::{Kit, on_both, pluck, steps};

const PATH: &str = "/v1/partials/sign-off?environment=development";

fn partial(content: &str) -> Value {
    json!({"partial": {"name": "Sign-off", "type": "html", "content": content}})
}

async fn commit(kit: &Kit, key: &str, content: &str) -> Value {
    let path = format!("/v1/partials/{key}?environment=development&commit=true");
    kit.service.put(&path, partial(content)).await.ok()["partial"].clone()
}

/// What the newest message of ada says.
async fn said(kit: &Kit, workflow: &str) -> String {
    kit.advance("PT1S").await;
    kit.trigger(workflow, json!({"recipients": [{"id": "ada", "name": "Ada"}], "data": {"n": 7}})).await;
    newest(kit).await
}

async fn newest(kit: &Kit) -> String {
    let feed = kit.feed("ada", "page_size=1").await;
    feed["entries"][0]["blocks"][0]["rendered"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn are_saved_like_every_versioned_resource() {
    on_both(async |kit| {
        let whole = json!({"partial": {
            "$schema": "ignored", "name": "Sign-off", "description": "At the end", "type": "html", "icon_name": "pen-line",
            "content": "<p>\r\nBye {{ who }}</p>", "visual_block_enabled": true,
            "input_schema": [{"type": "text", "key": "who", "label": "Who", "settings": {"maxLength": 20}}],
        }});
        let saved =
            kit.service.put(&format!("{PATH}&annotate=true"), whole.clone()).await.ok()["partial"].clone();
        assert_eq!(saved["content"], whole["partial"]["content"], "byte for byte");
        assert_eq!(saved["input_schema"][0]["settings"], json!({"max_length": 20}));
        assert_eq!((&saved["valid"], &saved["inserted_at"]), (&json!(true), &saved["created_at"]));
        assert_eq!(
            saved["__annotation"]["extractable_fields"],
            json!({"content": {"default": true, "file_ext": "txt"}})
        );
        let got = kit.service.get(PATH).await.ok();
        assert_eq!((&got["key"], &got["sha"]), (&json!("sign-off"), &saved["sha"]));
        kit.service
            .get(&format!("{PATH}&hide_uncommitted_changes=true"))
            .await
            .refused(404, "resource_missing");
        let list = kit.service.get("/v1/partials?environment=development").await.ok();
        assert_eq!(pluck(&list["entries"], "key"), ["sign-off"]);

        for (change, field) in [
            (json!({"type": "text"}), "type"),
            (json!({"icon_name": "no-such-icon"}), "icon_name"),
            (json!({"content": "{% render 'nowhere' %}"}), "content"),
            (json!({"content": "{% if %}"}), "content"),
            (
                json!({"input_schema": [whole["partial"]["input_schema"][0], whole["partial"]["input_schema"][0]]}),
                "input_schema[1].key",
            ),
        ] {
            let mut document = whole.clone();
            document["partial"]
                .as_object_mut()
                .expect("an object")
                .extend(change.as_object().expect("an object").clone());
            if field == "type" {
                document["partial"]
                    .as_object_mut()
                    .expect("an object")
                    .retain(|name, _| ["name", "type", "content"].contains(&&**name));
            }
            let fields = kit.service.put(PATH, document.clone()).await.refused(422, "invalid_params");
            assert_eq!(fields, [field], "{change}");
            // Names of catalogs are checked at upsert only (M9.5).
            let checked = kit.service.put(&PATH.replace('?', "/validate?"), document).await;
            assert_eq!(
                checked.status,
                if field == "icon_name" { 200 } else { 422 },
                "{change}: {}",
                checked.text
            );
        }
        assert_eq!(kit.service.get(PATH).await.ok()["sha"], saved["sha"], "nothing was changed");

        kit.service.put("/v1/commits?environment=development", json!({})).await.ok();
        kit.service.put("/v1/commits/promote?to_environment=production", json!({})).await.ok();
        let live = kit.service.get(&PATH.replace("development", "production")).await.ok();
        assert_eq!((&live["environment"], &live["sha"]), (&json!("production"), &saved["sha"]));
    });
}

#[test]
fn a_template_renders_what_is_published() {
    on_both(async |kit| {
        let tag = "{% render 'sign-off', who: recipient.name %}";
        let path = "/v1/workflows/greet?environment=development";
        let greet = json!({"workflow": {"name": "G", "steps": [steps::feed("feed_1", tag)]}});
        let refused = kit.service.put(path, greet.clone()).await;
        assert_eq!(refused.refused(422, "invalid_params"), ["steps[0].template.markdown_body"]);
        kit.service.put(PATH, partial("Bye {{ who }}{{ recipient.name }}")).await.ok();
        kit.service.put(&format!("{path}&commit=true"), greet).await.ok();
        assert_eq!(said(kit, "greet").await, "", "saved, not published (T6.9)");
        commit(kit, "sign-off", "Bye {{ who }}{{ recipient.name }}").await;
        assert_eq!(said(kit, "greet").await, "<p>Bye Ada</p>");
        // Inside one another, and the first changes with the second.
        commit(kit, "name", "**{{ who }}**").await;
        commit(kit, "sign-off", "Ciao {% render 'name', who: who %}").await;
        assert_eq!(said(kit, "greet").await, "<p>Ciao <strong>Ada</strong></p>");
        commit(kit, "name", "*{{ who }}*").await;
        assert_eq!(said(kit, "greet").await, "<p>Ciao <em>Ada</em></p>");
    });
}

#[test]
fn a_commit_reaches_runs_that_wait() {
    on_both(async |kit| {
        commit(kit, "sign-off", "old").await;
        let wait = steps::delay("delay_1", 1, "hours");
        kit.workflow("later", json!([wait, steps::feed("feed_1", "{% render 'sign-off' %}")])).await;
        kit.trigger("later", json!({"recipients": [{"id": "ada"}]})).await;
        commit(kit, "sign-off", "new").await;
        kit.advance("PT1H").await;
        assert_eq!(newest(kit).await, "<p>new</p>");
    });
}

#[test]
fn an_archived_one_lives_on_in_what_was_published_with_it() {
    on_both(async |kit| {
        commit(kit, "sign-off", "still here").await;
        kit.workflow("greet", json!([steps::feed("feed_1", "x{% render 'sign-off' %}")])).await;
        kit.service.put("/v1/commits/promote?to_environment=production", json!({})).await.ok();
        kit.advance("PT1M").await;
        resources::archive(&kit.server().engine, ResourceKind::Partial, "sign-off")
            .await
            .expect("it is there");
        kit.service.get(PATH).await.refused(404, "resource_missing");
        assert_eq!(said(kit, "greet").await, "<p>xstill here</p>");
        let workflow = kit.service.get("/v1/workflows/greet?environment=development").await.ok();
        assert_eq!(workflow["valid"], false);
        // Whoever publishes again does it without the partial.
        kit.advance("PT1M").await;
        kit.workflow("greet", json!([steps::feed("feed_1", "x")])).await;
        assert_eq!(said(kit, "greet").await, "<p>x</p>");
    });
}

#[test]
fn layouts_render_them_and_have_their_styles_in_the_head() {
    on_both(async |kit| {
        let layout = json!({"email_layout": {
            "name": "Frame", "html_layout": "<html><head></head><body>{{ content }}{% render 'foot' %}</body></html>",
            "text_layout": "{{ content }}",
        }});
        let path = "/v1/email_layouts/frame?environment=development&commit=true";
        assert_eq!(
            kit.service.put(path, layout.clone()).await.refused(422, "invalid_params"),
            ["html_layout"]
        );
        commit(kit, "foot", "<style>.f{color:red}</style><i class=\"f\">foot</i>").await;
        kit.service.put(path, layout).await.ok();
        let mut mail = steps::email("email_1", "Hi");
        mail["template"]["settings"] = json!({"layout_key": "frame"});
        kit.workflow("mail", json!([mail])).await;
        let ada = json!({"id": "ada", "email": "ada@example.com"});
        let run = kit.trigger("mail", json!({"recipients": [ada]})).await;
        let message = kit.messages(&run).await.remove(0);
        let content =
            kit.get(&format!("/v1/messages/{}/content", message["id"].as_str().expect("an id"))).await.ok();
        let html = content["data"]["html_body"].as_str().unwrap_or_default();
        assert!(html.contains(".f{color:red}") && html.contains("foot</i>"), "{html}");
    });
}
