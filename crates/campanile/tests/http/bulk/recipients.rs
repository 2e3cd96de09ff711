//! Users, objects and tenants in bulk.

use serde_json::{Value, json};

use super::done;
use crate::kit::{Kit, on_both, pluck, steps};

const IDENTIFY: &str = "/v1/users/bulk/identify";

async fn user(kit: &Kit, id: &str) -> Value {
    kit.get(&format!("/v1/users/{id}")).await.ok()
}

#[test]
fn a_bad_row_is_an_error_item_and_the_others_stand() {
    on_both(async |kit| {
        let large = "x".repeat(256 * 1024);
        let users = json!([
            {"id": "u1", "name": "Ada", "plan": "pro"},
            {"id": "u2", "note": large},
            {"id": "u3", "timezone": "Mars/Olympus"},
            {"id": "a/b"},
            {"id": "u4", "name": 7},
            {"id": "u5", "email": "e@x.io"},
        ]);
        let operation = done(kit, IDENTIFY, json!({"users": users})).await;
        assert_eq!((&operation["success_count"], &operation["error_count"]), (&json!(2), &json!(4)));
        let mut failed = pluck(&operation["error_items"], "id");
        failed.sort();
        assert_eq!(failed, ["a/b", "u2", "u3", "u4"]);
        assert_eq!(operation["error_items"][0]["collection"], json!(null));
        assert_eq!(user(kit, "u1").await["plan"], "pro");
        assert_eq!(user(kit, "u5").await["email"], "e@x.io");
        kit.get("/v1/users/u2").await.refused(404, "resource_missing");
    });
}

#[test]
fn rows_apply_in_order_and_merge() {
    on_both(async |kit| {
        kit.put("/v1/users/u1", json!({"plan": "free", "address": {"city": "Oslo", "zip": "0150"}}))
            .await
            .ok();
        let users = json!([
            {"id": "u1", "plan": "pro", "address": {"zip": "0151"}},
            {"id": "u2", "n": 1},
            {"id": "u1", "plan": "max", "tags": ["a"]},
            {"id": "u2", "n": 2, "created_at": "2024-05-22T12:00:00Z"},
        ]);
        let operation = done(kit, IDENTIFY, json!({"users": users})).await;
        assert_eq!(operation["success_count"], 4, "the same id twice counts twice");
        let ada = user(kit, "u1").await;
        assert_eq!(ada["address"], json!({"city": "Oslo", "zip": "0151"}));
        assert_eq!((&ada["plan"], &ada["tags"]), (&json!("max"), &json!(["a"])));
        let other = user(kit, "u2").await;
        assert_eq!(other["n"], 2);
        assert!(other["created_at"].as_str().is_some_and(|at| at.starts_with("2024-05-22T12:00:00")));
        kit.advance("PT1M").await;
        done(kit, IDENTIFY, json!({"users": [{"id": "u1", "plan": "max"}, {"id": "u2", "n": 3}]})).await;
        assert_eq!(user(kit, "u1").await["updated_at"], ada["updated_at"], "RC6.4: nothing changed");
        assert_eq!(user(kit, "u2").await["updated_at"], kit.now().await.as_str());
    });
}

#[test]
fn a_thousand_users_with_channel_data() {
    on_both(async |kit| {
        let push = kit.channel_id("push").await;
        let users: Vec<Value> = (0..1_000)
            .map(|n| json!({"id": format!("u{n:04}"), "n": n, "channel_data": {push.as_str(): {"tokens": [format!("t{n}")]}}}))
            .collect();
        let operation = done(kit, IDENTIFY, json!({"users": users})).await;
        assert_eq!((&operation["success_count"], &operation["error_count"]), (&json!(1_000), &json!(0)));
        for n in [0, 249, 250, 999] {
            assert_eq!(user(kit, &format!("u{n:04}")).await["n"], n);
            let data = kit.get(&format!("/v1/users/u{n:04}/channel_data/{push}")).await.ok();
            assert_eq!(data["data"]["tokens"], json!([format!("t{n}")]));
        }
        let ids: Vec<Value> = (0..1_000).map(|n| json!(format!("u{n:04}"))).collect();
        let operation = done(kit, "/v1/users/bulk/delete", json!({"user_ids": ids})).await;
        assert_eq!(operation["success_count"], 1_000);
        assert_eq!(kit.get("/v1/users").await.ok()["entries"], json!([]));
    });
}

