//! Subscriptions of many objects at once.

use serde_json::{Value, json};

use super::path;
use crate::kit::{Kit, on_both};

const ADD: &str = "/v1/objects/projects/bulk/subscriptions/add";
const DELETE: &str = "/v1/objects/projects/bulk/subscriptions/delete";

async fn run(kit: &Kit, endpoint: &str, subscriptions: Value) -> Value {
    let queued = kit.post(endpoint, json!({"subscriptions": subscriptions})).await.ok();
    assert_eq!(queued["status"], "queued");
    kit.idle().await;
    let id = queued["id"].as_str().expect("an operation has an id");
    kit.get(&format!("/v1/bulk_operations/{id}")).await.ok()
}

async fn subscribers(kit: &Kit, object: &str) -> usize {
    kit.get(&path(object)).await.ok()["entries"].as_array().map_or(0, Vec::len)
}

#[test]
fn entries_are_objects_and_a_refused_recipient_refuses_its_entry() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        let done = run(
            kit,
            ADD,
            json!([
                {"id": "p1", "recipients": ["ada", {"id": "ben"}], "properties": {"via": "bulk"}},
                {"id": "p2", "recipients": ["ada", "ghost"]},
                {"id": "p3", "recipients": [{"collection": "projects", "id": "p1"}], "properties": null},
                {"id": "a/b", "recipients": ["ada"]},
                {"id": "p4", "recipients": [{"collection": "projects", "id": "p4"}]},
            ]),
        )
        .await;
        assert_eq!(
            (&done["name"], &done["status"]),
            (&json!("objects.add_subscriptions"), &json!("completed"))
        );
        assert_eq!((&done["success_count"], &done["error_count"]), (&json!(2), &json!(3)));
        let failed: Vec<_> = ["p2", "a/b", "p4"].map(|id| json!({"id": id, "collection": "projects"})).into();
        assert_eq!(done["error_items"], json!(failed));
        let counts = [
            subscribers(kit, "projects/p1").await,
            subscribers(kit, "projects/p2").await,
            subscribers(kit, "projects/p3").await,
        ];
        assert_eq!(counts, [2, 0, 1]);
        let list = kit.get(&path("projects/p1")).await.ok();
        assert_eq!(list["entries"][0]["properties"], json!({"via": "bulk"}));
        let done = run(
            kit,
            DELETE,
            json!([{"id": "p1", "recipients": ["ada", "ghost"]}, {"id": "none", "recipients": ["ada"]}]),
        )
        .await;
        assert_eq!(
            (&done["name"], &done["success_count"]),
            (&json!("objects.delete_subscriptions"), &json!(2))
        );
        assert_eq!(subscribers(kit, "projects/p1").await, 1);
    });
}

#[test]
fn an_envelope_that_is_wrong_starts_nothing() {
    on_both(async |kit| {
        let entry = |recipients: Value| json!({"subscriptions": [{"id": "p1", "recipients": recipients}]});
        for endpoint in [ADD, DELETE] {
            for (body, fields) in [
                (json!({}), ["subscriptions"]),
                (json!({"subscriptions": []}), ["subscriptions"]),
                (
                    json!({"subscriptions": vec![json!({"id": "p", "recipients": ["u"]}); 1_001]}),
                    ["subscriptions"],
                ),
                (json!({"subscriptions": [{"recipients": ["ada"]}]}), ["subscriptions[0].id"]),
                (json!({"subscriptions": [{"id": "p1"}]}), ["subscriptions[0].recipients"]),
                (entry(json!([])), ["subscriptions[0].recipients"]),
                (entry(json!(vec!["u"; 101])), ["subscriptions[0].recipients"]),
            ] {
                assert_eq!(kit.post(endpoint, body).await.refused(422, "invalid_params"), fields);
            }
        }
        let unknown = "/v1/objects/$users/bulk/subscriptions/add";
        assert_eq!(
            kit.post(unknown, entry(json!(["u"]))).await.refused(422, "invalid_params"),
            ["collection"]
        );
    });
}

#[test]
fn a_thousand_entries_subscribe_in_chunks() {
    on_both(async |kit| {
        let rows: Vec<_> =
            (0..300).map(|n| json!({"id": format!("p{n}"), "recipients": [{"id": format!("u{}", n % 7)}, {"id": "all"}]})).collect();
        let done = run(kit, ADD, json!(rows)).await;
        assert_eq!((&done["processed_rows"], &done["error_count"]), (&json!(300), &json!(0)));
        let all = kit.get("/v1/users/all/subscriptions?page_size=50").await.ok();
        assert!(all["page_info"]["after"].is_string());
        assert_eq!(subscribers(kit, "projects/p299").await, 2);
    });
}
