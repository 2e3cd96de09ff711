//! Audiences and their members (recipients.md section 14, workflows.md section 23, management.md section 11).

use http::Method;
use serde_json::{Value, json};

use crate::kit::{Kit, on_both, pluck, steps};

impl Kit {
    async fn audience(&self, key: &str, mut document: Value) -> Value {
        document["name"] = key.into();
        let path = format!("/v1/audiences/{key}?environment=development&commit=true");
        self.service.put(&path, json!({"audience": document})).await.ok()
    }

    async fn dynamic(&self, key: &str, conditions: &[(&str, &str, Value)]) {
        let conditions: Vec<Value> = conditions
            .iter()
            .map(|(property, operator, argument)| {
                json!({"property": property, "operator": operator, "argument": argument})
            })
            .collect();
        let document = json!({"type": "dynamic", "segments": [{"conditions": conditions}]});
        self.audience(key, document).await;
        self.idle().await;
    }

    /// Members as `user` or `user/tenant`, sorted.
    async fn members(&self, key: &str) -> Vec<String> {
        let list = self.get(&format!("/v1/audiences/{key}/members")).await.ok();
        let mut members: Vec<String> = list["entries"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|entry| {
                let user = entry["user_id"].as_str().expect("an id");
                entry["tenant"].as_str().map_or_else(|| user.to_owned(), |tenant| format!("{user}/{tenant}"))
            })
            .collect();
        members.sort();
        members
    }

    async fn add(&self, key: &str, members: Value) {
        self.post(&format!("/v1/audiences/{key}/members"), json!({"members": members})).await.ok();
        self.idle().await;
    }

    async fn remove(&self, key: &str, members: Value) {
        let path = format!("/v1/audiences/{key}/members");
        let body = json!({"members": members}).to_string();
        self.secret.send(Method::DELETE, &path, body, &[]).await.ok();
    }

    /// How many messages a workflow or a broadcast made, as `recipient` or `recipient/tenant`, sorted.
    async fn reached(&self, source: &str) -> Vec<String> {
        self.idle().await;
        let list = self.get(&format!("/v1/messages?source={source}")).await.ok();
        let mut reached: Vec<String> = list["items"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|message| {
                let user = message["recipient"].as_str().expect("a user");
                message["tenant"]
                    .as_str()
                    .map_or_else(|| user.to_owned(), |tenant| format!("{user}/{tenant}"))
            })
            .collect();
        reached.sort();
        reached
    }
}

#[test]
fn a_member_is_a_user_and_a_tenant() {
    on_both(async |kit| {
        kit.audience("beta", json!({"type": "static"})).await;
        let acme = json!({"user": {"id": "u1"}, "tenant": "acme"});
        kit.add("beta", json!([{"user": {"id": "u1", "name": "Una"}}, acme, acme, {"user": {"id": "u2"}}]))
            .await;
        assert_eq!(kit.members("beta").await, ["u1", "u1/acme", "u2"]);
        assert_eq!(kit.get("/v1/users/u1").await.ok()["name"], "Una");
        // Adding again changes nothing, not even the time.
        let before = kit.get("/v1/audiences/beta/members").await.ok();
        kit.advance("PT1H").await;
        kit.add("beta", json!([{"user": {"id": "u1", "plan": "pro"}}, acme])).await;
        let after = kit.get("/v1/audiences/beta/members").await.ok();
        assert_eq!(pluck(&before["entries"], "added_at"), pluck(&after["entries"], "added_at"));
        let entry =
            after["entries"].as_array().unwrap().iter().find(|entry| entry["tenant"].is_null()).unwrap();
        assert_eq!(
            (&entry["__typename"], &entry["user"]["__typename"]),
            (&json!("AudienceMember"), &json!("User"))
        );
        // Each pair goes by itself; unknown ones are ignored.
        kit.remove("beta", json!([{"user": {"id": "u1", "name": "ignored"}}, {"user": {"id": "nobody"}}]))
            .await;
        assert_eq!(kit.members("beta").await, ["u1/acme", "u2"]);
        assert_eq!(kit.get("/v1/users/u1").await.ok()["name"], "Una");
        // Who is deleted leaves every audience, and is no member when it comes back.
        kit.delete("/v1/users/u2").await.ok();
        kit.users(&["u2"]).await;
        assert_eq!(kit.members("beta").await, ["u1/acme"]);
    });
}

