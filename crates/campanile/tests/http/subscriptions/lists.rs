//! Adding, removing and listing.

use http::Method;
use serde_json::{Value, json};

use super::{path, subscribe};
use crate::kit::{Kit, on_both, pluck};

/// Keys of one side of a list's entries.
fn keys(list: &Value, side: &str) -> Vec<String> {
    let entries = list.as_array().expect("a list");
    entries.iter().map(|entry| entry[side]["id"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn remove(kit: &Kit, object: &str, recipients: Value) -> Value {
    let body = json!({"recipients": recipients}).to_string();
    kit.secret.send(Method::DELETE, &path(object), body, &[]).await.ok()
}

#[test]
fn adding_answers_in_the_order_of_the_request_and_makes_what_is_missing() {
    on_both(async |kit| {
        kit.users(&["ben"]).await;
        let body = json!({
            "recipients": [{"id": "zoe", "name": "Zoe"}, "ben", {"collection": "teams", "id": "t1", "size": 3}, "ben"],
            "properties": {"role": "member"},
        });
        let added = kit.post(&path("projects/p1"), body).await.ok();
        assert_eq!(keys(&added, "recipient"), ["zoe", "ben", "t1"]);
        assert_eq!(pluck(&added, "__typename"), ["Subscription"; 3]);
        let first = &added[0];
        assert_eq!(first["recipient"]["__typename"], "User");
        assert_eq!(first["recipient"]["name"], "Zoe");
        assert_eq!(first["object"]["__typename"], "Object");
        assert_eq!(
            (&first["object"]["collection"], &first["object"]["id"]),
            (&json!("projects"), &json!("p1"))
        );
        assert_eq!(
            (&first["properties"]["role"], &first["inserted_at"]),
            (&json!("member"), &first["updated_at"])
        );
        assert_eq!(added[2]["recipient"]["properties"], json!({"size": 3}));
        assert_eq!(kit.get("/v1/users/zoe").await.ok()["name"], "Zoe");
        assert_eq!(kit.get("/v1/objects/projects/p1").await.ok()["properties"], json!({}));
    });
}

#[test]
fn adding_again_replaces_properties_only_when_some_are_given() {
    on_both(async |kit| {
        subscribe(kit, "projects/p1", &["ada"], json!({"role": "member", "since": 1})).await;
        let begun = kit.now().await;
        for (properties, want) in [
            (json!(null), json!({"role": "member", "since": 1})),
            (json!({"role": "owner"}), json!({"role": "owner"})),
            (json!({}), json!({})),
        ] {
            kit.advance("PT1M").await;
            let body = json!({"recipients": ["ada"], "properties": properties});
            let again = kit.post(&path("projects/p1"), body).await.ok();
            assert_eq!(again[0]["properties"], want);
            assert_eq!(again[0]["inserted_at"].as_str(), Some(begun.as_str()));
            assert_eq!(again[0]["updated_at"].as_str(), Some(kit.now().await.as_str()));
        }
        let absent = kit.post(&path("projects/p1"), json!({"recipients": ["ada"]})).await.ok();
        assert_eq!(absent[0]["properties"], json!({}));
        subscribe(kit, "projects/p1", &["bob"], json!(null)).await;
        let list = kit.get(&path("projects/p1")).await.ok();
        assert_eq!(list["entries"][0]["properties"], Value::Null);
    });
}

#[test]
fn what_cannot_subscribe_is_refused_and_nothing_is_written() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        let fresh = json!({"id": "fresh"});
        let many: Vec<_> = (0..101).map(|n| json!({"id": format!("u{n}")})).collect();
        for (body, fields) in [
            (json!({}), vec!["recipients"]),
            (json!({"recipients": []}), vec!["recipients"]),
            (json!({"recipients": "ada"}), vec!["recipients"]),
            (json!({"recipients": many}), vec!["recipients"]),
            (
                json!({"recipients": [fresh, "ghost", {"collection": "teams", "id": "none"}]}),
                vec!["recipients[1]", "recipients[2]"],
            ),
            (json!({"recipients": [fresh, {"collection": "projects", "id": "p1"}]}), vec!["recipients[1]"]),
            (
                json!({"recipients": [fresh, {"collection": "projects", "id": "p1", "a": 1}]}),
                vec!["recipients[1]"],
            ),
            (
                json!({"recipients": [fresh, 7, {"id": "a/b"}], "properties": []}),
                vec!["properties", "recipients[1]", "recipients[2].id"],
            ),
            (json!({"recipients": [fresh, {"id": "big", "x": "x".repeat(262_144)}]}), vec!["recipients[1]"]),
            (json!({"recipients": ["ada"], "properties": {"x": "x".repeat(262_144)}}), vec!["properties"]),
        ] {
            let answer = kit.post(&path("projects/p1"), body.clone()).await;
            assert_eq!(answer.refused(422, "invalid_params"), fields);
        }
        kit.get("/v1/users/fresh").await.refused(404, "resource_missing");
        kit.get("/v1/objects/projects/p1").await.refused(404, "resource_missing");
        let fields = kit.post(&path("$users/x"), json!({"recipients": ["ada"]})).await;
        assert_eq!(fields.refused(422, "invalid_params"), ["collection"]);
        let fields = kit.post(&path("$tenants/a%20b"), json!({"recipients": ["ada"]})).await;
        assert_eq!(fields.refused(422, "invalid_params"), ["object_id"]);
    });
}

