//! One of everything that the APIs know, and the path of any operation to it.

use campanile_api::operations::{Api, Operation};
use serde_json::{Value, json};

use super::{Kit, steps};
use crate::bad_input::path_of;

/// What was made.
pub struct Everything {
    feed: String,
    push: String,
    chat: String,
    guides: String,
    commit: String,
    bulk_operation: String,
    recipient_run: String,
    /// Five of ada's channels, her webhook and the project's chat and webhook.
    pub messages: Vec<Value>,
}

/// Makes one of everything in development.
pub async fn furnish(kit: &Kit) -> Everything {
    recipients(kit).await;
    resources(kit).await;
    for (key, steps) in workflows() {
        kit.workflow_with(key, json!({"steps": steps, "categories": ["news"], "tags": ["t"]})).await;
    }
    let project = json!({"id": "p1", "collection": "projects"});
    let body = json!({
        "recipients": ["ada", project], "actor": "ada", "tenant": "acme", "data": {"a": 1, "b": {"c": []}},
        "settings": {"sandbox_mode": true},
    });
    let run = kit.trigger("greet", body).await;
    let messages = kit.messages(&run).await;
    belongings(kit).await;
    let bulk =
        kit.post("/v1/users/bulk/identify", json!({"users": [{"id": "bob", "name": "Bob"}]})).await.ok();
    kit.idle().await;
    let runs = kit.get("/v1/workflow_recipient_runs").await.ok();
    let commits = kit.service.get("/v1/commits?environment=development").await.ok();
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    Everything {
        feed: kit.channel_id("in-app-feed").await,
        push: kit.channel_id("push").await,
        chat: kit.channel_id("chat").await,
        guides: guide_channel(kit).await.0,
        commit: text(&commits["entries"][0]["id"]),
        bulk_operation: text(&bulk["id"]),
        recipient_run: text(&runs["items"][0]["id"]),
        messages,
    }
}

/// Id and key.
async fn guide_channel(kit: &Kit) -> (String, String) {
    let channels = kit.service.get("/v1/channels").await.ok();
    let list = channels["entries"].as_array().expect("a list");
    let found =
        list.iter().find(|channel| channel["type"] == "in_app_guide").expect("there is one for guides");
    let text = |member: &str| found[member].as_str().expect("a text").to_owned();
    (text("id"), text("key"))
}

async fn recipients(kit: &Kit) {
    let (push, chat) = (kit.channel_id("push").await, kit.channel_id("chat").await);
    let ada = json!({
        "name": "Ada", "email": "ada@example.com", "phone_number": "+15551234567", "timezone": "Europe/London",
        "avatar": "https://x/a.png", "plan": {"seats": 5}, "created_at": "2020-01-01T00:00:00Z",
        "channel_data": {&push: {"tokens": ["t1"]}},
    });
    kit.put("/v1/users/ada", ada).await.ok();
    let connections = json!({"connections": [{"access_token": "xoxb", "channel_id": "C1"}]});
    kit.put("/v1/objects/projects/p1", json!({"name": "P", "channel_data": {&chat: connections}})).await.ok();
    let branding = json!({"branding": {"primary_color": "#33FF5B"}});
    kit.put("/v1/tenants/acme", json!({"name": "Acme", "settings": branding})).await.ok();
}

