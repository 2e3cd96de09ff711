//! The tables of workflows.md section 7, row by row.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::message::{DeliveryStatus, Engagement};

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
fn compares_as_the_page_says() {
    let check = |data: Value, operator: &str, argument: Value, want: bool| {
        assert_eq!(ask(&data, "data.x", operator, argument.clone()), want, "{data} {operator} {argument}");
    };
    let x = |value: Value| json!({ "x": value });
    let none = || json!({});
    // R7.6
    check(none(), "equal_to", json!(""), true);
    check(none(), "equal_to", json!(null), false);
    check(x(json!(null)), "equal_to", json!(null), true);
    check(x(json!(null)), "equal_to", json!("null"), true);
    check(none(), "not_equal_to", json!("a"), true);
    check(none(), "equal_to", json!("data.b"), true);
    check(x(json!(5)), "equal_to", json!("5"), true);
    check(x(json!("5")), "equal_to", json!("5"), false);
    check(x(json!("5")), "equal_to", json!("\"5\""), true);
    check(x(json!(1)), "equal_to", json!("1.0"), true);
    // R7.4
    check(x(json!(true)), "equal_to", json!("true"), true);
    check(x(json!(["a"])), "equal_to", json!("[\"a\"]"), true);
    check(x(json!("pro")), "equal_to", json!("pro"), true);
    check(x(json!("data.x")), "equal_to", json!("\"data.x\""), true);
    check(x(json!("data.x")), "equal_to", json!("data.x"), true);
    check(x(json!({"a": [1]})), "equal_to", json!({"a": [1.0]}), true);
    check(json!({"x": "ann", "name": "ann"}), "equal_to", json!("{{ data.name }}"), true);
    check(json!({"x": 12, "name": "2"}), "equal_to", json!("1{{ data.name }}"), true);
    check(json!({"x": "12", "name": "2"}), "equal_to", json!("1{{ data.name }}"), false);
    check(json!({"x": "", "name": "2"}), "equal_to", json!("{{ oops }}"), true);
    check(json!({"x": "b", "list": ["a", "b"]}), "equal_to", json!("data.list.1"), true);
    // R7.8 and orderings
    check(x(json!("Pro")), "equal_to", json!("pro"), false);
    check(none(), "greater_than", json!(5), false);
    check(x(json!(6)), "greater_than", json!("5"), true);
    check(x(json!("6")), "greater_than", json!(5), false);
    check(x(json!("b")), "greater_than", json!("a"), true);
    check(x(json!(5)), "greater_than_or_equal_to", json!(5.0), true);
    check(x(json!(5)), "less_than", json!(5), false);
    check(x(json!(4.5)), "less_than", json!(5), true);
    check(x(json!(5)), "less_than_or_equal_to", json!(5), true);
    check(x(json!(true)), "less_than", json!(true), false);
    check(x(json!(null)), "less_than_or_equal_to", json!(null), false);
    // contains
    check(x(json!("data platform team")), "contains", json!("platform"), true);
    check(x(json!(["eu", "us"])), "contains", json!("eu"), true);
    check(x(json!("eu")), "contains", json!(["eu", "apac"]), true);
    check(x(json!(["a", "b"])), "contains", json!(["b", "z"]), true);
    check(x(json!(["a", "b"])), "contains_all", json!(["b", "z"]), false);
    check(x(json!(["a", "b"])), "contains_all", json!("[\"b\"]"), true);
    check(x(json!(["read"])), "not_contains_all", json!(["read", "write"]), true);
    check(x(json!("a")), "contains", json!(""), true);
    check(x(json!(["platform team"])), "contains", json!("platform"), false);
    check(x(json!(15)), "contains", json!(5), false);
    check(x(json!(15)), "not_contains", json!(5), true);
    check(x(json!("a")), "contains_all", json!(["a"]), false);
    check(x(json!("a")), "not_contains_all", json!(["a"]), true);
    // empty, exists
    for (value, empty, exists) in [
        (Some(json!("")), true, true),
        (Some(json!(null)), true, false),
        (Some(json!([])), true, true),
        (None, true, false),
        (Some(json!(0)), false, true),
        (Some(json!(false)), false, true),
        (Some(json!({})), false, true),
    ] {
        let data = value.map_or_else(none, x);
        check(data.clone(), "empty", json!(null), empty);
        check(data.clone(), "not_empty", json!(null), !empty);
        check(data.clone(), "exists", json!(null), exists);
        check(data, "not_exists", json!(null), !exists);
    }
    // is_between
    check(x(json!(1)), "is_between", json!([1, 3]), true);
    check(x(json!(3)), "is_between", json!("[1, 3]"), true);
    check(x(json!(4)), "is_between", json!([1, 3]), false);
    check(x(json!("2")), "is_between", json!([1, 3]), false);
}

#[test]
fn reads_other_roots_and_static_variables() {
    assert!(ask(&json!({}), "recipient.id", "not_equal_to", json!("actor.id")));
    assert!(ask(&json!({}), "vars.flag", "equal_to", json!("true")));
    assert!(ask(&json!({}), "5", "equal_to", json!(5)));
    assert!(ask(&json!({}), "pro", "equal_to", json!("pro")));
    assert!(ask(&json!({}), "event.name", "not_exists", json!(null)));
}

