//! E-mails as they are saved through the management API and as their messages show them (templates.md sections 7 – 12).

mod layouts;
mod mjml;
mod partials;

use serde_json::{Value, json};

use crate::kit::{Kit, on_both};

/// A workflow with one e-mail.
fn workflow(template: Value) -> Value {
    json!({"workflow": {"name": "Mail", "steps": [
        {"ref": "email_1", "type": "channel", "channel_key": "email", "template": template},
    ]}})
}

const PATH: &str = "/v1/workflows/mail?environment=development";

/// What is wrong with a template, as field below the template and message.
async fn refused(kit: &Kit, template: Value) -> Vec<(String, String)> {
    let answer = kit.service.put(PATH, workflow(template)).await;
    answer.refused(422, "invalid_params");
    let errors = answer.json["errors"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut told: Vec<_> = errors
        .iter()
        .map(|error| {
            let field = text(&error["field"]);
            let message = text(&error["message"]).lines().next().unwrap_or_default().to_owned();
            (field.trim_start_matches("steps[0].template.").to_owned(), message)
        })
        .collect();
    told.sort();
    told
}

/// Commits a template.
async fn commit(kit: &Kit, template: Value) {
    let saved = kit.service.put(&format!("{PATH}&commit=true"), workflow(template)).await.ok();
    assert_eq!(saved["workflow"]["valid"], true);
}

/// Triggers what is committed for Ada, with more data if there is any, and answers the run.
async fn run(kit: &Kit, more: Value) -> String {
    kit.advance("PT1S").await;
    let ada = json!({"id": "ada", "name": "Ada", "email": "ada@example.com"});
    let mut data = json!({"url": "https://x.test/a", "items": ["a", "b"]});
    data.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    kit.trigger("mail", json!({"recipients": [ada], "data": data})).await
}

/// The content of the message that a run made for Ada.
async fn content(kit: &Kit, run: &str) -> Value {
    let message = kit.messages(run).await.remove(0);
    let id = message["id"].as_str().expect("an id").to_owned();
    kit.get(&format!("/v1/messages/{id}/content")).await.ok()["data"].clone()
}

/// The content of the message that a template makes for Ada.
async fn sent(kit: &Kit, template: Value) -> Value {
    commit(kit, template).await;
    let run = run(kit, json!({})).await;
    content(kit, &run).await
}

async fn layout(kit: &Kit, key: &str, document: Value) {
    let path = format!("/v1/email_layouts/{key}?environment=development&commit=true");
    kit.service.put(&path, json!({"email_layout": document})).await.ok();
}

fn text<'v>(content: &'v Value, name: &str) -> &'v str {
    content[name].as_str().unwrap_or_default()
}

#[test]
fn visual_blocks_become_html_and_text() {
    on_both(async |kit| {
        let partial = json!({"partial": {
            "name": "Card", "type": "html", "content": "<b>{{ title }}</b>{% for i in items %}[{{ i }}]{% endfor %}",
            "input_schema": [
                {"type": "text", "key": "title", "label": "T", "settings": {"required": true}},
                {"type": "list", "key": "items", "label": "I"},
            ],
        }});
        let path = "/v1/partials/card?environment=development&commit=true";
        kit.service.put(path, partial).await.ok();
        layout(
            kit,
            "frame",
            json!({
                "name": "Frame", "html_layout": "<html><head><style>.block-button{color:#010203}</style></head><body>{{ content }}</body></html>",
                "text_layout": "Acme\n\n{{ content }}\n--",
            }),
        )
        .await;
        let blocks = json!([
            {"type": "markdown", "content": "# Hi {{ recipient.name }}\n{% for i in items %}\n- **{{ i }}**\n{% endfor %}",
             "id": "123e4567-e89b-12d3-a456-426614174000"},
            {"type": "html", "content": "<p dir=\"rtl\">שלום {{ recipient.name }}</p>"},
            {"type": "divider"},
            {"type": "image", "url": "https://x.test/a.png", "alt": "A picture", "layout_attrs": {"horizontal_align": "left"}},
            {"type": "button_set", "buttons": [{"label": "Open", "action": "{{ data.url }}", "variant": "solid"}]},
            {"type": "partial", "key": "card", "name": "Card", "attrs": {"title": "{{ recipient.name }}'s", "items": "{{ data.items }}"}},
        ]);
        let template = json!({"subject": "Hi", "visual_blocks": blocks, "settings": {"layout_key": "frame"}});
        let content = sent(kit, template).await;
        let html = text(&content, "html_body");
        for part in [
            "<td class=\"block-markdown\"><h1 style=\"margin-top:0\">Hi Ada</h1>",
            "<li><strong>a</strong></li>",
            "<li><strong>b</strong></li>",
            "<p dir=\"rtl\">שלום Ada</p>",
            "<div class=\"block-divider\" style=\"border-bottom:1px solid #dddee1\"></div>",
            "padding-top:4px;padding-right:0px;padding-bottom:4px;padding-left:0px",
            "<b>Ada's</b>[a][b]",
            "color:#010203",
        ] {
            assert!(html.contains(part), "{part}\n{html}");
        }
        assert_eq!(html.matches("<ul").count(), 1, "{html}");
        let written = text(&content, "text_body");
        for part in
            ["Hi Ada\n******", "* a\n* b", "שלום Ada", "A picture", "Open (https://x.test/a)", "Ada's[a][b]"]
        {
            assert!(written.contains(part), "{part}\n{written}");
        }
        assert!(written.starts_with("Acme\n\n") && written.ends_with("\n--"), "{written}");

        // Stored as it was written, but for ids.
        let stored = kit.service.get(PATH).await.ok();
        let stored = &stored["steps"][0]["template"]["visual_blocks"];
        assert_eq!((&stored[0]["id"], &stored[3]), (&Value::Null, &blocks[3]));
    });
}

