//! What survives a restart on the same data (promises P1 and P5).

use serde_json::json;

use crate::kit::{on_both, provider::Provider, steps};

#[test]
fn timers_and_retries_go_on() {
    on_both(async |kit| {
        let provider = Provider::start(&[(503, &[], ""), (200, &[], "")]).await;
        kit.users(&["ada"]).await;
        let list = json!([
            steps::webhook("hook_1", &provider.url("/hook")),
            steps::delay("delay_1", 1, "hours"),
            steps::feed("feed_1", "x"),
        ]);
        kit.workflow("waits", list).await;
        let body = json!({"recipients": ["ada"], "cancellation_key": "k"});
        let run = kit.trigger("waits", body.clone()).await;
        let cancelled = kit.trigger("waits", body).await;
        kit.post("/v1/workflows/waits/cancel", json!({"cancellation_key": "k"})).await.ok();
        let again = kit.trigger("waits", json!({"recipients": ["ada"]})).await;
        assert_eq!(kit.status_of_run(&again, "ada").await, "paused");
        kit.advance("PT1S").await;
        let before = kit.now().await;

        kit.restart().await;
        assert_eq!(kit.now().await, before, "the clock stands where it stood");
        assert!(kit.server().first_start.is_none(), "a second start makes nothing");
        kit.advance("PT2H").await;
        assert_eq!(kit.status_of_run(&run, "ada").await, "cancelled");
        assert_eq!(kit.status_of_run(&cancelled, "ada").await, "cancelled");
        assert_eq!(kit.status_of_run(&again, "ada").await, "completed");
        let messages = kit.messages(&again).await;
        assert_eq!(messages[1]["inserted_at"], "2026-03-02T10:00:00.000000Z", "at its own instant");
        for run in [&run, &cancelled, &again] {
            assert_eq!(kit.messages(run).await[0]["status"], "delivered");
        }
        assert_eq!(
            provider.seen().len(),
            4,
            "one attempt failed before the restart and was made again after it"
        );
    });
}

#[test]
fn keys_channels_and_idempotency_are_kept() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        kit.workflow("greet", json!([steps::feed("feed_1", "x")])).await;
        let feed = kit.channel_id("in-app-feed").await;
        let key = uuid::Uuid::new_v4().to_string();
        let path = "/v1/workflows/greet/trigger";
        let body = r#"{"recipients":["ada"]}"#;
        let headers = [("idempotency-key", key.as_str())];
        let first = kit.secret.send(http::Method::POST, path, body, &headers).await.ok();
        let page = kit.get("/v1/users?page_size=1").await.ok();
        assert_eq!(page["page_info"]["after"], json!(null));
        kit.users(&["bob"]).await;
        let after = kit.get("/v1/users?page_size=1").await.ok()["page_info"]["after"].clone();

        kit.restart().await;
        let again = kit.secret.send(http::Method::POST, path, body, &headers).await;
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(again.ok(), first);
        assert_eq!(kit.channel_id("in-app-feed").await, feed);
        let after = after.as_str().expect("there is a second page");
        kit.get(&format!("/v1/users?after={after}")).await.ok();
        assert_eq!(kit.feed("ada", "").await["meta"]["total_count"], 1);
    });
}