#[test]
fn compares_instants() {
    let check = |x: Value, operator: &str, argument: Value, want: bool| {
        let data = json!({"x": x, "at": "2026-03-10", "name": "2026"});
        assert_eq!(ask(&data, "data.x", operator, argument.clone()), want, "{x} {operator} {argument}");
    };
    // R7.14; the second is the equal instant.
    check(json!("2026-03-15T00:00:00Z"), "is_timestamp_before", json!("7_days_from_now"), true);
    check(json!("2026-03-17T00:00:00Z"), "is_timestamp_before", json!("7_days_from_now"), false);
    check(json!("2026-03-17T00:00:00Z"), "is_timestamp_on_or_after", json!("7 days from now"), true);
    check(json!("soon"), "is_timestamp_before", json!("7_days_from_now"), false);
    check(json!("soon"), "is_timestamp_on_or_after", json!("7_days_from_now"), false);
    check(json!("2026-03-09T23:59:59Z"), "is_timestamp_before", json!("2026-03-10"), true);
    check(json!("2026-03-10T01:00:00+02:00"), "is_timestamp_before", json!("data.at"), true);
    check(json!("2026-03-10"), "is_timestamp_on_or_after", json!("{{ data.name }}-03-10"), true);
    check(json!("2026-03-10"), "is_timestamp_on_or_after", json!("never"), false);
    check(json!("2026-03-10"), "is_timestamp_between", json!(["2026-03-10", "data.at"]), true);
    check(json!("2026-03-11"), "is_timestamp_between", json!(["2026-03-09", "2026-03-10"]), false);
    check(json!("2026-03-10"), "is_timestamp_between", json!("[\"2026-03-09\",\"2026-03-10\"]"), true);
    check(json!("2026-03-10"), "is_timestamp_between", json!(["2026-03-09"]), false);
    check(json!("2026-03-09"), "is_timestamp_before_now", json!(null), true);
    check(json!(NOW), "is_timestamp_before_now", json!(null), false);
    check(json!(NOW), "is_timestamp_on_or_after_now", json!(null), true);
    check(json!(1), "is_timestamp_on_or_after_now", json!(null), false);
    check(json!("2026-03-10T01:00:00Z"), "is_timestamp_before_date", json!("2026-03-10T23:00:00Z"), false);
    check(
        json!("2026-03-10T01:00:00Z"),
        "is_timestamp_on_or_after_date",
        json!("2026-03-10T23:00:00Z"),
        true,
    );
    check(json!("2026-03-09T23:59:00Z"), "is_timestamp_before_date", json!("2026-03-10T23:00:00Z"), true);
    // The day is the UTC day.
    check(json!("2026-03-10T01:00:00+02:00"), "is_timestamp_before_date", json!("2026-03-10"), true);
    check(json!("2026-03-10"), "is_timestamp", json!(null), true);
    check(json!("tomorrow"), "is_timestamp", json!(null), false);
    check(json!(20_260_310), "is_not_timestamp", json!(null), true);
    // S21: relative timestamps under the orderings.
    check(json!("2026-03-12"), "less_than", json!("3_days_from_now"), true);
    check(json!("2026-03-14"), "less_than", json!("3_days_from_now"), false);
    check(json!("soon"), "greater_than", json!("3_days_ago"), false);
    check(json!("3_days_ago"), "equal_to", json!("3_days_ago"), true);
}

#[test]
fn asks_audiences() {
    let check = |variable: &str, operator: &str, argument: &str, want: bool| {
        let data = json!({"name": "beta"});
        assert_eq!(ask(&data, variable, operator, json!(argument)), want, "{variable} {operator} {argument}");
    };
    check("recipient", "is_audience_member", "beta", true);
    check("recipient.id", "is_audience_member", "{{ data.name }}", true);
    check("recipient", "is_audience_member", "123", false);
    check("recipient", "is_not_audience_member", "nobody", true);
    check("recipient", "is_not_audience_member", "beta", false);
}

