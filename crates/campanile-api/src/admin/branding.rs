//! The account's branding, which the peer's APIs do not reach (templates.md T4.3).

use axum::Json;
use axum::extract::State;
use campanile_core::ids::EnvId;
use campanile_core::problem::Problems;
use campanile_engine::Catalog;
use campanile_engine::branding::AccountBranding;
use campanile_template::branding::{COLORS, IMAGES, is_color};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};

const KEYS_MAX: usize = 100;
const KEY_BYTES_MAX: usize = 255;
const TEXT_CHARS_MAX: usize = 2_000;

/// The account's keys and, by environment, what differs there.
pub(super) async fn get(_: ServiceToken, State(app): State<App>) -> Json<Value> {
    let catalog = app.engine().catalog();
    Json(view(&catalog, catalog.variables().branding()))
}

/// Merges into it, null takes a key away; live at once on this node and soon on the others.
pub(super) async fn set(
    _: ServiceToken,
    State(app): State<App>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let changes = read(&app.engine().catalog(), &body)?;
    let is_small = app
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                // Two changes at once must not lose one another.
                tx.lock_installation().await?;
                let mut branding = AccountBranding::read(tx).await?;
                for (env, change) in changes {
                    branding.change(env, change);
                }
                let mut maps = std::iter::once(&branding.all).chain(branding.overrides.values());
                let is_small = maps.all(|keys| keys.len() <= KEYS_MAX);
                if is_small {
                    branding.write(tx).await?;
                }
                Ok(is_small)
            })
        })
        .await?;
    if !is_small {
        return Err(ApiError::field("branding", format!("must not have more than {KEYS_MAX} keys")));
    }
    app.engine().reload_catalog().await?;
    let catalog = app.engine().catalog();
    Ok(Json(view(&catalog, catalog.variables().branding())))
}

type Changes = Vec<(Option<EnvId>, Map<String, Value>)>;

fn read(catalog: &Catalog, body: &Map<String, Value>) -> ApiResult<Changes> {
    let mut problems = Problems::default();
    let mut changes = Changes::new();
    for (name, value) in body {
        match (name.as_str(), value) {
            ("branding", value) => {
                changes.extend(keys(value, "branding", &mut problems).map(|keys| (None, keys)))
            }
            ("environment_values", Value::Object(environments)) => {
                for (slug, value) in environments {
                    let field = format!("environment_values.{slug}");
                    match catalog.environment(slug) {
                        Some(env) => {
                            let keys = keys(value, &field, &mut problems);
                            changes.extend(keys.map(|keys| (Some(env.id), keys)));
                        }
                        None => problems.add(field, "is not an environment"),
                    }
                }
            }
            ("environment_values", _) => problems.add(name, "must be an object"),
            _ => problems.add(name, "is not a member of branding"),
        }
    }
    problems.into_result(changes).map_err(ApiError::invalid)
}

fn keys(value: &Value, field: &str, problems: &mut Problems) -> Option<Map<String, Value>> {
    let Value::Object(keys) = value else {
        problems.add(field, "must be an object");
        return None;
    };
    for (key, value) in keys {
        if let Some(why) = key_problem(key).or_else(|| value_problem(key, value)) {
            problems.add(format!("{field}.{key}"), why);
        }
    }
    Some(keys.clone())
}

fn key_problem(key: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (key.is_empty() || key.len() > KEY_BYTES_MAX || !key.bytes().all(allowed))
        .then(|| format!("has a name that is not 1 to {KEY_BYTES_MAX} letters, digits, _ and -"))
}

fn value_problem(key: &str, value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.contains('\0') => Some("must not contain NUL".into()),
        Value::String(text) if text.chars().count() > TEXT_CHARS_MAX => {
            Some(format!("should be at most {TEXT_CHARS_MAX} character(s)"))
        }
        Value::String(text) if COLORS.contains(&key) && !is_color(text) => {
            Some("must be a color like #RGB or #RRGGBB".into())
        }
        Value::String(_) => None,
        _ => Some("must be a string or null".into()),
    }
}

/// Every key that has a meaning, null where it is not set, and the customer's own.
fn view(catalog: &Catalog, branding: &AccountBranding) -> Value {
    let mut account: Map<String, Value> =
        IMAGES.iter().chain(&COLORS).map(|key| ((*key).to_owned(), Value::Null)).collect();
    account.extend(branding.all.clone());
    let of_env = |env: &campanile_store::Environment| {
        (env.slug.clone(), Value::Object(branding.of_env(env.id).cloned().unwrap_or_default()))
    };
    let environments: Map<String, Value> = catalog.environments.iter().map(of_env).collect();
    json!({"branding": account, "environment_values": environments})
}
