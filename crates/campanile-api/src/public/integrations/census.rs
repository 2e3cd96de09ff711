//! `POST /v1/integrations/census/custom-destination`: the methods of a Census custom destination.

use axum::Json;
use axum::extract::State;
use campanile_core::ids::EnvId;
use serde_json::{Map, Value, json};

use super::{Call, CallError, ROWS_MAX, Target, rows, upsert};
use crate::app::App;
use crate::auth::SecretKey;
use crate::body::JsonObject;
use crate::error::ApiResult;

/// Answers one call.
pub(in crate::public) async fn call(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let Call { id, method, params } = Call::read(body)?;
    let result = run(&app, env, &method, params).await;
    Ok(Call::answer(id, result))
}

async fn run(app: &App, env: EnvId, method: &str, params: Map<String, Value>) -> Result<Value, CallError> {
    match method {
        "test_connection" => Ok(json!({"success": true})),
        "list_objects" => {
            let objects = Target::ALL.map(|(_, name, label)| {
                json!({"object_api_name": name, "label": label, "can_create_fields": "on_write"})
            });
            Ok(json!({"objects": objects}))
        }
        "list_fields" => {
            let fields: Vec<Value> = target(params.get("object"))?
                .attributes()
                .into_iter()
                .map(|one| {
                    json!({
                        "field_api_name": one.name, "label": one.label, "identifier": one.name == "id",
                        "required": one.required, "createable": true, "updateable": one.name != "id",
                        "type": if one.is_datetime { "date_time" } else { "string" }, "array": false,
                    })
                })
                .collect();
            Ok(json!({"fields": fields}))
        }
        "supported_operations" => {
            target(params.get("object"))?;
            Ok(json!({"operations": ["upsert"]}))
        }
        "get_sync_speed" => Ok(json!({
            "maximum_batch_size": ROWS_MAX, "maximum_parallel_batches": 4, "maximum_records_per_second": 10_000,
        })),
        "sync_batch" => sync(app, env, params).await,
        _ => Err(CallError::unknown_method(method)),
    }
}

/// `{"object_api_name": …}`.
fn target(object: Option<&Value>) -> Result<Target, CallError> {
    let name = object.and_then(|object| object["object_api_name"].as_str());
    Target::named(name.ok_or_else(|| CallError::params("object.object_api_name must be a string"))?)
}

async fn sync(app: &App, env: EnvId, mut params: Map<String, Value>) -> Result<Value, CallError> {
    let plan = params.remove("sync_plan").unwrap_or_default();
    let target = target(plan.get("object"))?;
    if plan["operation"].as_str().is_some_and(|operation| operation != "upsert") {
        return Err(CallError::params("sync_plan.operation must be upsert"));
    }
    let records = rows(&mut params, "records")?;
    let ids: Vec<Value> = records.iter().map(|row| row.get("id").cloned().unwrap_or_default()).collect();
    let results = upsert(app, env, target, records).await?;
    let results: Vec<Value> = ids
        .into_iter()
        .zip(results)
        .map(|(identifier, result)| match result {
            Ok(()) => json!({"identifier": identifier, "success": true}),
            Err(reason) => json!({"identifier": identifier, "success": false, "error_message": reason}),
        })
        .collect();
    Ok(json!({"record_results": results}))
}
