//! Delay steps (workflows.md sections 6 and 10).

use serde_json::{Value, json};

use crate::kit::{Kit, on_both, steps};

/// Before, a delay with these settings, after.
async fn publish(kit: &Kit, settings: Value) {
    let delay = json!({"ref": "delay_1", "type": "delay", "settings": settings});
    kit.workflow("waits", json!([steps::feed("before", "1"), delay, steps::feed("after", "2")])).await;
}

#[test]
fn a_delay_ends_at_its_instant() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        for (value, unit, almost) in [
            (90, "seconds", "PT1M29.999999S"),
            (10, "minutes", "PT9M59.999999S"),
            (2, "hours", "PT1H59M59.999999S"),
            (1, "days", "PT23H59M59.999999S"),
            (1, "weeks", "P6DT23H59M59.999999S"),
            (1, "months", "P29DT23H59M59.999999S"),
        ] {
            publish(kit, json!({"delay_for": {"unit": unit, "value": value}})).await;
            let run = kit.trigger("waits", json!({"recipients": ["ada"]})).await;
            kit.advance(almost).await;
            assert_eq!(kit.steps(&run).await, ["before"], "{value} {unit}");
            assert_eq!(kit.status_of_run(&run, "ada").await, "paused");
            kit.advance("PT0.000001S").await;
            assert_eq!(kit.steps(&run).await, ["before", "after"], "{value} {unit}");
            assert_eq!(kit.messages(&run).await[1]["inserted_at"], kit.now().await);
            assert_eq!(kit.status_of_run(&run, "ada").await, "completed");
        }
    });
}

#[test]
fn every_timer_on_the_way_fires_at_its_own_instant() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        let list = json!([
            steps::delay("delay_1", 10, "minutes"),
            steps::feed("feed_1", "1"),
            steps::delay("delay_2", 10, "minutes"),
            steps::feed("feed_2", "2"),
        ]);
        kit.workflow("waits", list).await;
        let run = kit.trigger("waits", json!({"recipients": ["ada"]})).await;
        kit.advance("P7D").await;
        let at: Vec<_> =
            kit.messages(&run).await.iter().map(|message| message["inserted_at"].clone()).collect();
        assert_eq!(at, ["2026-03-02T09:10:00.000000Z", "2026-03-02T09:20:00.000000Z"]);
    });
}

#[test]
fn a_path_names_the_end() {
    on_both(async |kit| {
        kit.put(
            "/v1/users/ada",
            json!({"timezone": "America/New_York", "wait": {"unit": "hours", "value": 3}}),
        )
        .await
        .ok();
        let actor = json!({"id": "bob", "until": "2026-03-02T11:00:00Z"});
        let tenant = json!({"id": "acme", "until": "2026-03-02T12:30:00+01:00"});
        let day_before = json!({"unit": "hours", "value": -24});
        for (path, offset, data, ends) in [
            (
                "data.at",
                Value::Null,
                json!({"at": "2026-03-02T10:00:00Z"}),
                Some("2026-03-02T10:00:00.000000Z"),
            ),
            (
                "at",
                Value::Null,
                json!({"at": {"unit": "minutes", "value": 30}}),
                Some("2026-03-02T09:30:00.000000Z"),
            ),
            ("recipient.wait", Value::Null, json!({}), Some("2026-03-02T12:00:00.000000Z")),
            ("actor.until", Value::Null, json!({}), Some("2026-03-02T11:00:00.000000Z")),
            ("tenant.until", Value::Null, json!({}), Some("2026-03-02T11:30:00.000000Z")),
            // Mondays at nine in New York: five hours behind until the 8th, four from then on.
            (
                "data.at",
                Value::Null,
                json!({"at": {"frequency": "weekly", "days": ["mon"], "hours": 9}}),
                Some("2026-03-02T14:00:00.000000Z"),
            ),
            (
                "data.at",
                day_before.clone(),
                json!({"at": "2026-03-04T12:00:00Z"}),
                Some("2026-03-03T12:00:00.000000Z"),
            ),
            // Past, missing, malformed: no wait, but an error that says so.
            ("data.at", day_before.clone(), json!({"at": "2026-03-03T08:00:00Z"}), None),
            ("data.at", Value::Null, json!({"at": "2026-03-02T09:00:00Z"}), None),
            ("data.at", Value::Null, json!({"at": "soon"}), None),
            ("data.at", Value::Null, json!({"at": null}), None),
            ("data.at", Value::Null, json!({"at": {"unit": "hours", "value": 0}}), None),
            ("data.at", Value::Null, json!({"at": {"frequency": "yearly"}}), None),
            ("data.nothing", Value::Null, json!({}), None),
        ] {
            publish(kit, json!({"delay_for": offset, "delay_until_field_path": path})).await;
            let body = json!({"recipients": ["ada"], "data": data, "actor": actor, "tenant": tenant});
            let run = kit.trigger("waits", body).await;
            let log = kit.log_of_run(&run, "ada").await;
            match ends {
                Some(ends) => {
                    let started = log.iter().find(|event| event.event == "delay_started");
                    let started = started.unwrap_or_else(|| panic!("{path} {data}: {log:?}"));
                    assert_eq!(started.data["until"], ends, "{path} {data}");
                    assert_eq!(kit.steps(&run).await, ["before"]);
                }
                None => {
                    let skipped = log.iter().find(|event| event.event == "step_skipped");
                    let skipped = skipped.unwrap_or_else(|| panic!("{path} {data}: {log:?}"));
                    assert!(skipped.is_error && skipped.step.as_deref() == Some("delay_1"), "{skipped:?}");
                    assert_eq!(kit.run(&run, "ada").await.error_count, 1, "{path} {data}");
                    assert_eq!(kit.steps(&run).await, ["before", "after"], "{path} {data}");
                }
            }
        }
    });
}

