//! Preferences (preferences.md): sets and their endpoints, what runs make of them, the preference center.

mod center;
mod runs;
mod sets;

use serde_json::{Value, json};

use crate::kit::{Kit, steps};

/// Sets the environment's default.
pub async fn set_default(kit: &Kit, set: Value) {
    kit.service.put("/v1/admin/preference_defaults?environment=development", set).await.ok();
}

/// Sets a tenant's default.
pub async fn set_tenant(kit: &Kit, tenant: &str, set: Value) -> Value {
    kit.put(&format!("/v1/tenants/{tenant}"), json!({"settings": {"preference_set": set}})).await.ok()
}

/// Writes a set of a user.
pub async fn set_user(kit: &Kit, user: &str, id: &str, set: Value) -> Value {
    kit.put(&format!("/v1/users/{user}/preferences/{id}"), set).await.ok()
}

/// A user who can be reached over every channel that tests use.
pub async fn reachable(kit: &Kit, user: &str) {
    let body = json!({"email": format!("{user}@example.com"), "phone_number": "+15551234567"});
    kit.put(&format!("/v1/users/{user}"), body).await.ok();
}

/// A workflow `w` with an e-mail, a text and a feed message.
pub async fn three_channels(kit: &Kit, settings: Value) {
    let mut document = settings;
    document["steps"] =
        json!([steps::email("email", "Hi"), steps::sms("sms", "Hi"), steps::feed("feed", "Hi")]);
    kit.workflow_with("news", document).await;
}

/// The steps that sent when `w` runs for a user.
pub async fn sent(kit: &Kit, user: &str, tenant: Option<&str>) -> Vec<String> {
    let run = kit.trigger("news", json!({"recipients": [user], "tenant": tenant})).await;
    kit.steps(&run).await
}

/// A set with these members and nulls for the rest.
pub fn full(id: &str, members: Value) -> Value {
    let mut set = json!({"id": id, "categories": null, "channel_types": null, "channels": null, "workflows": null,
        "commercial_subscribed": null});
    for (name, value) in members.as_object().expect("an object") {
        set[name] = value.clone();
    }
    set
}