#[test]
fn members_are_listed_in_pages_newest_first() {
    on_both(async |kit| {
        kit.audience("beta", json!({"type": "static"})).await;
        for id in ["a", "b", "c"] {
            kit.add("beta", json!([{"user": {"id": id}}])).await;
            kit.advance("PT1M").await;
        }
        let first = kit.get("/v1/audiences/beta/members?page_size=2").await.ok();
        assert_eq!(pluck(&first["entries"], "user_id"), ["c", "b"]);
        let after = first["page_info"]["after"].as_str().expect("more");
        let second = kit.get(&format!("/v1/audiences/beta/members?page_size=2&after={after}")).await.ok();
        assert_eq!(pluck(&second["entries"], "user_id"), ["a"]);
        assert!(second["page_info"]["after"].is_null());
        let before = second["page_info"]["before"].as_str().expect("the way back");
        let back = kit.get(&format!("/v1/audiences/beta/members?page_size=2&before={before}")).await.ok();
        assert_eq!(back["entries"], first["entries"]);
        let refused = kit.get("/v1/audiences/beta/members?page_size=0").await;
        assert_eq!(refused.refused(422, "invalid_params"), ["page_size"]);
    });
}

#[test]
fn requests_that_cannot_be_met_change_nothing() {
    on_both(async |kit| {
        kit.audience("beta", json!({"type": "static"})).await;
        kit.dynamic("pros", &[("recipient.plan", "equal_to", json!("pro"))]).await;
        let one = json!([{"user": {"id": "u1"}}]);
        let add = async |key: &str, members: Value| {
            kit.post(&format!("/v1/audiences/{key}/members"), json!({"members": members})).await
        };
        assert!(add("nobody", one.clone()).await.refused(404, "resource_missing").is_empty());
        assert_eq!(add("pros", one.clone()).await.refused(422, "invalid_params"), ["key"]);
        assert_eq!(kit.get("/v1/audiences/nobody/members").await.status, 404);
        let many: Vec<Value> = (0..1_001).map(|n| json!({"user": {"id": format!("u{n}")}})).collect();
        let big = "x".repeat(257 * 1024);
        for (members, fields) in [
            (Value::Null, vec!["members"]),
            (json!({}), vec!["members"]),
            (json!([]), vec!["members"]),
            (json!(many), vec!["members"]),
            (
                json!([1, {}, {"user": "u1"}, {"user": {}}, {"user": {"id": 1}}, {"user": {"id": "a/b"}}]),
                vec![
                    "members[0]",
                    "members[1].user",
                    "members[2].user",
                    "members[3].user.id",
                    "members[4].user.id",
                    "members[5].user.id",
                ],
            ),
            (
                json!([{"user": {"id": "u1"}, "tenant": {"id": "acme"}}, {"user": {"id": "u2", "name": 1}, "tenant": "a b"}]),
                vec!["members[0].tenant", "members[1].tenant", "members[1].user.name"],
            ),
            (json!([{"user": {"id": "u1"}}, {"user": {"id": "u2", "text": big}}]), vec!["members[1].user"]),
        ] {
            let refused = add("beta", members).await;
            assert_eq!(refused.refused(422, "invalid_params"), fields);
        }
        assert!(kit.members("beta").await.is_empty());
        assert_eq!(kit.get("/v1/users/u1").await.status, 404);
        // A missing audience is made when that is asked for: static, and named like its key.
        let path = "/v1/audiences/made/members?create_audience=true";
        kit.post(path, json!({"members": one})).await.ok();
        let made = kit.service.get("/v1/audiences/made?environment=development").await.ok();
        assert_eq!((&made["type"], &made["name"]), (&json!("static"), &json!("made")));
        assert_eq!(kit.members("made").await, ["u1"]);
        // Environments do not see each other's.
        assert_eq!(kit.live.get("/v1/audiences/made/members").await.status, 404);
        kit.live.post(path, json!({"members": one})).await.ok();
        let bad =
            kit.post("/v1/audiences/No%20Key/members?create_audience=true", json!({"members": one})).await;
        assert_eq!(bad.refused(422, "invalid_params"), ["key"]);
    });
}

