//! Warehouses by JSON-RPC (api-conventions.md section 14).

use serde_json::{Value, json};

use crate::kit::{Kit, on_both, pluck};

const CENSUS: &str = "/v1/integrations/census/custom-destination";
const HIGHTOUCH: &str = "/v1/integrations/hightouch/embedded-destination";

/// The whole answer to one call.
async fn answer(kit: &Kit, path: &str, method: &str, params: Value) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": "7", "method": method, "params": params});
    let answer = kit.post(path, body).await.ok();
    assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!("7")), "{answer}");
    answer
}

async fn result(kit: &Kit, path: &str, method: &str, params: Value) -> Value {
    let answer = answer(kit, path, method, params).await;
    assert!(answer["result"].is_object() && answer["error"].is_null(), "{method}: {answer}");
    answer["result"].clone()
}

#[test]
fn census_learns_the_schema_and_writes_records() {
    on_both(async |kit| {
        assert_eq!(result(kit, CENSUS, "test_connection", json!({})).await, json!({"success": true}));
        let objects = result(kit, CENSUS, "list_objects", json!({})).await;
        assert_eq!(pluck(&objects["objects"], "object_api_name"), ["user", "tenant", "object"]);
        let user = json!({"object": {"object_api_name": "user", "label": "Users"}});
        let fields = result(kit, CENSUS, "list_fields", user.clone()).await;
        let identifiers: Vec<_> = fields["fields"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| one["identifier"] == true)
            .collect();
        assert_eq!(identifiers.len(), 1);
        assert_eq!(identifiers[0]["field_api_name"], "id");
        let operations = result(kit, CENSUS, "supported_operations", user).await;
        assert_eq!(operations["operations"], json!(["upsert"]));
        let speed = result(kit, CENSUS, "get_sync_speed", json!({})).await;
        assert_eq!(speed["maximum_batch_size"], 1_000);
        let plan = json!({"object": {"object_api_name": "user"}, "operation": "upsert", "schema": {}});
        let records = json!([
            {"id": "u1", "name": "Ada", "plan": "pro"}, {"id": "u2", "timezone": "Mars/Olympus"}, {"name": "nobody"},
        ]);
        let synced = result(kit, CENSUS, "sync_batch", json!({"sync_plan": plan, "records": records})).await;
        let outcomes: Vec<_> = synced["record_results"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| one["success"].clone())
            .collect();
        assert_eq!(outcomes, [true, false, false]);
        assert_eq!(synced["record_results"][0]["identifier"], "u1");
        assert!(
            synced["record_results"][1]["error_message"]
                .as_str()
                .is_some_and(|text| text.contains("timezone"))
        );
        assert_eq!(kit.get("/v1/users/u1").await.ok()["plan"], "pro");
        kit.get("/v1/users/u2").await.refused(404, "resource_missing");
        let plan = json!({"object": {"object_api_name": "object"}, "operation": "upsert"});
        let records = json!([{"id": "p1", "collection": "projects", "budget": 1}, {"id": "p2"}]);
        let synced = result(kit, CENSUS, "sync_batch", json!({"sync_plan": plan, "records": records})).await;
        assert_eq!(synced["record_results"][1]["success"], false);
        assert_eq!(kit.get("/v1/objects/projects/p1").await.ok()["properties"], json!({"budget": 1}));
    });
}

#[test]
fn hightouch_maps_columns_and_removes_rows() {
    on_both(async |kit| {
        let objects = result(kit, HIGHTOUCH, "list_objects", json!({})).await;
        assert_eq!(pluck(&objects["objects"], "id"), ["user", "tenant", "object"]);
        let modes = result(kit, HIGHTOUCH, "list_modes", json!({"object": "user"})).await;
        assert_eq!(pluck(&modes["modes"], "id"), ["upsert"]);
        let fields =
            result(kit, HIGHTOUCH, "list_fields", json!({"object": "tenant", "mode": "upsert"})).await;
        assert_eq!(pluck(&fields["fields"], "id"), ["id", "name"]);
        assert_eq!(result(kit, HIGHTOUCH, "list_options", json!({})).await, json!({"options": null}));
        let behavior = result(kit, HIGHTOUCH, "behavior", json!({})).await;
        assert_eq!(behavior["operations"], json!({"add": true, "change": true, "remove": true}));
        let configuration = json!({
            "object": "user", "mode": "upsert", "identifierMapping": {"from": "USER_ID", "to": "id"},
            "mappings": [{"from": "MAIL", "to": "email"}, {"from": "TIER", "to": "plan"}],
        });
        let checked = result(kit, HIGHTOUCH, "validate", json!({"configuration": configuration})).await;
        assert_eq!(checked["errors"], json!([]));
        let wrong = result(kit, HIGHTOUCH, "validate", json!({"configuration": {"object": "user"}})).await;
        assert_eq!(wrong["errors"].as_array().map(Vec::len), Some(1));
        let rows = json!([{"USER_ID": "u1", "MAIL": "a@x.io", "TIER": "pro", "OTHER": 1}, {"USER_ID": 7}]);
        let params = json!({"idColumn": "USER_ID", "configuration": configuration, "rows": rows});
        let added = result(kit, HIGHTOUCH, "add", params.clone()).await;
        assert_eq!(added["rejectedRows"][0]["row"], json!({"USER_ID": 7}));
        let ada = kit.get("/v1/users/u1").await.ok();
        assert_eq!((&ada["email"], &ada["plan"]), (&json!("a@x.io"), &json!("pro")));
        assert!(ada.get("OTHER").is_none(), "only what is mapped is written");
        result(kit, HIGHTOUCH, "change", params.clone()).await;
        let removed = result(kit, HIGHTOUCH, "remove", params).await;
        assert_eq!(removed["rejectedRows"].as_array().map(Vec::len), Some(1));
        kit.get("/v1/users/u1").await.refused(404, "resource_missing");
    });
}

#[test]
fn errors_inside_a_call_are_not_errors_of_http() {
    on_both(async |kit| {
        for path in [CENSUS, HIGHTOUCH] {
            let unknown = answer(kit, path, "drop_tables", json!({})).await;
            assert_eq!((&unknown["error"]["code"], unknown.get("result")), (&json!(-32601), None));
            let wrong = answer(kit, path, "list_fields", json!({"object": "planet"})).await;
            assert_eq!(wrong["error"]["code"], -32602);
            let fields =
                kit.post(path, json!({"jsonrpc": "1.0", "params": []})).await.refused(422, "invalid_params");
            assert_eq!(fields, ["id", "jsonrpc", "method", "params"]);
            kit.post(path, json!([])).await.refused(422, "invalid_params");
            let call = json!({"jsonrpc": "2.0", "id": "1", "method": "test_connection"});
            kit.nobody.post(path, call.clone()).await.refused(401, "authentication_required");
            kit.public.post(path, call).await.refused(403, "incorrect_token_type");
        }
        let many: Vec<Value> = (0..1_001).map(|n| json!({"id": format!("u{n}")})).collect();
        let plan = json!({"object": {"object_api_name": "user"}, "operation": "upsert"});
        let refused = answer(kit, CENSUS, "sync_batch", json!({"sync_plan": plan, "records": many})).await;
        assert_eq!(refused["error"]["code"], -32602);
        assert_eq!(kit.get("/v1/users").await.ok()["entries"], json!([]));
    });
}
