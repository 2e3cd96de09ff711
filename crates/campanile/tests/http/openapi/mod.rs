//! The server's own documents against its routes, and its answers against the published documents.

mod schema;
mod yaml;

use std::path::{Path, PathBuf};

use campanile_api::operations::{Api, all};
use serde_json::{Value, json};

use crate::bad_input::{built, method, plausible, rightful};
use crate::kit::{everything, on_both};

/// Reads that another server answers: the tests of their own have a double of it.
const ASKS_A_PROVIDER: [&str; 5] = [
    "slackProviderAuthCheck",
    "listChannelsForSlackProvider",
    "msTeamsProviderAuthCheck",
    "listTeamsForMsTeamsProvider",
    "listChannelsForMsTeamsProvider",
];

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

#[test]
fn answers_have_what_the_published_schemas_require() {
    let (Some(public), Some(management)) = (published(Api::Public), published(Api::Management)) else {
        return;
    };
    on_both(async |kit| {
        let everything = everything::furnish(kit).await;
        assert_eq!(everything.messages.len(), 7, "{:#?}", everything.messages);
        let mut checked = 0;
        for op in built()
            .filter(|op| op.method == "GET" && op.api != Api::Admin && !ASKS_A_PROVIDER.contains(&op.id))
        {
            let document = if op.api == Api::Public { &public } else { &management };
            let responses = &document["paths"][op.path]["get"]["responses"];
            let schema = &responses["200"]["content"]["application/json"]["schema"];
            assert!(schema.is_object(), "{} has no schema of its answer", op.path);
            let ids = if op.path.contains("{message_id}") { everything.messages.len() } else { 1 };
            for message in everything.messages.iter().take(ids) {
                // The published document has no variant for the content of webhooks.
                if op.id == "getMessageContents" && message["channel"]["type"] == "http" {
                    continue;
                }
                let id = message["id"].as_str().unwrap_or_default();
                let mut path = everything.path(op, id);
                match op.id {
                    "batchGetMessageContents" => path = format!("{path}?message_ids[]={id}"),
                    "listSchedules" => path = format!("{path}?workflow=plain"),
                    _ => {}
                }
                let answer = rightful(kit, op).get(&path).await.ok();
                let problems = schema::problems(&answer, schema, document);
                assert!(problems.is_empty(), "GET {path}: {problems:#?}\n{answer:#}");
                checked += 1;
            }
        }
        assert!(checked > 60, "only {checked} answers were checked");
    });
}

#[test]
fn nothing_is_seen_from_another_environment() {
    on_both(async |kit| {
        let everything = everything::furnish(kit).await;
        let mut checked = 0;
        for op in built().filter(|op| op.api == Api::Public && op.path.contains('{') && op.method == "GET") {
            let mut path = everything.path_to_first(op);
            if op.id == "listSchedules" {
                path = format!("{path}?workflow=plain");
            }
            let answer = kit.live.get(&path).await;
            // What a list shows of nobody, an empty set or a page without anything, is no leak.
            let is_empty = ["entries", "items"].iter().any(|list| answer.json[*list] == json!([]));
            let tells_nothing =
                !answer.text.contains("Ada") && !answer.text.contains("ada@") && !answer.text.contains("p1");
            assert!(
                [404, 422].contains(&answer.status) || (answer.status == 200 && (is_empty || tells_nothing)),
                "GET {path} with the other environment's key: {}",
                answer.text
            );
            checked += 1;
        }
        assert!(checked > 25, "only {checked} reads were tried");
    });
}
