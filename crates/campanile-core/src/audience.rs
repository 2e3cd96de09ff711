//! Audiences as they are written: static, or dynamic by segments (management.md section 11).
//!
//! A user belongs to a dynamic audience when one of its segments holds; a segment holds when all of its conditions do
//! (recipients.md RC14.4). Conditions read the user's properties and nothing else, so that a change of the user and the
//! passing of time are all that can change who is a member.

use serde_json::{Map, Value, json};

use crate::condition::{ConditionGroup, Context};
use crate::problem::{FieldProblem, Problems};
use crate::time::Timestamp;

/// Segments of one audience, and conditions of one segment, at the most.
const LIST_MAX: usize = 100;
/// Longest name.
const NAME_CHARS_MAX: usize = 255;
/// Members that conditions must not read (workflows.md R23.5).
const TIMESTAMPS: [&str; 2] = ["recipient.created_at", "recipient.updated_at"];

/// Who belongs to an audience.
#[derive(Debug, Clone)]
pub enum Membership {
    /// Who was added.
    Static,
    /// Who meets the conditions; `None` is nobody (S23).
    Dynamic(Option<ConditionGroup>),
}

impl Membership {
    /// True when a user belongs to a dynamic audience at `now`. The scope has one root, `recipient`.
    pub fn holds(&self, scope: &Value, now: Timestamp) -> bool {
        let Self::Dynamic(Some(group)) = self else { return false };
        group.holds(&Context { scope, now, steps: &(), audiences: &(), render: &|_| None })
    }

    /// True when members can come and go while nobody changes.
    pub fn depends_on_time(&self) -> bool {
        matches!(self, Self::Dynamic(Some(group)) if group.depends_on_time())
    }
}

/// Checks the document of an audience (the inside of `{"audience": …}`); answers the content to store and its meaning.
pub fn parse(document: &Value) -> Result<(Value, Membership), Vec<FieldProblem>> {
    let Value::Object(document) = document else {
        return Err(vec![FieldProblem::new("", "must be an object")]);
    };
    let mut problems = Problems::default();
    let mut content = Map::new();
    match document.get("name") {
        Some(Value::String(name)) if !name.trim().is_empty() => {
            if name.chars().count() > NAME_CHARS_MAX {
                problems.add("name", format!("should be at most {NAME_CHARS_MAX} character(s)"));
            }
            content.insert("name".into(), name.as_str().into());
        }
        None | Some(Value::Null | Value::String(_)) => problems.add("name", "can't be blank"),
        Some(_) => problems.add("name", "is invalid"),
    }
    match document.get("description") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) => drop(content.insert("description".into(), text.as_str().into())),
        Some(_) => problems.add("description", "is invalid"),
    }
    let mut membership = Membership::Static;
    match document.get("type") {
        Some(Value::String(kind)) if kind == "static" => {}
        Some(Value::String(kind)) if kind == "dynamic" => {
            let (segments, group) = segments(document.get("segments"), &mut problems);
            content.insert("segments".into(), segments);
            membership = Membership::Dynamic(group);
        }
        None | Some(Value::Null) => problems.add("type", "can't be blank"),
        Some(_) => problems.add("type", "is invalid"),
    }
    content.insert("type".into(), document.get("type").cloned().unwrap_or_default());
    problems.into_result((Value::Object(content), membership))
}

