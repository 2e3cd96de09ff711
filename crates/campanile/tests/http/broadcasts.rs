//! Broadcasts (management.md section 16, workflows.md section 26).

use serde_json::{Value, json};

use crate::kit::{Kit, on_both, pluck, steps};

const NEWS: &str = "/v1/broadcasts/news?environment=development";

fn document(steps: &Value) -> Value {
    json!({"broadcast": {"name": "News", "steps": steps, "target_audience_key": "beta"}})
}

async fn audience(kit: &Kit, members: &[(&str, Option<&str>)]) {
    let document = json!({"audience": {"type": "static", "name": "Beta"}});
    kit.service.put("/v1/audiences/beta?environment=development&commit=true", document).await.ok();
    let members: Vec<Value> =
        members.iter().map(|(user, tenant)| json!({"user": {"id": user}, "tenant": tenant})).collect();
    for piece in members.chunks(1_000) {
        kit.post("/v1/audiences/beta/members", json!({"members": piece})).await.ok();
    }
}

async fn act(kit: &Kit, what: &str, body: Value) -> crate::kit::Answer {
    kit.service.put(&format!("/v1/broadcasts/news/{what}?environment=development"), body).await
}

async fn messages(kit: &Kit) -> Vec<Value> {
    kit.idle().await;
    let list = kit.get("/v1/messages?source=news").await.ok();
    list["items"].as_array().expect("a list").clone()
}

#[test]
fn a_broadcast_reaches_every_pair_of_user_and_tenant() {
    on_both(async |kit| {
        audience(kit, &[("u1", None), ("u1", Some("acme")), ("u2", Some("acme"))]).await;
        let saved =
            kit.service.put(NEWS, document(&json!([steps::feed("f", "Hi {{ recipient.id }}")]))).await.ok();
        let draft = &saved["broadcast"];
        assert_eq!((&draft["status"], &draft["valid"]), (&json!("draft"), &json!(true)));
        assert_eq!(draft["settings"], json!({"is_commercial": true}));
        assert_eq!((&draft["scheduled_at"], &draft["sent_at"]), (&Value::Null, &Value::Null));
        let sent = act(kit, "send", json!({})).await.ok();
        assert_eq!(sent["broadcast"]["status"], "sent");
        assert_eq!(sent["broadcast"]["sent_at"].as_str().map(|at| &at[..19]), Some(&kit.now().await[..19]));
        let messages = messages(kit).await;
        let mut reached: Vec<_> =
            messages.iter().map(|m| (m["recipient"].as_str().unwrap(), m["tenant"].as_str())).collect();
        reached.sort_unstable();
        assert_eq!(reached, [("u1", None), ("u1", Some("acme")), ("u2", Some("acme"))]);
        for message in &messages {
            let source = &message["source"];
            assert_eq!((&source["type"], &source["key"]), (&json!("broadcast"), &json!("news")));
        }
        // Once, and never changed again.
        for (what, body) in [("send", json!({})), ("cancel", json!({}))] {
            assert_eq!(act(kit, what, body).await.refused(422, "invalid_params"), ["status"]);
        }
        let again = kit.service.put(NEWS, document(&json!([]))).await;
        assert_eq!(again.refused(422, "invalid_params"), ["status"]);
        // A broadcast is no workflow.
        let trigger = kit.post("/v1/workflows/news/trigger", json!({"recipients": ["u1"]})).await;
        assert_eq!(trigger.status, 404);
    });
}

#[test]
fn a_scheduled_broadcast_reads_its_audience_when_it_is_sent() {
    on_both(async |kit| {
        audience(kit, &[("u1", None), ("u2", None)]).await;
        kit.service.put(NEWS, document(&json!([steps::feed("f", "Hi")]))).await.ok();
        let past = act(kit, "send", json!({"send_at": "2020-01-01T00:00:00Z"})).await;
        assert_eq!(past.refused(422, "invalid_params"), ["send_at"]);
        let scheduled = act(kit, "send", json!({"send_at": "2026-03-03T09:00:00Z"})).await.ok();
        assert_eq!(scheduled["broadcast"]["status"], "scheduled");
        assert!(scheduled["broadcast"]["scheduled_at"].as_str().unwrap().starts_with("2026-03-03T09:00:00"));
        let refused = kit.service.put(NEWS, document(&json!([]))).await;
        assert_eq!(refused.refused(422, "invalid_params"), ["status"]);
        // Taken back, and scheduled again.
        let draft = act(kit, "cancel", json!({})).await.ok();
        assert_eq!(
            (&draft["broadcast"]["status"], &draft["broadcast"]["scheduled_at"]),
            (&json!("draft"), &Value::Null)
        );
        assert_eq!(act(kit, "cancel", json!({})).await.refused(422, "invalid_params"), ["status"]);
        kit.advance("P2D").await;
        assert!(messages(kit).await.is_empty());
        act(kit, "send", json!({"send_at": "2026-03-10T09:00:00Z"})).await.ok();
        kit.post("/v1/audiences/beta/members", json!({"members": [{"user": {"id": "late"}}]})).await.ok();
        kit.delete("/v1/users/u2").await.ok();
        kit.restart().await;
        kit.advance("P10D").await;
        let mut reached = pluck(&json!(messages(kit).await), "recipient");
        reached.sort();
        assert_eq!(reached, ["late", "u1"]);
        let news = kit.service.get(NEWS).await.ok();
        assert_eq!(news["status"], "sent");
        assert!(news["sent_at"].as_str().unwrap().starts_with("2026-03-10T09:00:00"));
    });
}

