//! Subscriptions and what triggers make of them (recipients.md section 10, workflows.md section 3.5).

mod bulk;
mod fan_out;
mod lists;

use serde_json::{Value, json};

use crate::kit::Kit;

/// The path of an object's subscriptions.
fn path(object: &str) -> String {
    format!("/v1/objects/{object}/subscriptions")
}

/// A reference by key: `t/1` is an object, everything else a user.
fn reference(key: &str) -> Value {
    match key.split_once('/') {
        Some((collection, id)) => json!({"collection": collection, "id": id}),
        None => json!(key),
    }
}

/// Identifies whoever is named and subscribes them.
async fn subscribe(kit: &Kit, object: &str, recipients: &[&str], properties: Value) {
    let mut inline = Vec::new();
    for key in recipients {
        let mut value = json!({"id": key, "name": key});
        if let Some((collection, id)) = key.split_once('/') {
            value = json!({"collection": collection, "id": id, "name": key});
        }
        inline.push(value);
    }
    kit.post(&path(object), json!({"recipients": inline, "properties": properties})).await.ok();
}
