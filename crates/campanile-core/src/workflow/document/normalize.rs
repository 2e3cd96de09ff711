//! The content that is stored and shown: what was pushed, without what only tools read, with the defaults that the
//! management API makes explicit (management.md M2.4, M2.5, M7.4).

use serde_json::{Map, Value, json};

use super::Catalog;
use crate::workflow::ChannelType;

/// The members of a workflow that a caller writes.
const WRITABLE: [&str; 11] = [
    "name",
    "steps",
    "description",
    "categories",
    "tags",
    "conditions",
    "settings",
    "trigger_frequency",
    "trigger_data_json_schema",
    "goal_attachment",
    "audience_trigger",
];
const SETTINGS: [&str; 2] = ["override_preferences", "is_commercial"];
/// Members whose inside belongs to the caller: a JSON Schema has a `$schema` of its own.
const OPAQUE: [&str; 4] = ["trigger_data_json_schema", "argument", "json_overrides", "payload_overrides"];

/// The stored form of a document (the inside of `{"workflow": …}`). Normalizing twice changes nothing.
pub fn normalize(document: &Value, catalog: &dyn Catalog) -> Value {
    let mut content = Map::new();
    for name in WRITABLE {
        let Some(value) = document.get(name) else { continue };
        let value = match name {
            "settings" => only(value, &SETTINGS),
            name => cleaned(name, value),
        };
        if name == "steps" || !is_nothing(&value) {
            content.insert(name.into(), value);
        }
    }
    content.entry("trigger_frequency").or_insert_with(|| "every_trigger".into());
    if let Some(steps) = content.get_mut("steps") {
        complete(steps, catalog);
    }
    Value::Object(content)
}

/// A copy without the members that only tools read.
pub(crate) fn cleaned(name: &str, value: &Value) -> Value {
    match value {
        other if OPAQUE.contains(&name) => other.clone(),
        Value::Array(list) => list.iter().map(|entry| cleaned("", entry)).collect(),
        Value::Object(object) => {
            let kept = object.iter().filter(|(name, _)| !is_for_tools(name));
            Value::Object(kept.map(|(name, value)| (name.clone(), cleaned(name, value))).collect())
        }
        other => other.clone(),
    }
}

/// Members that the CLI leaves behind (management.md M2.4).
pub(crate) fn is_for_tools(name: &str) -> bool {
    name.ends_with('@') || matches!(name, "$schema" | "__readonly" | "__annotation")
}

/// The named members that are not null; other values than objects stay for the checks to refuse.
fn only(value: &Value, names: &[&str]) -> Value {
    let Value::Object(object) = value else { return value.clone() };
    let kept = object.iter().filter(|(name, value)| names.contains(&name.as_str()) && !value.is_null());
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

/// Adds derived members and defaults to each step of the tree.
fn complete(steps: &mut Value, catalog: &dyn Catalog) {
    for step in steps.as_array_mut().into_iter().flatten() {
        for branch in step.get_mut("branches").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(steps) = branch.get_mut("steps") {
                complete(steps, catalog);
            }
        }
        let Value::Object(step) = step else { continue };
        if step.get("type").and_then(Value::as_str) != Some("channel") {
            continue;
        }
        let channel = step.get("channel_key").and_then(Value::as_str);
        let Some(channel_type) = channel.and_then(|key| catalog.channel_type(key)) else { continue };
        step.insert("channel_type".into(), channel_type.as_str().into());
        if let (ChannelType::Email, Some(Value::Object(template))) = (channel_type, step.get_mut("template"))
        {
            // Ids of blocks are the editor's (templates.md section 8).
            for block in template.get_mut("visual_blocks").and_then(Value::as_array_mut).into_iter().flatten()
            {
                if let Value::Object(block) = block {
                    block.remove("id");
                }
            }
            let settings = template.entry("settings").or_insert_with(|| json!({}));
            if settings.is_null() {
                *settings = json!({});
            }
            if let Value::Object(settings) = settings {
                settings.entry("attachment_key").or_insert_with(|| "attachments".into());
            }
        }
    }
}
