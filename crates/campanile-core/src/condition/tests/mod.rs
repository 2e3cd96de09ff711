//! The tables of workflows.md section 7, row by row.

mod instants;
mod properties;
mod statuses;
mod values;

use serde_json::{Value, json};

use super::*;

const NOW: &str = "2026-03-10T00:00:00Z";

struct Steps(Vec<(&'static str, StepOutcome)>);

impl StepStatuses for Steps {
    fn outcome(&self, step_ref: &str) -> StepOutcome {
        let found = self.0.iter().find(|(name, _)| *name == step_ref);
        found.map_or(StepOutcome::Skipped, |(_, outcome)| outcome.clone())
    }
}

struct Member(&'static str);

impl Audiences for Member {
    fn is_member(&self, audience: &str) -> bool {
        self.0 == audience
    }
}

fn parse(document: &Value) -> Result<Option<ConditionGroup>, Vec<String>> {
    let mut problems = Problems::default();
    let group = ConditionGroup::parse(document, "conditions", &mut problems);
    let print = |problem: crate::problem::FieldProblem| format!("{} {}", problem.field, problem.message);
    problems.into_result(group).map_err(|problems| problems.into_iter().map(print).collect())
}

fn verdict_with(scope: &Value, document: &Value, steps: &dyn StepStatuses) -> Verdict {
    let group =
        parse(document).unwrap_or_else(|problems| panic!("{document}: {problems:?}")).expect("a condition");
    // Knows one variable, which is all that these tests render.
    let render = |source: &str| {
        let name = scope.pointer("/data/name")?.as_str()?;
        (!source.contains("oops")).then(|| source.replace("{{ data.name }}", name))
    };
    let context = Context {
        scope,
        now: Timestamp::parse(NOW).unwrap(),
        steps,
        audiences: &Member("beta"),
        render: &render,
    };
    let verdict = group.evaluate(&context);
    assert_eq!(verdict.holds, group.holds(&context), "{document}");
    verdict
}

fn ask(data: &Value, variable: &str, operator: &str, argument: Value) -> bool {
    let scope = json!({"data": data, "recipient": {"id": "u1"}, "vars": {"flag": true}});
    let document = json!({"all": [{"variable": variable, "operator": operator, "argument": argument}]});
    verdict_with(&scope, &document, &()).holds
}

#[test]
fn decides_from_left_to_right() {
    let yes = || json!({"variable": "data.x", "operator": "equal_to", "argument": 1});
    let no = || json!({"variable": "data.x", "operator": "equal_to", "argument": "2"});
    let check = |document: Value, want: bool, outcomes: &[&str]| {
        let verdict = verdict_with(&json!({"data": {"x": 1}}), &document, &());
        let seen: Vec<_> = verdict.log.iter().map(|entry| entry.outcome).collect();
        assert_eq!((verdict.holds, seen.as_slice()), (want, outcomes), "{document}");
    };
    check(json!({"all": [yes(), no(), yes()]}), false, &["true", "false", "not_evaluated"]);
    check(json!({"any": [no(), yes(), yes()]}), true, &["false", "true", "not_evaluated"]);
    check(json!({"any": [{"all": [no(), yes()]}, no()]}), false, &["false", "not_evaluated", "false"]);
    check(
        json!({"any": [no(), {"all": [yes(), yes()]}, {"all": [no()]}]}),
        true,
        &["false", "true", "true", "not_evaluated"],
    );
    check(json!({"any": [no(), {"all": []}]}), true, &["false"]);
}

#[test]
fn logs_what_it_saw() {
    let document = json!({"all": [
        {"variable": "data.x", "operator": "equal_to", "argument": "5"},
        {"variable": "data.y", "operator": "exists"},
    ]});
    let log = verdict_with(&json!({"data": {"x": 5}}), &document, &()).log;
    let want = json!([
        {"variable": "data.x", "operator": "equal_to", "argument": "5",
         "resolved_variable": 5, "resolved_argument": 5, "outcome": "true"},
        {"variable": "data.y", "operator": "exists", "argument": null,
         "resolved_variable": null, "resolved_argument": null, "outcome": "false"},
    ]);
    assert_eq!(serde_json::to_value(&log).unwrap(), want);
    let document = json!({"any": [{
        "variable": "refs.email_1.delivery_status", "operator": "equal_to", "argument": "$message.skipped",
    }]});
    let entry = serde_json::to_value(&verdict_with(&json!({}), &document, &()).log[0]).unwrap();
    assert_eq!(
        (&entry["resolved_variable"], &entry["resolved_argument"]),
        (&json!("skipped"), &json!("skipped"))
    );
}

#[test]
fn nothing_written_is_no_condition() {
    for document in [
        json!(null),
        json!({}),
        json!({"all": []}),
        json!({"any": []}),
        json!({"all": null, "any": [{"all": []}]}),
    ] {
        assert!(matches!(parse(&document), Ok(None)), "{document}");
    }
}

#[test]
fn refuses_what_the_page_refuses() {
    let condition = |variable: &str, operator: &str, argument: Value| json!({"all": [{"variable": variable, "operator": operator, "argument": argument}]});
    let check = |document: Value, want: &[&str]| {
        assert_eq!(parse(&document).err().unwrap_or_default(), want, "{document}");
    };
    check(json!([]), &["conditions is invalid"]);
    check(json!("data.x"), &["conditions is invalid"]);
    check(json!({"all": 1}), &["conditions.all is invalid"]);
    check(json!({"all": [1]}), &["conditions.all[0] is invalid"]);
    check(json!({"all": [{"all": []}]}), &["conditions.all[0] must not be nested here"]);
    check(json!({"any": [{"any": []}]}), &["conditions.any[0] must not be nested here"]);
    check(json!({"any": [{"all": [{"any": []}]}]}), &["conditions.any[0].all[0] must not be nested here"]);
    check(json!({"all": [1], "any": [1]}), &["conditions must have either all or any"]);
    check(json!({"variable": "data.x"}), &["conditions must have either all or any"]);
    check(
        json!({"any": [{}, {"variable": 1, "operator": "like"}]}),
        &[
            "conditions.any[0].operator can't be blank",
            "conditions.any[0].variable can't be blank",
            "conditions.any[1].operator is invalid",
            "conditions.any[1].variable is invalid",
        ],
    );
    let argument = "conditions.all[0].argument";
    check(
        condition("data.x", "is_timestamp_before", json!("14_minutes_ago")),
        &[&format!("{argument} must be at least 15 minutes from now")],
    );
    check(
        condition("data.x", "is_timestamp_between", json!(["2026-01-01", "3_days_from_now"])),
        &[&format!("{argument} must not hold relative timestamps")],
    );
    for (variable, operator, asked) in [
        ("refs.a.delivery_status", "contains", "$message.sent"),
        ("refs.a.delivery_status", "equal_to", "$message.seen"),
        ("refs.a.engagement_status", "equal_to", "$message.seen"),
        ("refs.a.engagement_status", "contains", "$message.delivered"),
    ] {
        check(condition(variable, operator, json!(asked)), &[&format!("{argument} is invalid")]);
    }
    check(
        condition("refs.a.delivery_status", "equal_to", json!("sent")),
        &[&format!("{argument} must be a $message status")],
    );
    check(
        condition("data.x", "equal_to", json!("$message.sent")),
        &[&format!("{argument} needs the status of a step as variable")],
    );
    check(
        condition("data.x", "is_audience_member", json!("beta")),
        &["conditions.all[0].variable must be recipient"],
    );
    check(
        condition("recipient.id", "is_in_random_cohort", json!("10")),
        &["conditions.all[0].operator is not available here"],
    );
}

#[test]
fn names_the_refs_it_reads() {
    let group = parse(&json!({"any": [
        {"variable": "refs.email_1.delivery_status", "operator": "equal_to", "argument": "$message.sent"},
        {"all": [{"variable": "data.x", "operator": "equal_to", "argument": "refs.wait_1.matched"}]},
    ]}));
    let group = group.unwrap().unwrap();
    assert!(group.uses_refs());
    assert_eq!(group.refs().collect::<Vec<_>>(), ["email_1", "wait_1"]);
}
