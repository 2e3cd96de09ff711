//! Bulk operations (recipients.md section 13, api-conventions.md section 10).

mod messages;
mod recipients;

use serde_json::{Value, json};

use crate::kit::{Kit, on_both};

/// Submits, waits until nothing is due, and reads the operation again.
pub async fn done(kit: &Kit, path: &str, body: Value) -> Value {
    let queued = kit.post(path, body).await.ok();
    assert_eq!(queued["status"], "queued", "{queued}");
    kit.idle().await;
    let id = queued["id"].as_str().expect("an id");
    let operation = kit.get(&format!("/v1/bulk_operations/{id}")).await.ok();
    assert_eq!(operation["status"], "completed", "{operation}");
    let count = |name: &str| operation[name].as_i64().expect("a count");
    assert_eq!(count("processed_rows"), count("success_count") + count("error_count"), "{operation}");
    assert_eq!(count("processed_rows"), count("estimated_total_rows"), "{operation}");
    operation
}

#[test]
fn an_operation_is_queued_and_then_completed() {
    on_both(async |kit| {
        let queued = kit.post("/v1/users/bulk/identify", json!({"users": [{"id": "u1"}]})).await.ok();
        let now = kit.now().await;
        let id = queued["id"].as_str().expect("an id").to_owned();
        let path = queued["progress_path"].as_str().expect("a path").to_owned();
        assert!(path.starts_with("http") && path.ends_with(&format!("/v1/bulk_operations/{id}")), "{path}");
        let mut want = json!({
            "__typename": "BulkOperation", "id": id, "name": "users.identify", "status": "queued",
            "estimated_total_rows": 1, "processed_rows": 0, "success_count": 0, "error_count": 0,
            "error_items": [], "progress_path": path, "inserted_at": now, "updated_at": now,
            "started_at": null, "completed_at": null, "failed_at": null,
        });
        assert_eq!(queued, want);
        kit.idle().await;
        want["status"] = "completed".into();
        want["processed_rows"] = 1.into();
        want["success_count"] = 1.into();
        want["started_at"] = now.clone().into();
        want["completed_at"] = now.into();
        assert_eq!(kit.get(&format!("/v1/bulk_operations/{id}")).await.ok(), want);
        let unknown = "/v1/bulk_operations/123e4567-e89b-12d3-a456-426614174000";
        kit.get(unknown).await.refused(404, "resource_missing");
        kit.get("/v1/bulk_operations/x").await.refused(404, "resource_missing");
        let foreign = format!("/v1/bulk_operations/{id}");
        kit.live.get(&foreign).await.refused(404, "resource_missing");
    });
}

#[test]
fn the_envelope_is_checked_before_anything_is_accepted() {
    on_both(async |kit| {
        let many: Vec<Value> = (0..1_001).map(|n| json!(format!("u{n}"))).collect();
        let entities: Vec<Value> = (0..1_001).map(|n| json!({"id": format!("u{n}")})).collect();
        for (path, name, too_many) in [
            ("/v1/users/bulk/identify", "users", &entities),
            ("/v1/users/bulk/delete", "user_ids", &many),
            ("/v1/objects/projects/bulk/set", "objects", &entities),
            ("/v1/objects/projects/bulk/delete", "object_ids", &many),
            ("/v1/tenants/bulk/set", "tenants", &entities),
            ("/v1/tenants/bulk/delete", "tenant_ids", &many),
        ] {
            for list in [json!(null), json!([]), json!({}), json!("u1"), json!(too_many)] {
                let answer = kit.post(path, json!({name: list})).await;
                assert_eq!(answer.refused(422, "invalid_params"), [name], "{path}");
            }
            assert_eq!(kit.post(path, json!({})).await.refused(422, "invalid_params"), [name], "{path}");
        }
        for (path, name, list, fields) in [
            (
                "/v1/users/bulk/identify",
                "users",
                json!([{"id": "u1"}, {"name": "x"}, {"id": 7}, "u2", {"id": ""}]),
                vec!["users[1].id", "users[2].id", "users[3]", "users[4].id"],
            ),
            (
                "/v1/tenants/bulk/set",
                "tenants",
                json!(["t1", {"id": "t2"}, {"name": "x"}, 7]),
                vec!["tenants[2].id", "tenants[3]"],
            ),
            (
                "/v1/users/bulk/delete",
                "user_ids",
                json!(["u1", {"id": "u2"}, ""]),
                vec!["user_ids[1]", "user_ids[2]"],
            ),
        ] {
            let answer = kit.post(path, json!({name: list})).await;
            assert_eq!(answer.refused(422, "invalid_params"), fields, "{path}");
        }
        kit.idle().await;
        assert_eq!(kit.get("/v1/users").await.ok()["entries"], json!([]));
        assert_eq!(kit.get("/v1/tenants").await.ok()["entries"], json!([]));
        let identify = json!({"users": [{"id": "u1"}]});
        kit.public.post("/v1/users/bulk/identify", identify).await.refused(403, "incorrect_token_type");
    });
}
