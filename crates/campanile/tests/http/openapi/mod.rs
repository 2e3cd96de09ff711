//! The server's own documents against its routes, and its answers against the published documents.

mod schema;
mod yaml;

use std::path::{Path, PathBuf};

use campanile_api::operations::{Api, all};
use serde_json::{Map, Value, json};

use crate::bad_input::{built, method, path_of, plausible, rightful};
use crate::kit::{Kit, on_both, steps};

fn member(api: Api) -> &'static str {
    if api == Api::Public { "/v1/openapi" } else { "/v1/openapi/management" }
}

/// Method, path and body of every operation of a document.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("a document has paths");
    let methods = ["get", "put", "post", "delete", "patch"];
    paths
        .iter()
        .flat_map(|(path, item)| {
            let item = item.as_object().cloned().unwrap_or_default().into_iter();
            item.filter(|(method, _)| methods.contains(&method.as_str()))
                .map(|(method, operation)| (method.to_uppercase(), path.clone(), operation))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn the_documents_list_what_the_router_answers() {
    on_both(async |kit| {
        let channel = kit.channel_id("in-app-feed").await;
        for (api, count) in [(Api::Public, 118), (Api::Management, 97)] {
            // Nobody needs a key to read them.
            let document = kit.nobody.get(member(api)).await.ok();
            assert!(
                document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")),
                "{document}"
            );
            let listed = operations(&document);
            assert_eq!(listed.len(), count);
            for (name, path, entry) in listed {
                let op = all().find(|op| op.method == name && op.path == path);
                let op = op.unwrap_or_else(|| panic!("{name} {path} has no route"));
                assert_eq!(entry["operationId"], op.id);
                let answer = rightful(kit, op).send(method(op), &plausible(op, &channel), "{}", &[]).await;
                assert_eq!(entry["x-built"], answer.status != 501, "{name} {path}: {}", answer.text);
                let parameters = entry["parameters"].as_array().expect("a list");
                let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path").count();
                assert_eq!(in_path, path.matches('{').count(), "{name} {path}");
            }
        }
    });
}

/// The folder with the published documents, beside the repository or beside the one that this is a worktree of.
fn specs() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = own.ancestors().skip(3).map(|dir| dir.join("shared/specs")).find(|dir| dir.is_dir());
    if found.is_none() {
        eprintln!("../shared/specs is not there: the published documents were not compared");
    }
    found
}

fn published(api: Api) -> Option<Value> {
    let name = if api == Api::Public { "public-api.openapi.yml" } else { "management-api.openapi.yml" };
    let text = std::fs::read_to_string(specs()?.join(name)).expect("the document can be read");
    Some(yaml::read(&text))
}

#[test]
fn every_published_operation_is_ours() {
    for (api, count) in [(Api::Public, 118), (Api::Management, 97)] {
        let Some(document) = published(api) else { return };
        let theirs = operations(&document);
        assert_eq!(theirs.len(), count, "the reader of the document lost some");
        for (method, path, entry) in theirs {
            let own = all().find(|op| op.method == method && op.path == path && op.api == api);
            let own = own.unwrap_or_else(|| panic!("{method} {path} is missing"));
            let id = entry["operationId"].as_str().unwrap_or_default();
            assert_eq!(own.id, id, "{method} {path}");
            if api == Api::Public {
                assert_eq!(entry["x-ratelimit-tier"], own.tier, "{method} {path}");
            }
        }
    }
}

/// Something of every kind, and what leads to it by parameter name.
async fn furnish(kit: &Kit) -> Map<String, Value> {
    let (push, chat) = (kit.channel_id("push").await, kit.channel_id("chat").await);
    let ada = json!({
        "name": "Ada", "email": "ada@example.com", "phone_number": "+15551234567", "timezone": "Europe/London",
        "avatar": "https://x/a.png", "plan": {"seats": 5}, "created_at": "2020-01-01T00:00:00Z",
        "channel_data": {&push: {"tokens": ["t1"]}},
    });
    kit.put("/v1/users/ada", ada).await.ok();
    let connections = json!({"connections": [{"access_token": "xoxb", "channel_id": "C1"}]});
    kit.put("/v1/objects/projects/p1", json!({"name": "P", "channel_data": {&chat: connections}})).await.ok();
    kit.put(
        "/v1/tenants/acme",
        json!({"name": "Acme", "settings": {"branding": {"primary_color": "#33FF5B"}}}),
    )
    .await
    .ok();
    let layout = json!({"email_layout": {
        "name": "Plain", "html_layout": "<html><body>{{ content }}</body></html>", "text_layout": "{{ content }}",
    }});
    kit.service.put("/v1/email_layouts/plain?environment=development&commit=true", layout).await.ok();
    let mut email = steps::email("email_1", "Hi {{ recipient.name }}");
    email["template"]["settings"] = json!({"layout_key": "plain"});
    let list = json!([
        steps::feed("feed_1", "Hi"),
        email,
        steps::sms("sms_1", "Hi"),
        {"ref": "push_1", "type": "channel", "channel_key": "push", "template": {"title": "T", "text_body": "B", "settings": {"delivery_type": "content"}}},
        {"ref": "chat_1", "type": "channel", "channel_key": "chat", "template": {"markdown_body": "B"}},
        steps::webhook("hook_1", "http://127.0.0.1:9/hook"),
        steps::delay("delay_1", 1, "hours"),
        {"ref": "branch_1", "type": "branch", "branches": [
            {"name": "pro", "conditions": steps::all(&[("recipient.plan", "equal_to", json!("pro"))]), "steps": []},
            {"name": "default", "steps": []},
        ]},
    ]);
    kit.workflow_with("greet", json!({"steps": list, "categories": ["news"], "tags": ["t"]})).await;
    let project = json!({"id": "p1", "collection": "projects"});
    let body = json!({
        "recipients": ["ada", project], "actor": "ada", "tenant": "acme", "data": {"a": 1, "b": {"c": []}},
        "settings": {"sandbox_mode": true},
    });
    let run = kit.trigger("greet", body).await;
    let messages = kit.messages(&run).await;
    assert_eq!(
        messages.len(),
        7,
        "five of ada's channels, her webhook and the project's chat and webhook: {messages:?}"
    );
    let commits = kit.service.get("/v1/commits?environment=development").await.ok();
    let users = json!({"users": [{"id": "bob"}, {"id": "a/b"}]});
    let bulk = kit.post("/v1/users/bulk/identify", users).await.ok();
    kit.idle().await;
    let step = json!({"ref": "step_1", "schema_key": "banner", "schema_semver": "0.0.1", "schema_variant_key": "default",
        "values": {"title": "T", "body": "B"}});
    let patterns = json!([{"directive": "allow", "pathname": "/dashboard/*"}]);
    let guide = json!({"guide": {
        "name": "Tour", "channel_key": "in-app-guide", "steps": [step], "activation_url_patterns": patterns,
    }});
    kit.service.put("/v1/guides/tour?environment=development&commit=true", guide).await.ok();
    let activate = "/v1/guides/tour/activate?environment=development";
    kit.service.put(activate, json!({"status": true})).await.ok();
    let mut values = Map::new();
    values.insert("bulk".into(), bulk["id"].clone());
    values.insert("messages".into(), messages.into());
    values.insert("commit".into(), commits["entries"][0]["id"].clone());
    for (name, value) in [
        ("push", push),
        ("chat", chat),
        ("feed", kit.channel_id("in-app-feed").await),
        ("guide", kit.channel_id("in-app-guide").await),
    ] {
        values.insert(name.into(), value.into());
    }
    values
}

#[test]
fn answers_have_what_the_published_schemas_require() {
    let (Some(public), Some(management)) = (published(Api::Public), published(Api::Management)) else {
        return;
    };
    on_both(async |kit| {
        let values = furnish(kit).await;
        let text = |name: &str| values[name].as_str().unwrap_or_default().to_owned();
        let messages = values["messages"].as_array().expect("a list");
        let mut checked = 0;
        for op in built().filter(|op| op.method == "GET" && op.api != Api::Admin) {
            let document = if op.api == Api::Public { &public } else { &management };
            let responses = &document["paths"][op.path]["get"]["responses"];
            let schema = &responses["200"]["content"]["application/json"]["schema"];
            assert!(schema.is_object(), "{} has no schema of its answer", op.path);
            let ids = if op.path.contains("{message_id}") { messages.len() } else { 1 };
            for message in messages.iter().take(ids) {
                // The published document has no variant for the content of webhooks.
                if op.id == "getMessageContents" && message["channel"]["type"] == "http" {
                    continue;
                }
                let id = message["id"].as_str().unwrap_or_default();
                let mut path = path_of(op, |name| match name {
                    "user_id" => "ada".into(),
                    "collection" => "projects".into(),
                    "object_id" => "p1".into(),
                    "message_id" => id.into(),
                    "channel_id" if op.path.contains("/guides/") => text("guide"),
                    "channel_id" if op.path.contains("/objects/") => text("chat"),
                    "channel_id" => text("push"),
                    "id" if op.path.contains("/feeds/") => text("feed"),
                    "id" if op.path.contains("/tenants/") => "acme".into(),
                    "id" if op.path.contains("/bulk_operations/") => text("bulk"),
                    "id" if op.path.contains("/commits/") => text("commit"),
                    "id" => "p1".into(),
                    "workflow_key" => "greet".into(),
                    "email_layout_key" => "plain".into(),
                    "message_type_key" => "banner".into(),
                    "guide_key" => "tour".into(),
                    "channel_key" => "email".into(),
                    "environment_slug" => "development".into(),
                    other => panic!("{} has an unknown parameter {other}", op.path),
                });
                if op.id == "batchGetMessageContents" {
                    path = format!("{path}?message_ids[]={id}");
                }
                let answer = rightful(kit, op).get(&path).await.ok();
                let problems = schema::problems(&answer, schema, document);
                assert!(problems.is_empty(), "GET {path}: {problems:#?}\n{answer:#}");
                checked += 1;
            }
        }
        assert!(checked > 30, "only {checked} answers were checked");
    });
}
