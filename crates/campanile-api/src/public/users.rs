//! `/v1/users` (recipients.md section 3).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use campanile_core::problem::Problems;
use campanile_core::recipient::{RecipientRef, USERS};
use campanile_engine::identify::{parse_user, wire_user};
use campanile_store::RecipientFilter;
use serde_json::Value;

use super::recipients;
use super::segments::Segments;
use crate::app::App;
use crate::auth::{AnyKey, SecretKey};
use crate::body::JsonObject;
use crate::error::ApiResult;
use crate::query::Query;

/// Every user, newest first.
pub(super) async fn list(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    query: Query,
) -> ApiResult<Json<Value>> {
    recipients::list(&app, env, USERS, RecipientFilter::default(), query, wire_user).await
}

/// One user.
pub(super) async fn get(
    AnyKey(env): AnyKey,
    State(app): State<App>,
    Segments(id): Segments<String>,
) -> ApiResult<Json<Value>> {
    let row = recipients::find(&app, env, &RecipientRef::user(id)).await?;
    Ok(Json(wire_user(&row)))
}

/// Makes a user or merges into one.
pub(super) async fn identify(
    AnyKey(env): AnyKey,
    State(app): State<App>,
    Segments(id): Segments<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let mut problems = Problems::default();
    let upsert = parse_user(&id, body, "", &app.engine().catalog(), env, &mut problems);
    Ok(Json(wire_user(&recipients::save(&app, env, upsert, problems).await?)))
}

/// Deletes a user with all its messages; one that does not exist too (A5.6).
pub(super) async fn delete(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(id): Segments<String>,
) -> ApiResult<StatusCode> {
    app.store().delete_recipient(env, &RecipientRef::user(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
