//! What users, objects and tenants have in common: reading one, saving one, listing many.

use axum::Json;
use campanile_core::ids::EnvId;
use campanile_core::problem::Problems;
use campanile_core::recipient::RecipientRef;
use campanile_engine::identify::{self, Upsert};
use campanile_store::{Page, PageRequest, RecipientFilter, RecipientRow};
use serde_json::{Value, json};

use super::preferences;
use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::page;
use crate::query::Query;

/// Largest page of the public API.
pub(super) const PAGE_SIZE_MAX: usize = 50;

/// The recipient, or 404.
pub(super) async fn find(app: &App, env: EnvId, reference: &RecipientRef) -> ApiResult<RecipientRow> {
    app.store().recipient(env, reference).await?.ok_or_else(ApiError::missing)
}

/// Saves what a body said. One that says nothing new is answered from a read: browsers send it on every page load.
pub(super) async fn save(
    app: &App,
    env: EnvId,
    upsert: Option<Upsert>,
    problems: Problems,
) -> ApiResult<RecipientRow> {
    let upsert = problems.into_result(upsert).map_err(ApiError::invalid)?;
    let upsert = upsert.ok_or_else(|| ApiError::internal("a refused body named no problem"))?;
    let stored = app.store().recipient(env, &upsert.reference).await?;
    if let Some(row) = stored.filter(|row| !identify::changes(row, &upsert)) {
        return Ok(row);
    }
    let now = app.now();
    let saved = app
        .store()
        .transact(move |tx| Box::pin(async move { identify::apply(tx, env, upsert, now).await }))
        .await?;
    saved.map_err(|problem| ApiError::invalid(vec![problem]))
}

/// One page of a collection.
pub(super) async fn list(
    app: &App,
    env: EnvId,
    collection: &str,
    filter: RecipientFilter,
    mut query: Query,
    view: fn(&RecipientRow) -> Value,
) -> ApiResult<Json<Value>> {
    let name = format!("recipients/{collection}");
    let request = query.page(&name, "page_size", PAGE_SIZE_MAX, app.cursor_key());
    let with_preferences = includes_preferences(&mut query);
    query.finish()?;
    let found = app.store().list_recipients(env, collection, &filter, &request).await?;
    let mut entries: Vec<Value> = found.items.iter().map(view).collect();
    if with_preferences {
        let keys: Vec<String> = found.items.iter().map(|row| row.reference.key()).collect();
        let mut sets = preferences::included(app, env, keys.clone()).await?;
        for (entry, key) in entries.iter_mut().zip(keys) {
            entry["preferences"] = Value::Object(sets.remove(&key).unwrap_or_default());
        }
    }
    Ok(Json(json!({"entries": entries, "page_info": page_info(app, &name, &found, &request)})))
}

/// True when the caller wants preference sets shown (RC3.6).
pub(super) fn includes_preferences(query: &mut Query) -> bool {
    let include = query.list("include");
    let wanted = include.contains(&"preferences");
    let unknown = include.iter().any(|name| *name != "preferences");
    if unknown {
        query.problems.add("include", "must be one of preferences");
    }
    wanted
}

/// `page_info` of a page as it was asked for.
pub(super) fn page_info<T>(app: &App, list: &str, found: &Page<T>, request: &PageRequest) -> Value {
    page::public(app, list, found, request.size)
}
