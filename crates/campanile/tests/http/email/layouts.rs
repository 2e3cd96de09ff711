//! Layouts around e-mails, above all the one that every account has (templates.md section 7).

use serde_json::{Value, json};

use super::{layout, sent, text};
use crate::kit::{Kit, on_both};

async fn variable(kit: &Kit, key: &str, value: &str) {
    kit.service.put(&format!("/v1/admin/variables/{key}"), json!({"value": value})).await.ok();
}

/// The document without the base CSS in its head.
fn without_base_css(html: &str) -> String {
    let Some((before, rest)) = html.split_once("<style>.block-row.") else { return html.to_owned() };
    let (_, after) = rest.split_once("</style>").expect("a style ends");
    format!("{before}{after}")
}

/// The worked example of section 7, and what follows from one pass over one document (T7.4, T7.5).
#[test]
fn body_and_layout_are_one_document() {
    on_both(async |kit| {
        let html =
            "<html><head><title>{{ t }}</title></head><body>{{ content }}<i>{{ price }}</i></body></html>";
        let text_layout = "{{ t }}|{{ content }}|{{ price }}";
        layout(kit, "frame", json!({"name": "F", "html_layout": html, "text_layout": text_layout})).await;
        let template = |body: &str| {
            json!({
                "subject": "s", "html_body": body,
                "settings": {"layout_key": "frame", "pre_content": "{% assign t = \"T\" %}"},
            })
        };
        let mail = sent(kit, template("{% assign price = \"9\" %}<b>x</b>")).await;
        let want = "<html><head><title>T</title></head><body><b>x</b><i>9</i></body></html>";
        assert_eq!(without_base_css(text(&mail, "html_body")), want);
        // The text is made from the body before its layout runs.
        assert_eq!(text(&mail, "text_body"), "T|x|");
        let mut written = template("{% assign price = \"9\" %}");
        written["text_body"] = "{% assign price = 8 %}t".into();
        assert_eq!(text(&sent(kit, written).await, "text_body"), "T|t|8");

        // An assign is visible after `{{ content }}` and not before; `content` is always there (T7.7); a capture too.
        let html = "<html><head></head><body>[{{ price }}]{% if content %}{{ content }}{% endif %}[{{ price }}{{ said }}]</body></html>";
        layout(kit, "frame", json!({"name": "F", "html_layout": html, "text_layout": "{{ content }}"})).await;
        let mail = sent(kit, template("{% assign price = 9 %}{% capture said %}!{% endcapture %}")).await;
        assert!(text(&mail, "html_body").contains("<body>[][9!]</body>"), "{mail}");
        // What pre_content prints stands in front of both (T7.5).
        let mut loud = template("<b>x</b>");
        loud["settings"]["pre_content"] = "pre".into();
        let mail = sent(kit, loud).await;
        assert!(
            text(&mail, "html_body").contains("pre") && text(&mail, "text_body").starts_with("pre"),
            "{mail}"
        );
    });
}

#[test]
fn links_and_preview_text_print_and_iterate() {
    on_both(async |kit| {
        variable(kit, "app_name", "Acme").await;
        let html = "<html><head></head><body>{{ preview_text }}{{ content }}<p>{{ footer_links }}</p>\
                    {% for link in footer_links %}[{{ link.text }}={{ link.url }}]{% endfor %}</body></html>";
        layout(
            kit,
            "frame",
            json!({
                "name": "F", "html_layout": html, "text_layout": "{{ preview_text }}{{ content }}\n--\n{{ footer_links }}",
                "footer_links": [{"text": "Help {{ recipient.name }}", "url": "https://{{ vars.app_name | downcase }}.test/help"}, {"label": "Jobs", "url": "/jobs"}],
            }),
        )
        .await;
        let mut template = json!({"subject": "s", "html_body": "<b>x</b>", "preview_text": "For {{ recipient.name }}", "settings": {"layout_key": "frame"}});
        let mail = sent(kit, template.clone()).await;
        let html = without_base_css(text(&mail, "html_body"));
        let body = html.split_once("<body>").map(|(_, body)| body).unwrap_or_default();
        assert_eq!(
            body,
            "<div style=\"display:none;max-height:0px;overflow:hidden\">For Ada</div><b>x</b>\
             <p><a href=\"https://acme.test/help\">Help Ada</a> <a href=\"/jobs\">Jobs</a></p>\
             [Help Ada=https://acme.test/help][Jobs=/jobs]</body></html>"
        );
        assert_eq!(text(&mail, "text_body"), "x\n--\nHelp Ada (https://acme.test/help)\nJobs (/jobs)");
        template["preview_text"] = Value::Null;
        let mail = sent(kit, template).await;
        assert!(text(&mail, "html_body").contains("<body><b>x</b>"), "{mail}");
    });
}

