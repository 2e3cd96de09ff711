//! What operators ask: health, readiness, metrics, the server's own documents.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::app::App;
use crate::error::ApiError;
use crate::openapi;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/v1/openapi", get(async || openapi::document(crate::operations::Api::Public)))
        .route("/v1/openapi/management", get(async || openapi::document(crate::operations::Api::Management)))
}

/// Ready when the database answers.
async fn ready(State(app): State<App>) -> Result<&'static str, ApiError> {
    app.store().next_run_at().await?;
    Ok("ready")
}

async fn metrics(State(app): State<App>) -> impl IntoResponse {
    app.engine().refresh_metrics().await;
    let text = app.engine().metrics().encode();
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")],
        text,
    )
}
