//! Branch steps (workflows.md section 12).

use serde_json::{Value, json};

use crate::kit::{on_both, steps};

fn branch(step: &str, branches: Value) -> Value {
    json!({"ref": step, "type": "branch", "branches": branches})
}

fn plan(name: &str) -> Value {
    steps::all(&[("recipient.plan", "equal_to", json!(name))])
}

#[test]
fn the_first_true_branch_wins_and_may_end_the_run() {
    on_both(async |kit| {
        let inner = branch(
            "inner",
            json!([
                {"name": "vip", "conditions": steps::all(&[("data.vip", "equal_to", json!(true))]), "terminates": true,
                 "steps": [steps::feed("vip", "v")]},
                {"name": "default", "steps": [steps::feed("team", "t")]},
            ]),
        );
        let outer = branch(
            "outer",
            json!([
                {"name": "pro", "conditions": plan("pro"), "terminates": true, "steps": [steps::feed("pro", "p")]},
                {"name": "also pro", "conditions": plan("pro"), "steps": [steps::feed("never", "n")]},
                {"name": "team", "conditions": plan("team"), "steps": [inner]},
                {"name": "default", "steps": []},
            ]),
        );
        kit.workflow("routes", json!([outer, steps::feed("last", "l")])).await;
        for (plan, vip, wanted) in [
            ("pro", false, vec!["pro"]),
            ("free", false, vec!["last"]),
            ("team", false, vec!["team", "last"]),
            ("team", true, vec!["vip"]),
        ] {
            let body = json!({"recipients": [{"id": "ada", "plan": plan}], "data": {"vip": vip}});
            let run = kit.trigger("routes", body).await;
            assert_eq!(kit.steps(&run).await, wanted, "{plan} {vip}");
            assert_eq!(kit.status_of_run(&run, "ada").await, "completed");
            let selected: Vec<_> = kit.log_of_run(&run, "ada").await;
            let selected =
                selected.into_iter().find(|event| event.event == "branch_selected").expect("it is logged");
            let name = if plan == "free" { "default" } else { plan };
            assert_eq!(selected.data["branch"], name);
        }
    });
}

#[test]
fn a_terminating_default_ends_the_run() {
    on_both(async |kit| {
        let step = branch(
            "branch_1",
            json!([
                {"name": "pro", "conditions": plan("pro"), "steps": []},
                {"name": "default", "terminates": true, "steps": [steps::feed("bye", "b")]},
            ]),
        );
        kit.workflow("routes", json!([step, steps::feed("last", "l")])).await;
        for (plan, wanted) in [("pro", ["last"]), ("free", ["bye"])] {
            let run = kit.trigger("routes", json!({"recipients": [{"id": "ada", "plan": plan}]})).await;
            assert_eq!(kit.steps(&run).await, wanted, "{plan}");
        }
    });
}

#[test]
fn the_choice_is_made_once() {
    on_both(async |kit| {
        let step = branch(
            "branch_1",
            json!([
                {"name": "pro", "conditions": plan("pro"),
                 "steps": [steps::delay("delay_1", 1, "hours"), steps::feed("pro", "p")]},
                {"name": "default", "steps": [steps::feed("free", "f")]},
            ]),
        );
        kit.workflow("routes", json!([step, steps::feed("last", "l")])).await;
        let run = kit.trigger("routes", json!({"recipients": [{"id": "ada", "plan": "pro"}]})).await;
        kit.put("/v1/users/ada", json!({"plan": "free"})).await.ok();
        kit.advance("PT1H").await;
        assert_eq!(kit.steps(&run).await, ["pro", "last"]);
    });
}

#[test]
fn malformed_branches_are_refused_by_place() {
    on_both(async |kit| {
        let named = |conditions: Value| json!({"name": "b", "conditions": conditions, "steps": []});
        let default = json!({"name": "default", "steps": []});
        let deep = (0..6).fold(steps::feed("feed_1", "x"), |inside, n| {
            branch(&format!("branch_{n}"), json!([{"name": "default", "steps": [inside]}]))
        });
        for (step, field) in [
            (branch("branch_1", json!([])), "steps[0].branches"),
            (branch("branch_1", json!([named(Value::Null), default])), "steps[0].branches[0].conditions"),
            (
                branch("branch_1", json!([named(json!({"all": []})), default])),
                "steps[0].branches[0].conditions",
            ),
            (branch("branch_1", json!([default, named(plan("pro"))])), "steps[0].branches[0].conditions"),
            (branch("branch_1", json!(vec![named(plan("a")); 11])), "steps[0].branches"),
            (
                steps::when(branch("branch_1", json!([default])), &[("data.a", "exists", Value::Null)]),
                "steps[0].conditions",
            ),
            (
                deep,
                "steps[0].branches[0].steps[0].branches[0].steps[0].branches[0].steps[0].branches[0].steps[0].branches[0].steps[0]",
            ),
        ] {
            let path = "/v1/workflows/routes?environment=development";
            let answer = kit.service.put(path, json!({"workflow": {"name": "R", "steps": [step]}})).await;
            let fields = answer.refused(422, "invalid_params");
            assert!(fields.iter().any(|found| found.starts_with(field)), "{field}: {fields:?}");
        }
    });
}