/// The segments as they are stored, and as one group.
fn segments(value: Option<&Value>, problems: &mut Problems) -> (Value, Option<ConditionGroup>) {
    let list = match value {
        None | Some(Value::Null) => return (json!([]), None),
        Some(Value::Array(list)) => list,
        Some(_) => {
            problems.add("segments", "is invalid");
            return (json!([]), None);
        }
    };
    if list.len() > LIST_MAX {
        problems.add("segments", format!("should have at most {LIST_MAX} item(s)"));
        return (json!([]), None);
    }
    let mut kept = Vec::with_capacity(list.len());
    let mut alternatives = Vec::with_capacity(list.len());
    for (at, segment) in list.iter().enumerate() {
        let field = format!("segments[{at}].conditions");
        match segment.get("conditions") {
            Some(Value::Array(conditions)) if (1..=LIST_MAX).contains(&conditions.len()) => {
                let (conditions, all) = self::conditions(conditions, &field, problems);
                kept.push(json!({"conditions": conditions}));
                alternatives.push(json!({"all": all}));
            }
            Some(Value::Array(conditions)) if !conditions.is_empty() => {
                problems.add(field, format!("should have at most {LIST_MAX} item(s)"));
            }
            // A segment that asks for nothing would be everybody.
            None | Some(Value::Null | Value::Array(_)) => problems.add(field, "can't be blank"),
            Some(_) => problems.add(field, "is invalid"),
        }
    }
    // What it finds beyond our own checks: operators and arguments. Both names of the fields are the same there.
    let mut found = Problems::default();
    let group = ConditionGroup::parse(&json!({"any": alternatives}), "", &mut found);
    if problems.is_empty() {
        let found = found.into_result(()).err().unwrap_or_default();
        problems.extend(found.into_iter().map(|problem| {
            FieldProblem {
                field: problem
                    .field
                    .replace(".any[", "segments[")
                    .replace("].all[", "].conditions[")
                    .replace(".variable", ".property"),
                ..problem
            }
        }));
    }
    (kept.into(), group)
}

/// Conditions as they are stored, and as a group reads them.
fn conditions(list: &[Value], field: &str, problems: &mut Problems) -> (Vec<Value>, Vec<Value>) {
    let mut kept = Vec::with_capacity(list.len());
    let mut read = Vec::with_capacity(list.len());
    for (at, condition) in list.iter().enumerate() {
        let field = format!("{field}[{at}]");
        let Value::Object(condition) = condition else {
            problems.add(field, "is invalid");
            continue;
        };
        match condition.get("property").map(Value::as_str) {
            Some(Some(property)) if TIMESTAMPS.contains(&property) => {
                problems.add(format!("{field}.property"), "cannot be used in audiences");
            }
            Some(Some(property))
                if property.strip_prefix("recipient.").is_some_and(|rest| !rest.is_empty()) => {}
            Some(Some("")) | None => problems.add(format!("{field}.property"), "can't be blank"),
            Some(Some(_)) => problems.add(format!("{field}.property"), "must start with recipient."),
            Some(None) => problems.add(format!("{field}.property"), "is invalid"),
        }
        match condition.get("operator").and_then(Value::as_str) {
            Some("is_audience_member" | "is_not_audience_member") => {
                problems.add(format!("{field}.operator"), "cannot be used in audiences");
            }
            Some(operator) if !operator.trim().is_empty() => {}
            _ => problems.add(format!("{field}.operator"), "can't be blank"),
        }
        if let Some(why) = condition.get("argument").and_then(argument_problem) {
            problems.add(format!("{field}.argument"), why);
        }
        let mut own = Map::new();
        for name in ["property", "operator", "argument"] {
            if let Some(value) = condition.get(name) {
                own.insert(name.into(), value.clone());
            }
        }
        kept.push(Value::Object(own));
        read.push(json!({
            "variable": condition.get("property"),
            "operator": condition.get("operator"),
            "argument": condition.get("argument"),
        }));
    }
    (kept, read)
}

