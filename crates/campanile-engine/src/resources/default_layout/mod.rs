//! The layout that every account has (templates.md T7.3, T7.10). Anybody may change it; it comes back only when it is
//! gone.

use campanile_store::ResourceKind;
use serde_json::{Value, json};

/// Its key.
pub(crate) const KEY: &str = "default";

const HTML: &str = include_str!("layout.html");
const TEXT: &str = include_str!("layout.txt");

pub(super) const KIND: ResourceKind = ResourceKind::EmailLayout;

/// Its document.
pub(crate) fn document() -> Value {
    json!({"name": "Default", "html_layout": HTML, "text_layout": TEXT, "footer_links": []})
}

#[cfg(test)]
mod tests {
    use campanile_core::time::Timestamp;
    use campanile_template::{EmailSource, EmailTemplate, Layout, LayoutSource, RenderOptions};

    use super::*;

    fn mail(vars: Value) -> (String, String) {
        let mut layout = document();
        layout["footer_links"] = json!([{"text": "Help", "url": "{{ vars.app_url }}/help"}]);
        let layout = Layout::compile(&LayoutSource::from_json(&layout)).expect("it is right");
        let template = json!({"subject": "s", "preview_text": "soon", "visual_blocks": [
            {"type": "markdown", "content": "Hi"},
            {"type": "button_set", "buttons": [
                {"label": "A", "action": "https://a.test", "variant": "solid"},
                {"label": "B", "action": "https://b.test", "variant": "outline"},
            ]},
        ]});
        let template =
            EmailTemplate::compile(&EmailSource::from_json(&template), Some(&layout)).expect("it compiles");
        let mail =
            template.render(&json!({"vars": vars}), &RenderOptions::at(Timestamp(0))).expect("it renders");
        (mail.html, mail.text)
    }

    #[test]
    fn follows_the_branding() {
        let (html, text) = mail(json!({
            "app_name": "Acme", "app_url": "https://acme.test",
            "branding": {"logo_url": "https://acme.test/l.png", "primary_color": "#111111", "primary_color_contrast": "#222222",
                         "dark_primary_color": "#333333", "dark_primary_color_contrast": "#444444"},
        }));
        assert_eq!(
            text,
            "Acme (https://acme.test)\n\nHi\n\nA (https://a.test) B (https://b.test)\n\n--\n\nAcme\n\nHelp (https://acme.test/help)\n"
        );
        for part in [
            "color:#222222;background-color:#111111",
            "border-color:#111111;background-color:transparent",
            "@media (prefers-color-scheme: dark)",
            ".block-button--solid { background-color: #333333 !important; color: #444444 !important; }",
            "https://acme.test/l.png",
            "soon</div>",
        ] {
            assert!(html.contains(part), "{part}\n{html}");
        }
    }

    #[test]
    fn needs_nothing() {
        let (html, text) = mail(json!({}));
        assert!(text.starts_with("\n\nHi") || text.starts_with("Hi"), "{text:?}");
        assert!(html.contains("Hi") && !html.contains("href=\"\""), "{html}");
    }
}
