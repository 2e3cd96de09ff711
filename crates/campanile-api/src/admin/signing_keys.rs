//! Keys that sign user tokens (in-app.md IA2.3): made here, or only their public halves uploaded.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use campanile_core::problem::Problems;
use campanile_engine::Catalog;
use campanile_engine::signing_keys::{SIGNING_KEYS_MAX, base64_pem, generate, public_pem, read_public};
use campanile_store::SigningKey;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::public::segments::Segments;
use crate::query::Query;

/// Every key's public half, oldest first, revoked ones too; of one environment with `environment`.
pub(super) async fn list(_: ServiceToken, State(app): State<App>, query: Query) -> ApiResult<Json<Value>> {
    let catalog = app.engine().catalog();
    let env = match query.text("environment") {
        None => None,
        Some(slug) => {
            let found = catalog.environment(slug).map(|environment| environment.id);
            Some(found.ok_or_else(|| ApiError::field("environment", "does not exist"))?)
        }
    };
    let keys = app.store().signing_keys().await?;
    let keys = keys.iter().filter(|key| env.is_none_or(|env| key.env == env));
    let entries: Vec<_> = keys.map(|key| view(&catalog, key)).collect();
    Ok(Json(json!({"entries": entries})))
}

/// Makes a pair and answers its private half for the only time; with `public_key`, stores that one and answers none.
pub(super) async fn create(
    _: ServiceToken,
    State(app): State<App>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let catalog = app.engine().catalog();
    let mut problems = Problems::default();
    let mut text = |name: &str| match body.get(name) {
        None | Some(Value::Null) => None,
        // No database text can hold a NUL.
        Some(Value::String(text)) if !text.contains('\0') => Some(text.clone()),
        Some(_) => {
            problems.add(name, "must be a string");
            None
        }
    };
    let slug = text("environment");
    let (description, uploaded) = (text("description"), text("public_key"));
    let env = catalog.environment(slug.as_deref().unwrap_or("development")).map(|environment| environment.id);
    if env.is_none() {
        problems.add("environment", "does not exist");
    }
    let uploaded = match uploaded.as_deref().map(read_public) {
        None => None,
        Some(Ok(key)) => Some(key),
        Some(Err(why)) => {
            problems.add("public_key", why);
            None
        }
    };
    problems.into_result(()).map_err(ApiError::invalid)?;
    let env = env.ok_or_else(|| ApiError::field("environment", "does not exist"))?;
    let (public_key, private_pem) = match uploaded {
        Some(public_key) => (public_key, None),
        None => {
            let fresh = tokio::task::spawn_blocking(generate).await.map_err(ApiError::internal)?;
            let fresh = fresh.ok_or_else(|| ApiError::internal("a signing key could not be made"))?;
            (fresh.public_key, Some(fresh.private_pem))
        }
    };
    let key = SigningKey {
        id: Uuid::new_v4(),
        env,
        public_key,
        description,
        created_at: app.now(),
        revoked_at: None,
    };
    let written = key.clone();
    let added = app
        .store()
        .transact(move |tx| Box::pin(async move { tx.insert_signing_key(&written, SIGNING_KEYS_MAX).await }))
        .await?;
    if !added {
        return Err(ApiError::field(
            "environment",
            format!("has {SIGNING_KEYS_MAX} signing keys already; revoke one first"),
        ));
    }
    app.engine().reload_catalog().await?;
    let mut body = view(&catalog, &key);
    if let Some(pem) = private_pem {
        body["private_key_base64"] = base64_pem(&pem).into();
        body["private_key"] = pem.into();
    }
    Ok(Json(body))
}

/// Refuses a key's tokens from now on.
pub(super) async fn revoke(
    _: ServiceToken,
    State(app): State<App>,
    Segments(id): Segments<String>,
) -> ApiResult<StatusCode> {
    let id = Uuid::parse_str(&id).map_err(|_| ApiError::missing())?;
    if !app.store().revoke_signing_key(id, app.now()).await? {
        return Err(ApiError::missing());
    }
    app.engine().reload_catalog().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn view(catalog: &Catalog, key: &SigningKey) -> Value {
    json!({
        "id": key.id.to_string(),
        "environment": catalog.environment_by_id(key.env).map(|environment| environment.slug.as_str()),
        "description": key.description,
        "public_key": public_pem(&key.public_key),
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    })
}
