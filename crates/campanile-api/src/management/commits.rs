//! Commits and promotion (sections 4.4 and 4.5).

use axum::Json;
use axum::extract::State;
use campanile_engine::Catalog;
use campanile_engine::resources::{self, Commit, Scope};
use campanile_store::CommitRow;
use serde_json::{Value, json};

use super::request::{LIMIT_MAX, author, branch_not_found, environment, kinds, named, uuid};
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
    let catalog = app.engine().catalog();
    let environment = environment(&catalog, &query)?;
    let scope = scope(&mut query, false);
    let promoted = query.bool("promoted");
    let request = query.page("commits", "limit", LIMIT_MAX, app.cursor_key());
    query.finish()?;
    let key = scope.key.as_deref();
    let page = app.store().list_commits(environment.id, &scope.kinds, key, promoted, &request).await?;
    let entries: Vec<_> = page.items.iter().map(|commit| view(&catalog, commit)).collect();
    let page_info = page::management(&app, "commits", &page, request.size);
    Ok(Json(json!({"entries": entries, "page_info": page_info})))
}

pub(super) async fn get(
    _: ServiceToken,
    State(app): State<App>,
    Segments(id): Segments<String>,
) -> ApiResult<Json<Value>> {
    let commit = app.store().commit_row(uuid(&id)?).await?.ok_or_else(ApiError::missing)?;
    Ok(Json(view(&app.engine().catalog(), &commit)))
}

/// Commits everything, or what the scope names.
pub(super) async fn commit_all(
    token: ServiceToken,
    State(app): State<App>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    let allow_empty = query.bool("allow_empty").unwrap_or(false);
    let scope = scope(&mut query, allow_empty);
    let message = query.text("commit_message").map(str::to_owned);
    query.finish()?;
    let commit = Commit { env: environment.id, scope, message, allow_empty, author: author(token) };
    resources::commit(app.engine(), commit).await?;
    Ok(Json(json!({"result": "success"})))
}

/// Promotes everything, or what the scope names, into `to_environment` from the environment below it.
pub(super) async fn promote_all(
    token: ServiceToken,
    State(app): State<App>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let catalog = app.engine().catalog();
    let target = named(&catalog, "to_environment", &query)?;
    let is_lowest = catalog.environments.first().is_some_and(|lowest| lowest.id == target.id);
    match (is_lowest, query.text("branch")) {
        (true, None) => {
            return Err(ApiError::field("branch", "can't be blank when the target is development"));
        }
        (true, Some(_)) => return Err(branch_not_found()),
        (false, Some(_)) => {
            return Err(ApiError::field("branch", "can only be used when the target is development"));
        }
        (false, None) => {}
    }
    let scope = scope(&mut query, false);
    query.finish()?;
    resources::promote_all(app.engine(), target.id, scope, author(token)).await?;
    Ok(Json(json!({"result": "success"})))
}

/// Promotes one commit to the next environment and answers the new commit there.
pub(super) async fn promote_one(
    token: ServiceToken,
    State(app): State<App>,
    Segments(id): Segments<String>,
) -> ApiResult<Json<Value>> {
    let commit = resources::promote_one(app.engine(), uuid(&id)?, author(token)).await?;
    Ok(Json(json!({"commit": view(&app.engine().catalog(), &commit)})))
}

fn scope(query: &mut Query, allow_empty: bool) -> Scope {
    let kinds = kinds(query);
    let scope = Scope { kinds, key: query.text("resource_id").map(str::to_owned) };
    query.problems.extend(scope.problems(allow_empty));
    scope
}

fn view(catalog: &Catalog, commit: &CommitRow) -> Value {
    let mut view = json!({
        "id": commit.id.to_string(),
        "author": {"name": commit.author_name, "email": commit.author_email},
        "created_at": commit.created_at,
        "environment": catalog.environment_by_id(commit.env).map(|environment| environment.slug.as_str()),
        "resource": {"type": commit.kind.as_str(), "identifier": commit.key},
    });
    if let Some(message) = &commit.message {
        view["commit_message"] = message.as_str().into();
    }
    view
}
