//! Triggering (workflows.md section 3, api-conventions.md section 7).

use http::Method;
use serde_json::{Value, json};

use crate::kit::{Kit, on_both, pluck, steps};

const GREET: &str = "/v1/workflows/greet/trigger";

async fn greet(kit: &Kit) {
    kit.workflow("greet", json!([steps::feed("feed_1", "{{ data.a }}/{{ data.b }} {{ recipient.name }}")]))
        .await;
}

/// The rendered body of a user's newest feed item.
async fn newest(kit: &Kit, user: &str) -> String {
    let feed = kit.feed(user, "").await;
    feed["entries"][0]["blocks"][0]["rendered"].as_str().unwrap_or_default().trim().to_owned()
}

#[test]
fn only_committed_and_active_workflows_run() {
    on_both(async |kit| {
        let body = json!({"recipients": ["ada"]});
        kit.post("/v1/workflows/nothing/trigger", body.clone()).await.refused(404, "workflow_missing");
        let document = json!({"workflow": {"name": "Draft", "steps": [steps::feed("feed_1", "Hi")]}});
        kit.service.put("/v1/workflows/draft?environment=development", document).await.ok();
        kit.post("/v1/workflows/draft/trigger", body.clone()).await.refused(404, "workflow_missing");
        greet(kit).await;
        kit.live.post(GREET, body.clone()).await.refused(404, "workflow_missing");
        let activate = "/v1/workflows/greet/activate?environment=development";
        kit.service.put(activate, json!({"status": false})).await.ok();
        kit.post(GREET, body.clone()).await.refused(422, "workflow_inactive");
        kit.service.put(activate, json!({"status": true})).await.ok();
        kit.trigger("greet", body).await;
    });
}

#[test]
fn recipients_are_between_one_and_a_thousand() {
    on_both(async |kit| {
        greet(kit).await;
        let many = |n: usize| (0..n).map(|n| Value::String(format!("u{n}"))).collect::<Vec<_>>();
        for recipients in [json!([]), json!(many(1_001)), json!(null), json!("ada"), json!({})] {
            let answer = kit.post(GREET, json!({"recipients": recipients})).await;
            assert_eq!(answer.refused(422, "invalid_params"), ["recipients"]);
        }
        assert_eq!(kit.post(GREET, json!({})).await.refused(422, "invalid_params"), ["recipients"]);
        assert_eq!(
            kit.get("/v1/users").await.ok()["entries"],
            json!([]),
            "a refused trigger identified somebody"
        );
        let inline: Vec<_> = (0..1_000).map(|n| json!({"id": format!("u{n}")})).collect();
        let run = kit.trigger("greet", json!({"recipients": inline})).await;
        let mut path = format!("/v1/messages?workflow_run_id={run}");
        let mut recipients = std::collections::HashSet::new();
        loop {
            let page = kit.get(&path).await.ok();
            recipients.extend(pluck(&page["items"], "recipient"));
            let Some(after) = page["page_info"]["after"].as_str() else { break };
            path = format!("/v1/messages?workflow_run_id={run}&after={after}");
        }
        assert_eq!(recipients.len(), 1_000);
    });
}

#[test]
fn a_recipient_named_twice_is_notified_once() {
    on_both(async |kit| {
        greet(kit).await;
        kit.users(&["ada", "bob"]).await;
        for recipients in [
            json!(["ada", "ada"]),
            json!(["ada", {"id": "ada"}, "ada"]),
            json!([{"id": "ada", "$trigger_data": {"a": 1}}, {"id": "ada", "$trigger_data": {"a": 2}}]),
        ] {
            let run = kit.trigger("greet", json!({"recipients": recipients})).await;
            assert_eq!(kit.messages(&run).await.len(), 1, "{recipients}");
            kit.advance("PT1S").await;
        }
        assert_eq!(newest(kit, "ada").await, "<p>1/ ada</p>", "the first entry's data counts");
    });
}

#[test]
fn an_unknown_recipient_is_an_event_and_no_error() {
    on_both(async |kit| {
        greet(kit).await;
        kit.users(&["ada"]).await;
        let run = kit.trigger("greet", json!({"recipients": ["ghost", "ada"]})).await;
        let events = kit.log_of_run(&run, "ghost").await;
        assert!(events[0].event == "recipient_missing" && events[0].is_error, "{events:?}");
        let ghost = kit.run(&run, "ghost").await;
        assert_eq!((ghost.status.as_str(), ghost.error_count), ("completed", 1));
        assert_eq!(pluck(&json!(kit.messages(&run).await), "recipient"), ["ada"]);
        kit.get("/v1/users/ghost").await.refused(404, "resource_missing");
    });
}

