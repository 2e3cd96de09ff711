//! The catalog of preference categories: of the whole project, and advisory (preferences.md PF8.1).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use campanile_core::preference::KEY_CHARS_MAX;
use campanile_store::PreferenceCategoryRow;
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::ServiceToken;
use crate::error::{ApiError, ApiResult};
use crate::public::segments::Segments;

/// Categories at the most: the list is never paged.
const CATEGORIES_MAX: i64 = 1_000;

/// By name, without archived ones.
pub(super) async fn list(_: ServiceToken, State(app): State<App>) -> ApiResult<Json<Value>> {
    let rows = app.store().preference_categories(CATEGORIES_MAX).await?;
    let entries: Vec<Value> = rows.iter().map(view).collect();
    Ok(Json(json!({"entries": entries})))
}

/// The category of that name, made when missing.
pub(super) async fn upsert(
    _: ServiceToken,
    State(app): State<App>,
    Segments(name): Segments<String>,
) -> ApiResult<Json<Value>> {
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        return Err(ApiError::field("name", "can't be blank or hold control characters"));
    }
    if name.chars().count() > KEY_CHARS_MAX {
        return Err(ApiError::field("name", format!("should be at most {KEY_CHARS_MAX} character(s)")));
    }
    let row = app.store().make_preference_category(&name, app.now(), CATEGORIES_MAX).await?;
    let row = row.ok_or_else(|| {
        ApiError::field("name", format!("would be one of more than {CATEGORIES_MAX} categories"))
    })?;
    Ok(Json(json!({"preference_category": view(&row)})))
}

/// Archives a category; sets that name it stay.
pub(super) async fn archive(
    _: ServiceToken,
    State(app): State<App>,
    Segments(name): Segments<String>,
) -> ApiResult<StatusCode> {
    match app.store().archive_preference_category(&name, app.now()).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(ApiError::missing()),
    }
}

fn view(row: &PreferenceCategoryRow) -> Value {
    json!({"name": row.name, "created_at": row.created_at, "updated_at": row.updated_at})
}
