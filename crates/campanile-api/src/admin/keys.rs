//! Environment keys: listed by their hints, shown once when made, refused from the moment they are revoked.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use campanile_engine::Catalog;
use campanile_store::{ApiKey, KeyKind};
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::management::fresh_key;
use crate::public::segments::Segments;

/// Every key, oldest first, revoked ones too.
pub(super) async fn list(_: ServiceToken, State(app): State<App>) -> ApiResult<Json<Value>> {
    let catalog = app.engine().catalog();
    let keys = app.store().api_keys().await?;
    let entries: Vec<_> = keys.iter().map(|key| view(&catalog, key)).collect();
    Ok(Json(json!({"entries": entries})))
}

/// Makes a key. The answer is the only place where it can be read.
pub(super) async fn create(
    _: ServiceToken,
    State(app): State<App>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let text = |name: &str| match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        // No database text can hold a NUL.
        Some(Value::String(text)) if !text.contains('\0') => Ok(Some(text.as_str())),
        Some(_) => Err(ApiError::field(name, "is invalid")),
    };
    let kind = match text("type")? {
        None | Some("secret") => KeyKind::Secret,
        Some("public") => KeyKind::Public,
        Some(_) => return Err(ApiError::field("type", "must be secret or public")),
    };
    let description = text("description")?.map(str::to_owned);
    let catalog = app.engine().catalog();
    let environment = catalog.environment(text("environment")?.unwrap_or("development"));
    let environment = environment.ok_or_else(|| ApiError::field("environment", "does not exist"))?;
    let secret = fresh_key(&app, environment, kind, description.clone()).await?;
    Ok(Json(json!({
        "key": secret,
        "environment": environment.slug,
        "type": type_name(kind),
        "description": description,
    })))
}

/// Revokes the keys that show a hint.
pub(super) async fn revoke(
    _: ServiceToken,
    State(app): State<App>,
    Segments(hint): Segments<String>,
) -> ApiResult<StatusCode> {
    let revoked = app.store().revoke_key(&hint, app.now()).await?;
    app.forget_credentials();
    if revoked == 0 { Err(ApiError::missing()) } else { Ok(StatusCode::NO_CONTENT) }
}

fn view(catalog: &Catalog, key: &ApiKey) -> Value {
    json!({
        "hint": key.hint,
        "environment": catalog.environment_by_id(key.env).map(|environment| environment.slug.as_str()),
        "type": type_name(key.kind),
        "description": key.description,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    })
}

fn type_name(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Secret => "secret",
        KeyKind::Public => "public",
    }
}
