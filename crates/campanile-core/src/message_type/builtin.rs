//! The types that every environment has (T17.2). Their fields are those that the public React components read (S31).

use serde_json::{Value, json};

/// Keys of the built-in types.
pub const BUILTIN: [&str; 3] = ["banner", "modal", "card"];

/// The content of a built-in type.
pub fn builtin(key: &str) -> Option<Value> {
    let (name, description) = match key {
        "banner" => ("Banner", "A strip across the page"),
        "modal" => ("Modal", "A dialog over the page"),
        "card" => ("Card", "A box inside the page"),
        _ => return None,
    };
    let variant = |variant_key: &str, variant_name: &str, buttons: &[(&str, &str)]| {
        let mut fields = Vec::new();
        if key == "card" {
            fields.push(text("text", "headline", "Headline", false, &format!("{name} headline")));
        }
        fields.push(text("text", "title", "Title", true, &format!("{name} title")));
        fields.push(text("textarea", "body", "Body", true, &format!("{name} body")));
        if key != "banner" {
            fields.push(image());
        }
        fields.extend(buttons.iter().map(|(key, label)| button(key, label)));
        let settings = json!({"required": false, "default": true});
        fields.push(
            json!({"type": "boolean", "key": "dismissible", "label": "Dismissible", "settings": settings}),
        );
        json!({"key": variant_key, "name": variant_name, "fields": fields})
    };
    let (primary, secondary) =
        (("primary_button", "Primary button"), ("secondary_button", "Secondary button"));
    Some(json!({
        "name": name,
        "description": description,
        "preview": PREVIEW,
        "variants": [
            variant("default", "Default", &[]),
            variant("single-action", "Single action", &[primary]),
            variant("multi-action", "Multiple actions", &[primary, secondary]),
        ],
    }))
}

/// Sub-fields that are absent in a variant render as nothing.
const PREVIEW: &str = "<div>\
{% if image.url %}<img src=\"{{ image.url }}\" alt=\"{{ image.alt }}\">{% endif %}\
{% if headline %}<small>{{ headline }}</small>{% endif %}\
<strong>{{ title }}</strong><div>{{ body }}</div>\
{% if primary_button %}<button>{{ primary_button.text }}</button>{% endif %}\
{% if secondary_button %}<button>{{ secondary_button.text }}</button>{% endif %}\
</div>";

fn text(kind: &str, key: &str, label: &str, required: bool, default: &str) -> Value {
    json!({"type": kind, "key": key, "label": label, "settings": {"required": required, "default": default}})
}

fn button(key: &str, label: &str) -> Value {
    json!({
        "type": "button", "key": key, "label": label, "settings": {"required": true},
        "text": text("text", "text", "Button text", true, label),
        "action": text("text", "action", "Button action", true, "https://example.com"),
    })
}

fn image() -> Value {
    let sub = |kind: &str, key: &str, label: &str| json!({"type": kind, "key": key, "label": label, "settings": {"required": false}});
    json!({
        "type": "image", "key": "image", "label": "Image", "settings": {"required": false},
        "url": {"type": "url", "key": "url", "label": "Image address", "settings": {"required": true}},
        "alt": sub("text", "alt", "Alternative text"),
        "action": sub("text", "action", "Image action"),
    })
}
