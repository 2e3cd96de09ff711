//! `/v1/tenants` (recipients.md section 5).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use campanile_core::ids::EnvId;
use campanile_core::preference::DEFAULT;
use campanile_core::problem::Problems;
use campanile_core::recipient::{RecipientRef, TENANTS};
use campanile_engine::identify::{parse_tenant_body, tenant_default, wire_tenant};
use campanile_store::{RecipientFilter, RecipientRow};
use serde_json::{Value, json};

use super::preferences;
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
    let is_resolved = query.bool(RESOLVE).unwrap_or_default();
    query.finish()?;
    let row = recipients::find(&app, env, &RecipientRef::object(TENANTS, id)).await?;
    Ok(Json(view(&app, env, &row, is_resolved)))
}

/// Makes a tenant or merges into one.
pub(super) async fn set(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(id): Segments<String>,
    mut query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let is_resolved = query.bool(RESOLVE).unwrap_or_default();
    query.finish()?;
    let mut problems = Problems::default();
    let upsert = parse_tenant_body(&id, body, "", &app.engine().catalog(), env, &mut problems);
    let row = recipients::save(&app, env, upsert, problems).await?;
    Ok(Json(view(&app, env, &row, is_resolved)))
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

/// A tenant; with the environment's default set under its own when that was asked for (RC5.4).
fn view(app: &App, env: EnvId, row: &RecipientRow, is_resolved: bool) -> Value {
    let mut tenant = wire_tenant(row);
    let own = tenant_default(row);
    let has_any = own.is_some() || app.engine().catalog().preference_default(env).is_some();
    if is_resolved && has_any {
        if !tenant["settings"].is_object() {
            tenant["settings"] = json!({"branding": null});
        }
        tenant["settings"]["preference_set"] = preferences::resolved(app, env, DEFAULT, own.as_ref(), None);
    }
    tenant
}

/// Name of the switch.
const RESOLVE: &str = "resolve_full_preference_settings";
