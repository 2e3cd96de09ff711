//! Broadcasts (section 16). They are not versioned and exist in one environment only.

use axum::Json;
use axum::extract::State;
use campanile_core::time::Timestamp;
use campanile_engine::broadcasts::{self, Broadcast};
use campanile_engine::resources::Context;
use campanile_store::Environment;
use serde_json::{Value, json};

use super::annotation;
use super::request::{LIMIT_MAX, environment, unwrapped};
use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::page;
use crate::public::segments::Segments;
use crate::query::Query;

/// The environment of a request; there are no broadcasts on branches (M16.3).
fn place(app: &App, query: &Query) -> ApiResult<Environment> {
    if query.text("branch").is_some() {
        return Err(ApiError::field("branch", "cannot be used with broadcasts"));
    }
    environment(&app.engine().catalog(), query)
}

fn view(environment: &Environment, broadcast: Broadcast, annotate: bool) -> Value {
    let Broadcast { row, content, valid } = broadcast;
    let Value::Object(mut view) = content else { return content };
    for (name, value) in [
        ("key", json!(row.key)),
        ("environment", json!(environment.slug)),
        ("status", json!(row.status.as_str())),
        ("scheduled_at", json!(row.scheduled_at.map(|at| at.to_string()))),
        ("sent_at", json!(row.sent_at.map(|at| at.to_string()))),
        ("valid", json!(valid)),
        ("sha", json!(row.sha)),
        ("created_at", json!(row.created_at.to_string())),
        ("updated_at", json!(row.updated_at.to_string())),
    ] {
        view.insert(name.into(), value);
    }
    if annotate {
        annotation::broadcast(&mut view);
    }
    Value::Object(view)
}

fn wrapped(view: Value) -> Json<Value> {
    Json(json!({"broadcast": view}))
}

/// Broadcasts, newest first.
pub(super) async fn list(
    _: ServiceToken,
    State(app): State<App>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let environment = place(&app, &query)?;
    let request = query.page("broadcasts", "limit", LIMIT_MAX, app.cursor_key());
    let annotate = query.bool("annotate").unwrap_or(false);
    query.finish()?;
    let page = app.store().list_broadcasts(environment.id, &request).await?;
    let page_info = page::management(&app, "broadcasts", &page, request.size);
    let context = Context::load(app.engine(), environment.id).await?;
    let mut entries = Vec::with_capacity(page.items.len());
    for row in page.items {
        entries.push(view(&environment, Broadcast::read(row, &context)?, annotate));
    }
    Ok(Json(json!({"entries": entries, "page_info": page_info})))
}

/// One broadcast, bare (M2.2).
pub(super) async fn get(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let environment = place(&app, &query)?;
    let annotate = query.bool("annotate").unwrap_or(false);
    query.finish()?;
    let row = app.store().broadcast(environment.id, &key).await?.ok_or_else(ApiError::missing)?;
    let context = Context::load(app.engine(), environment.id).await?;
    Ok(Json(view(&environment, Broadcast::read(row, &context)?, annotate)))
}

/// Saves a draft.
pub(super) async fn upsert(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
    mut query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let environment = place(&app, &query)?;
    let annotate = query.bool("annotate").unwrap_or(false);
    query.finish()?;
    let document = unwrapped(body, "broadcast")?;
    let saved = broadcasts::upsert(app.engine(), environment.id, &key, &document).await?;
    Ok(wrapped(view(&environment, saved, annotate)))
}

/// Checks a document and saves nothing.
pub(super) async fn validate(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
    query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let environment = place(&app, &query)?;
    query.finish()?;
    let document = unwrapped(body, "broadcast")?;
    let checked = broadcasts::validate(app.engine(), environment.id, &key, &document).await?;
    Ok(wrapped(view(&environment, checked, false)))
}

/// Sends a draft, now or at `send_at`.
pub(super) async fn send(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
    query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let environment = place(&app, &query)?;
    query.finish()?;
    let send_at = match body.get("send_at") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let at = value.as_str().and_then(Timestamp::parse);
            Some(at.ok_or_else(|| ApiError::field("send_at", "is not an ISO 8601 datetime"))?)
        }
    };
    let sent = broadcasts::send(app.engine(), environment.id, &key, send_at).await?;
    Ok(wrapped(view(&environment, sent, false)))
}

/// Takes back what is scheduled.
pub(super) async fn cancel(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
    query: Query,
) -> ApiResult<Json<Value>> {
    let environment = place(&app, &query)?;
    query.finish()?;
    let cancelled = broadcasts::cancel(app.engine(), environment.id, &key).await?;
    Ok(wrapped(view(&environment, cancelled, false)))
}
