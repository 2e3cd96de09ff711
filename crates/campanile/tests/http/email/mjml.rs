//! MJML as e-mail (templates.md section 10, T8.8).

use serde_json::{Value, json};

use super::{commit, content, layout, refused, run, sent, text};
use crate::kit::{Kit, on_both};

const SECTION: &str = "<mj-section><mj-column><mj-text>Hi {{ recipient.name }} &amp; co</mj-text>{% for i in items %}\
                       <mj-text css-class=\"item\">{{ i }}</mj-text>{% endfor %}\
                       <mj-button href=\"{{ data.url }}?a=1&b=2\">Open</mj-button></mj-column></mj-section>";

/// An MJML layout `frame` whose head has styles, and what stands around `{{ content }}`.
async fn frame(kit: &Kit, before: &str, after: &str) {
    let head = "<mj-head><mj-title>{{ t }}</mj-title><mj-style>.item{color:#010203}.block-button{color:#040506}</mj-style></mj-head>";
    let html = format!("<mjml>{head}<mj-body>{before}{{{{ content }}}}{after}</mj-body></mjml>");
    let document =
        json!({"name": "Frame", "html_layout": html, "text_layout": "[{{ content }}]", "is_mjml": true});
    layout(kit, "frame", document).await;
}

fn in_frame(body: &str, is_mjml: bool) -> Value {
    let settings = json!({"layout_key": "frame", "pre_content": "{% assign t = 'T' %}"});
    json!({"subject": "s", "html_body": body, "is_mjml": is_mjml, "settings": settings})
}

/// What every compiled document has, and none of its source.
fn check_compiled(html: &str) {
    let lower = html.to_lowercase();
    assert!(lower.contains("<!doctype html>") && lower.contains("<body"), "{html}");
    for left in ["<mj", "</mj", "{{", "{%", "css-class"] {
        assert!(!lower.contains(left), "{left} is left in {html}");
    }
    assert!(html.contains(".block-row.block-row--button_set-v1 .block-button{"), "base CSS: {html}");
}

#[test]
fn a_body_is_a_fragment_of_its_mjml_layout() {
    on_both(async |kit| {
        frame(kit, "", "<mj-section><mj-column><mj-text>foot</mj-text></mj-column></mj-section>").await;
        let mail = sent(kit, in_frame(SECTION, true)).await;
        let html = text(&mail, "html_body");
        check_compiled(html);
        for part in [
            "<title>T</title>",
            "Hi Ada &amp; co",
            "href=\"https://x.test/a?a=1&amp;b=2\"",
            ">foot</div>",
            "color:#010203",
        ] {
            assert!(html.contains(part), "{part}\n{html}");
        }
        assert_eq!(html.matches("class=\"item").count(), 2, "{html}");
        let base = html.find(".block-row.block-row--button_set-v1").expect("it is there");
        assert!(base < html.find(".item{").expect("it is there"), "base CSS is first: {html}");
        let written = text(&mail, "text_body");
        for part in ["Hi Ada & co", "Open (https://x.test/a?a=1&b=2)"] {
            assert!(written.contains(part), "{part}\n{written}");
        }
        assert!(written.starts_with('[') && !written.contains("foot"), "{written}");
    });
}

