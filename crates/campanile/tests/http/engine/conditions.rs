//! Conditions on data, as the page shows them (workflows.md 7.2 to 7.5).

use serde_json::{Value, json};

use crate::kit::{on_both, steps};

#[test]
fn the_examples_of_the_page_hold() {
    let table: Vec<(&str, &str, Value, Value, bool)> = vec![
        ("data.x", "equal_to", json!(""), json!({}), true),
        ("data.x", "equal_to", json!(null), json!({}), false),
        ("data.x", "equal_to", json!(null), json!({"x": null}), true),
        ("data.x", "not_equal_to", json!("a"), json!({}), true),
        ("data.a", "equal_to", json!("data.b"), json!({}), true),
        ("recipient.id", "not_equal_to", json!("actor.id"), json!({}), true),
        ("recipient.id", "equal_to", json!("ada"), json!({}), true),
        ("data.n", "equal_to", json!("5"), json!({"n": 5}), true),
        ("data.n", "equal_to", json!("5"), json!({"n": "5"}), false),
        ("data.n", "equal_to", json!("\"5\""), json!({"n": "5"}), true),
        ("data.n", "equal_to", json!("1.0"), json!({"n": 1}), true),
        ("data.t", "contains", json!("platform"), json!({"t": "data platform team"}), true),
        ("data.t", "contains", json!("eu"), json!({"t": ["eu", "us"]}), true),
        ("data.t", "contains", json!(["eu", "apac"]), json!({"t": "eu"}), true),
        ("data.t", "contains", json!(["b", "z"]), json!({"t": ["a", "b"]}), true),
        ("data.t", "contains_all", json!(["b", "z"]), json!({"t": ["a", "b"]}), false),
        ("data.t", "not_contains_all", json!(["read", "write"]), json!({"t": ["read"]}), true),
        ("data.t", "not_contains", json!("x"), json!({"t": 5}), true),
        ("data.x", "exists", json!(null), json!({"x": ""}), true),
        ("data.x", "exists", json!(null), json!({"x": null}), false),
        ("data.x", "exists", json!(null), json!({}), false),
        ("data.x", "not_exists", json!(null), json!({}), true),
        ("data.x", "empty", json!(null), json!({"x": 0}), false),
        ("data.x", "empty", json!(null), json!({"x": {}}), false),
        ("data.x", "empty", json!(null), json!({"x": []}), true),
        ("data.x", "not_empty", json!(null), json!({"x": false}), true),
        ("data.x", "greater_than", json!(5), json!({}), false),
        ("data.x", "greater_than", json!(5), json!({"x": 6}), true),
        ("data.x", "less_than", json!(5), json!({"x": "4"}), false),
        ("data.x", "greater_than_or_equal_to", json!("b"), json!({"x": "b"}), true),
        ("data.x", "is_between", json!([1, 5]), json!({"x": 5}), true),
        ("data.x", "is_between", json!([1, 5]), json!({"x": 6}), false),
        ("data.x", "is_timestamp", json!(null), json!({"x": "2026-03-02"}), true),
        ("data.x", "is_not_timestamp", json!(null), json!({"x": "soon"}), true),
        (
            "data.x",
            "is_timestamp_before",
            json!("7_days_from_now"),
            json!({"x": "2026-03-07T09:00:00Z"}),
            true,
        ),
        (
            "data.x",
            "is_timestamp_before",
            json!("7_days_from_now"),
            json!({"x": "2026-03-09T09:00:00Z"}),
            false,
        ),
        ("data.x", "is_timestamp_before", json!("7_days_from_now"), json!({"x": "soon"}), false),
        ("data.x", "is_timestamp_on_or_after", json!("7_days_from_now"), json!({"x": "soon"}), false),
        ("data.x", "is_timestamp_before_now", json!(null), json!({"x": "2026-03-02T08:59:59Z"}), true),
        ("data.x", "is_timestamp_on_or_after_now", json!(null), json!({"x": "2026-03-02T09:00:00Z"}), true),
        ("data.x", "equal_to", json!("{{ data.a | upcase }}"), json!({"x": "B", "a": "b"}), true),
        ("tenant.id", "equal_to", json!("acme"), json!({}), true),
        ("tenant.plan", "equal_to", json!("gold"), json!({}), true),
        ("actor.role", "equal_to", json!("admin"), json!({}), false),
    ];
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        kit.put("/v1/tenants/acme", json!({"plan": "gold"})).await.ok();
        for (variable, operator, argument, data, holds) in &table {
            let step = steps::when(steps::feed("feed_1", "x"), &[(variable, operator, argument.clone())]);
            kit.workflow("asks", json!([step])).await;
            let run =
                kit.trigger("asks", json!({"recipients": ["ada"], "data": data, "tenant": "acme"})).await;
            let ran = !kit.steps(&run).await.is_empty();
            assert_eq!(ran, *holds, "{variable} {operator} {argument} with {data}");
        }
    });
}

