//! A tenant's settings (recipients.md section 5).

use campanile_core::preference::{Change, Strategy};
use campanile_core::problem::Problems;
use campanile_store::RecipientRow;
use campanile_template::branding::{COLORS, IMAGES, is_color};
use serde_json::{Map, Value};

use super::join;

/// Checks `settings`; true when nothing was refused. URLs are any text: the documented examples lack a scheme (RC5.1).
/// What the preference set says is left as the merge into the stored one wants it.
pub(super) fn check_settings(settings: &mut Value, field: &str, problems: &mut Problems) -> bool {
    let mut sound = true;
    if let Some(set) = settings.get_mut("preference_set").filter(|set| !set.is_null()) {
        let path = join(field, "preference_set");
        match Change::parse(set, Strategy::Merge, &path, problems) {
            Some(change) => *set = change.into_request(),
            None => sound = false,
        }
    }
    let Some(settings) = object(settings, field, problems) else { return settings.is_null() };
    let field = join(field, "branding");
    let Some(value) = settings.get("branding") else { return sound };
    let Some(branding) = object(value, &field, problems) else { return sound && value.is_null() };
    let mut check = |name: &str, is_good: fn(&str) -> bool, message: &str| {
        let problem = match branding.get(name) {
            None | Some(Value::Null) => return,
            Some(Value::String(text)) if is_good(text) => return,
            Some(Value::String(_)) => message,
            Some(_) => "must be a string",
        };
        problems.add(join(&field, name), problem);
        sound = false;
    };
    // Other keys are the customer's own.
    for name in &COLORS[..4] {
        check(name, is_color, "must be a color like #RGB or #RRGGBB");
    }
    for name in IMAGES {
        check(name, |_| true, "");
    }
    sound
}

/// The default preferences of a stored tenant, if it has any.
pub fn tenant_default(row: &RecipientRow) -> Option<Map<String, Value>> {
    // Most tenants have none, and their properties need not be read.
    if !row.properties.contains("\"preference_set\"") {
        return None;
    }
    let mut properties: Map<String, Value> = serde_json::from_str(&row.properties).ok()?;
    match properties.get_mut("settings")?.get_mut("preference_set")?.take() {
        Value::Object(set) if !set.is_empty() => Some(set),
        _ => None,
    }
}

/// The map, or nothing for null; anything else is refused.
fn object<'v>(value: &'v Value, field: &str, problems: &mut Problems) -> Option<&'v Map<String, Value>> {
    if !value.is_object() && !value.is_null() {
        problems.add(field, "must be an object");
    }
    value.as_object()
}