#[test]
fn html_and_blocks_fit_into_an_mjml_layout() {
    on_both(async |kit| {
        frame(kit, "", "").await;
        let html = "<p class=\"item\">Hi {{ recipient.name }}</p><table><tr><td>cell</td></tr></table>";
        let mail = sent(kit, in_frame(html, false)).await;
        let html = text(&mail, "html_body");
        check_compiled(html);
        assert!(html.contains(r#"color:#010203">Hi Ada</p><table"#), "{html}");
        assert_eq!(text(&mail, "text_body"), "[Hi Ada\n\ncell]");

        let blocks = json!([
            {"type": "markdown", "content": "# Hi {{ recipient.name }}"},
            {"type": "divider"},
            {"type": "image", "url": "https://x.test/a.png", "alt": "A picture"},
            {"type": "html", "content": "<b>raw</b>"},
            {"type": "button_set", "buttons": [{"label": "Open", "action": "{{ data.url }}", "variant": "outline"}]},
        ]);
        // Where sections can stand and where they cannot: the buttons are the same.
        for (before, after) in [("", ""), ("<mj-section><mj-column>", "</mj-column></mj-section>")] {
            frame(kit, before, after).await;
            let template =
                json!({"subject": "s", "visual_blocks": blocks, "settings": {"layout_key": "frame"}});
            let mail = sent(kit, template).await;
            let html = text(&mail, "html_body");
            check_compiled(html);
            for part in [
                "Hi Ada</h1>",
                "src=\"https://x.test/a.png\"",
                "<b>raw</b>",
                "block-row--button_set-v1",
                ">Open</a>",
            ] {
                assert!(html.contains(part), "{part}\n{html}");
            }
            let button =
                html.split("<a class=\"block-button block-button--outline").nth(1).expect("a button");
            let button = button.split('>').next().unwrap_or_default();
            for part in
                ["href=\"https://x.test/a\"", "color:#040506", "border-style:solid", "padding-left:8px"]
            {
                assert!(button.contains(part), "{part}\n{button}");
            }
            let written = text(&mail, "text_body");
            for part in ["Hi Ada\n******", "A picture", "raw", "Open (https://x.test/a)"] {
                assert!(written.contains(part), "{part}\n{written}");
            }
        }
    });
}

#[test]
fn without_a_layout_it_is_a_whole_document() {
    on_both(async |kit| {
        let card = json!({"partial": {"name": "Card", "type": "html",
            "content": "<style>.card{color:red}</style><p class=\"card\">{{ who }}</p>"}});
        kit.service.put("/v1/partials/card?environment=development&commit=true", card).await.ok();
        let whole = format!(
            "<mjml><mj-body>{SECTION}<mj-raw><i>raw</i></mj-raw><mjml-raw><u>too</u></mjml-raw>{{% render 'card', who: recipient.name %}}\
             <!--[if mso]><b>Outlook</b><![endif]--></mj-body></mjml>"
        );
        // With the flag and, as its first element says it, without.
        for is_mjml in [json!(true), Value::Null] {
            let mail = sent(kit, json!({"subject": "s", "html_body": whole, "is_mjml": is_mjml})).await;
            let html = text(&mail, "html_body");
            check_compiled(html);
            for part in [
                "Hi Ada",
                "<i>raw</i>",
                "<u>too</u>",
                "<p class=\"card\" style=\"display:block;margin:13px 0\">Ada</p>",
                "<!--[if mso]><b>Outlook</b><![endif]-->",
            ] {
                assert!(html.contains(part), "{part}\n{html}");
            }
            assert!(!html.contains(".card{"), "styles of partials need a layout (T6.10): {html}");
            assert!(text(&mail, "text_body").contains("Open (https://x.test/a?a=1&b=2)"), "{mail}");
        }
    });
}

#[test]
fn what_is_broken_is_refused_when_it_is_saved() {
    on_both(async |kit| {
        frame(kit, "", "").await;
        let plain = "<html><head></head><body>{{ content }}</body></html>";
        layout(kit, "plain", json!({"name": "P", "html_layout": plain, "text_layout": "{{ content }}"}))
            .await;
        let mail = |body: &str, layout: Value| json!({"subject": "s", "html_body": body, "is_mjml": true, "settings": {"layout_key": layout}});
        for (template, field, message) in [
            (mail(SECTION, json!("plain")), "settings.layout_key", "must be an MJML layout"),
            (mail(SECTION, json!("nowhere")), "settings.layout_key", "does not exist"),
            (
                mail(SECTION, Value::Null),
                "html_body",
                "must be an MJML document when there is no layout (line 1)",
            ),
            (
                mail("<mjml><mj-body></mj-body></mjml>", json!("frame")),
                "html_body",
                "must be a fragment: the layout is the MJML document (line 1)",
            ),
            (mail("<mj-section>\n<mj-column>\n</mj-section>", json!("frame")), "html_body", "invalid MJML: "),
            (
                mail("<mjml>\n<mj-body>\n<mj-include path=\"/etc/passwd\" /></mj-body></mjml>", Value::Null),
                "html_body",
                "invalid MJML: ",
            ),
        ] {
            let told = refused(kit, template.clone()).await;
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].0 == field && told[0].1.starts_with(message), "{template}: {told:?}");
            assert!(field != "html_body" || told[0].1.contains("(line "), "{told:?}");
        }
        for html in ["<html><body>{{ content }}</body></html>", "<mjml><mj-body>{{ content }}</mjml>"] {
            let path = "/v1/email_layouts/broken?environment=development";
            let broken = json!({"email_layout": {"name": "B", "html_layout": html, "text_layout": "{{ content }}", "is_mjml": true}});
            assert_eq!(
                kit.service.put(path, broken).await.refused(422, "invalid_params"),
                ["html_layout"],
                "{html}"
            );
        }
    });
}

#[test]
fn what_data_breaks_fails_the_step_and_says_where() {
    on_both(async |kit| {
        frame(kit, "", "").await;
        let body = "<mj-section>\n<mj-column>\n{% if data.broken %}</mj-section>{% endif %}</mj-column></mj-section>";
        commit(kit, in_frame(body, true)).await;
        let fine = run(kit, json!({})).await;
        check_compiled(text(&content(kit, &fine).await, "html_body"));
        let broken = run(kit, json!({"broken": true})).await;
        kit.advance("PT1H").await;
        let log = kit.log_of_run(&broken, "ada").await;
        let reasons: Vec<_> = log
            .iter()
            .filter(|event| event.event == "step_failed")
            .map(|event| event.data["reason"].as_str().unwrap_or_default())
            .collect();
        assert_eq!(reasons.len(), 3, "{log:?}");
        assert!(
            reasons[0].contains("html_body")
                && reasons[0].contains("invalid MJML")
                && reasons[0].contains("line 3"),
            "{reasons:?}"
        );
        assert_eq!(log.last().map(|event| event.event.as_str()), Some("run_halted"));
        assert_eq!(kit.messages(&broken).await.len(), 0);

        // A layout that stopped being MJML breaks what uses it.
        let plain = "<html><body>{{ content }}</body></html>";
        layout(kit, "frame", json!({"name": "Frame", "html_layout": plain, "text_layout": "{{ content }}"}))
            .await;
        let stale = run(kit, json!({})).await;
        let log = kit.log_of_run(&stale, "ada").await;
        let failed = log.iter().find(|event| event.event == "step_failed").expect("it fails");
        let reason = failed.data["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("must be an MJML layout"), "{log:?}");
        kit.advance("PT1H").await;
    });
}