#[test]
fn a_broken_body_is_refused_when_it_is_saved() {
    on_both(async |kit| {
        let both = json!({"subject": "s", "html_body": "<p>", "visual_blocks": [{"type": "divider"}]});
        let told = |field: &str, message: &str| vec![(field.to_owned(), message.to_owned())];
        assert_eq!(refused(kit, both).await, told("html_body", "cannot be set together with visual_blocks"));
        let none = json!({"subject": "s", "visual_blocks": []});
        assert_eq!(refused(kit, none).await, told("html_body", "can't be blank"));
        // All of them at once, and those of the document beside those of its templates.
        let blocks = json!([
            {"type": "pigeon"},
            {"type": "button_set", "buttons": [{"label": "a", "action": "b"}, {"label": "c", "action": "d", "variant": "x"}]},
            {"type": "partial", "key": "nowhere", "name": "N", "attrs": {}},
        ]);
        let found = refused(kit, json!({"visual_blocks": blocks, "text_body": "a\n{{"})).await;
        let fields: Vec<_> = found.iter().map(|(field, message)| (&**field, &**message)).collect();
        assert_eq!(
            fields,
            [
                ("subject", "can't be blank"),
                ("text_body", "has invalid Liquid syntax: output is not closed with }} (line 2)"),
                ("visual_blocks[0].type", "is invalid"),
                ("visual_blocks[1].buttons[0].variant", "can't be blank"),
                ("visual_blocks[1].buttons[1].variant", "is invalid"),
                ("visual_blocks[2].key", "renders the partial \"nowhere\", which does not exist"),
            ]
        );
        let liquid = json!({"subject": "s", "visual_blocks": [
            {"type": "markdown", "content": "a\n\n{{ x | nope }}"}, {"type": "html", "content": "{% if %}"}]});
        let found = refused(kit, liquid).await;
        assert_eq!(
            found[0],
            (
                "visual_blocks[0].content".into(),
                "has invalid Liquid syntax: unknown filter \"nope\" (line 3)".into()
            )
        );
        assert_eq!(found[1].0, "visual_blocks[1].content");
    });
}

#[test]
fn styles_are_inlined_and_kept() {
    on_both(async |kit| {
        let css = "p{color:red}{% if true %}.x{margin:{{ 3 | plus: 1 }}px}{% endif %}@media (prefers-color-scheme:dark){p{color:#fff}}";
        let page = format!(
            "<html><head><style>{css}</style></head><body><!--[if mso]><p><![endif]--><p class=x style='top:0'>Hi</body></html>"
        );
        let content = sent(kit, json!({"subject": "s", "html_body": page})).await;
        let html = text(&content, "html_body");
        assert!(html.contains(r#"<p class="x" style="color:red;margin:4px;top:0">Hi</p>"#), "{html}");
        assert!(html.contains("<!--[if mso]><p><![endif]-->"), "{html}");
        assert!(html.contains("@media (prefers-color-scheme:dark){p{color:#fff}}</style>"), "{html}");
        assert!(html.starts_with("<html><head><style>.block-row."), "base CSS is first: {html}");

        // Broken HTML stays a mail.
        let broken = "<div><b>unclosed <table><td>cell</div><p style=\"nonsense\">end<style>p{color:red";
        let content = sent(kit, json!({"subject": "s", "html_body": broken})).await;
        assert!(
            ["unclosed", "cell", "end"].iter().all(|word| text(&content, "html_body").contains(word)),
            "{content}"
        );
    });
}
