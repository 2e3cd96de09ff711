//! Once per recipient (workflows.md R3.10).

use serde_json::{Value, json};

use crate::kit::{Kit, on_both, steps};

async fn publish(kit: &Kit, frequency: &str, first: Value) {
    let document = json!({"trigger_frequency": frequency, "steps": [first, steps::feed("feed_1", "x")]});
    kit.workflow_with("once", document).await;
}

/// How many messages a trigger under a tenant makes.
async fn count(kit: &Kit, tenant: Value) -> usize {
    let run = kit.trigger("once", json!({"recipients": ["ada"], "tenant": tenant})).await;
    kit.advance("PT1H").await;
    let count = kit.messages(&run).await.len();
    if count == 0 {
        let events = kit.events_of_run(&run, "ada").await;
        assert_eq!(events, ["run_started", "trigger_frequency_exceeded", "run_completed"]);
    }
    count
}

#[test]
fn the_second_run_ends_at_the_trigger() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        publish(kit, "once_per_recipient", steps::feed("feed_0", "x")).await;
        for (tenant, wanted) in [(json!("a"), 2), (json!("b"), 0), (json!(null), 0)] {
            assert_eq!(count(kit, tenant.clone()).await, wanted, "{tenant}");
        }
        // Publishing does not reset who has already run.
        publish(kit, "once_per_recipient", steps::feed("feed_9", "y")).await;
        assert_eq!(count(kit, json!("a")).await, 0);
    });
}

#[test]
fn tenants_count_apart_when_asked() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        publish(kit, "once_per_recipient_per_tenant", steps::feed("feed_0", "x")).await;
        for (tenant, wanted) in [("a", 2), ("b", 2), ("a", 0), ("b", 0)] {
            assert_eq!(count(kit, json!(tenant)).await, wanted, "{tenant}");
        }
        assert_eq!(count(kit, json!(null)).await, 2, "no tenant is a bucket of its own");
        assert_eq!(count(kit, json!(null)).await, 0);
    });
}

#[test]
fn a_run_that_starts_by_waiting_has_run() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        publish(kit, "once_per_recipient", steps::delay("delay_1", 10, "minutes")).await;
        assert_eq!(count(kit, json!(null)).await, 1);
        assert_eq!(count(kit, json!(null)).await, 0);
    });
}

#[test]
fn runs_that_the_trigger_conditions_end_do_not_count() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        let conditions = steps::all(&[("data.go", "equal_to", json!(true))]);
        let document = json!({
            "trigger_frequency": "once_per_recipient",
            "conditions": conditions,
            "steps": [steps::feed("feed_1", "x")],
        });
        kit.workflow_with("once", document).await;
        let decided = "trigger_conditions_evaluated";
        for (go, wanted, then) in [
            (false, 0, &["run_completed"][..]),
            (true, 1, &["message_enqueued", "run_completed"]),
            // What the conditions decided stays visible beside the refusal.
            (true, 0, &["trigger_frequency_exceeded", "run_completed"]),
        ] {
            let run = kit.trigger("once", json!({"recipients": ["ada"], "data": {"go": go}})).await;
            assert_eq!(kit.messages(&run).await.len(), wanted, "{go}");
            let events = kit.events_of_run(&run, "ada").await;
            assert_eq!(events, [&["run_started", decided], then].concat(), "{go}");
            assert_eq!(kit.log_of_run(&run, "ada").await[1].data["holds"], go);
        }
    });
}
