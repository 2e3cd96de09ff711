//! Cancelling by key (workflows.md section 21, promise P6).

use serde_json::{Value, json};

use crate::kit::{Kit, on_both, steps};

const CANCEL: &str = "/v1/workflows/waits/cancel";

async fn publish(kit: &Kit) {
    kit.users(&["u1", "u2"]).await;
    let list =
        json!([steps::feed("before", "x"), steps::delay("delay_1", 1, "hours"), steps::feed("after", "y")]);
    kit.workflow("waits", list).await;
}

async fn start(kit: &Kit, key: Value) -> String {
    kit.trigger("waits", json!({"recipients": ["u1", "u2"], "cancellation_key": key})).await
}

#[test]
fn a_cancelled_run_never_wakes() {
    on_both(async |kit| {
        publish(kit).await;
        let (first, second) = (start(kit, json!("k")).await, start(kit, json!("k")).await);
        let (other, none) = (start(kit, json!("other")).await, start(kit, Value::Null).await);
        kit.advance("PT59M59.999999S").await;
        let answer = kit.post(CANCEL, json!({"cancellation_key": "k"})).await;
        assert_eq!(answer.status, 204);
        answer.check_envelope();
        kit.advance("PT2H").await;
        for (run, messages, status) in [
            (&first, 2, "cancelled"),
            (&second, 2, "cancelled"),
            (&other, 4, "completed"),
            (&none, 4, "completed"),
        ] {
            assert_eq!(kit.messages(run).await.len(), messages);
            assert_eq!(kit.status_of_run(run, "u1").await, status);
        }
        assert_eq!(kit.events_of_run(&first, "u1").await.last().map(String::as_str), Some("run_cancelled"));
    });
}

#[test]
fn one_of_two_recipients_can_be_cancelled() {
    on_both(async |kit| {
        publish(kit).await;
        let run = start(kit, json!("k")).await;
        kit.advance("PT10M").await;
        let body = json!({"cancellation_key": "k", "recipients": ["u1", "ghost"]});
        assert_eq!(kit.post(CANCEL, body).await.status, 204);
        kit.advance("PT50M").await;
        assert_eq!(kit.status_of_run(&run, "u1").await, "cancelled");
        assert_eq!(kit.status_of_run(&run, "u2").await, "completed");
        assert_eq!(kit.feed("u1", "").await["meta"]["total_count"], 1);
        assert_eq!(kit.feed("u2", "").await["meta"]["total_count"], 2);
    });
}

#[test]
fn nothing_to_cancel_is_no_error() {
    on_both(async |kit| {
        publish(kit).await;
        let run = start(kit, json!("k")).await;
        for (path, key) in [(CANCEL, "unknown"), ("/v1/workflows/unknown/cancel", "k")] {
            assert_eq!(kit.post(path, json!({"cancellation_key": key})).await.status, 204);
        }
        assert_eq!(kit.live.post(CANCEL, json!({"cancellation_key": "k"})).await.status, 204);
        kit.advance("PT1H").await;
        assert_eq!(kit.post(CANCEL, json!({"cancellation_key": "k"})).await.status, 204);
        assert_eq!(kit.status_of_run(&run, "u1").await, "completed", "what has ended stays as it ended");
        for body in [
            json!({}),
            json!({"cancellation_key": null}),
            json!({"cancellation_key": ""}),
            json!({"cancellation_key": 7}),
        ] {
            assert_eq!(kit.post(CANCEL, body).await.refused(422, "invalid_params"), ["cancellation_key"]);
        }
        let body = json!({"cancellation_key": "k", "recipients": "u1"});
        assert_eq!(kit.post(CANCEL, body).await.refused(422, "invalid_params"), ["recipients"]);
    });
}

#[test]
fn a_failed_step_can_be_cancelled_before_its_next_attempt() {
    on_both(async |kit| {
        kit.users(&["u1"]).await;
        kit.workflow("waits", json!([steps::feed("feed_1", "{{ 1 | divided_by: data.n }}")])).await;
        let body = json!({"recipients": ["u1"], "data": {"n": 0}, "cancellation_key": "k"});
        let run = kit.trigger("waits", body).await;
        kit.post(CANCEL, json!({"cancellation_key": "k"})).await.ok();
        kit.advance("PT1H").await;
        let row = kit.run(&run, "u1").await;
        assert_eq!((row.status.as_str(), row.error_count), ("cancelled", 1));
    });
}
