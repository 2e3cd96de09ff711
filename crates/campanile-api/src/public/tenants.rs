//! `/v1/tenants` (recipients.md section 5).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use campanile_core::problem::Problems;
use campanile_core::recipient::{RecipientRef, TENANTS};
use campanile_engine::identify::{parse_tenant_body, wire_tenant};
use campanile_store::RecipientFilter;
use serde_json::Value;

use super::recipients;
use super::segments::Segments;
use crate::app::App;
use crate::auth::SecretKey;
use crate::body::JsonObject;
use crate::error::ApiResult;
use crate::query::Query;

/// Tenants, newest first; `tenant_id` is exact, `name` a part of the name in any case (S10).
pub(super) async fn list(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    query: Query,
) -> ApiResult<Json<Value>> {
    let filter = RecipientFilter {
        id: query.text("tenant_id").map(str::to_owned),
        name: query.text("name").map(str::to_owned),
    };
    recipients::list(&app, env, TENANTS, filter, query, wire_tenant).await
}

/// One tenant.
pub(super) async fn get(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(id): Segments<String>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    resolves_preferences(&mut query);
    query.finish()?;
    let row = recipients::find(&app, env, &RecipientRef::object(TENANTS, id)).await?;
    Ok(Json(wire_tenant(&row)))
}

/// Makes a tenant or merges into one.
pub(super) async fn set(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(id): Segments<String>,
    mut query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    resolves_preferences(&mut query);
    query.finish()?;
    let mut problems = Problems::default();
    let upsert = parse_tenant_body(&id, body, "", &app.engine().catalog(), env, &mut problems);
    Ok(Json(wire_tenant(&recipients::save(&app, env, upsert, problems).await?)))
}

/// Deletes a tenant; one that does not exist too.
pub(super) async fn delete(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(id): Segments<String>,
) -> ApiResult<StatusCode> {
    app.store().delete_recipient(env, &RecipientRef::object(TENANTS, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Checks the switch that merges the environment's default set under the tenant's (RC5.4). Neither can be stored in
/// this version, so both answers are the same.
fn resolves_preferences(query: &mut Query) {
    query.bool("resolve_full_preference_settings");
}