#[test]
fn asks_message_statuses() {
    use DeliveryStatus as D;
    let messages = |list: &[(D, &[Engagement])]| {
        let status = |&(delivery, members): &(D, &[Engagement])| MessageStatus {
            delivery,
            engagement: members.iter().copied().collect(),
        };
        StepOutcome::Messages(list.iter().map(status).collect())
    };
    const SENT: (&str, &str, &str) = ("delivery_status", "greater_than_or_equal_to", "$message.sent");
    const NOT_SENT: (&str, &str, &str) = ("delivery_status", "less_than", "$message.sent");
    const DELIVERED: (&str, &str, &str) =
        ("delivery_status", "greater_than_or_equal_to", "$message.delivered");
    const BOUNCED: (&str, &str, &str) = ("delivery_status", "equal_to", "$message.bounced");
    const FAILED: (&str, &str, &str) = ("delivery_status", "equal_to", "$message.undelivered");
    const SKIPPED: (&str, &str, &str) = ("delivery_status", "equal_to", "$message.skipped");
    const NOT_SKIPPED: (&str, &str, &str) = ("delivery_status", "not_equal_to", "$message.skipped");
    const SEEN: (&str, &str, &str) = ("engagement_status", "contains", "$message.seen");
    const NOT_SEEN: (&str, &str, &str) = ("engagement_status", "not_contains", "$message.seen");
    const SEEN_UNREAD: (&str, &str, &str) = ("engagement_status", "contains", "$message.seen_not_read");
    const READ_NO_CLICK: (&str, &str, &str) =
        ("engagement_status", "contains", "$message.read_not_link_clicked");
    let check = |outcome: StepOutcome, wants: &[((&str, &str, &str), bool)]| {
        let steps = Steps(vec![("email_1", outcome.clone())]);
        for ((property, operator, argument), want) in wants {
            let variable = format!("refs.email_1.{property}");
            let document =
                json!({"all": [{"variable": variable, "operator": operator, "argument": argument}]});
            let verdict = verdict_with(&json!({}), &document, &steps);
            assert_eq!(verdict.holds, *want, "{outcome:?} {property} {operator} {argument}");
        }
    };
    // The table below R7.13.
    check(
        messages(&[(D::Queued, &[])]),
        &[(SENT, false), (NOT_SENT, true), (BOUNCED, false), (SKIPPED, false), (NOT_SEEN, true)],
    );
    check(
        messages(&[(D::Bounced, &[])]),
        &[(SENT, false), (NOT_SENT, true), (BOUNCED, true), (SKIPPED, false), (NOT_SEEN, true)],
    );
    check(
        messages(&[(D::Delivered, &[Engagement::Read])]),
        &[(SENT, true), (NOT_SENT, false), (BOUNCED, false), (SKIPPED, false), (NOT_SEEN, true)],
    );
    check(
        StepOutcome::Skipped,
        &[(SENT, false), (NOT_SENT, true), (BOUNCED, false), (SKIPPED, true), (NOT_SEEN, true)],
    );
    check(messages(&[]), &[(SKIPPED, true), (NOT_SKIPPED, false)]);
    check(messages(&[(D::NotSent, &[])]), &[(SENT, false), (NOT_SENT, true)]);
    check(messages(&[(D::Undelivered, &[])]), &[(FAILED, true), (NOT_SKIPPED, true)]);
    check(messages(&[(D::Delivered, &[])]), &[(DELIVERED, true), (SENT, true)]);
    // R7.11 and the worked example of delivery.md 2.2.
    check(
        messages(&[(D::Delivered, &[]), (D::Sent, &[Engagement::Seen])]),
        &[(DELIVERED, false), (SEEN, true), (SEEN_UNREAD, true)],
    );
    check(messages(&[(D::Bounced, &[]), (D::Sent, &[])]), &[(SENT, true), (BOUNCED, false)]);
    check(
        messages(&[(D::Sent, &[Engagement::Seen, Engagement::Read])]),
        &[(SEEN_UNREAD, false), (READ_NO_CLICK, true)],
    );
    check(messages(&[(D::Sent, &[Engagement::Read, Engagement::LinkClicked])]), &[(READ_NO_CLICK, false)]);
    // R7.12
    check(
        StepOutcome::Expired,
        &[
            (SENT, false),
            (NOT_SENT, false),
            (SKIPPED, false),
            (NOT_SKIPPED, false),
            (SEEN, false),
            (NOT_SEEN, false),
        ],
    );
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

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c]{0,2}|data\\.[xy]|\\{\\{ data.name \\}\\}|[1-9]_days_ago|2026-0[1-9]-1[0-9]|\\PC{0,8}"
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[a-c]", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn negations_negate_and_nothing_panics(x in any_json(), argument in any_json()) {
        for (operator, negated) in [
            ("equal_to", "not_equal_to"),
            ("contains", "not_contains"),
            ("contains_all", "not_contains_all"),
            ("empty", "not_empty"),
            ("exists", "not_exists"),
            ("is_timestamp", "is_not_timestamp"),
        ] {
            for data in [json!({"x": x, "y": 1, "name": "n"}), json!({})] {
                let holds = ask(&data, "data.x", operator, argument.clone());
                prop_assert_eq!(holds, !ask(&data, "data.x", negated, argument.clone()), "{} {}", operator, data);
            }
        }
    }

    #[test]
    fn every_operator_answers(x in any_json(), argument in any_json(), stray in any_json()) {
        for operator in Operator::ALL {
            let one = json!({"variable": "recipient.x", "operator": operator.as_str(), "argument": argument});
            let document = json!({"any": [one, {"all": [one]}]});
            if let Ok(Some(_)) = parse(&document) {
                verdict_with(&json!({"recipient": {"x": x}, "data": {"x": x}}), &document, &());
            }
        }
        let _ = parse(&json!({"all": stray, "any": x}));
        let _ = parse(&stray);
    }
}
