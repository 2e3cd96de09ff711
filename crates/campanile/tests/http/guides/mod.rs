//! Message types and guides: what is published, who sees it, what they do with it (in-app.md sections 12 to 14,
//! management.md section 10).

mod engagement;
mod fetching;
mod publishing;

use http::Method;
use serde_json::{Value, json};

use crate::kit::{Answer, Kit, pluck};

const TYPE: &str = "/v1/message_types/tooltip?environment=development&commit=true";

fn tooltip(max_length: i64) -> Value {
    let title = json!({"type": "text", "key": "title", "label": "Title", "settings": {"required": true, "maxLength": max_length}});
    let body = json!({"type": "markdown", "key": "body", "label": null});
    json!({"message_type": {"name": "Tooltip", "description": "A hint", "preview": "<b>{{ title }}</b>",
        "variants": [{"key": "default", "name": "Default", "fields": [title, body]}]}})
}

fn step(reference: &str, title: &str) -> Value {
    json!({"ref": reference, "name": "Step", "schema_key": "tooltip", "schema_semver": "0.0.1",
        "schema_variant_key": "default", "values": {"title": title}})
}

fn guide(change: Value) -> Value {
    let mut guide =
        json!({"name": "Tour", "channel_key": "in-app-guide", "steps": [step("step_1", "Hello")]});
    guide.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
    json!({"guide": guide})
}

impl Kit {
    /// Makes a guide, commits it and switches it on.
    async fn guide(&self, key: &str, change: Value) {
        let path = format!("/v1/guides/{key}?environment=development&commit=true");
        self.service.put(&path, guide(change)).await.ok();
        let path = format!("/v1/guides/{key}/activate?environment=development");
        self.service.put(&path, json!({"status": true})).await.ok();
        self.advance("PT1S").await;
    }

    async fn guides(&self, user: &str, query: &str) -> Value {
        let channel = self.channel_id("in-app-guide").await;
        self.public.get(&format!("/v1/users/{user}/guides/{channel}?{query}")).await.ok()
    }

    /// What a client sends of a guide that it was given.
    async fn ids(&self, key: &str) -> Value {
        let list = self.guides("somebody", "force_all_guides=true").await;
        let entry = list["entries"].as_array().expect("a list").iter().find(|entry| entry["key"] == key);
        let entry = entry.unwrap_or_else(|| panic!("{key} is not in {list}"));
        json!({"channel_id": entry["channel_id"], "guide_id": entry["id"], "guide_key": key,
            "guide_step_ref": entry["steps"][0]["ref"], "content": {"title": "Shown"}})
    }

    async fn engage(&self, user: &str, action: &str, key: &str, change: Value) {
        let mut body = self.ids(key).await;
        body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        let path = format!("/v1/users/{user}/guides/messages/{action}");
        assert_eq!(self.public.put(&path, body).await.ok(), json!({"status": "ok"}));
    }

    async fn delete_with(&self, path: &str, body: Value) -> Answer {
        self.public.send(Method::DELETE, path, body.to_string(), &[]).await
    }
}

/// Why guides are not shown, by key.
fn reasons(list: &Value) -> Vec<(String, String)> {
    pluck(&list["ineligible_guides"], "key")
        .into_iter()
        .zip(pluck(&list["ineligible_guides"], "reason"))
        .collect()
}

fn keys(list: &Value) -> Vec<String> {
    pluck(&list["entries"], "key")
}