#[test]
fn what_was_not_needed_is_not_evaluated() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        let conditions = [
            ("data.a", "equal_to", json!(1)),
            ("data.b", "equal_to", json!(1)),
            ("data.c", "equal_to", json!(1)),
        ];
        let list = json!([steps::when(steps::feed("feed_1", "x"), &conditions), steps::feed("feed_2", "y")]);
        kit.workflow("asks", list).await;
        let run = kit.trigger("asks", json!({"recipients": ["ada"], "data": {"a": 1, "b": 2, "c": 1}})).await;
        assert_eq!(kit.steps(&run).await, ["feed_2"], "a step that is skipped does not stop the run");
        let log = kit.log_of_run(&run, "ada").await;
        let evaluated = log.iter().find(|event| event.event == "conditions_evaluated").expect("it is logged");
        let text = evaluated.data.to_string();
        assert_eq!(text.matches("not_evaluated").count(), 1, "{text}");
        let events: Vec<_> = log.iter().map(|event| event.event.as_str()).collect();
        let wanted =
            ["run_started", "conditions_evaluated", "step_skipped", "message_enqueued", "run_completed"];
        assert_eq!(events, wanted);
    });
}

#[test]
fn trigger_conditions_end_the_run_before_its_first_step() {
    on_both(async |kit| {
        kit.users(&["ada", "bob"]).await;
        let conditions = json!({"any": [
            {"variable": "recipient.id", "operator": "equal_to", "argument": "ada"},
            {"all": [{"variable": "data.all", "operator": "equal_to", "argument": true}]},
        ]});
        let document = json!({"conditions": conditions, "steps": [steps::feed("feed_1", "x")]});
        kit.workflow_with("asks", document).await;
        for (data, wanted) in [(json!({}), vec!["ada"]), (json!({"all": true}), vec!["ada", "bob"])] {
            let run = kit.trigger("asks", json!({"recipients": ["ada", "bob"], "data": data})).await;
            let mut found = crate::kit::pluck(&json!(kit.messages(&run).await), "recipient");
            found.sort();
            assert_eq!(found, wanted, "{data}");
            assert_eq!(kit.status_of_run(&run, "bob").await, "completed");
        }
        let run = kit.trigger("asks", json!({"recipients": ["bob"]})).await;
        let events = kit.events_of_run(&run, "bob").await;
        assert_eq!(events, ["run_started", "trigger_conditions_evaluated", "run_completed"]);
    });
}

#[test]
fn other_shapes_are_refused() {
    on_both(async |kit| {
        let one = json!({"variable": "data.a", "operator": "equal_to", "argument": 1});
        for conditions in [
            json!([one]),
            json!({"all": [{"any": [one]}]}),
            json!({"any": [{"any": [one]}]}),
            json!({"all": [{"variable": "data.a", "operator": "resembles", "argument": 1}]}),
            json!({"all": [{"operator": "equal_to", "argument": 1}]}),
            json!("data.a"),
        ] {
            let document = json!({"workflow": {"name": "A", "conditions": conditions, "steps": []}});
            let path = "/v1/workflows/asks?environment=development";
            let fields = kit.service.put(path, document).await.refused(422, "invalid_params");
            assert!(fields.iter().all(|field| field.starts_with("conditions")), "{conditions}: {fields:?}");
        }
    });
}
