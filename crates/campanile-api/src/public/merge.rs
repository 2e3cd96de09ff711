//! `POST /v1/users/{user_id}/merge` (recipients.md section 11).

use axum::Json;
use axum::extract::State;
use campanile_core::recipient::RecipientRef;
use campanile_engine::identify::{PROPERTIES_BYTES_MAX, wire_user};
use campanile_store::UsersMerged;
use serde_json::Value;

use super::segments::Segments;
use crate::app::App;
use crate::auth::SecretKey;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};

/// Merges another user into the one of the path, and deletes the other.
pub(super) async fn merge(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(id): Segments<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let from = match body.get("from_user_id") {
        Some(Value::String(from)) if !from.is_empty() => from,
        None | Some(Value::Null | Value::String(_)) => {
            return Err(ApiError::field("from_user_id", "can't be blank"));
        }
        Some(_) => return Err(ApiError::field("from_user_id", "must be a string")),
    };
    if *from == id {
        return Err(ApiError::field("from_user_id", "must not be the user it is merged into"));
    }
    if from.contains(['/', '\0']) {
        return Err(ApiError::missing());
    }
    let (primary, secondary) = (RecipientRef::user(id), RecipientRef::user(from.as_str()));
    let now = app.now();
    match app.store().merge_users(env, &primary, &secondary, now, PROPERTIES_BYTES_MAX).await? {
        UsersMerged::Done(row) => Ok(Json(wire_user(&row))),
        UsersMerged::Missing => Err(ApiError::missing()),
        UsersMerged::TooLarge => Err(ApiError::field(
            "from_user_id",
            format!("leaves more than {PROPERTIES_BYTES_MAX} bytes of properties"),
        )),
    }
}
