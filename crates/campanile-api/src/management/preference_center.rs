//! The preference center of an environment: not versioned, live at once (management.md M17.1).

use axum::Json;
use axum::extract::State;
use campanile_core::problem::Problems;
use serde_json::{Value, json};

use super::request::environment;
use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::preference_center::{self, Center};
use crate::query::Query;

pub(super) async fn get(_: ServiceToken, State(app): State<App>, query: Query) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    query.finish()?;
    Ok(view(preference_center::read(&app, environment.id).await?))
}

/// Replaces the configuration; `enabled` stays as it is when it is not said.
pub(super) async fn upsert(
    _: ServiceToken,
    State(app): State<App>,
    query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    query.finish()?;
    let mut problems = Problems::default();
    let config = preference_center::check(body.get("config").unwrap_or(&Value::Null), &mut problems);
    let enabled = match body.get("enabled") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(enabled)) => Some(*enabled),
        Some(_) => {
            problems.add("enabled", "must be true or false");
            None
        }
    };
    let config = problems.into_result(config).map_err(ApiError::invalid)?;
    let is_enabled = match enabled {
        Some(enabled) => enabled,
        None => preference_center::read(&app, environment.id).await?.is_enabled,
    };
    let center = Center { is_enabled, config };
    preference_center::save(&app, environment.id, &center).await?;
    Ok(view(center))
}

/// The built-in configuration again; `enabled` is kept.
pub(super) async fn reset(_: ServiceToken, State(app): State<App>, query: Query) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    query.finish()?;
    let is_enabled = preference_center::read(&app, environment.id).await?.is_enabled;
    let center = Center { is_enabled, config: preference_center::built_in() };
    preference_center::save(&app, environment.id, &center).await?;
    Ok(view(center))
}

fn view(center: Center) -> Json<Value> {
    Json(json!({"config": center.config, "enabled": center.is_enabled}))
}
