//! Bulk operations: endpoints check the envelope, the engine does the work (recipients.md section 13).

use axum::Json;
use axum::extract::State;
use campanile_core::ids::EnvId;
use campanile_core::problem::Problems;
use campanile_engine::{BULK_ROWS_MAX, BulkSubmission};
use campanile_store::BulkOperationRow;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::objects::check_collection;
use super::segments::Segments;
use crate::app::App;
use crate::auth::SecretKey;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::query::Query;

/// One operation of this environment (RC13.5).
pub(super) async fn get(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(id): Segments<String>,
) -> ApiResult<Json<Value>> {
    let id = Uuid::parse_str(&id).map_err(|_| ApiError::missing())?;
    let row = app.store().bulk_operation(env, id).await?.ok_or_else(ApiError::missing)?;
    Ok(Json(view(&app, &row)))
}

/// Makes users or merges into them.
pub(super) async fn identify_users(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    submit_rows(&app, env, "users.identify", None, rows(body, "users", Row::Entity)?).await
}

/// Deletes users with everything that hangs on them.
pub(super) async fn delete_users(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    submit_rows(&app, env, "users.delete", None, rows(body, "user_ids", Row::Id)?).await
}

/// Makes objects of one collection or merges into them.
pub(super) async fn set_objects(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(collection): Segments<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    check_collection(&collection)?;
    submit_rows(&app, env, "objects.set", Some(collection), rows(body, "objects", Row::Entity)?).await
}

/// Deletes objects of one collection.
pub(super) async fn delete_objects(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(collection): Segments<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    check_collection(&collection)?;
    submit_rows(&app, env, "objects.delete", Some(collection), rows(body, "object_ids", Row::Id)?).await
}

/// Makes tenants or merges into them; a text makes an empty one.
pub(super) async fn set_tenants(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    submit_rows(&app, env, "tenants.set", None, rows(body, "tenants", Row::EntityOrId)?).await
}

/// Deletes tenants. Their ids travel in the query, or in the body as everywhere else (api-conventions.md A3.5).
pub(super) async fn delete_tenants(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    query: Query,
    JsonObject(mut body): JsonObject,
) -> ApiResult<Json<Value>> {
    let named: Vec<Value> = query.list("tenant_ids").into_iter().map(Value::from).collect();
    query.finish()?;
    if !named.is_empty() {
        body.insert("tenant_ids".into(), Value::Array(named));
    }
    submit_rows(&app, env, "tenants.delete", None, rows(body, "tenant_ids", Row::Id)?).await
}

/// What a row must be before anything is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    /// A map with a text `id`.
    Entity,
    /// A text.
    Id,
    /// Either.
    EntityOrId,
}

/// The list of a bulk request: between one and a thousand rows, each of which says who it is (RC13.1). Everything else
/// about a row is its own affair and becomes an error item.
pub(super) fn rows(mut body: Map<String, Value>, name: &str, row: Row) -> ApiResult<Vec<Value>> {
    let list = match body.remove(name) {
        None | Some(Value::Null) => return Err(ApiError::field(name, "can't be blank")),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(ApiError::field(name, "must be a list")),
    };
    if list.is_empty() {
        return Err(ApiError::field(name, "should have at least 1 item(s)"));
    }
    if list.len() > BULK_ROWS_MAX {
        return Err(ApiError::field(name, format!("should have at most {BULK_ROWS_MAX} item(s)")));
    }
    let mut problems = Problems::default();
    for (n, value) in list.iter().enumerate() {
        let (field, id) = match value {
            Value::Object(map) if row != Row::Id => (format!("{name}[{n}].id"), map.get("id")),
            value if row != Row::Entity => (format!("{name}[{n}]"), Some(value)),
            _ => {
                problems.add(format!("{name}[{n}]"), "must be an object");
                continue;
            }
        };
        match id {
            Some(Value::String(id)) if id.contains('\0') => {
                problems.add(field, "must not contain a NUL character")
            }
            Some(Value::String(id)) if !id.is_empty() => {}
            None | Some(Value::Null | Value::String(_)) => problems.add(field, "can't be blank"),
            Some(_) => problems.add(field, "must be a string"),
        }
    }
    problems.into_result(list).map_err(ApiError::invalid)
}

/// Accepts an operation over a list of rows.
pub(super) async fn submit_rows(
    app: &App,
    env: EnvId,
    kind: &'static str,
    scope: Option<String>,
    rows: Vec<Value>,
) -> ApiResult<Json<Value>> {
    let rows_estimated = rows.len();
    let input = Value::Array(rows);
    let submission = BulkSubmission { env, kind, name: None, scope, input, rows_estimated };
    submit(app, submission).await
}

/// Accepts an operation; answers it as queued (RC13.1).
pub(super) async fn submit(app: &App, submission: BulkSubmission) -> ApiResult<Json<Value>> {
    let row = app.engine().submit_bulk(submission).await?;
    Ok(Json(view(app, &row)))
}

/// `BulkOperation`.
fn view(app: &App, row: &BulkOperationRow) -> Value {
    let error_items: Value = serde_json::from_str(&row.error_items).unwrap_or_else(|_| json!([]));
    json!({
        "__typename": "BulkOperation",
        "id": row.id.to_string(),
        "name": row.name,
        "status": row.status.as_str(),
        "estimated_total_rows": row.rows_estimated,
        "processed_rows": row.rows_succeeded + row.rows_failed,
        "success_count": row.rows_succeeded,
        "error_count": row.rows_failed,
        "error_items": error_items,
        "progress_path": format!("{}/v1/bulk_operations/{}", app.public_url(), row.id),
        "inserted_at": row.inserted_at,
        "updated_at": row.updated_at,
        "started_at": row.started_at,
        "completed_at": row.completed_at,
        "failed_at": row.failed_at,
    })
}
