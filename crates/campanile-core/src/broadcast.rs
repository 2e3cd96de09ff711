//! Broadcasts as they are written: a workflow that is sent once, to an audience (workflows.md section 26).

use serde_json::{Map, Value, json};

use crate::problem::{FieldProblem, Problems};
use crate::time::Timestamp;
use crate::workflow::{self, Catalog};

/// Members that a broadcast shares with workflows.
const SHARED: [&str; 6] = ["name", "description", "categories", "settings", "goal_attachment", "steps"];
/// Steps that a broadcast may have (R26.2).
const STEPS: [&str; 5] = ["channel", "delay", "wait_for_event", "branch", "random_cohort"];

/// Whom a broadcast goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The members of an audience, each under its tenant.
    Audience(String),
    /// Every user: only when the document says so in as many words (S48).
    AllUsers,
}

/// A checked broadcast.
#[derive(Debug, Clone)]
pub struct Broadcast {
    /// What is stored; read as a workflow when it is sent.
    pub content: Value,
    /// `scheduled_at` of the document.
    pub scheduled_at: Option<Timestamp>,
}

/// Checks a document (the inside of `{"broadcast": …}`). Stored content passes and stays.
pub fn parse(document: &Value, catalog: &dyn Catalog) -> Result<Broadcast, Vec<FieldProblem>> {
    let Value::Object(members) = document else {
        return Err(vec![FieldProblem::new("", "must be an object")]);
    };
    let mut shared: Map<String, Value> =
        SHARED.into_iter().filter_map(|name| Some((name.to_owned(), members.get(name)?.clone()))).collect();
    let settings = shared.entry("settings").or_insert_with(|| json!({}));
    if settings.is_null() {
        *settings = json!({});
    }
    if let Value::Object(settings) = settings {
        // Unlike a workflow, a broadcast is advertising unless it says otherwise.
        let commercial = settings.entry("is_commercial").or_insert(Value::Null);
        if commercial.is_null() {
            *commercial = true.into();
        }
    }
    let shared = Value::Object(shared);
    let mut problems = Problems::default();
    problems.extend(workflow::parse(&shared, catalog).err().unwrap_or_default());
    refuse_steps(&shared["steps"], "steps", &mut problems);
    let mut content = match workflow::normalize(&shared, catalog) {
        Value::Object(content) => content,
        _ => Map::new(),
    };
    content.remove("trigger_frequency");
    match members.get("target_audience_key") {
        None | Some(Value::Null) => {}
        Some(Value::String(key)) if catalog.has_audience(key) => {
            content.insert("target_audience_key".into(), key.as_str().into());
        }
        Some(Value::String(_)) => problems.add("target_audience_key", "does not exist"),
        Some(_) => problems.add("target_audience_key", "is invalid"),
    }
    match members.get("target_all_users") {
        None | Some(Value::Null | Value::Bool(false)) => {}
        Some(Value::Bool(true)) if content.contains_key("target_audience_key") => {
            problems.add("target_all_users", "must not be set along with target_audience_key");
        }
        Some(Value::Bool(true)) => drop(content.insert("target_all_users".into(), true.into())),
        Some(_) => problems.add("target_all_users", "is invalid"),
    }
    let mut scheduled_at = None;
    match members.get("scheduled_at") {
        None | Some(Value::Null) => {}
        Some(value) => {
            scheduled_at = value.as_str().and_then(Timestamp::parse);
            if scheduled_at.is_none() {
                problems.add("scheduled_at", "is not an ISO 8601 datetime");
            }
        }
    }
    problems.into_result(Broadcast { content: Value::Object(content), scheduled_at })
}

/// Whom stored content goes to.
pub fn target(content: &Value) -> Option<Target> {
    match content["target_audience_key"].as_str() {
        Some(key) => Some(Target::Audience(key.to_owned())),
        None => (content["target_all_users"] == true).then_some(Target::AllUsers),
    }
}

/// Types that workflows have and broadcasts have not, at any depth.
fn refuse_steps(steps: &Value, path: &str, problems: &mut Problems) {
    for (at, step) in steps.as_array().into_iter().flatten().enumerate() {
        let here = format!("{path}[{at}]");
        if step["type"].as_str().is_some_and(|kind| !STEPS.contains(&kind)) {
            problems.add(format!("{here}.type"), "is not available in broadcasts");
        }
        for branches in ["branches", "cohort_branches"] {
            for (b, branch) in step[branches].as_array().into_iter().flatten().enumerate() {
                refuse_steps(&branch["steps"], &format!("{here}.{branches}[{b}].steps"), problems);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::ChannelType;

    struct Known;

    impl Catalog for Known {
        fn channel_type(&self, key: &str) -> Option<ChannelType> {
            (key == "in-app-feed").then_some(ChannelType::InAppFeed)
        }
        fn has_layout(&self, _: &str) -> bool {
            false
        }
        fn has_audience(&self, key: &str) -> bool {
            key == "beta"
        }
    }

    fn feed() -> Value {
        json!({"ref": "f", "type": "channel", "channel_key": "in-app-feed", "template": {"markdown_body": "Hi"}})
    }

    #[test]
    fn keeps_what_a_broadcast_has() {
        let document = json!({"name": "B", "steps": [feed()], "target_audience_key": "beta", "trigger_frequency": "x",
            "conditions": {"all": [1]}, "status": "sent", "key": "k", "scheduled_at": "2026-03-03T09:00:00Z"});
        let read = parse(&document, &Known).unwrap();
        assert_eq!(read.content["settings"], json!({"is_commercial": true}));
        assert!(
            ["trigger_frequency", "conditions", "status", "key", "scheduled_at"]
                .iter()
                .all(|name| read.content.get(*name).is_none())
        );
        assert_eq!(read.scheduled_at, Timestamp::parse("2026-03-03T09:00:00Z"));
        assert_eq!(target(&read.content), Some(Target::Audience("beta".into())));
        assert_eq!(parse(&read.content, &Known).unwrap().content, read.content);
    }

    #[test]
    fn refuses_what_it_cannot_send() {
        let with = |name: &str, value: Value| {
            let mut document = json!({"name": "B", "steps": [feed()]});
            document[name] = value;
            document
        };
        let batch = json!({"ref": "b", "type": "batch", "settings": {}});
        for (document, want) in [
            (json!({}), vec!["name", "steps"]),
            (with("target_audience_key", json!("nobody")), vec!["target_audience_key"]),
            (with("target_all_users", json!("yes")), vec!["target_all_users"]),
            (with("scheduled_at", json!("soon")), vec!["scheduled_at"]),
            (with("settings", json!({"is_commercial": 1})), vec!["settings.is_commercial"]),
        ] {
            let fields: Vec<_> = parse(&document, &Known)
                .expect_err("refused")
                .into_iter()
                .map(|problem| problem.field)
                .collect();
            assert_eq!(fields, want, "{document}");
        }
        let refused = parse(&with("steps", json!([batch])), &Known).expect_err("refused");
        assert!(
            refused
                .iter()
                .any(|p| p.field == "steps[0].type" && p.message == "is not available in broadcasts")
        );
        assert_eq!(target(&json!({"target_all_users": true})), Some(Target::AllUsers));
        assert_eq!(target(&json!({})), None);
    }
}
