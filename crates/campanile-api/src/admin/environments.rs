//! Switches of environments, which the management API only reads.

use axum::Json;
use axum::extract::State;
use campanile_core::problem::Problems;
use campanile_engine::Catalog;
use campanile_engine::signing_keys::TokenPolicy;
use campanile_store::Environment;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::public::segments::Segments;

/// Names of the switches: public keys only together with user tokens (api-conventions.md A2.5), and bodies hidden
/// from readers of logs (delivery.md section 13).
const SWITCHES: [&str; 2] = ["enhanced_security", "hide_pii_data"];

/// Every environment with its switches.
pub(super) async fn list(_: ServiceToken, State(app): State<App>) -> ApiResult<Json<Value>> {
    let catalog = app.engine().catalog();
    let entries: Vec<_> =
        catalog.environments.iter().map(|environment| view(&catalog, environment)).collect();
    Ok(Json(json!({"entries": entries})))
}

/// Changes the switches that are given; effective with the answer.
pub(super) async fn set(
    _: ServiceToken,
    State(app): State<App>,
    Segments(slug): Segments<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let env = app.engine().catalog().environment(&slug).ok_or_else(ApiError::missing)?.id;
    let mut problems = Problems::default();
    let mut changed = Map::new();
    for name in SWITCHES {
        match body.get(name) {
            None | Some(Value::Null) => {}
            Some(value @ Value::Bool(_)) => drop(changed.insert(name.to_owned(), value.clone())),
            Some(_) => problems.add(name, "must be true or false"),
        }
    }
    problems.into_result(()).map_err(ApiError::invalid)?;
    let found = app
        .store()
        .transact(move |tx| {
            Box::pin(
                async move { tx.change_environment_settings(env, |settings| settings.extend(changed)).await },
            )
        })
        .await?;
    found.ok_or_else(ApiError::missing)?;
    app.engine().reload_catalog().await?;
    let catalog = app.engine().catalog();
    let environment = catalog.environment(&slug).ok_or_else(ApiError::missing)?;
    Ok(Json(view(&catalog, environment)))
}

fn view(catalog: &Catalog, environment: &Environment) -> Value {
    let settings: Value = serde_json::from_str(&environment.settings).unwrap_or_default();
    let open = TokenPolicy::default();
    let policy = catalog.token_policy(environment.id).unwrap_or(&open);
    json!({
        "slug": environment.slug,
        "name": environment.name,
        "enhanced_security": policy.is_enhanced,
        "hide_pii_data": settings["hide_pii_data"] == true,
        "signing_keys": policy.keys.len(),
    })
}
