//! Variables and their values by environment, which the management API only reads (management.md M13.4).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use campanile_channels::setting::obfuscated;
use campanile_core::fields::Fields;
use campanile_core::ids::EnvId;
use campanile_core::problem::{FieldProblem, Problems};
use campanile_engine::Catalog;
use campanile_engine::variables::{BUILT_IN, COMPUTED, Variable};
use campanile_store::StoreError;
use serde_json::{Map, Value};

use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::management::variable_view;
use crate::public::segments::Segments;

const VARIABLES_MAX: i64 = 1_000;
const KEY_BYTES_MAX: usize = 255;
const VALUE_CHARS_MAX: usize = 10_000;
const DESCRIPTION_CHARS_MAX: usize = 280;

/// What an answer has, so that it can be sent back.
const MEMBERS: [&str; 7] =
    ["key", "type", "description", "value", "environment_values", "inserted_at", "updated_at"];

/// Makes or changes a variable; what the body does not name stays, null clears.
pub(super) async fn set(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let catalog = app.engine().catalog();
    let change = Change::read(&catalog, &key, body).map_err(ApiError::invalid)?;
    // A built-in one was there before anything was set for it.
    let known = catalog.variables().get(&key).filter(|_| BUILT_IN.contains(&key.as_str()));
    let since = known.map_or(app.now(), |variable| variable.created_at);
    let (engine, now, name) = (app.engine().clone(), app.now(), key.clone());
    let written: Result<(), FieldProblem> = app
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                let stored = tx.variable(&name).await?;
                let is_new = stored.is_none();
                if is_new && tx.count_variables().await? >= VARIABLES_MAX {
                    let message = format!("would be one of more than {VARIABLES_MAX} variables");
                    return Ok(Err(FieldProblem::new("key", message)));
                }
                let before = match stored {
                    Some(row) => Variable::open(row, engine.vault())
                        .map_err(|error| StoreError::Corrupt(error.to_string().into()))?,
                    None => Variable::empty(&name, since),
                };
                let mut after = match change.apply(before, is_new) {
                    Ok(after) => after,
                    Err(problem) => return Ok(Err(problem)),
                };
                after.updated_at = now;
                tx.set_variable(&after.seal(engine.vault())).await?;
                Ok(Ok(()))
            })
        })
        .await?;
    written.map_err(|problem| ApiError::invalid(vec![problem]))?;
    app.engine().reload_catalog().await?;
    let catalog = app.engine().catalog();
    let variable = catalog.variables().get(&key).ok_or_else(ApiError::missing)?;
    Ok(Json(variable_view(&catalog, variable, None)))
}

/// Deletes a variable with all its values. A built-in one stays, without any.
pub(super) async fn delete(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
) -> ApiResult<StatusCode> {
    let deleted =
        app.store().transact(move |tx| Box::pin(async move { tx.delete_variable(&key).await })).await?;
    if !deleted {
        return Err(ApiError::missing());
    }
    app.engine().reload_catalog().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a body asks for; `Some(None)` clears.
#[derive(Default)]
struct Change {
    is_secret: Option<bool>,
    description: Option<Option<String>>,
    value: Option<Option<String>>,
    overrides: Vec<(EnvId, Option<String>)>,
}

impl Change {
    fn read(catalog: &Catalog, key: &str, body: Map<String, Value>) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        if let Some(why) = key_problem(key) {
            problems.add("key", why);
        }
        for name in body.keys().filter(|name| !MEMBERS.contains(&name.as_str())) {
            problems.add(name, "is not a member of a variable");
        }
        let mut change = Self {
            description: text(&body, "description", "description", DESCRIPTION_CHARS_MAX, &mut problems),
            value: text(&body, "value", "value", VALUE_CHARS_MAX, &mut problems),
            ..Self::default()
        };
        change.is_secret = match body.get("type").map(|kind| kind.as_str()) {
            None => None,
            Some(Some("public")) => Some(false),
            Some(Some("secret")) => Some(true),
            Some(_) => {
                problems.add("type", "must be public or secret");
                None
            }
        };
        if change.is_secret == Some(true) && BUILT_IN.contains(&key) {
            problems.add("type", "must be public for a built-in variable");
        }
        let body = Value::Object(body);
        let values = Fields::of(&body, "", &mut problems).and_then(|body| {
            body.object("environment_values", &mut problems).and(body.get("environment_values")?.as_object())
        });
        for slug in values.into_iter().flat_map(Map::keys) {
            let field = format!("environment_values.{slug}");
            let Some(env) = catalog.environment(slug) else {
                problems.add(field, "is not an environment");
                continue;
            };
            let text = values.and_then(|values| text(values, slug, &field, VALUE_CHARS_MAX, &mut problems));
            change.overrides.extend(text.map(|text| (env.id, text)));
        }
        problems.into_result(change)
    }

    /// The variable after the change. A secret that comes back obfuscated stays as it was.
    fn apply(self, mut variable: Variable, is_new: bool) -> Result<Variable, FieldProblem> {
        if let Some(is_secret) = self.is_secret {
            // A secret that became public would be shown.
            if !is_new && is_secret != variable.is_secret {
                return Err(FieldProblem::new("type", "cannot be changed; delete the variable first"));
            }
            variable.is_secret = is_secret;
        }
        if let Some(description) = self.description {
            variable.description = description;
        }
        let is_secret = variable.is_secret;
        let is_shown = |before: Option<&String>, now: &Option<String>| {
            is_secret && before.map(|text| obfuscated(text)) == *now && now.is_some()
        };
        if let Some(value) = self.value
            && !is_shown(variable.value.as_ref(), &value)
        {
            variable.value = value;
        }
        for (env, text) in self.overrides {
            if is_shown(variable.overrides.get(&env), &text) {
                continue;
            }
            match text {
                Some(text) => drop(variable.overrides.insert(env, text)),
                None => drop(variable.overrides.remove(&env)),
            }
        }
        Ok(variable)
    }
}

/// A text or null of a member that is there.
fn text(
    object: &Map<String, Value>,
    name: &str,
    field: &str,
    chars_max: usize,
    problems: &mut Problems,
) -> Option<Option<String>> {
    match object.get(name)? {
        Value::Null => return Some(None),
        // No database text can hold a NUL.
        Value::String(text) if text.contains('\0') => problems.add(field, "must not contain NUL"),
        Value::String(text) if text.chars().count() > chars_max => {
            problems.add(field, format!("should be at most {chars_max} character(s)"));
        }
        Value::String(text) => return Some(Some(text.clone())),
        _ => problems.add(field, "must be a string or null"),
    }
    None
}

fn key_problem(key: &str) -> Option<&'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match key.as_bytes() {
        [] => Some("can't be blank"),
        _ if COMPUTED.contains(&key) => Some("is reserved"),
        bytes if bytes.len() > KEY_BYTES_MAX => Some("should be at most 255 character(s)"),
        [first, ..] if first.is_ascii_digit() => Some("must not begin with a digit"),
        bytes => (!bytes.iter().all(|byte| allowed(*byte))).then_some("has invalid format"),
    }
}
