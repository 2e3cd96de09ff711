//! Environments (section 5): read-only in this API.

use axum::Json;
use axum::extract::State;
use campanile_store::{Environment, PageRequest};
use serde_json::{Value, json};

use super::request::LIMIT_MAX;
use super::{number_key, page_of};
use crate::app::App;
use crate::auth::ServiceToken;
use crate::error::{ApiError, ApiResult};
use crate::page;
use crate::public::segments::Segments;
use crate::query::Query;

pub(super) async fn list(
    _: ServiceToken,
    State(app): State<App>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let request = query.page("environments", "limit", LIMIT_MAX, app.cursor_key());
    query.finish()?;
    let catalog = app.engine().catalog();
    let page = page_of(&catalog.environments, &request, |environment| number_key(environment.position));
    let mut entries = Vec::with_capacity(page.items.len());
    for environment in &page.items {
        entries.push(view(&app, environment).await?);
    }
    let page_info = page::management(&app, "environments", &page, request.size);
    Ok(Json(json!({"entries": entries, "page_info": page_info})))
}

pub(super) async fn get(
    _: ServiceToken,
    State(app): State<App>,
    Segments(slug): Segments<String>,
) -> ApiResult<Json<Value>> {
    let catalog = app.engine().catalog();
    let environment = catalog.environment(&slug).ok_or_else(ApiError::missing)?;
    Ok(Json(view(&app, environment).await?))
}

async fn view(app: &App, environment: &Environment) -> ApiResult<Value> {
    let commits = app.store().list_commits(environment.id, &[], None, None, &PageRequest::first(1)).await?;
    let settings: Value = serde_json::from_str(&environment.settings).unwrap_or_default();
    Ok(json!({
        "slug": environment.slug,
        "name": environment.name,
        "order": environment.position,
        "owner": environment.owner,
        "label_color": settings.get("label_color").filter(|color| color.is_string()),
        "hide_pii_data": settings.get("hide_pii_data").and_then(Value::as_bool).unwrap_or(false),
        "last_commit_at": commits.items.first().map(|commit| commit.created_at),
        "created_at": environment.created_at,
        "updated_at": environment.created_at,
        "deleted_at": null,
    }))
}
