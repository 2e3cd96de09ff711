//! Refs, branches, delays and conditions.

use serde_json::{Value, json};

use super::{branch_step, check, check_step, read, sms, when};
use crate::window::{Span, SpanUnit};
use crate::workflow::StepKind;

#[test]
fn judges_refs_and_types() {
    check(
        json!({"name": "W", "steps": [
            sms("a"),
            sms("a"),
            sms("a b"),
            7,
            {"type": "batch", "ref": "b"},
            {"type": "dance", "ref": "c"},
            {},
            branch_step("d", json!([{"name": "x", "steps": [sms("d")]}])),
        ]}),
        &[
            "steps[1].ref has already been taken",
            "steps[2].ref has invalid format",
            "steps[3] is invalid",
            "steps[4].type is not available in this version",
            "steps[5].type is invalid",
            "steps[6].ref can't be blank",
            "steps[6].type can't be blank",
            "steps[7].branches[0].steps[0].ref has already been taken",
        ],
    );
}

#[test]
fn judges_branches() {
    let default = || json!({"name": "Default", "conditions": null, "steps": []});
    check_step(branch_step("b", json!([{"conditions": when("data.x"), "steps": []}, default()])), &[]);
    check_step(branch_step("b", json!([])), &["branches can't be blank"]);
    check_step(branch_step("b", json!(null)), &["branches can't be blank"]);
    check_step(branch_step("b", json!({})), &["branches is invalid"]);
    check_step(branch_step("b", json!(vec![default(); 1])), &[]);
    check_step(
        branch_step(
            "b",
            json!([{"conditions": {"all": []}}, {"conditions": when("data.x"), "terminates": 1}]),
        ),
        &[
            "branches[0].conditions can't be blank",
            "branches[1].conditions must be blank on the last branch",
            "branches[1].terminates is invalid",
        ],
    );
    let mut eleven = vec![json!({"conditions": when("data.x")}); 10];
    eleven.push(default());
    check_step(branch_step("b", json!(eleven)), &["branches should have at most 10 item(s)"]);
    check_step(
        json!({"type": "branch", "ref": "b", "conditions": when("data.x"), "branches": [default()]}),
        &["conditions are not allowed on a branch step"],
    );
    let nest = |depth: usize| {
        (1..=depth).fold(sms("s"), |inner, level| {
            branch_step(&format!("b{level}"), json!([{"name": "only", "steps": [inner]}]))
        })
    };
    check_step(nest(5), &[]);
    let inside = "branches[0].steps[0].".repeat(5);
    check_step(nest(6), &[&format!("{inside}branches must be nested at most 5 levels deep")]);
}

#[test]
fn refs_lead_backwards_to_channel_steps() {
    let sent = |step_ref: &str| {
        let variable = format!("refs.{step_ref}.delivery_status");
        json!({"all": [{"variable": variable, "operator": "equal_to", "argument": "$message.sent"}]})
    };
    let asking = |reference: &str, step_ref: &str| {
        let mut step = sms(reference);
        step["conditions"] = sent(step_ref);
        step
    };
    let delay =
        json!({"type": "delay", "ref": "wait", "settings": {"delay_for": {"unit": "days", "value": 1}}});
    let why = "must refer to a preceding channel step";
    check(
        json!({"name": "W", "steps": [
            asking("a", "a"),
            asking("b", "a"),
            asking("c", "d"),
            delay,
            branch_step("fork", json!([
                {"conditions": sent("a"), "steps": [sms("left"), asking("left_2", "left")]},
                {"conditions": null, "steps": [asking("right", "left")]},
            ])),
            asking("d", "left"),
            asking("e", "right"),
            asking("f", "wait"),
        ]}),
        &[
            &format!("steps[0].conditions.all[0].variable {why}"),
            &format!("steps[2].conditions.all[0].variable {why}"),
            &format!("steps[4].branches[1].steps[0].conditions.all[0].variable {why}"),
            &format!("steps[7].conditions.all[0].variable {why}"),
        ],
    );
}

#[test]
fn judges_delays() {
    let delay = |settings: Value| json!({"type": "delay", "ref": "d", "settings": settings});
    let days = |value: i64| json!({"unit": "days", "value": value});
    check_step(delay(json!(null)), &["settings can't be blank"]);
    check_step(delay(json!({})), &["settings.delay_for can't be blank"]);
    check_step(delay(json!({"delay_for": days(365), "delay_until_field_path": null})), &[]);
    check_step(
        delay(json!({"delay_for": days(366)})),
        &["settings.delay_for must be less than or equal to 365 days"],
    );
    check_step(
        delay(json!({"delay_for": days(-1)})),
        &["settings.delay_for.value must be greater than or equal to 0"],
    );
    check_step(delay(json!({"delay_for": days(-1), "delay_until_field_path": "data.at"})), &[]);
    check_step(
        delay(json!({"delay_for": {"unit": "years"}})),
        &["settings.delay_for.unit is invalid", "settings.delay_for.value can't be blank"],
    );
    let workflow = read(json!([delay(json!({"delay_for": days(2), "delay_until_field_path": " at "}))]));
    let StepKind::Delay(step) = &workflow.steps[0].kind else { panic!("a delay") };
    assert_eq!(step.delay_for, Some(Span { unit: SpanUnit::Days, value: 2 }));
    assert_eq!(step.until_path.as_deref(), Some("at"));
}
