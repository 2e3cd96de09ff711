//! Recipient runs: who got what, and why not (workflows.md sections 4 and 27).

use serde_json::{Value, json};

use crate::kit::{Kit, on_both, pluck, steps};

async fn items(kit: &Kit, query: &str) -> Value {
    kit.get(&format!("/v1/workflow_recipient_runs?{query}")).await.ok()["items"].clone()
}

async fn detail(kit: &Kit, id: &Value) -> Value {
    kit.get(&format!("/v1/workflow_recipient_runs/{}", id.as_str().expect("an id"))).await.ok()
}

#[test]
fn a_run_is_shown_with_its_decisions() {
    on_both(async |kit| {
        let list = json!([
            steps::when(steps::email("email_1", "Hi"), &[("recipient.plan", "equal_to", json!("pro"))]),
            steps::sms("sms_1", "{{ data.text }}"),
            steps::feed("feed_1", "Hi"),
        ]);
        kit.workflow("hello", list).await;
        kit.put("/v1/users/ada", json!({"name": "Ada", "plan": "free", "phone_number": "+15550100"}))
            .await
            .ok();
        let long = "x".repeat(2_000);
        let body = json!({"recipients": ["ada"], "actor": {"id": "bob"}, "tenant": "acme", "cancellation_key": "k",
            "data": {"text": long}});
        let run = kit.trigger("hello", body).await;
        let list = items(kit, "").await;
        let want = json!({
            "__typename": "WorkflowRecipientRun", "id": list[0]["id"], "workflow_run_id": run, "workflow": "hello",
            "status": "completed", "recipient": "ada", "actor": "bob", "tenant": "acme", "error_count": 0,
            "trigger_source": {"type": "api", "cancellation_key": "k"}, "inserted_at": kit.now().await,
            "updated_at": kit.now().await,
        });
        assert_eq!(list, json!([want]));
        let shown = detail(kit, &list[0]["id"]).await;
        let events = shown["events"].as_array().expect("a list");
        let names: Vec<(&str, &str)> = events
            .iter()
            .map(|event| (event["event"].as_str().unwrap_or(""), event["step_ref"].as_str().unwrap_or("")))
            .collect();
        assert_eq!(
            names,
            [
                ("run_started", ""),
                ("conditions_evaluated", "email_1"),
                ("step_skipped", "email_1"),
                ("message_enqueued", "sms_1"),
                ("message_enqueued", "feed_1"),
                ("run_completed", ""),
                ("message_not_sent", "sms_1"),
                ("message_delivered", "feed_1"),
            ]
        );
        let condition = &events[1];
        assert_eq!(condition["step_type"], "channel");
        assert_eq!(condition["data"]["holds"], false);
        let evaluated = condition["data"]["log"][0].to_string();
        assert!(evaluated.contains("free") && evaluated.contains("recipient.plan"), "{evaluated}");
        assert_eq!(events[2]["data"]["reason"], "conditions_not_met");
        assert_eq!(events[3]["data"]["channel_type"], "sms");
        let ids = pluck(&shown["events"], "id");
        assert_eq!(pluck(&detail(kit, &list[0]["id"]).await["events"], "id"), ids, "ids stay");
        assert!(events.iter().all(|event| event["status"] == "ok" && event["attempt"] == 1));
    });
}

#[test]
fn who_was_not_reached_is_shown_with_the_reason() {
    on_both(async |kit| {
        let list = json!({
            "steps": [steps::feed("feed_1", "Hi")],
            "conditions": steps::all(&[("data.ok", "equal_to", json!("true"))]),
        });
        kit.workflow_with("picky", list).await;
        kit.users(&["ada"]).await;
        kit.trigger("picky", json!({"recipients": ["ada", "nobody"], "data": {"ok": false}})).await;
        let ada = &items(kit, "recipient=ada").await[0];
        let shown = detail(kit, &ada["id"]).await;
        assert_eq!(
            pluck(&shown["events"], "event"),
            ["run_started", "trigger_conditions_evaluated", "run_completed"]
        );
        assert_eq!(shown["events"][1]["data"]["holds"], false);
        assert_eq!(shown["events"][2]["data"]["reason"], "trigger_conditions_not_met");
        let nobody = &items(kit, "has_errors=true").await;
        assert_eq!(pluck(nobody, "recipient"), ["nobody"]);
        assert_eq!((&nobody[0]["status"], &nobody[0]["error_count"]), (&json!("completed"), &json!(1)));
        let shown = detail(kit, &nobody[0]["id"]).await;
        assert_eq!(
            (&shown["events"][0]["event"], &shown["events"][0]["status"]),
            (&json!("recipient_missing"), &json!("error"))
        );
    });
}