#[test]
fn definitions_are_versioned_and_their_type_stays() {
    on_both(async |kit| {
        let at = |key: &str| format!("/v1/audiences/{key}?environment=development");
        let document = json!({"audience": {"type": "dynamic", "name": "Pros", "description": null, "$schema": "x",
            "segments": [{"conditions": [{"property": "recipient.plan", "operator": "equal_to", "argument": "pro"}]}]}});
        let saved = kit.service.put(&at("pros"), document.clone()).await.ok();
        assert_eq!(saved["audience"]["segments"], document["audience"]["segments"]);
        assert!(saved["audience"].get("description").is_none());
        // Saved is not published: the public side does not know it yet (M4.2).
        assert_eq!(kit.get("/v1/audiences/pros/members").await.status, 404);
        kit.service.put("/v1/commits?environment=development", json!({})).await.ok();
        assert_eq!(kit.get("/v1/audiences/pros/members").await.status, 200);
        let other = json!({"audience": {"type": "static", "name": "Pros"}});
        for path in [at("pros"), "/v1/audiences/pros/validate?environment=development".into()] {
            assert_eq!(kit.service.put(&path, other.clone()).await.refused(422, "invalid_params"), ["type"]);
        }
        let bad = json!({"audience": {"type": "dynamic", "name": "P", "segments": [{"conditions": [
            {"property": "recipient.created_at", "operator": "exists"}, {"property": "plan", "operator": "nope"}]}]}});
        assert_eq!(
            kit.service
                .put("/v1/audiences/x/validate?environment=development", bad)
                .await
                .refused(422, "invalid_params"),
            ["key", "segments[0].conditions[0].property", "segments[0].conditions[1].property"]
        );
        let annotated = kit.service.get(&format!("{}&annotate=true", at("pros"))).await.ok();
        assert_eq!(
            annotated["__annotation"]["readonly_fields"],
            json!(["key", "environment", "created_at", "updated_at", "sha"])
        );
        let list = kit.service.get("/v1/audiences?environment=development").await.ok();
        assert_eq!(pluck(&list["entries"], "key"), ["pros"]);
        // Archived everywhere; a key that is used again begins without members.
        kit.put("/v1/users/u1", json!({"plan": "pro"})).await.ok();
        assert_eq!(kit.members("pros").await, ["u1"]);
        let archived = kit.service.delete(&at("pros")).await.ok();
        assert_eq!(archived, json!({"result": "success"}));
        assert_eq!(kit.service.delete(&at("pros")).await.status, 404);
        assert_eq!(kit.get("/v1/audiences/pros/members").await.status, 404);
        kit.audience("pros", json!({"type": "static"})).await;
        assert!(kit.members("pros").await.is_empty());
    });
}

#[test]
fn dynamic_members_follow_their_users_at_once() {
    on_both(async |kit| {
        kit.put("/v1/users/early", json!({"plan": "pro"})).await.ok();
        kit.put("/v1/objects/teams/t1", json!({"plan": "pro"})).await.ok();
        kit.dynamic("pros", &[("recipient.plan", "equal_to", json!("pro"))]).await;
        assert_eq!(kit.members("pros").await, ["early"]);
        kit.put("/v1/users/u1", json!({"plan": "pro"})).await.ok();
        kit.put("/v1/users/u2", json!({"plan": "free"})).await.ok();
        assert_eq!(kit.members("pros").await, ["early", "u1"]);
        // Everywhere a user is identified: a trigger, members of another audience, in bulk.
        kit.workflow("hello", json!([steps::feed("f", "Hi")])).await;
        kit.trigger(
            "hello",
            json!({"recipients": [{"id": "u2", "plan": "pro"}, {"id": "u3", "plan": "pro"}]}),
        )
        .await;
        kit.audience("beta", json!({"type": "static"})).await;
        kit.add("beta", json!([{"user": {"id": "u4", "plan": "pro"}}])).await;
        kit.post(
            "/v1/users/bulk/identify",
            json!({"users": [{"id": "u5", "plan": "pro"}, {"id": "u1", "plan": null}]}),
        )
        .await
        .ok();
        kit.idle().await;
        assert_eq!(kit.members("pros").await, ["early", "u2", "u3", "u4", "u5"]);
        // A new definition is applied to everybody.
        kit.dynamic("pros", &[("recipient.plan", "not_exists", Value::Null)]).await;
        assert_eq!(kit.members("pros").await, ["u1"]);
    });
}

#[test]
fn a_new_definition_reaches_thousands() {
    on_both(async |kit| {
        let users: Vec<Value> = (0..900).map(|n| json!({"id": format!("u{n}"), "n": n})).collect();
        kit.post("/v1/users/bulk/identify", json!({"users": users})).await.ok();
        kit.idle().await;
        kit.dynamic("many", &[("recipient.n", "less_than", json!(777))]).await;
        let store = kit.server().engine.store();
        let mut count = 0;
        let mut after = String::new();
        loop {
            let page = kit.get(&format!("/v1/audiences/many/members?page_size=50{after}")).await.ok();
            count += page["entries"].as_array().unwrap().len();
            let Some(cursor) = page["page_info"]["after"].as_str() else { break };
            after = format!("&after={cursor}");
        }
        assert_eq!(count, 777);
        assert_eq!(store.job_stats(kit.server().engine.clock().now()).await.unwrap().due, 0);
    });
}

