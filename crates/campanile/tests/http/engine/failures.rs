//! Steps that fail (workflows.md R2.4): three attempts, at 0, 5 and 35 seconds, then the run halts.

use campanile_core::time::Timestamp;
use serde_json::json;

use crate::kit::{START, on_both, steps};

const HALF: &str = "{{ 10 | divided_by: recipient.parts }}";

#[test]
fn a_step_is_tried_three_times_by_the_clock() {
    on_both(async |kit| {
        kit.put("/v1/users/ada", json!({"parts": 0})).await.ok();
        kit.workflow("halves", json!([steps::feed("feed_1", HALF), steps::feed("feed_2", "never")])).await;
        let run = kit.trigger("halves", json!({"recipients": ["ada"]})).await;
        assert_eq!(kit.status_of_run(&run, "ada").await, "paused");
        kit.advance("PT1H").await;
        let start = Timestamp::parse(START).expect("a datetime");
        let failed: Vec<_> = kit
            .log_of_run(&run, "ada")
            .await
            .into_iter()
            .filter(|event| event.event == "step_failed")
            .map(|event| (event.attempt, (event.at - start.0) / 1_000_000, event.is_error, event.step))
            .collect();
        let step = || Some("feed_1".to_owned());
        let wanted = [(Some(1), 0, true, step()), (Some(2), 5, true, step()), (Some(3), 35, true, step())];
        assert_eq!(failed, wanted);
        let row = kit.run(&run, "ada").await;
        assert_eq!((row.status.as_str(), row.error_count), ("completed", 3));
        assert_eq!(kit.events_of_run(&run, "ada").await.last().map(String::as_str), Some("run_halted"));
        assert_eq!(kit.messages(&run).await.len(), 0, "later steps never run");
    });
}

#[test]
fn an_attempt_that_works_lets_the_run_go_on() {
    on_both(async |kit| {
        kit.put("/v1/users/ada", json!({"parts": 0})).await.ok();
        kit.workflow("halves", json!([steps::feed("feed_1", HALF), steps::feed("feed_2", HALF)])).await;
        let run = kit.trigger("halves", json!({"recipients": ["ada"]})).await;
        kit.put("/v1/users/ada", json!({"parts": 2})).await.ok();
        kit.advance("PT4.999999S").await;
        assert_eq!(kit.messages(&run).await.len(), 0);
        kit.advance("PT0.000001S").await;
        assert_eq!(kit.steps(&run).await, ["feed_1", "feed_2"]);
        assert_eq!(kit.run(&run, "ada").await.error_count, 1);
    });
}

#[test]
fn one_recipient_s_failure_is_nobody_else_s() {
    on_both(async |kit| {
        kit.put("/v1/users/ada", json!({"parts": 0})).await.ok();
        kit.put("/v1/users/bob", json!({"parts": 5})).await.ok();
        kit.workflow("halves", json!([steps::feed("feed_1", HALF)])).await;
        let run = kit.trigger("halves", json!({"recipients": ["ada", "bob"]})).await;
        assert_eq!(kit.status_of_run(&run, "bob").await, "completed");
        assert_eq!(crate::kit::pluck(&json!(kit.messages(&run).await), "recipient"), ["bob"]);
        kit.advance("PT1H").await;
        assert_eq!(kit.run(&run, "ada").await.error_count, 3);
    });
}

#[test]
fn a_layout_that_is_not_there_yet_fails_the_step_until_it_is() {
    on_both(async |kit| {
        let mut email = steps::email("email_1", "Hi");
        email["template"]["settings"] = json!({"layout_key": "plain"});
        let document = json!({"workflow": {"name": "Mails", "steps": [email]}});
        let path = "/v1/workflows/mails?environment=development&commit=true";
        let fields = kit.service.put(path, document.clone()).await.refused(422, "invalid_params");
        assert_eq!(fields, ["steps[0].template.settings.layout_key"]);

        let layout = json!({"email_layout": {
            "name": "Plain",
            "html_layout": "<html><body>{{ content }}</body></html>",
            "text_layout": "{{ content }}",
        }});
        let layouts = "/v1/email_layouts/plain?environment=development&commit=true";
        kit.service.put(layouts, layout).await.ok();
        kit.service.put(path, document).await.ok();
        let promote = "/v1/commits/promote?to_environment=production&resource_type=";
        kit.service.put(&format!("{promote}workflow"), json!({})).await.ok();
        let promoted = kit.service.get("/v1/workflows/mails?environment=production").await.ok();
        assert_eq!(promoted["valid"], false, "published, but without its layout");

        let ada = json!({"id": "ada", "email": "ada@example.com"});
        let body = json!({"recipients": [ada]});
        let answer = kit.live.post("/v1/workflows/mails/trigger", body.clone()).await.ok();
        let run = answer["workflow_run_id"].as_str().expect("a run id").to_owned();
        kit.idle().await;
        let log = kit.log_of_run(&run, "ada").await;
        let failed = log.iter().find(|event| event.event == "step_failed").expect("the step failed");
        assert!(failed.data["reason"].as_str().is_some_and(|why| why.contains("layout")), "{failed:?}");
        kit.service.put(&format!("{promote}email_layout"), json!({})).await.ok();
        kit.advance("PT5S").await;
        let sent = kit.live.get(&format!("/v1/messages?workflow_run_id={run}")).await.ok();
        assert_eq!(
            sent["items"].as_array().map(Vec::len),
            Some(1),
            "{:?}",
            kit.log_of_run(&run, "ada").await
        );
        assert_eq!(kit.service.get("/v1/workflows/mails?environment=production").await.ok()["valid"], true);
    });
}

#[test]
fn a_recipient_without_an_address_is_skipped_and_no_failure() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        let push = json!({"ref": "push_1", "type": "channel", "channel_key": "push",
            "template": {"title": "T", "text_body": "B"}});
        let chat = json!({"ref": "chat_1", "type": "channel", "channel_key": "chat", "template": {"markdown_body": "B"}});
        let list = json!([
            steps::email("email_1", "x"),
            steps::sms("sms_1", "x"),
            push,
            chat,
            steps::feed("feed_1", "x")
        ]);
        kit.workflow("all", list).await;
        let project = json!({"id": "p1", "collection": "projects", "name": "P"});
        let run = kit.trigger("all", json!({"recipients": ["ada", project]})).await;
        assert_eq!(kit.steps(&run).await, ["feed_1"], "and an object has no feed");
        let reasons: Vec<_> = kit
            .log_of_run(&run, "ada")
            .await
            .into_iter()
            .filter(|event| event.event == "step_skipped")
            .map(|event| (event.step.unwrap_or_default(), event.is_error, event.data["reason"].clone()))
            .collect();
        let wanted = ["email_1", "sms_1", "push_1", "chat_1"];
        assert_eq!(reasons, wanted.map(|step| (step.to_owned(), false, json!("missing_recipient_data"))));
    });
}