#[test]
fn removing_answers_what_was_there() {
    on_both(async |kit| {
        subscribe(kit, "projects/p1", &["ada", "ben", "teams/t1"], json!({"n": 1})).await;
        let team = json!({"collection": "teams", "id": "t1"});
        let removed = remove(kit, "projects/p1", json!([team, "ghost", "ada"])).await;
        assert_eq!(keys(&removed, "recipient"), ["t1", "ada"]);
        assert_eq!(removed[0]["properties"], json!({"n": 1}));
        assert_eq!(remove(kit, "projects/p1", json!(["ada"])).await, json!([]));
        assert_eq!(remove(kit, "projects/none", json!(["ada"])).await, json!([]));
        assert_eq!(keys(&kit.get(&path("projects/p1")).await.ok()["entries"], "recipient"), ["ben"]);
        for body in [json!({}), json!({"recipients": []}), json!({"recipients": vec!["u"; 101]})] {
            let answer = kit.secret.send(Method::DELETE, &path("projects/p1"), body.to_string(), &[]).await;
            assert_eq!(answer.refused(422, "invalid_params"), ["recipients"]);
        }
    });
}

#[test]
fn lists_look_both_ways_and_filter() {
    on_both(async |kit| {
        for (object, recipients) in
            [("projects/engine", ["ada", "ben"]), ("projects/loom", ["ada", "projects/engine"])]
        {
            subscribe(kit, object, &recipients, json!(null)).await;
            kit.advance("PT1S").await;
        }
        let ids = async |query: &str, side: &str| keys(&kit.get(query).await.ok()["entries"], side);
        let engine = path("projects/engine");
        for (query, want) in [
            ("", vec!["ben", "ada"]),
            ("?mode=object", vec!["ben", "ada"]),
            ("?mode=", vec!["ben", "ada"]),
            ("?recipients[]=ada", vec!["ada"]),
            ("?mode=object&recipients[]=ada&recipients[]=ben", vec!["ben", "ada"]),
            ("?recipients[0][id]=engine&recipients[0][collection]=projects", vec![]),
            // A filter of the other mode is ignored.
            ("?objects[]=ghost", vec!["ben", "ada"]),
        ] {
            assert_eq!(ids(&format!("{engine}{query}"), "recipient").await, want, "{query}");
        }
        assert_eq!(
            ids(
                &format!(
                    "{}?recipients[0][id]=engine&recipients[0][collection]=projects",
                    path("projects/loom")
                ),
                "recipient"
            )
            .await,
            ["engine"]
        );
        assert_eq!(ids(&format!("{engine}?mode=recipient"), "object").await, ["loom"]);
        assert_eq!(ids(&format!("{engine}?mode=recipient&recipients[]=ghost"), "object").await, ["loom"]);
        let other = "objects[][id]=engine&objects[][collection]=projects";
        assert!(ids(&format!("{engine}?mode=recipient&{other}"), "object").await.is_empty());
        let ada = "/v1/users/ada/subscriptions";
        assert_eq!(ids(ada, "object").await, ["loom", "engine"]);
        assert_eq!(ids(&format!("{ada}?{other}"), "object").await, ["engine"]);
        assert!(ids(&format!("{ada}?objects[]=loom"), "object").await.is_empty());
        assert!(ids("/v1/users/ghost/subscriptions", "object").await.is_empty());
        assert!(ids(&path("projects/none"), "recipient").await.is_empty());
        let included = kit.get(&format!("{ada}?include[]=preferences")).await.ok();
        assert!(included["entries"][0]["recipient"]["preferences"].is_object());
        assert_eq!(kit.get(ada).await.ok()["entries"][0]["recipient"].get("preferences"), None);
        for (query, field) in [("mode=both", "mode"), ("include=x", "include"), ("page_size=0", "page_size")]
        {
            let answer = kit.get(&format!("{engine}?{query}")).await;
            assert_eq!(answer.refused(422, "invalid_params"), [field]);
        }
        assert!(kit.live.get(&engine).await.ok()["entries"].as_array().is_some_and(Vec::is_empty));
        kit.public.get(&engine).await.check_envelope();
    });
}