#[test]
fn the_week_of_the_change_to_summer_time_counts_by_the_wall() {
    on_both(async |kit| {
        kit.put("/v1/users/ada", json!({"timezone": "America/New_York"})).await.ok();
        kit.service.post("/v1/admin/clock", json!({"to": "2026-03-04T12:00:00Z"})).await.ok();
        publish(kit, json!({"delay_until_field_path": "data.rule"})).await;
        let rule = json!({"rule": {"frequency": "weekly", "days": ["mon"], "hours": 9}});
        let run = kit.trigger("waits", json!({"recipients": ["ada"], "data": rule})).await;
        kit.advance("P6D").await;
        assert_eq!(kit.messages(&run).await[1]["inserted_at"], "2026-03-09T13:00:00.000000Z");
    });
}

#[test]
fn skip_delay_skips_every_delay_without_an_error() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        publish(kit, json!({"delay_for": {"unit": "days", "value": 30}})).await;
        let body = json!({"recipients": ["ada"], "settings": {"skip_delay": true}});
        let run = kit.trigger("waits", body).await;
        assert_eq!(kit.steps(&run).await, ["before", "after"]);
        let log = kit.log_of_run(&run, "ada").await;
        let skipped = log.iter().find(|event| event.event == "step_skipped").expect("it is logged");
        assert_eq!((skipped.is_error, &skipped.data["reason"]), (false, &json!("skip_delay")));
        assert_eq!(kit.run(&run, "ada").await.error_count, 0);
    });
}

#[test]
fn a_paused_run_keeps_its_version() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        let version = |text: &str| json!([steps::delay("delay_1", 1, "hours"), steps::feed("feed_1", text)]);
        kit.workflow("waits", version("old")).await;
        let run = kit.trigger("waits", json!({"recipients": ["ada"]})).await;
        kit.workflow("waits", json!([steps::feed("feed_2", "new")])).await;
        kit.advance("PT1H").await;
        let feed = kit.feed("ada", "").await;
        assert_eq!(feed["entries"][0]["blocks"][0]["rendered"].as_str().map(str::trim), Some("<p>old</p>"));
        assert_eq!(kit.steps(&run).await, ["feed_1"]);
    });
}

#[test]
fn what_happens_meanwhile_is_seen_at_wake_up() {
    on_both(async |kit| {
        let list =
            json!([steps::delay("delay_1", 1, "hours"), steps::feed("feed_1", "{{ recipient.name }}"),]);
        kit.workflow("waits", list).await;
        kit.users(&["ada", "bob", "cyd", "dan"]).await;
        let activate = "/v1/workflows/waits/activate?environment=development";

        let run = kit.trigger("waits", json!({"recipients": ["ada", "bob"]})).await;
        kit.put("/v1/users/ada", json!({"name": "Countess"})).await.ok();
        kit.delete("/v1/users/bob").await.ok();
        kit.service.put(activate, json!({"status": false})).await.ok();
        kit.service.put(activate, json!({"status": true})).await.ok();
        kit.advance("PT1H").await;
        let feed = kit.feed("ada", "").await;
        assert_eq!(
            feed["entries"][0]["blocks"][0]["rendered"].as_str().map(str::trim),
            Some("<p>Countess</p>")
        );
        assert_eq!(kit.messages(&run).await.len(), 1);

        let run = kit.trigger("waits", json!({"recipients": ["cyd"]})).await;
        kit.service.put(activate, json!({"status": false})).await.ok();
        kit.advance("PT1H").await;
        assert_eq!(kit.status_of_run(&run, "cyd").await, "cancelled");
        assert_eq!(kit.messages(&run).await.len(), 0);
    });
}
