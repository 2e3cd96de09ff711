//! Stored recipients as they are seen: users and tenants flat, objects with `properties`, everything flat inside
//! templates and conditions.

use campanile_core::preference;
use campanile_core::recipient::TENANTS;
use campanile_store::RecipientRow;
use serde_json::{Map, Value, json};

/// Printed even when null (RC3.2).
const USER_ATTRIBUTES: [&str; 5] = ["name", "email", "avatar", "phone_number", "timezone"];

/// What templates and conditions read: flat, system members above properties of the same name (workflows.md 5).
pub fn scope_value(row: &RecipientRow) -> Value {
    if row.reference.is_user() {
        return wire_user(row);
    }
    let mut flat = properties(row);
    if row.reference.collection == TENANTS
        && let Some(Value::Object(settings)) = flat.get_mut("settings")
    {
        // Templates know the set by another name than the API (RC5.8).
        let preferences = print_preference_set(settings);
        settings.insert("preferences".into(), preferences);
    }
    flat.insert("collection".into(), row.reference.collection.as_str().into());
    system(&mut flat, row, "Object");
    Value::Object(flat)
}

/// A user as the API answers it.
pub fn wire_user(row: &RecipientRow) -> Value {
    let mut flat = properties(row);
    for name in USER_ATTRIBUTES {
        flat.entry(name).or_insert(Value::Null);
    }
    if flat.get("locale").is_some_and(Value::is_null) {
        flat.remove("locale");
    }
    system(&mut flat, row, "User");
    Value::Object(flat)
}

/// An object as the API answers it; a tenant seen through the objects API too (RC5.7).
pub fn wire_object(row: &RecipientRow) -> Value {
    let mut object = Map::new();
    let mut properties = properties(row);
    if row.reference.collection == TENANTS
        && let Some(Value::Object(settings)) = properties.get_mut("settings")
    {
        print_preference_set(settings);
    }
    object.insert("collection".into(), row.reference.collection.as_str().into());
    object.insert("properties".into(), properties.into());
    system(&mut object, row, "Object");
    Value::Object(object)
}

/// A tenant as `/v1/tenants` answers it.
pub fn wire_tenant(row: &RecipientRow) -> Value {
    let mut flat = properties(row);
    flat.entry("name").or_insert(Value::Null);
    match flat.entry("settings").or_insert(Value::Null) {
        Value::Object(settings) => {
            settings.entry("branding").or_insert(Value::Null);
            print_preference_set(settings);
        }
        other => *other = Value::Null,
    }
    system(&mut flat, row, "Tenant");
    Value::Object(flat)
}

/// A user or an object, as recipients and actors are expanded.
pub fn wire_recipient(row: &RecipientRow) -> Value {
    if row.reference.is_user() { wire_user(row) } else { wire_object(row) }
}

/// The default set of a tenant as it is shown everywhere: with all its members, or null.
fn print_preference_set(settings: &mut Map<String, Value>) -> Value {
    let set = settings.entry("preference_set").or_insert(Value::Null);
    if let Value::Object(stored) = set {
        *set = preference::view(preference::DEFAULT, stored);
    }
    set.clone()
}

/// Stored texts are ours; one that cannot be read shows as empty rather than failing a whole page.
fn properties(row: &RecipientRow) -> Map<String, Value> {
    serde_json::from_str(&row.properties).unwrap_or_default()
}

fn system(flat: &mut Map<String, Value>, row: &RecipientRow, typename: &str) {
    flat.insert("__typename".into(), typename.into());
    flat.insert("id".into(), row.reference.id.as_str().into());
    flat.insert("created_at".into(), json!(row.created_at));
    flat.insert("updated_at".into(), json!(row.updated_at));
}
