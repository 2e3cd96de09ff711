//! Merging users (recipients.md section 11).

use serde_json::{Value, json};

use crate::kit::{Kit, on_both, pluck, steps};

async fn merge(kit: &Kit, primary: &str, secondary: &str) -> Value {
    kit.post(&format!("/v1/users/{primary}/merge"), json!({"from_user_id": secondary})).await.ok()
}

#[test]
fn the_worked_example() {
    on_both(async |kit| {
        let (c1, c2) = (kit.channel_id("push").await, kit.channel_id("chat").await);
        let data = |token: &str| json!({"tokens": [token]});
        let slack = |channel: &str| json!({"connections": [{"access_token": "x", "channel_id": channel}]});
        let primary = json!({
            "name": "Ada", "email": null, "plan": "pro", "meta": {"a": 1, "b": null},
            "channel_data": {c1.as_str(): data("p")},
        });
        let secondary = json!({
            "name": "G", "email": "a@x.io", "plan": "free", "meta": {"b": 2, "c": 3}, "ref": "mail",
            "created_at": "2020-01-01T00:00:00Z",
            "channel_data": {c1.as_str(): data("s"), c2.as_str(): slack("s2")},
        });
        kit.put("/v1/users/primary", primary).await.ok();
        kit.put("/v1/users/secondary", secondary).await.ok();
        kit.advance("PT1M").await;
        let merged = merge(kit, "primary", "secondary").await;
        assert_eq!(merged, kit.get("/v1/users/primary").await.ok());
        for (name, want) in [
            ("name", json!("Ada")),
            ("email", json!("a@x.io")),
            ("plan", json!("pro")),
            ("meta", json!({"a": 1, "b": null, "c": 3})),
            ("ref", json!("mail")),
            ("updated_at", json!(kit.now().await)),
            ("id", json!("primary")),
        ] {
            assert_eq!(merged[name], want, "{name}");
        }
        assert!(
            merged["created_at"].as_str().is_some_and(|at| at.starts_with("2020-01-01")),
            "null is missing"
        );
        let first = kit.get(&format!("/v1/users/primary/channel_data/{c1}")).await.ok();
        assert_eq!(first["data"]["tokens"], json!(["p"]));
        let second = kit.get(&format!("/v1/users/primary/channel_data/{c2}")).await.ok();
        assert_eq!(second["data"]["connections"][0]["channel_id"], "s2");
        kit.get("/v1/users/secondary").await.refused(404, "resource_missing");
        kit.get(&format!("/v1/users/secondary/channel_data/{c1}")).await.refused(404, "resource_missing");
    });
}

#[test]
fn messages_of_thirty_days_and_their_activities_follow() {
    on_both(async |kit| {
        kit.users(&["ada", "old", "bob"]).await;
        kit.workflow("greet", json!([steps::feed("feed_1", "{{ data.n }}")])).await;
        let trigger = async |n: i64, recipients: Value| {
            let body = json!({"recipients": recipients, "actor": "old", "data": {"n": n}});
            kit.trigger("greet", body).await
        };
        trigger(1, json!(["old"])).await;
        kit.advance("P31D").await;
        let run = trigger(2, json!([{"id": "old", "$trigger_data": {"own": true}}, "bob"])).await;
        let both = trigger(3, json!(["old", "ada"])).await;
        let before = kit.messages(&run).await;
        merge(kit, "ada", "old").await;
        let feed = kit.feed("ada", "").await;
        assert_eq!(feed["meta"]["unread_count"], 3, "her own, and two that were the other's");
        let list = kit.get("/v1/users/ada/messages").await.ok();
        let mut ids = pluck(&list["items"], "id");
        ids.sort();
        let mut want = pluck(&json!(kit.messages(&both).await), "id");
        want.extend(
            before
                .iter()
                .filter(|one| one["recipient"] == "old")
                .map(|one| one["id"].as_str().unwrap_or_default().to_owned()),
        );
        want.sort();
        assert_eq!(ids, want);
        assert_eq!(kit.get("/v1/users/old/messages").await.ok()["items"], json!([]));
        for message in kit.messages(&run).await {
            let id = message["id"].as_str().expect("an id");
            assert_eq!(message["actors"], json!(["ada"]), "as actor");
            let activities = kit.get(&format!("/v1/messages/{id}/activities")).await.ok();
            assert_eq!(activities["items"][0]["actor"]["id"], "ada");
            let recipient = message["recipient"].as_str().unwrap_or_default();
            assert_eq!(activities["items"][0]["recipient"]["id"], recipient, "as recipient");
            if recipient == "ada" {
                assert_eq!(activities["items"][0]["data"]["own"], true, "the run moved with its own data");
            }
        }
        assert_eq!(kit.run(&run, "ada").await.status.as_str(), "completed");
        // RC12.2: nothing is left for whoever gets that id next.
        kit.users(&["old"]).await;
        assert_eq!(kit.feed("old", "").await["entries"], json!([]));
    });
}

#[test]
fn runs_that_wait_end_without_sending() {
    on_both(async |kit| {
        kit.users(&["ada", "old"]).await;
        let list =
            json!([steps::feed("feed_1", "x"), steps::delay("wait", 1, "hours"), steps::feed("feed_2", "y")]);
        kit.workflow("slow", list).await;
        kit.trigger("slow", json!({"recipients": ["old"]})).await;
        merge(kit, "ada", "old").await;
        kit.users(&["old"]).await;
        kit.advance("PT2H").await;
        assert_eq!(kit.feed("ada", "").await["entries"].as_array().map(Vec::len), Some(1));
        assert_eq!(kit.feed("old", "").await["entries"], json!([]));
    });
}

#[test]
fn what_cannot_be_merged_is_refused() {
    on_both(async |kit| {
        kit.users(&["ada", "bob"]).await;
        let path = "/v1/users/ada/merge";
        for body in [
            json!({}),
            json!({"from_user_id": null}),
            json!({"from_user_id": 7}),
            json!({"from_user_id": "ada"}),
        ] {
            assert_eq!(kit.post(path, body).await.refused(422, "invalid_params"), ["from_user_id"]);
        }
        for (primary, secondary) in
            [("ada", "nobody"), ("nobody", "bob"), ("ada", "projects/p1"), ("ada", "\u{0}")]
        {
            let answer =
                kit.post(&format!("/v1/users/{primary}/merge"), json!({"from_user_id": secondary})).await;
            answer.refused(404, "resource_missing");
        }
        let large = "x".repeat(200 * 1024);
        kit.put("/v1/users/ada", json!({"a": large})).await.ok();
        kit.put("/v1/users/bob", json!({"b": large})).await.ok();
        let answer = kit.post(path, json!({"from_user_id": "bob"})).await;
        assert_eq!(answer.refused(422, "invalid_params"), ["from_user_id"]);
        assert_eq!(kit.get("/v1/users/bob").await.ok()["id"], "bob", "nothing was changed");
        kit.live.post(path, json!({"from_user_id": "bob"})).await.refused(404, "resource_missing");
        kit.public.post(path, json!({"from_user_id": "bob"})).await.refused(403, "incorrect_token_type");
    });
}
