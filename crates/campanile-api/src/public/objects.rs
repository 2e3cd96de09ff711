//! `/v1/objects/{collection}` (recipients.md section 4). `$tenants` is a collection like any other.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use campanile_core::problem::Problems;
use campanile_core::recipient::{RecipientRef, collection_problem};
use campanile_engine::identify::{parse_object, wire_object};
use campanile_store::RecipientFilter;
use serde_json::Value;

use super::recipients;
use super::segments::Segments;
use crate::app::App;
use crate::auth::SecretKey;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::query::Query;

/// An object by its path. Users live in a collection that paths must not reach (RC2.3).
pub(super) fn reference(collection: String, id: String) -> ApiResult<RecipientRef> {
    check_collection(&collection)?;
    Ok(RecipientRef::object(collection, id))
}

/// Refuses what cannot name a collection.
pub(super) fn check_collection(collection: &str) -> ApiResult<()> {
    collection_problem(collection).map_or(Ok(()), |problem| Err(ApiError::field("collection", problem)))
}

/// A collection, newest first; an unknown one is empty.
pub(super) async fn list(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(collection): Segments<String>,
    query: Query,
) -> ApiResult<Json<Value>> {
    check_collection(&collection)?;
    recipients::list(&app, env, &collection, RecipientFilter::default(), query, wire_object).await
}

/// One object.
pub(super) async fn get(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments((collection, id)): Segments<(String, String)>,
) -> ApiResult<Json<Value>> {
    let row = recipients::find(&app, env, &reference(collection, id)?).await?;
    Ok(Json(wire_object(&row)))
}

/// Makes an object or merges into one.
pub(super) async fn set(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments((collection, id)): Segments<(String, String)>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let mut problems = Problems::default();
    let upsert = parse_object(&collection, &id, body, "", &app.engine().catalog(), env, &mut problems);
    Ok(Json(wire_object(&recipients::save(&app, env, upsert, problems).await?)))
}

/// Deletes an object; one that does not exist too. Messages sent to it stay (S24).
pub(super) async fn delete(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments((collection, id)): Segments<(String, String)>,
) -> ApiResult<StatusCode> {
    app.store().delete_recipient(env, &reference(collection, id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