#[test]
fn pages_lead_through_subscribers_newest_first() {
    on_both(async |kit| {
        for n in 0..5 {
            subscribe(kit, "projects/p1", &[&format!("u{n}")], json!(null)).await;
        }
        let first = kit.get(&format!("{}?page_size=2", path("projects/p1"))).await.ok();
        assert_eq!(keys(&first["entries"], "recipient"), ["u4", "u3"]);
        let after = first["page_info"]["after"].as_str().expect("there is more");
        let second = kit.get(&format!("{}?page_size=2&after={after}", path("projects/p1"))).await.ok();
        assert_eq!(keys(&second["entries"], "recipient"), ["u2", "u1"]);
        // A cursor belongs to its list.
        let answer = kit.get(&format!("{}?after={after}", path("projects/p2"))).await;
        assert_eq!(answer.refused(422, "invalid_params"), ["after"]);
    });
}

#[test]
fn tenants_have_subscribers_and_deletion_ends_them() {
    on_both(async |kit| {
        subscribe(kit, "$tenants/acme", &["ada"], json!(null)).await;
        assert_eq!(kit.get("/v1/tenants/acme").await.ok()["__typename"], "Tenant");
        subscribe(kit, "projects/p1", &["ada", "ben"], json!(null)).await;
        kit.delete("/v1/users/ada").await.ok();
        assert_eq!(keys(&kit.get(&path("projects/p1")).await.ok()["entries"], "recipient"), ["ben"]);
        assert_eq!(kit.get(&path("%24tenants/acme")).await.ok()["entries"], json!([]));
        kit.delete("/v1/objects/projects/p1").await.ok();
        assert_eq!(kit.get("/v1/users/ben/subscriptions").await.ok()["entries"], json!([]));
        // Made again, both start empty (RC12.2).
        kit.put("/v1/users/ada", json!({})).await.ok();
        kit.put("/v1/objects/projects/p1", json!({})).await.ok();
        assert_eq!(kit.get("/v1/users/ada/subscriptions").await.ok()["entries"], json!([]));
        assert_eq!(kit.get(&path("projects/p1")).await.ok()["entries"], json!([]));
    });
}
