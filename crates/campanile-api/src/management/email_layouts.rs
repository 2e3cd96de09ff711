//! E-mail layouts (section 8).

use axum::Json;
use axum::extract::State;
use campanile_store::ResourceKind;
use serde_json::Value;

use super::annotation;
use super::versioned::{self, Shape};
use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::JsonObject;
use crate::error::ApiResult;
use crate::public::segments::Segments;
use crate::query::Query;

const SHAPE: Shape =
    Shape { kind: ResourceKind::EmailLayout, has_state: false, annotate: annotation::email_layout };

pub(super) async fn list(_: ServiceToken, State(app): State<App>, query: Query) -> ApiResult<Json<Value>> {
    versioned::list(&app, query, &SHAPE).await
}

pub(super) async fn get(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
    query: Query,
) -> ApiResult<Json<Value>> {
    versioned::get(&app, &key, query, &SHAPE).await
}

pub(super) async fn upsert(
    token: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
    query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    versioned::upsert(&app, token, key, query, body, &SHAPE).await
}

pub(super) async fn validate(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
    query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    versioned::validate(&app, &key, query, body, &SHAPE).await
}