async fn resources(kit: &Kit) {
    let save = async |path: &str, body: Value| {
        let path = format!("/v1/{path}?environment=development&commit=true");
        kit.service.put(&path, body).await.ok()
    };
    let layout = json!({"email_layout": {
        "name": "Plain", "html_layout": "<html><body>{{ content }}</body></html>", "text_layout": "{{ content }}",
    }});
    save("email_layouts/plain", layout).await;
    let partial = json!({"partial": {"name": "Sign-off", "type": "html", "content": "<p>Bye</p>"}});
    save("partials/sign-off", partial).await;
    let translation = json!({"translation": {"format": "json", "content": r#"{"hello":"Hello"}"#}});
    save("translations/en", translation).await;
    let field = json!({"type": "text", "key": "title", "label": "Title", "settings": {"required": true}});
    let variant = json!({"key": "default", "name": "Default", "fields": [field]});
    let message_type =
        json!({"message_type": {"name": "Banner", "preview": "<div></div>", "variants": [variant]}});
    let banner = save("message_types/notice", message_type).await;
    save("audiences/beta", json!({"audience": {"name": "Beta", "type": "static"}})).await;
    let step = json!({
        "ref": "step_1", "name": "Step", "schema_key": "notice", "schema_variant_key": "default",
        "schema_semver": banner["message_type"]["semver"], "values": {"title": "Hello"},
    });
    let (_, channel_key) = guide_channel(kit).await;
    save("guides/tour", json!({"guide": {"name": "Tour", "channel_key": channel_key, "steps": [step]}}))
        .await;
    let feed = steps::feed("feed_1", "News");
    let broadcast = json!({"broadcast": {"name": "News", "target_audience_key": "beta", "steps": [feed]}});
    save("broadcasts/news", broadcast).await;
}

fn workflows() -> [(&'static str, Value); 2] {
    let mut email = steps::email("email_1", "Hi {{ recipient.name }}");
    email["template"]["settings"] = json!({"layout_key": "plain"});
    let push = json!({"title": "T", "text_body": "B", "settings": {"delivery_type": "content"}});
    let greet = json!([
        steps::feed("feed_1", "Hi"),
        email,
        steps::sms("sms_1", "Hi"),
        {"ref": "push_1", "type": "channel", "channel_key": "push", "template": push},
        {"ref": "chat_1", "type": "channel", "channel_key": "chat", "template": {"markdown_body": "B"}},
        steps::webhook("hook_1", "http://127.0.0.1:9/hook"),
        steps::delay("delay_1", 1, "hours"),
        {"ref": "branch_1", "type": "branch", "branches": [
            {"name": "pro", "conditions": steps::all(&[("recipient.plan", "equal_to", json!("pro"))]), "steps": []},
            {"name": "default", "steps": []},
        ]},
    ]);
    [("greet", greet), ("plain", json!([steps::feed("feed_1", "Hi")]))]
}

async fn belongings(kit: &Kit) {
    let ada = json!({"recipients": ["ada"]});
    kit.post("/v1/objects/projects/p1/subscriptions", ada).await.ok();
    let repeats = json!([{"frequency": "daily", "hours": 9, "minutes": 0}]);
    for recipient in [json!("ada"), json!({"id": "p1", "collection": "projects"})] {
        let schedule = json!({"recipients": [recipient], "workflow": "plain", "repeats": repeats});
        kit.post("/v1/schedules", schedule).await.ok();
    }
    let set =
        json!({"channel_types": {"email": true}, "workflows": {"plain": true}, "categories": {"news": true}});
    kit.put("/v1/users/ada/preferences/default", set.clone()).await.ok();
    kit.put("/v1/objects/projects/p1/preferences/default", set).await.ok();
    let members = json!({"members": [{"user": {"id": "ada"}}]});
    kit.post("/v1/audiences/beta/members", members).await.ok();
}

impl Everything {
    /// The path of an operation to what was made; `message` stands for `{message_id}`.
    pub fn path(&self, op: &Operation, message: &str) -> String {
        path_of(op, |name| self.value(op, name, message))
    }

    /// The path to the first message.
    pub fn path_to_first(&self, op: &Operation) -> String {
        self.path(op, self.messages[0]["id"].as_str().unwrap_or_default())
    }

    fn value(&self, op: &Operation, name: &str, message: &str) -> String {
        let path = op.path;
        let value = match name {
            "user_id" => "ada",
            "collection" => "projects",
            "object_id" => "p1",
            "message_id" => message,
            "channel_id" if path.contains("/objects/") || path.contains("/providers/") => &self.chat,
            "channel_id" if path.contains("/guides/") => &self.guides,
            "channel_id" if path.contains("/channels/") => &self.feed,
            "channel_id" => &self.push,
            "action" => "seen",
            "id" if path.contains("/feeds/") => &self.feed,
            "id" if path.contains("/tenants/") => "acme",
            "id" if path.contains("/commits/") => &self.commit,
            "id" if path.contains("/bulk_operations/") => &self.bulk_operation,
            "id" if path.contains("/workflow_recipient_runs/") => &self.recipient_run,
            "id" if path.contains("/preferences/") => "default",
            "id" => "p1",
            "type" => "email",
            "key" if path.contains("/audiences/") => "beta",
            "key" if path.contains("/categories/") => "news",
            "key" if path.contains("/variables/") => "app_url",
            "key" => "plain",
            "workflow_key" => "greet",
            "step_ref" => "feed_1",
            "email_layout_key" => "plain",
            "partial_key" => "sign-off",
            "locale_code" => "en",
            "message_type_key" => "notice",
            "guide_key" => "tour",
            "audience_key" => "beta",
            "broadcast_key" => "news",
            "channel_key" => "email",
            "environment_slug" => "development",
            _ if op.api == Api::Management => "sample-1",
            other => panic!("{path} has an unknown parameter {other}"),
        };
        value.to_owned()
    }
}