#[test]
fn a_broadcast_waits_and_branches_like_a_workflow() {
    on_both(async |kit| {
        audience(kit, &[("u1", None)]).await;
        let member = [("recipient", "is_audience_member", json!("beta"))];
        let document = document(&json!([
            steps::when(steps::feed("now", "Hi"), &member),
            steps::delay("wait", 1, "hours"),
            steps::feed("later", "Hi again"),
        ]));
        kit.service.put(NEWS, document).await.ok();
        act(kit, "send", json!({})).await.ok();
        assert_eq!(messages(kit).await.len(), 1);
        kit.advance("PT1H").await;
        assert_eq!(messages(kit).await.len(), 2);
    });
}

#[test]
fn large_audiences_are_reached_once_each() {
    on_both(async |kit| {
        let ids: Vec<String> = (0..620).map(|n| format!("u{n:03}")).collect();
        let members: Vec<_> =
            ids.iter().enumerate().map(|(n, id)| (id.as_str(), (n % 2 == 1).then_some("acme"))).collect();
        audience(kit, &members).await;
        kit.service.put(NEWS, document(&json!([steps::feed("f", "Hi")]))).await.ok();
        act(kit, "send", json!({})).await.ok();
        kit.idle().await;
        let mut reached = Vec::new();
        let mut after = String::new();
        loop {
            let page = kit.get(&format!("/v1/messages?source=news&page_size=50{after}")).await.ok();
            reached.extend(pluck(&page["items"], "recipient"));
            let Some(cursor) = page["page_info"]["after"].as_str() else { break };
            after = format!("&after={cursor}");
        }
        reached.sort();
        assert_eq!(reached, ids);
    });
}

#[test]
fn what_cannot_be_sent_is_refused() {
    on_both(async |kit| {
        audience(kit, &[]).await;
        let feed = steps::feed("f", "Hi");
        let put = async |body: Value| kit.service.put(NEWS, json!({"broadcast": body})).await;
        for (body, fields) in [
            (json!({}), vec!["name", "steps"]),
            (
                json!({"name": "N", "steps": [feed], "target_audience_key": "none"}),
                vec!["target_audience_key"],
            ),
            (
                json!({"name": "N", "steps": [steps::feed("f", "{{")]}),
                vec!["steps[0].template.markdown_body"],
            ),
            (
                json!({"name": "N", "steps": [{"ref": "b", "type": "batch"}]}),
                vec!["steps[0].type", "steps[0].type"],
            ),
        ] {
            let mut found = put(body).await.refused(422, "invalid_params");
            found.dedup();
            let mut fields = fields;
            fields.dedup();
            assert_eq!(found, fields);
        }
        assert_eq!(kit.service.get(NEWS).await.status, 404);
        assert_eq!(act(kit, "send", json!({})).await.status, 404);
        let branch = kit.service.put(&format!("{NEWS}&branch=b"), document(&json!([feed]))).await;
        assert_eq!(branch.refused(422, "invalid_params"), ["branch"]);
        // Without an audience, only to those who say so.
        put(json!({"name": "N", "steps": [feed]})).await.ok();
        assert_eq!(act(kit, "send", json!({})).await.refused(422, "invalid_params"), ["target_audience_key"]);
        assert_eq!(
            act(kit, "send", json!({"send_at": "soon"})).await.refused(422, "invalid_params"),
            ["send_at"]
        );
        put(json!({"name": "N", "steps": [], "target_audience_key": "beta"})).await.ok();
        assert_eq!(act(kit, "send", json!({})).await.refused(422, "invalid_params"), ["steps"]);
        kit.users(&["u1", "u2"]).await;
        put(json!({"name": "N", "steps": [feed], "target_all_users": true})).await.ok();
        // Checking saves nothing.
        let checked = act(kit, "validate", json!({"broadcast": {"name": "Other", "steps": []}})).await.ok();
        assert_eq!(checked["broadcast"]["name"], "Other");
        assert_eq!(kit.service.get(NEWS).await.ok()["name"], "N");
        act(kit, "send", json!({})).await.ok();
        assert_eq!(messages(kit).await.len(), 2);
        let list = kit.service.get("/v1/broadcasts?environment=development").await.ok();
        assert_eq!(pluck(&list["entries"], "key"), ["news"]);
        let live = kit.service.get("/v1/broadcasts?environment=production").await.ok();
        assert_eq!(live["entries"], json!([]));
    });
}