/// An argument may be a path into the user, and nothing else that has to be looked up.
fn argument_problem(argument: &Value) -> Option<&'static str> {
    let text = argument.as_str()?;
    if TIMESTAMPS.contains(&text) {
        return Some("cannot be used in audiences");
    }
    (text.contains("{{") || text.contains("{%")).then_some("must not hold Liquid")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dynamic(segments: Value) -> Value {
        json!({"type": "dynamic", "name": "A", "segments": segments})
    }

    fn one(property: &str, operator: &str, argument: Value) -> Value {
        json!([{"conditions": [{"property": property, "operator": operator, "argument": argument}]}])
    }

    #[test]
    fn segments_are_alternatives_and_their_conditions_all_hold() {
        let plan =
            |plan: &str| json!({"property": "recipient.plan", "operator": "equal_to", "argument": plan});
        let seats = json!({"property": "recipient.seats", "operator": "greater_than", "argument": "5"});
        let (_, membership) =
            parse(&dynamic(json!([{"conditions": [plan("pro"), seats]}, {"conditions": [plan("max")]}])))
                .unwrap();
        for (user, want) in [
            (json!({"plan": "pro", "seats": 6}), true),
            (json!({"plan": "pro", "seats": 5}), false),
            (json!({"plan": "max"}), true),
            (json!({}), false),
        ] {
            assert_eq!(membership.holds(&json!({"recipient": user}), Timestamp(0)), want, "{user}");
        }
    }

    #[test]
    fn nobody_belongs_without_segments() {
        for document in [dynamic(json!([])), dynamic(Value::Null), json!({"type": "static", "name": "A"})] {
            let (content, membership) = parse(&document).unwrap();
            assert!(!membership.holds(&json!({"recipient": {}}), Timestamp(0)), "{content}");
        }
        let (content, _) =
            parse(&json!({"type": "static", "name": "A", "segments": [1], "key": "k", "description": null}))
                .unwrap();
        assert_eq!(content, json!({"type": "static", "name": "A"}));
    }

    #[test]
    fn stored_content_passes_and_stays() {
        let segments = json!([{"conditions": [{"property": "recipient.a", "operator": "exists", "x@": 1}]}]);
        let (content, _) = parse(&dynamic(segments)).unwrap();
        assert_eq!(
            content["segments"],
            json!([{"conditions": [{"property": "recipient.a", "operator": "exists"}]}])
        );
        assert_eq!(parse(&content).unwrap().0, content);
    }

    #[test]
    fn knows_what_time_can_change() {
        for (operator, argument, want) in [
            ("equal_to", json!("x"), false),
            ("is_timestamp_before", json!("2026-01-01T00:00:00Z"), false),
            ("is_timestamp_before", json!("30_days_ago"), true),
            ("greater_than", json!("30_days_ago"), true),
            ("is_timestamp_before_now", Value::Null, true),
            ("is_timestamp_on_or_after_now", Value::Null, true),
        ] {
            let (_, membership) = parse(&dynamic(one("recipient.at", operator, argument.clone()))).unwrap();
            assert_eq!(membership.depends_on_time(), want, "{operator} {argument}");
        }
    }

    #[test]
    fn refuses_with_the_names_of_the_document() {
        for (document, want) in [
            (json!({}), vec!["name", "type"]),
            (json!({"name": 1, "type": "other", "description": 2}), vec!["description", "name", "type"]),
            (
                dynamic(json!([{"conditions": []}, {}])),
                vec!["segments[0].conditions", "segments[1].conditions"],
            ),
            (
                dynamic(one("recipient.created_at", "exists", json!(null))),
                vec!["segments[0].conditions[0].property"],
            ),
            (
                dynamic(one("recipient.updated_at", "exists", json!(null))),
                vec!["segments[0].conditions[0].property"],
            ),
            (dynamic(one("data.x", "exists", json!(null))), vec!["segments[0].conditions[0].property"]),
            (dynamic(one("recipient.x", "nope", json!(null))), vec!["segments[0].conditions[0].operator"]),
            (dynamic(one("recipient.x", "", json!(null))), vec!["segments[0].conditions[0].operator"]),
            (
                dynamic(one("recipient.x", "is_timestamp_before", json!("1_minute_ago"))),
                vec!["segments[0].conditions[0].argument"],
            ),
            (
                dynamic(one("recipient.x", "equal_to", json!("{{ data.y }}"))),
                vec!["segments[0].conditions[0].argument"],
            ),
            (dynamic(json!("all")), vec!["segments"]),
        ] {
            let fields: Vec<_> =
                parse(&document).expect_err("refused").into_iter().map(|problem| problem.field).collect();
            assert_eq!(fields, want, "{document}");
        }
    }
}
