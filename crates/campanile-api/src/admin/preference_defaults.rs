//! The default preferences of an environment, which the peer's APIs do not reach (preferences.md S18).

use axum::Json;
use axum::extract::State;
use campanile_core::preference::{Change, DEFAULT, SET_BYTES_MAX, Strategy, view};
use campanile_core::problem::Problems;
use campanile_store::{Environment, StoreError};
use serde_json::{Map, Value};

use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::public::segments::Segments;
use crate::query::Query;

/// The set of `?environment=`, which is development unless it is named.
pub(super) async fn get(_: ServiceToken, State(app): State<App>, query: Query) -> ApiResult<Json<Value>> {
    Ok(show(&app, &named(&app, query)?))
}

/// Replaces it, or merges into it on request; live at once on this node and soon on the others.
pub(super) async fn set(
    _: ServiceToken,
    State(app): State<App>,
    query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let environment = named(&app, query)?;
    save(&app, environment, body).await
}

/// The set of the environment in the path.
pub(super) async fn get_of_slug(
    _: ServiceToken,
    State(app): State<App>,
    Segments(slug): Segments<String>,
) -> ApiResult<Json<Value>> {
    Ok(show(&app, &find(&app, &slug)?))
}

/// [`set`] for the environment in the path.
pub(super) async fn set_of_slug(
    _: ServiceToken,
    State(app): State<App>,
    Segments(slug): Segments<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let environment = find(&app, &slug)?;
    save(&app, environment, body).await
}

fn named(app: &App, query: Query) -> ApiResult<Environment> {
    let slug = query.text("environment").unwrap_or("development").to_owned();
    query.finish()?;
    find(app, &slug)
}

fn find(app: &App, slug: &str) -> ApiResult<Environment> {
    app.engine().catalog().environment(slug).cloned().ok_or_else(ApiError::missing)
}

fn show(app: &App, environment: &Environment) -> Json<Value> {
    let catalog = app.engine().catalog();
    let nothing = Map::new();
    Json(view(DEFAULT, catalog.preference_default(environment.id).map_or(&nothing, |set| set.json())))
}

async fn save(app: &App, environment: Environment, body: Map<String, Value>) -> ApiResult<Json<Value>> {
    let mut problems = Problems::default();
    let change = Change::parse(&Value::Object(body), Strategy::Replace, "", &mut problems);
    let change = problems.into_result(change).map_err(ApiError::invalid)?;
    let change = change.ok_or_else(|| ApiError::internal("a refused body named no problem"))?;
    let (env, now) = (environment.id, app.now());
    let is_small = app
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                let stored = tx.preference_default(env).await?;
                let stored: Option<Map<String, Value>> = stored
                    .map(|text| serde_json::from_str(&text))
                    .transpose()
                    .map_err(|error| StoreError::Corrupt(error.to_string().into()))?;
                let text = Value::Object(change.apply_to_default(stored.as_ref())).to_string();
                let is_small = text.len() <= SET_BYTES_MAX;
                if is_small {
                    tx.set_preference_default(env, &text, now).await?;
                }
                Ok(is_small)
            })
        })
        .await?;
    if !is_small {
        return Err(ApiError::field("", format!("must not exceed {SET_BYTES_MAX} bytes")));
    }
    app.engine().reload_catalog().await?;
    Ok(show(app, &environment))
}