/// T7.3 and T7.10, with blocks of every look.
#[test]
fn the_default_layout_follows_the_branding_in_light_and_dark() {
    on_both(async |kit| {
        variable(kit, "app_name", "Acme").await;
        variable(kit, "app_url", "https://acme.test").await;
        let branding = json!({
            "primary_color": "#111111", "primary_color_contrast": "#222222",
            "dark_primary_color": "#333333", "dark_primary_color_contrast": "#444444",
        });
        kit.service.put("/v1/admin/branding", json!({"branding": branding})).await.ok();
        let path = "/v1/email_layouts/default?environment=development";
        let stored = kit.service.get(path).await.ok();
        let links = json!([{"text": "Help", "url": "{{ vars.app_url }}/help"}]);
        let document = json!({
            "name": stored["name"], "html_layout": stored["html_layout"], "text_layout": stored["text_layout"], "footer_links": links,
        });
        layout(kit, "default", document).await;
        let blocks = json!([
            {"type": "markdown", "content": "Hi {{ recipient.name }}"},
            {"type": "button_set", "buttons": [
                {"label": "Yes", "action": "{{ data.url }}", "variant": "solid"},
                {"label": "No", "action": "https://x.test/no", "variant": "outline"},
                {"label": "Own", "action": "https://x.test/own", "variant": "solid", "style_attrs": {"background_color": "#abcdef"}},
            ]},
            {"type": "divider"},
        ]);
        let mail = sent(
            kit,
            json!({"subject": "s", "visual_blocks": blocks, "settings": {"layout_key": "default"}}),
        )
        .await;
        let html = text(&mail, "html_body");
        let button = |label: &str| {
            let tag = html
                .split("<a class=\"block-button ")
                .find(|tag| tag.split("</a>").next().is_some_and(|tag| tag.ends_with(&format!(">{label}"))));
            tag.and_then(|tag| tag.split("style=\"").nth(1))
                .and_then(|style| style.split('"').next())
                .unwrap_or_default()
        };
        for (label, declarations) in [
            (
                "Yes",
                vec![
                    "background-color:#111111",
                    "color:#222222",
                    "padding-left:8px",
                    "border-radius:6px",
                    "display:inline-block",
                ],
            ),
            (
                "No",
                vec![
                    "background-color:transparent",
                    "color:#111111",
                    "border-color:#111111",
                    "border-style:solid",
                ],
            ),
            ("Own", vec!["background-color:#abcdef", "color:#222222"]),
        ] {
            let style: Vec<_> = button(label).split(';').collect();
            for declaration in declarations {
                assert!(style.contains(&declaration), "{label}: {declaration} in {style:?}");
            }
        }
        let (_, dark) = html.split_once("@media (prefers-color-scheme: dark)").expect("a dark mode");
        let dark = dark.split("</style>").next().unwrap_or_default();
        let rule = |variant: &str| {
            let rule = dark
                .split(&format!("block-button--{variant} {{"))
                .nth(1)
                .and_then(|rule| rule.split('}').next());
            rule.unwrap_or_default().to_owned()
        };
        for (variant, declarations) in [
            ("solid", vec!["background-color: #333333 !important", "color: #444444 !important"]),
            (
                "outline",
                vec![
                    "border-color: #333333 !important",
                    "background-color: transparent !important",
                    "color: #333333 !important",
                ],
            ),
        ] {
            let found = rule(variant);
            let found: Vec<_> = found.split(';').map(str::trim).collect();
            for declaration in declarations {
                assert!(found.contains(&declaration), "{variant}: {declaration} in {found:?}");
            }
        }
        assert!(html.contains("<a href=\"https://acme.test/help\""), "{html}");

        // The text of T7.3.
        let written =
            json!({"subject": "s", "html_body": "<p>Hi</p>", "settings": {"layout_key": "default"}});
        let mail = sent(kit, written).await;
        let want = "Acme (https://acme.test)\n\nHi\n\n--\n\nAcme\n\nHelp (https://acme.test/help)\n";
        assert_eq!(text(&mail, "text_body"), want);
    });
}