#[test]
fn whoever_enters_runs_the_workflows_that_wait() {
    on_both(async |kit| {
        kit.audience("beta", json!({"type": "static"})).await;
        kit.dynamic("pros", &[("recipient.plan", "equal_to", json!("pro"))]).await;
        for key in ["beta", "pros"] {
            let document = json!({"steps": [steps::feed("f", "Welcome {{ recipient.id }}")],
                "audience_trigger": {"audience_key": key}});
            kit.workflow_with(&format!("hello-{key}"), document).await;
        }
        let unknown =
            json!({"workflow": {"name": "W", "steps": [], "audience_trigger": {"audience_key": "none"}}});
        let refused = kit.service.put("/v1/workflows/www?environment=development", unknown).await;
        assert_eq!(refused.refused(422, "invalid_params"), ["audience_trigger.audience_key"]);
        // Two tenants are two runs; adding again and leaving are none; coming back is one more.
        let both = json!([{"user": {"id": "u1"}}, {"user": {"id": "u1"}, "tenant": "acme"}]);
        kit.add("beta", both.clone()).await;
        assert_eq!(kit.reached("hello-beta").await, ["u1", "u1/acme"]);
        assert_eq!(kit.get("/v1/tenants/acme").await.status, 200);
        kit.add("beta", both).await;
        kit.remove("beta", json!([{"user": {"id": "u1"}}])).await;
        assert_eq!(kit.reached("hello-beta").await, ["u1", "u1/acme"]);
        kit.add("beta", json!([{"user": {"id": "u1"}}])).await;
        assert_eq!(kit.reached("hello-beta").await, ["u1", "u1", "u1/acme"]);
        // A user that changes enters too; one that stays does not.
        kit.put("/v1/users/u1", json!({"plan": "pro"})).await.ok();
        kit.put("/v1/users/u1", json!({"plan": "pro", "n": 1})).await.ok();
        assert_eq!(kit.reached("hello-pros").await, ["u1"]);
        // A new definition lets people in silently (S49).
        kit.put("/v1/users/u2", json!({"plan": "max"})).await.ok();
        kit.dynamic("pros", &[("recipient.plan", "contains", json!(["pro", "max"]))]).await;
        assert_eq!(kit.members("pros").await, ["u1", "u2"]);
        assert_eq!(kit.reached("hello-pros").await, ["u1"]);
        // A workflow that is switched off waits for nobody.
        kit.service
            .put("/v1/workflows/hello-pros/activate?environment=development", json!({"status": false}))
            .await
            .ok();
        kit.put("/v1/users/u3", json!({"plan": "pro"})).await.ok();
        assert_eq!(kit.reached("hello-pros").await, ["u1"]);
    });
}

#[test]
fn time_lets_members_in_and_out() {
    on_both(async |kit| {
        kit.dynamic("fresh", &[("recipient.signed_up", "is_timestamp_on_or_after", json!("1_day_ago"))])
            .await;
        kit.dynamic("due", &[("recipient.renews", "is_timestamp_before_now", Value::Null)]).await;
        let document =
            json!({"steps": [steps::feed("f", "Renew")], "audience_trigger": {"audience_key": "due"}});
        kit.workflow_with("renew", document).await;
        let now = kit.now().await;
        kit.put("/v1/users/u1", json!({"signed_up": now, "renews": "2026-03-02T12:00:00Z"})).await.ok();
        assert_eq!(
            (kit.members("fresh").await, kit.members("due").await),
            (vec!["u1".to_owned()], Vec::<String>::new())
        );
        kit.advance("PT23H").await;
        assert_eq!(kit.members("fresh").await, ["u1"]);
        kit.advance("PT2H").await;
        assert!(kit.members("fresh").await.is_empty());
        assert_eq!(kit.members("due").await, ["u1"]);
        assert_eq!(kit.reached("renew").await, ["u1"]);
    });
}

#[test]
fn conditions_ask_for_the_tenant_of_the_run() {
    on_both(async |kit| {
        kit.audience("beta", json!({"type": "static"})).await;
        kit.add("beta", json!([{"user": {"id": "u1"}, "tenant": "acme"}, {"user": {"id": "u2"}}])).await;
        let member = [("recipient", "is_audience_member", json!("beta"))];
        let other = [("recipient", "is_not_audience_member", json!("beta"))];
        let document = json!([
            steps::when(steps::feed("in", "Hi"), &member),
            steps::delay("wait", 1, "hours"),
            steps::when(steps::feed("out", "Hi"), &other),
        ]);
        kit.workflow("ask", document).await;
        // The table of R23.7; after the wait, what is asked is how things are then.
        for (user, tenant, want) in [
            ("u1", json!("acme"), vec!["in"]),
            ("u1", Value::Null, vec!["out"]),
            ("u2", json!("acme"), vec!["out"]),
            ("u2", Value::Null, vec!["in"]),
        ] {
            let run = kit.trigger("ask", json!({"recipients": [user], "tenant": tenant})).await;
            kit.advance("PT1H").await;
            assert_eq!(kit.steps(&run).await, want, "{user} {tenant}");
        }
        let run = kit.trigger("ask", json!({"recipients": ["u2"]})).await;
        kit.remove("beta", json!([{"user": {"id": "u2"}}])).await;
        kit.advance("PT1H").await;
        assert_eq!(kit.steps(&run).await, ["in", "out"]);
    });
}
