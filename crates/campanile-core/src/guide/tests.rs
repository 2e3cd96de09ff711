use serde_json::json;

use super::*;

struct Types(Vec<(&'static str, &'static str, Arc<MessageType>)>);

impl Catalog for Types {
    fn channel_type(&self, key: &str) -> Option<ChannelType> {
        match key {
            "in-app-guide" => Some(ChannelType::InAppGuide),
            "email" => Some(ChannelType::Email),
            _ => None,
        }
    }
    fn has_message_type(&self, key: &str) -> bool {
        self.0.iter().any(|(known, ..)| *known == key)
    }
    fn message_type(&self, key: &str, semver: &str) -> Option<Arc<MessageType>> {
        let found = self.0.iter().find(|(known, version, _)| *known == key && *version == semver)?;
        Some(Arc::clone(&found.2))
    }
}

fn types() -> Types {
    let message_type = |max_length: usize| {
        let field =
            json!({"type": "text", "key": "title", "settings": {"required": true, "max_length": max_length}});
        let variant = json!({"key": "default", "name": "D", "fields": [field]});
        Arc::new(MessageType::read(&json!({"variants": [variant]})).unwrap())
    };
    Types(vec![
        ("tooltip", "0.0.1", message_type(3)),
        ("tooltip", "0.0.2", message_type(9)),
        ("hint", "0.0.1", message_type(9)),
    ])
}

fn step(change: Value) -> Value {
    let mut step = json!({"ref": "step_1", "name": "Welcome", "schema_key": "tooltip", "schema_semver": "0.0.2",
        "schema_variant_key": "default", "values": {"title": "Welcome"}});
    step.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    step
}

fn guide(change: Value) -> Value {
    let mut guide = json!({"name": "Tour", "channel_key": "in-app-guide", "steps": [step(json!({}))]});
    guide.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    guide
}

#[test]
fn problems_are_named_by_their_place() {
    let condition = |variable: &str| json!({"variable": variable, "operator": "equal_to", "argument": "x"});
    for (change, want) in [
        (json!({}), vec![]),
        (
            json!({"name": "", "channel_key": null, "steps": []}),
            vec!["channel_key can't be blank", "name can't be blank", "steps can't be blank"],
        ),
        (json!({"channel_key": "email"}), vec!["channel_key must be a channel of type in_app_guide"]),
        (json!({"channel_key": "fax"}), vec!["channel_key does not exist"]),
        (json!({"steps": [step(json!({"schema_key": "nope"}))]}), vec!["steps[0].schema_key does not exist"]),
        (
            json!({"steps": [step(json!({"schema_semver": "9.9.9"}))]}),
            vec!["steps[0].schema_semver does not exist"],
        ),
        (
            json!({"steps": [step(json!({"schema_variant_key": "x"}))]}),
            vec!["steps[0].schema_variant_key does not exist"],
        ),
        // Checked against exactly that version.
        (
            json!({"steps": [step(json!({"schema_semver": "0.0.1"}))]}),
            vec!["steps[0].values.title should be at most 3 character(s)"],
        ),
        (json!({"steps": [step(json!({"values": {}}))]}), vec!["steps[0].values.title is required"]),
        (
            json!({"steps": [step(json!({"ref": "A"})), step(json!({"ref": "A"}))]}),
            vec![
                "steps[0].ref should be at least 3 character(s)",
                "steps[1].ref should be at least 3 character(s)",
            ],
        ),
        (
            json!({"steps": [step(json!({})), step(json!({"schema_key": "hint", "schema_semver": "0.0.1"}))]}),
            vec![
                "steps[1].ref has already been taken",
                "steps[1].schema_key must be the message type of the first step",
            ],
        ),
        (
            json!({"activation_url_patterns": [{}, {"directive": "maybe", "pathname": "/a/("}, {"search": "?a"}, 7]}),
            vec![
                "activation_url_patterns[0] must have a pathname or a search",
                "activation_url_patterns[1].directive is invalid",
                "activation_url_patterns[1].pathname is not a valid URL pattern",
                "activation_url_patterns[2].search must not start with ?",
                "activation_url_patterns[3] is invalid",
            ],
        ),
        (
            json!({"target_property_conditions": {"any": [{"all": [condition("recipient.plan"), condition("actor.id")]}, condition("workflow.key")]}}),
            vec![
                "target_property_conditions.any[0].all[1].variable is not available in guides",
                "target_property_conditions.any[1].variable is not available in guides",
            ],
        ),
        (
            json!({"target_property_conditions": {"all": [condition("recipient.plan"), condition("data.x"), condition("tenant.id"), condition("vars.x")]}}),
            vec![],
        ),
        (
            json!({"goal_attachment": {"goal_key": "g", "attribution_window_days": 31}}),
            vec!["goal_attachment.attribution_window_days must be between 1 and 30"],
        ),
        (
            json!({"archived_at": "2024-01-01T00:00:00Z", "deleted_at": null, "guide_audience_conditions": 7}),
            vec![],
        ),
    ] {
        let found = check(&guide(change.clone()), &types()).err().unwrap_or_default();
        let found: Vec<_> = found.iter().map(|p| format!("{} {}", p.field, p.message)).collect();
        assert_eq!(found, want, "{change}");
    }
}

#[test]
fn content_keeps_what_was_written_and_stays() {
    let document = guide(json!({
        "$schema": "x", "key": "tour", "active": true, "archived_at": "2024-01-01T00:00:00Z", "description": null, "tags": [],
        "activation_location_rules": [{"pathname": "/dashboard/*", "x@": "y"}],
        "target_property_conditions": {"all": []}, "goal_attachment": {"goal_key": "g"},
        "steps": [step(json!({"values": {"title": "Hi", "title@": "f", "other": 1}, "json_schema": {}}))],
    }));
    let (read, content) = check(&document, &types()).unwrap();
    assert_eq!(
        content,
        json!({
            "name": "Tour", "channel_key": "in-app-guide", "target_property_conditions": {"all": []},
            "activation_url_patterns": [{"directive": "allow", "pathname": "/dashboard/*"}],
            "goal_attachment": {"goal_key": "g", "attribution_window_days": 7},
            "steps": [step(json!({"values": {"title": "Hi"}}))],
        })
    );
    assert!(read.conditions.is_none());
    assert_eq!(check(&content, &types()).unwrap().1, content);
    assert_eq!(Guide::read(&content).unwrap().steps[0].schema_semver, "0.0.2");
}