#[test]
fn every_filter_narrows_the_list() {
    on_both(async |kit| {
        kit.workflow("now", json!([steps::feed("feed_1", "Hi")])).await;
        kit.workflow("later", json!([steps::delay("delay_1", 1, "days"), steps::feed("feed_1", "Hi")])).await;
        kit.users(&["ada", "bob"]).await;
        kit.trigger(
            "now",
            json!({"recipients": ["ada", {"collection": "p", "id": "o", "name": "x"}], "tenant": "acme"}),
        )
        .await;
        kit.advance("PT1H").await;
        let cancelled = json!({"recipients": ["bob"], "cancellation_key": "k"});
        kit.trigger("later", cancelled).await;
        kit.post("/v1/workflows/later/cancel", json!({"cancellation_key": "k"})).await.ok();
        kit.advance("PT1H").await;
        kit.trigger("later", json!({"recipients": ["ada", "nobody"]})).await;
        for (query, want) in [
            ("", vec!["nobody", "ada", "bob", "o", "ada"]),
            ("workflow=now", vec!["o", "ada"]),
            ("workflow=later", vec!["nobody", "ada", "bob"]),
            ("workflow=unknown", vec![]),
            ("status[]=paused", vec!["ada"]),
            ("status[]=paused&status[]=cancelled", vec!["ada", "bob"]),
            ("tenant=acme", vec!["o", "ada"]),
            ("has_errors=true", vec!["nobody"]),
            ("has_errors=false", vec!["ada", "bob", "o", "ada"]),
            ("recipient=ada", vec!["ada", "ada"]),
            ("recipient=ada&workflow=later", vec!["ada"]),
            ("recipient[collection]=p&recipient[id]=o", vec!["o"]),
            ("starting_at=2026-03-02T09:00:00Z", vec!["nobody", "ada", "bob"]),
            ("ending_at=2026-03-02T11:00:00Z", vec!["bob", "o", "ada"]),
            ("starting_at=2026-03-02T09:30:00Z&ending_at=2026-03-02T10:30:00Z", vec!["bob"]),
        ] {
            let found: Vec<String> = items(kit, query)
                .await
                .as_array()
                .expect("a list")
                .iter()
                .map(|run| {
                    run["recipient"].as_str().or(run["recipient"]["id"].as_str()).unwrap_or("").to_owned()
                })
                .collect();
            assert_eq!(found, want, "{query}");
        }
        let pages = async |query: &str| {
            let mut seen = Vec::new();
            let mut after = String::new();
            loop {
                let path = format!("/v1/workflow_recipient_runs?page_size=2&{query}&after={after}");
                let page = kit.get(&path).await.ok();
                seen.extend(pluck(&page["items"], "id"));
                match page["page_info"]["after"].as_str() {
                    Some(cursor) => after = cursor.to_owned(),
                    None => return seen,
                }
            }
        };
        for query in ["", "workflow=later", "recipient=ada"] {
            assert_eq!(pages(query).await, pluck(&items(kit, query).await, "id"), "{query}");
        }
        let refused = kit
            .get("/v1/workflow_recipient_runs?status=lost&has_errors=1&starting_at=x&recipient=a%2Fb")
            .await;
        assert_eq!(
            refused.refused(422, "invalid_params"),
            ["has_errors", "recipient", "starting_at", "status"]
        );
        let bob = items(kit, "recipient=bob").await[0]["id"].as_str().expect("an id").to_owned();
        let path = format!("/v1/workflow_recipient_runs/{bob}");
        let last = kit.get(&path).await.ok()["events"].as_array().and_then(|list| list.last().cloned());
        assert_eq!(last.map(|event| event["event"].clone()), Some(json!("run_cancelled")));
        kit.live.get(&path).await.refused(404, "resource_missing");
        assert_eq!(kit.live.get("/v1/workflow_recipient_runs").await.ok()["items"], json!([]));
        kit.get("/v1/workflow_recipient_runs/x").await.refused(404, "resource_missing");
    });
}
