//! Variables (management.md M13.4): read-only in this API; `admin/variables.rs` writes them.

use axum::Json;
use axum::extract::State;
use campanile_channels::setting::obfuscated;
use campanile_engine::Catalog;
use campanile_engine::variables::Variable;
use campanile_store::Environment;
use serde_json::{Map, Value, json};

use super::request::{LIMIT_MAX, environment};
use super::{number_key, page_of};
use crate::app::App;
use crate::auth::ServiceToken;
use crate::error::{ApiError, ApiResult};
use crate::page;
use crate::public::segments::Segments;
use crate::query::Query;

/// Oldest first. With `environment`, what it has; without, the defaults and every environment's own (C6).
pub(super) async fn list(
    _: ServiceToken,
    State(app): State<App>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let request = query.page("variables", "limit", LIMIT_MAX, app.cursor_key());
    let kind = query.one_of("type", &["public", "secret"]);
    let catalog = app.engine().catalog();
    let env = match query.text("environment").or(query.text("branch")) {
        Some(_) => Some(environment(&catalog, &query)?),
        None => None,
    };
    query.finish()?;
    let mut variables: Vec<&Variable> = catalog.variables().all().iter().collect();
    variables.retain(|variable| kind.is_none_or(|kind| kind == type_of(variable)));
    let page = page_of(&variables, &request, |variable| {
        let mut key = number_key(variable.created_at.0);
        key.extend_from_slice(variable.key.as_bytes());
        key
    });
    let entries: Vec<_> = page.items.iter().map(|variable| view(&catalog, variable, env.as_ref())).collect();
    let page_info = page::management(&app, "variables", &page, request.size);
    Ok(Json(json!({"entries": entries, "page_info": page_info})))
}

/// One with the values of every environment.
pub(super) async fn get(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
) -> ApiResult<Json<Value>> {
    let catalog = app.engine().catalog();
    let variable = catalog.variables().get(&key).ok_or_else(ApiError::missing)?;
    Ok(Json(view(&catalog, variable, None)))
}

/// A variable as answers show it: secrets obfuscated one by one.
pub(crate) fn view(catalog: &Catalog, variable: &Variable, env: Option<&Environment>) -> Value {
    let shown = |text: &str| if variable.is_secret { obfuscated(text) } else { text.to_owned() };
    let value = match env {
        Some(env) => variable.text_in(env.id),
        None => variable.value.as_deref(),
    };
    let mut view = json!({
        "key": variable.key,
        "type": type_of(variable),
        "description": variable.description,
        "value": value.map(shown),
        "inserted_at": variable.created_at,
        "updated_at": variable.updated_at,
    });
    if env.is_none() {
        let values: Map<String, Value> = catalog
            .environments
            .iter()
            .map(|env| (env.slug.clone(), json!(variable.overrides.get(&env.id).map(|text| shown(text)))))
            .collect();
        view["environment_values"] = values.into();
    }
    view
}

fn type_of(variable: &Variable) -> &'static str {
    if variable.is_secret { "secret" } else { "public" }
}
