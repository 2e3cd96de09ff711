//! Send windows (workflows.md 8.1).

use serde_json::{Value, json};

use crate::kit::{on_both, steps};

/// Monday to Friday from nine to five.
fn office_hours() -> Value {
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let windows = days.iter().enumerate().map(|(n, day)| match n {
        0..5 => json!({"day": day, "type": "send", "from": "09:00:00", "until": "17:00"}),
        _ => json!({"day": day, "type": "do_not_send"}),
    });
    windows.collect()
}

fn within(mut step: Value, windows: Value) -> Value {
    step["send_windows"] = windows;
    step
}

#[test]
fn a_message_waits_for_its_window_and_the_run_does_not() {
    on_both(async |kit| {
        let ada = json!({"email": "ada@example.com", "timezone": "America/New_York"});
        kit.put("/v1/users/ada", ada).await.ok();
        let list = json!([
            within(steps::email("email_1", "Hi"), office_hours()),
            within(steps::feed("feed_1", "x"), office_hours()),
            steps::delay("delay_1", 1, "hours"),
            steps::feed("feed_2", "y"),
        ]);
        kit.workflow("office", list).await;
        // Friday, half past five in New York.
        kit.service.post("/v1/admin/clock", json!({"to": "2026-03-06T22:30:00Z"})).await.ok();
        let run = kit.trigger("office", json!({"recipients": ["ada"]})).await;
        for message in kit.messages(&run).await {
            assert_eq!(message["status"], "queued");
            assert_eq!(message["scheduled_at"], "2026-03-09T13:00:00.000000Z");
        }
        assert_eq!(kit.feed("ada", "").await["meta"]["total_count"], 0, "what waits is not shown");
        kit.advance("PT1H").await;
        assert_eq!(kit.steps(&run).await, ["email_1", "feed_1", "feed_2"]);
        kit.service.post("/v1/admin/clock", json!({"to": "2026-03-09T12:59:59.999999Z"})).await.ok();
        assert_eq!(kit.messages(&run).await[0]["status"], "queued");
        kit.advance("PT0.000001S").await;
        let messages = kit.messages(&run).await;
        assert_eq!(
            (&messages[0]["status"], &messages[1]["status"]),
            (&json!("not_sent"), &json!("delivered"))
        );
        assert_eq!(kit.feed("ada", "").await["meta"]["total_count"], 2);
        let id = messages[1]["id"].as_str().expect("an id");
        assert_eq!(kit.events(id).await, ["created", "queued", "delivered"]);
    });
}

#[test]
fn windows_open_at_from_and_close_at_until() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        kit.workflow("office", json!([within(steps::feed("feed_1", "x"), office_hours())])).await;
        for (now, scheduled) in [
            ("2026-03-02T09:00:00Z", None),
            ("2026-03-02T16:59:59.999999Z", None),
            ("2026-03-02T17:00:00Z", Some("2026-03-03T09:00:00.000000Z")),
            ("2026-03-03T08:59:59.999999Z", Some("2026-03-03T09:00:00.000000Z")),
            ("2026-03-07T12:00:00Z", Some("2026-03-09T09:00:00.000000Z")),
        ] {
            kit.service.post("/v1/admin/clock", json!({"to": now})).await.ok();
            let run = kit.trigger("office", json!({"recipients": ["ada"]})).await;
            let message = kit.messages(&run).await.remove(0);
            assert_eq!(message["scheduled_at"].as_str(), scheduled, "{now}");
            assert_eq!(message["status"], if scheduled.is_some() { "queued" } else { "delivered" }, "{now}");
        }
    });
}

#[test]
fn cancelling_does_not_recall_what_waits() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        let never = office_hours();
        let list = json!([
            within(steps::feed("feed_1", "x"), never),
            steps::delay("delay_1", 10, "days"),
            steps::feed("feed_2", "y"),
        ]);
        kit.workflow("office", list).await;
        kit.service.post("/v1/admin/clock", json!({"to": "2026-03-07T12:00:00Z"})).await.ok();
        let run = kit.trigger("office", json!({"recipients": ["ada"], "cancellation_key": "k"})).await;
        kit.post("/v1/workflows/office/cancel", json!({"cancellation_key": "k"})).await.ok();
        kit.advance("P20D").await;
        assert_eq!(kit.steps(&run).await, ["feed_1"]);
        assert_eq!(kit.messages(&run).await[0]["status"], "delivered");
        assert_eq!(kit.status_of_run(&run, "ada").await, "cancelled");
    });
}

#[test]
fn a_week_has_seven_different_days() {
    on_both(async |kit| {
        let mut six = office_hours();
        six.as_array_mut().expect("a list").pop();
        let mut twice = office_hours();
        twice[6]["day"] = json!("monday");
        let mut backwards = office_hours();
        backwards[0]["until"] = json!("08:00");
        let mut odd = office_hours();
        odd[0]["from"] = json!("25:00");
        for windows in [json!([]), six, twice, backwards, odd, json!("always")] {
            let list = json!([within(steps::feed("feed_1", "x"), windows.clone())]);
            let path = "/v1/workflows/office?environment=development";
            let answer = kit.service.put(path, json!({"workflow": {"name": "O", "steps": list}})).await;
            let fields = answer.refused(422, "invalid_params");
            assert!(fields[0].starts_with("steps[0].send_windows"), "{windows}: {fields:?}");
        }
    });
}