#[test]
fn an_actor_must_be_known() {
    on_both(async |kit| {
        greet(kit).await;
        kit.users(&["ada"]).await;
        let body = |actor: Value| json!({"recipients": ["ada"], "actor": actor});
        for actor in [json!("ghost"), json!({"id": "p1", "collection": "projects"})] {
            kit.post(GREET, body(actor)).await.refused(422, "actor_missing");
        }
        assert_eq!(kit.get("/v1/messages").await.ok()["items"], json!([]));
        for (actor, found) in [
            (json!("ada"), json!(["ada"])),
            (json!({"id": "new", "name": "New"}), json!(["new"])),
            (json!(null), json!([])),
        ] {
            let run = kit.trigger("greet", body(actor.clone())).await;
            assert_eq!(kit.messages(&run).await[0]["actors"], found, "{actor}");
        }
        assert_eq!(kit.get("/v1/users/new").await.ok()["name"], "New");
    });
}

#[test]
fn inline_identification_merges_deeply() {
    on_both(async |kit| {
        greet(kit).await;
        let stored = json!({"name": "Ada", "plan": {"name": "pro", "seats": 5}, "tags": [1, 2]});
        kit.put("/v1/users/ada", stored).await.ok();
        let inline = json!({"id": "ada", "plan": {"seats": 6}, "tags": [3], "name": null});
        kit.trigger("greet", json!({"recipients": [inline]})).await;
        let user = kit.get("/v1/users/ada").await.ok();
        assert_eq!(user["plan"], json!({"name": "pro", "seats": 6}));
        assert_eq!((&user["tags"], &user["name"]), (&json!([3]), &Value::Null));
    });
}

#[test]
fn trigger_data_of_a_recipient_is_its_own() {
    on_both(async |kit| {
        greet(kit).await;
        kit.users(&["bob"]).await;
        let own = json!({"id": "ada", "name": "ada", "$trigger_data": {"b": 2}});
        let run = kit.trigger("greet", json!({"recipients": [own, "bob"], "data": {"a": 1, "b": 1}})).await;
        assert_eq!(newest(kit, "ada").await, "<p>1/2 ada</p>");
        assert_eq!(newest(kit, "bob").await, "<p>1/1 bob</p>");
        let user = kit.get("/v1/users/ada").await.ok();
        assert!(user.get("$trigger_data").is_none(), "{user}");
        for message in kit.messages(&run).await {
            let b = if message["recipient"] == "ada" { 2 } else { 1 };
            assert_eq!(message["data"], json!({"a": 1, "b": b}));
        }
    });
}

#[test]
fn an_unknown_tenant_is_made() {
    on_both(async |kit| {
        greet(kit).await;
        kit.users(&["ada"]).await;
        let run = kit.trigger("greet", json!({"recipients": ["ada"], "tenant": "acme"})).await;
        assert_eq!(kit.messages(&run).await[0]["tenant"], "acme");
        assert_eq!(kit.get("/v1/tenants/acme").await.ok()["id"], "acme");
        let inline = json!({"id": "acme", "name": "Acme"});
        kit.trigger("greet", json!({"recipients": ["ada"], "tenant": inline})).await;
        kit.trigger("greet", json!({"recipients": ["ada"], "tenant": "acme"})).await;
        assert_eq!(
            kit.get("/v1/tenants/acme").await.ok()["name"],
            "Acme",
            "a reference keeps what is stored"
        );
    });
}

#[test]
fn ten_megabytes_are_accepted() {
    on_both(async |kit| {
        greet(kit).await;
        kit.users(&["ada"]).await;
        let large = "x".repeat(10 * 1024 * 1024 - 200);
        let run = kit
            .trigger("greet", json!({"recipients": ["ada"], "data": {"a": "small", "large": large}}))
            .await;
        assert_eq!(newest(kit, "ada").await, "<p>small/ ada</p>");
        assert_eq!(kit.status_of_run(&run, "ada").await, "completed");
    });
}

