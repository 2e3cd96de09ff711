//! `vars.branding`: whose logos and colours a message wears (templates.md T4.3–T4.5).

use serde_json::{Map, Value as Json, json};

/// Keys that hold colours.
pub const COLORS: [&str; 6] = [
    "primary_color",
    "primary_color_contrast",
    "dark_primary_color",
    "dark_primary_color_contrast",
    "primary_text_color",
    "secondary_text_color",
];
/// Keys that hold addresses of images.
pub const IMAGES: [&str; 4] = ["logo_url", "icon_url", "dark_logo_url", "dark_icon_url"];

/// What a colour is when nobody set it (T4.3). The text colours have no default.
const DEFAULT_COLORS: [(&str, &str); 4] = [
    ("primary_color", "#000000"),
    ("primary_color_contrast", "#FFFFFF"),
    ("dark_primary_color", "#FFFFFF"),
    ("dark_primary_color_contrast", "#000000"),
];
/// In dark mode the other image serves.
const DARK_IMAGES: [(&str, &str); 2] = [("dark_logo_url", "logo_url"), ("dark_icon_url", "icon_url")];

/// True for `#RGB` and `#RRGGBB` (T4.5).
pub fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|digits| {
        matches!(digits.len(), 3 | 6) && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

/// The branding that templates see: of each key the value of the first layer that has one, else its default. The order
/// of layers is tenant, layout, account (T4.4); null is no value.
pub fn resolve(layers: &[&Map<String, Json>]) -> Map<String, Json> {
    let mut branding = Map::new();
    for layer in layers.iter().rev() {
        let set = layer.iter().filter(|(_, value)| !value.is_null());
        branding.extend(set.map(|(key, value)| (key.clone(), value.clone())));
    }
    for (key, value) in DEFAULT_COLORS {
        branding.entry(key).or_insert_with(|| json!(value));
    }
    for (dark, light) in DARK_IMAGES {
        if !branding.contains_key(dark)
            && let Some(image) = branding.get(light).cloned()
        {
            branding.insert(dark.into(), image);
        }
    }
    branding
}

/// The branding of a tenant as the scope shows it; nothing for one without.
pub fn of_tenant(tenant: Option<&Json>) -> Option<&Map<String, Json>> {
    tenant?.get("settings")?.get("branding")?.as_object()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(layers: &[Json]) -> Json {
        let layers: Vec<_> = layers.iter().map(|layer| layer.as_object().unwrap()).collect();
        Json::Object(resolve(&layers))
    }

    #[test]
    fn every_key_falls_back_by_itself() {
        let tenant = json!({"primary_color": "#000002", "icon_url": null});
        let layout = json!({"primary_color": "#000003", "logo_url": "layout", "icon_url": "layout"});
        let account = json!({"primary_color": "#000001", "dark_icon_url": "account", "motto": "go"});
        assert_eq!(
            resolved(&[tenant, layout, account]),
            json!({
                "primary_color": "#000002", "primary_color_contrast": "#FFFFFF",
                "dark_primary_color": "#FFFFFF", "dark_primary_color_contrast": "#000000",
                "logo_url": "layout", "dark_logo_url": "layout",
                "icon_url": "layout", "dark_icon_url": "account", "motto": "go",
            })
        );
        assert_eq!(
            resolved(&[]),
            json!({
                "primary_color": "#000000", "primary_color_contrast": "#FFFFFF",
                "dark_primary_color": "#FFFFFF", "dark_primary_color_contrast": "#000000",
            }),
            "without a logo there is none in the dark"
        );
    }

    #[test]
    fn colours_are_three_or_six_hex_digits() {
        for (text, want) in [
            ("#abc", true),
            ("#A1b2C3", true),
            ("abc", false),
            ("#abcd", false),
            ("#ggg", false),
            ("", false),
        ] {
            assert_eq!(is_color(text), want, "{text}");
        }
    }
}
