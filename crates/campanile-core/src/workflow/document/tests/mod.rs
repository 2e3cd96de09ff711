//! Documents and every problem they have.

mod channels;
mod stored;
mod tree;

use serde_json::{Value, json};

use super::*;
use crate::workflow::StepKind;

struct Shelf;

impl Catalog for Shelf {
    fn channel_type(&self, key: &str) -> Option<ChannelType> {
        Some(match key {
            "email" => ChannelType::Email,
            "sms" => ChannelType::Sms,
            "push" => ChannelType::Push,
            "chat" => ChannelType::Chat,
            "in-app-feed" => ChannelType::InAppFeed,
            "in-app-guide" => ChannelType::InAppGuide,
            "webhook" => ChannelType::Http,
            _ => return None,
        })
    }

    fn has_layout(&self, key: &str) -> bool {
        key == "default"
    }
}

fn sms(reference: &str) -> Value {
    json!({"type": "channel", "ref": reference, "channel_key": "sms", "template": {"text_body": "Hi"}})
}

fn branch_step(reference: &str, branches: Value) -> Value {
    json!({"type": "branch", "ref": reference, "branches": branches})
}

fn when(variable: &str) -> Value {
    json!({"all": [{"variable": variable, "operator": "equal_to", "argument": "1"}]})
}

fn read(steps: Value) -> Workflow {
    parse(&json!({"name": "W", "steps": steps}), &Shelf).unwrap()
}

/// The problems of a document, each printed as `field message`.
#[track_caller]
fn check(document: Value, want: &[&str]) {
    let problems = parse(&document, &Shelf).err().unwrap_or_default();
    let printed: Vec<_> =
        problems.into_iter().map(|problem| format!("{} {}", problem.field, problem.message)).collect();
    assert_eq!(printed, want, "{document}");
}

#[track_caller]
fn check_step(step: Value, want: &[&str]) {
    let want: Vec<_> = want.iter().map(|problem| format!("steps[0].{problem}")).collect();
    check(json!({"name": "W", "steps": [step]}), &want.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn judges_the_top_level() {
    check(json!({"name": "W", "steps": []}), &[]);
    check(json!([]), &[" is invalid"]);
    check(json!({}), &["name can't be blank", "steps can't be blank"]);
    check(
        json!({
            "name": "n".repeat(256), "description": "d".repeat(281), "steps": {}, "tags": ["a", 1], "categories": "a",
            "trigger_frequency": "never", "settings": {"is_commercial": "yes"}, "trigger_data_json_schema": [],
            "goal_attachment": {"attribution_window_days": 31}, "conditions": when("refs.a.matched"),
        }),
        &[
            "categories is invalid",
            "conditions.all[0].variable must not refer to a step",
            "description should be at most 280 character(s)",
            "goal_attachment.attribution_window_days must be less than or equal to 30",
            "goal_attachment.goal_key can't be blank",
            "name should be at most 255 character(s)",
            "settings.is_commercial is invalid",
            "steps is invalid",
            "tags[1] is invalid",
            "trigger_data_json_schema is invalid",
            "trigger_frequency is invalid",
        ],
    );
}

#[test]
fn tolerates_what_tools_add() {
    check(
        json!({
            "$schema": "x", "key": "w", "__readonly": {"key": "w"}, "name": "W", "sha": 1, "description": null,
            "steps": [{
                "ref": "email_1", "type": "channel", "channel_key": "email", "name": null, "conditions": null,
                "channel_group_key": null, "send_windows": null, "channel_overrides": null, "x": 1,
                "template": {
                    "subject": "Hi", "settings": {"layout_key": "default"}, "visual_blocks": null,
                    "html_body@": "email_1/html_body.html", "html_body": "<p>Hi</p>",
                },
            }],
        }),
        &[],
    );
}

#[test]
fn reads_the_tree() {
    let mut conditional = sms("first");
    conditional["conditions"] = when("data.x");
    let workflow = parse(
        &json!({
            "name": "W", "categories": ["a", "b"], "trigger_frequency": "once_per_recipient",
            "settings": {"override_preferences": true}, "trigger_data_json_schema": {"type": "object"},
            "conditions": {"all": []},
            "steps": [conditional, branch_step("fork", json!([
                {"name": "Pro", "conditions": when("recipient.pro"), "steps": [sms("pro")], "terminates": true},
                {"name": "Default"},
            ]))],
        }),
        &Shelf,
    )
    .unwrap();
    assert_eq!((workflow.name.as_str(), workflow.categories.len()), ("W", 2));
    assert_eq!(workflow.trigger_frequency, TriggerFrequency::OncePerRecipient);
    assert!(workflow.override_preferences && !workflow.is_commercial && workflow.conditions.is_none());
    assert!(workflow.trigger_data_schema.is_some() && workflow.steps[0].conditions.is_some());
    let StepKind::Channel(channel) = &workflow.steps[0].kind else { panic!("a channel step") };
    assert_eq!((channel.channel_type, channel.channel_key.as_str()), (ChannelType::Sms, "sms"));
    assert_eq!((&channel.template["text_body"], &channel.overrides), (&json!("Hi"), &Value::Null));
    let StepKind::Branch(branches) = &workflow.steps[1].kind else { panic!("a branch step") };
    assert!(branches[0].terminates && branches[0].conditions.is_some() && branches[0].steps.len() == 1);
    assert!(!branches[1].terminates && branches[1].conditions.is_none() && branches[1].steps.is_empty());
}

/// Every place below `value`, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.into());
    match value {
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, entry)| places(entry, &format!("{at}/{index}"), found));
        }
        Value::Object(object) => {
            object.iter().for_each(|(name, member)| places(member, &format!("{at}/{name}"), found));
        }
        _ => {}
    }
}

#[test]
fn nonsense_anywhere_is_a_problem_or_nothing() {
    let mut step = sms("s");
    step["conditions"] = when("data.x");
    step["channel_overrides"] = json!({"link_tracking": true});
    step["send_windows"] = json!([{"day": "monday", "type": "send", "from": "09:00"}]);
    let delay = json!({"type": "delay", "ref": "d", "settings": {"delay_for": {"unit": "days", "value": 1}}});
    let document = json!({
        "name": "W", "tags": ["t"], "settings": {"is_commercial": true}, "goal_attachment": {"goal_key": "g"},
        "conditions": {"any": [{"all": [{"variable": "data.x", "operator": "is_timestamp_between", "argument": ["a"]}]}]},
        "steps": [step, branch_step("b", json!([{"conditions": when("data.x"), "steps": [delay]}, {"name": "D"}]))],
    });
    let mut all = Vec::new();
    places(&document, "", &mut all);
    for place in all {
        for nonsense in
            [json!(null), json!(-1), json!(1e300), json!(""), json!("ü"), json!([[]]), json!({"": {}})]
        {
            let mut broken = document.clone();
            *broken.pointer_mut(&place).unwrap() = nonsense;
            let stored = normalize(&broken, &Shelf);
            assert_eq!(normalize(&stored, &Shelf), stored, "{place}");
            if parse(&broken, &Shelf).is_ok() {
                assert!(parse(&stored, &Shelf).is_ok(), "{place}: the stored form must stay readable");
            }
        }
    }
}