#[test]
fn a_repeated_key_replays_the_answer() {
    on_both(async |kit| {
        greet(kit).await;
        kit.workflow("other", json!([steps::feed("feed_1", "Hi")])).await;
        kit.users(&["ada"]).await;
        let ask = async |path: &str, body: &str, key: &str| {
            let answer =
                kit.secret.send(Method::POST, path, body.to_owned(), &[("idempotency-key", key)]).await;
            kit.idle().await;
            answer
        };
        let body = r#"{"recipients":["ada"],"data":{"a":1,"b":2}}"#;
        let key = uuid::Uuid::new_v4().to_string();
        let first = ask(GREET, body, &key).await;
        assert!(first.header("idempotent-replayed").is_empty());
        let first_id = first.header("x-request-id").to_owned();
        let run = first.ok()["workflow_run_id"].clone();

        let reordered = r#"{ "data": {"b":2, "a":1}, "recipients": ["ada"] }"#;
        for same in [body, reordered] {
            let again = ask(GREET, same, &key).await;
            assert_eq!(again.header("idempotent-replayed"), "true");
            assert_eq!(again.header("original-x-request-id"), first_id);
            assert_ne!(again.header("x-request-id"), first_id);
            assert_eq!(again.ok()["workflow_run_id"], run);
        }
        let other = ask(GREET, r#"{"recipients":["ada"],"data":{"a":2}}"#, &key).await;
        other.refused(400, "idempotency_mismatch");
        assert_eq!(other.json["error"], other.json["message"]);
        assert_eq!(kit.get("/v1/messages").await.ok()["items"].as_array().map(Vec::len), Some(1));

        let elsewhere = ask("/v1/workflows/other/trigger", body, &key).await;
        assert_ne!(elsewhere.ok()["workflow_run_id"], run, "a key counts for one path");
        ask(GREET, body, &"k".repeat(255)).await.ok();
        ask(GREET, body, &"k".repeat(256)).await.refused(400, "idempotency_key_too_long");
        assert_ne!(ask(GREET, body, "").await.ok()["workflow_run_id"], run, "an empty key is none");

        kit.advance("PT23H59M").await;
        assert_eq!(ask(GREET, body, &key).await.ok()["workflow_run_id"], run);
        kit.advance("PT1M1S").await;
        let later = ask(GREET, body, &key).await;
        assert!(later.header("idempotent-replayed").is_empty());
        assert_ne!(later.ok()["workflow_run_id"], run, "after 24 hours the key is new");
    });
}

#[test]
fn a_refused_request_does_not_use_its_key() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        let key = uuid::Uuid::new_v4().to_string();
        let headers = [("idempotency-key", key.as_str())];
        let ask = async |body: &'static str| kit.secret.send(Method::POST, GREET, body, &headers).await;
        ask(r#"{"recipients":["ada"]}"#).await.refused(404, "workflow_missing");
        greet(kit).await;
        ask(r#"{"recipients":[]}"#).await.refused(422, "invalid_params");
        let done = ask(r#"{"recipients":["ada"]}"#).await;
        assert!(done.header("idempotent-replayed").is_empty());
        done.ok();
    });
}

#[test]
fn environments_see_nothing_of_each_other() {
    on_both(async |kit| {
        greet(kit).await;
        kit.users(&["ada"]).await;
        kit.put("/v1/objects/projects/p1", json!({"name": "P"})).await.ok();
        kit.put("/v1/tenants/acme", json!({"name": "A"})).await.ok();
        let run = kit.trigger("greet", json!({"recipients": ["ada"]})).await;
        let id = kit.messages(&run).await[0]["id"].as_str().expect("an id").to_owned();
        let feed = kit.channel_id("in-app-feed").await;
        for path in ["/v1/users/ada", "/v1/objects/projects/p1", "/v1/tenants/acme"] {
            kit.get(path).await.ok();
            kit.live.get(path).await.refused(404, "resource_missing");
        }
        for tail in ["", "/content", "/events", "/activities", "/delivery_logs"] {
            let path = format!("/v1/messages/{id}{tail}");
            kit.get(&path).await.ok();
            kit.live.get(&path).await.refused(404, "resource_missing");
        }
        for tail in ["seen", "read", "interacted", "archived"] {
            let path = format!("/v1/messages/{id}/{tail}");
            kit.live_public.put(&path, json!({})).await.refused(404, "resource_missing");
        }
        let batch = kit.live.post("/v1/messages/batch/read", json!({"message_ids": [id]})).await.ok();
        assert_eq!(batch, json!([]));
        for (path, list) in [
            ("/v1/users".to_owned(), "entries"),
            ("/v1/objects/projects".to_owned(), "entries"),
            ("/v1/tenants".to_owned(), "entries"),
            ("/v1/messages".to_owned(), "items"),
            (format!("/v1/messages?workflow_run_id={run}"), "items"),
            ("/v1/users/ada/messages".to_owned(), "items"),
            (format!("/v1/users/ada/feeds/{feed}"), "entries"),
        ] {
            assert_eq!(kit.live.get(&path).await.ok()[list], json!([]), "{path}");
        }
        kit.live.delete("/v1/users/ada").await.ok();
        kit.get("/v1/users/ada").await.ok();
        assert_eq!(kit.get(&format!("/v1/messages/{id}")).await.ok()["read_at"], Value::Null);
    });
}

#[test]
fn twins_of_a_request_make_one_run() {
    on_both(async |kit| {
        greet(kit).await;
        kit.users(&["ada"]).await;
        let key = uuid::Uuid::new_v4().to_string();
        let headers = [("idempotency-key", key.as_str())];
        let twins =
            (0..16).map(|_| kit.secret.send(Method::POST, GREET, r#"{"recipients":["ada"]}"#, &headers));
        let answers = futures_util::future::join_all(twins).await;
        let mut runs = std::collections::HashSet::new();
        for answer in answers {
            if answer.status == 409 {
                answer.refused(409, "idempotency_in_progress");
                assert_eq!(answer.header("retry-after"), "1");
            } else {
                runs.insert(answer.ok()["workflow_run_id"].to_string());
            }
        }
        assert_eq!(runs.len(), 1);
        kit.idle().await;
        assert_eq!(kit.feed("ada", "").await["meta"]["total_count"], 1);
    });
}

#[test]
fn many_recipients_are_expanded_after_the_answer() {
    on_both(async |kit| {
        greet(kit).await;
        kit.users(&["u0", "bob"]).await;
        let inline =
            |n: usize| json!({"id": format!("u{n}"), "name": n.to_string(), "$trigger_data": {"b": n}});
        let recipients: Vec<Value> = std::iter::once(json!("u0")).chain((1..300).map(inline)).collect();
        // The actor is one of them, and is known.
        let body =
            json!({"recipients": recipients, "actor": "u0", "tenant": "acme", "data": {"a": "x", "b": 0}});
        let run = kit.trigger("greet", body).await;
        for n in [0, 1, 299] {
            let user = format!("u{n}");
            let name = if n == 0 { user.clone() } else { n.to_string() };
            assert_eq!(newest(kit, &user).await, format!("<p>x/{n} {name}</p>"));
            let feed = kit.feed(&user, "").await;
            assert_eq!(pluck(&feed["entries"][0]["actors"], "id"), ["u0"]);
            assert_eq!(feed["entries"][0]["tenant"], "acme");
            assert_eq!(kit.status_of_run(&run, &user).await, "completed");
        }
        let path = "/v1/workflows/greet/trigger";
        let recipients: Vec<String> = (0..300).map(|n| format!("u{n}")).collect();
        let body = json!({"recipients": recipients, "actor": "ghost"});
        kit.post(path, body).await.refused(422, "actor_missing");
    });
}

/// workflows.md R3.8: the schema of the published version refuses the whole call.
#[test]
fn data_must_satisfy_the_schema_of_the_workflow() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        let schema = json!({
            "type": "object", "required": ["id"],
            "properties": {"id": {"type": "integer"}, "lines": {"type": "array", "items": {"type": "string"}}},
        });
        let steps = json!([steps::feed("feed_1", "{{ data.id }}")]);
        kit.workflow_with("strict", json!({"steps": steps, "trigger_data_json_schema": schema})).await;
        for (data, fields) in [
            (json!({}), vec!["data"]),
            (json!({"id": "x", "lines": ["a", 1]}), vec!["data.id", "data.lines[1]"]),
        ] {
            let body = json!({"recipients": ["ada", {"id": "new"}], "data": data});
            let answer = kit.post("/v1/workflows/strict/trigger", body).await;
            assert_eq!(answer.refused(422, "invalid_params"), fields, "{}", answer.text);
        }
        kit.post("/v1/workflows/strict/trigger", json!({"recipients": ["ada"]}))
            .await
            .refused(422, "invalid_params");
        kit.get("/v1/users/new").await.refused(404, "resource_missing");
        let run = kit.trigger("strict", json!({"recipients": ["ada"], "data": {"id": 1}})).await;
        assert_eq!(kit.messages(&run).await.len(), 1);
        let broken = json!({"workflow": {"name": "B", "steps": steps, "trigger_data_json_schema": {"type": "nothing"}}});
        let answer = kit.service.put("/v1/workflows/broken?environment=development", broken).await;
        assert_eq!(answer.refused(422, "invalid_params"), ["trigger_data_json_schema"], "{}", answer.text);
    });
}