#[test]
fn objects_are_set_and_deleted_in_their_collection() {
    on_both(async |kit| {
        let set = "/v1/objects/projects/bulk/set";
        let objects = json!([{"id": "p1", "name": "One", "budget": 1}, {"id": "p2"}, {"id": "p/3"}]);
        let operation = done(kit, set, json!({"objects": objects})).await;
        assert_eq!(operation["name"], "objects.set");
        assert_eq!(operation["error_items"], json!([{"id": "p/3", "collection": "projects"}]));
        let one = kit.get("/v1/objects/projects/p1").await.ok();
        assert_eq!(one["properties"], json!({"name": "One", "budget": 1}));
        kit.put("/v1/objects/teams/p1", json!({"name": "Team"})).await.ok();
        let ids = json!({"object_ids": ["p1", "p2", "never"]});
        let operation = done(kit, "/v1/objects/projects/bulk/delete", ids).await;
        assert_eq!((&operation["name"], &operation["success_count"]), (&json!("objects.delete"), &json!(3)));
        kit.get("/v1/objects/projects/p1").await.refused(404, "resource_missing");
        assert_eq!(kit.get("/v1/objects/teams/p1").await.ok()["properties"]["name"], "Team");
        // RC4.4: only POST is shadowed.
        kit.put("/v1/objects/projects/bulk", json!({"n": 1})).await.ok();
        assert_eq!(kit.get("/v1/objects/projects/bulk").await.ok()["id"], "bulk");
        kit.post("/v1/objects/$users/bulk/set", json!({"objects": [{"id": "x"}]}))
            .await
            .refused(422, "invalid_params");
    });
}

#[test]
fn tenants_are_set_by_id_or_map_and_deleted_by_query() {
    on_both(async |kit| {
        let tenants = json!(["t1", {"id": "t2", "name": "Two", "settings": {"branding": {"primary_color": "#33FF5B"}}},
            {"id": "t3", "settings": {"branding": {"primary_color": "red"}}}, "white space"]);
        let operation = done(kit, "/v1/tenants/bulk/set", json!({"tenants": tenants})).await;
        assert_eq!(operation["name"], "tenants.set");
        assert_eq!(pluck(&operation["error_items"], "id"), ["t3", "white space"]);
        assert_eq!(operation["error_items"][0]["collection"], json!(null));
        assert_eq!(kit.get("/v1/tenants/t1").await.ok()["name"], json!(null));
        let two = kit.get("/v1/tenants/t2").await.ok();
        assert_eq!(two["settings"]["branding"]["primary_color"], "#33FF5B");
        for path in [
            "/v1/tenants/bulk/delete?tenant_ids[]=t1&tenant_ids[]=t2",
            "/v1/tenants/bulk/delete?tenant_ids=t1",
        ] {
            let queued = kit.secret.send(http::Method::POST, path, "", &[]).await.ok();
            assert_eq!((&queued["name"], &queued["status"]), (&json!("tenants.delete"), &json!("queued")));
        }
        kit.idle().await;
        assert_eq!(kit.get("/v1/tenants").await.ok()["entries"], json!([]));
        kit.put("/v1/tenants/t4", json!({})).await.ok();
        done(kit, "/v1/tenants/bulk/delete", json!({"tenant_ids": ["t4"]})).await;
        kit.get("/v1/tenants/t4").await.refused(404, "resource_missing");
    });
}

#[test]
fn deleted_users_leave_nothing_behind() {
    on_both(async |kit| {
        kit.users(&["ada", "bob"]).await;
        kit.workflow(
            "slow",
            json!([steps::feed("feed_1", "x"), steps::delay("wait", 1, "hours"), steps::feed("feed_2", "y")]),
        )
        .await;
        let run = kit.trigger("slow", json!({"recipients": ["ada", "bob"], "actor": "ada"})).await;
        let message =
            kit.messages(&run).await.into_iter().find(|one| one["recipient"] == "ada").expect("a message");
        done(kit, "/v1/users/bulk/delete", json!({"user_ids": ["ada"]})).await;
        let id = message["id"].as_str().expect("an id");
        kit.get(&format!("/v1/messages/{id}")).await.refused(404, "resource_missing");
        // RC12.2: whoever is identified again starts empty, and the run that waited never sends.
        kit.users(&["ada"]).await;
        kit.advance("PT2H").await;
        assert_eq!(kit.feed("ada", "").await["entries"], json!([]));
        assert_eq!(kit.feed("bob", "").await["entries"].as_array().map(Vec::len), Some(2));
    });
}

#[test]
fn channel_data_of_an_unknown_channel_is_missing_to_a_reader() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        let sms = kit.channel_id("sms").await;
        for channel in [sms.as_str(), "123e4567-e89b-12d3-a456-426614174000"] {
            for owner in ["/v1/users/ada", "/v1/objects/projects/p1"] {
                let path = format!("{owner}/channel_data/{channel}");
                kit.get(&path).await.refused(404, "resource_missing");
                // A writer is told why.
                kit.put(&path, json!({"data": {"tokens": ["t"]}})).await.refused(422, "channel_invalid");
            }
        }
    });
}
