//! The legacy trigger (workflows.md R3.3).

use serde_json::{Value, json};

use crate::kit::{on_both, pluck, steps};

#[test]
fn the_name_is_the_workflow_and_the_result_its_run() {
    on_both(async |kit| {
        kit.users(&["ada", "bob"]).await;
        kit.put("/v1/objects/projects/p1", json!({})).await.ok();
        let list = json!([
            steps::feed("feed_1", "{{ data.n }}"),
            steps::delay("wait", 1, "hours"),
            steps::feed("feed_2", "x")
        ]);
        kit.workflow("greet", list).await;
        let project = json!({"collection": "projects", "id": "p1"});
        let body = json!({
            "name": "greet", "actor": "bob", "recipients": ["ada", project], "data": {"n": 1},
            "cancellation_key": "k", "tenant": "acme", "settings": {"sandbox_mode": 7},
        });
        let answer = kit.post("/v1/notify", body).await.ok();
        assert_eq!(answer.as_object().map(|map| map.len()), Some(1), "{answer}");
        let run = answer["result_id"].as_str().expect("an id");
        let messages = json!(kit.messages(run).await);
        assert_eq!(messages[0]["actors"], json!(["bob"]));
        assert_eq!(messages[0]["tenant"], Value::Null, "no tenant is known here");
        kit.get("/v1/tenants/acme").await.refused(404, "resource_missing");
        let stop = json!({"name": "greet", "cancellation_key": "k", "recipients": ["ada"]});
        let answer = kit.post("/v1/notify/cancel", stop).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        kit.advance("PT2H").await;
        assert_eq!(
            pluck(&json!(kit.messages(run).await), "id").len(),
            messages.as_array().map_or(0, Vec::len)
        );
        assert_eq!(kit.status_of_run(run, "ada").await, "cancelled");
    });
}

#[test]
fn what_it_does_not_know_is_refused() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        kit.workflow("greet", json!([steps::feed("feed_1", "x")])).await;
        for (body, fields) in [
            (json!({}), vec!["actor", "name", "recipients"]),
            (json!({"name": 7, "actor": null, "recipients": []}), vec!["actor", "name", "recipients"]),
            (json!({"name": "greet", "recipients": ["ada"]}), vec!["actor"]),
            (
                json!({"name": "greet", "actor": {"id": "ada"}, "recipients": ["ada", {"id": "new", "name": "N"}]}),
                vec!["actor", "recipients[1]"],
            ),
        ] {
            let answer = kit.post("/v1/notify", body.clone()).await;
            assert_eq!(answer.refused(422, "invalid_params"), fields, "{body}");
        }
        let unknown = json!({"name": "nothing", "actor": "ada", "recipients": ["ada"]});
        kit.post("/v1/notify", unknown).await.refused(404, "workflow_missing");
        let answer = kit.post("/v1/notify/cancel", json!({"recipients": "ada"})).await;
        assert_eq!(answer.refused(422, "invalid_params"), ["cancellation_key", "name", "recipients"]);
        let body = json!({"name": "greet", "actor": "ada", "recipients": ["ada"]});
        kit.public.post("/v1/notify", body).await.refused(403, "incorrect_token_type");
        kit.get("/v1/users/new").await.refused(404, "resource_missing");
    });
}
