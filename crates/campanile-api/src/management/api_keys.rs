//! Environment keys: made fresh, since only their hashes are kept.

use aws_lc_rs::rand;
use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use campanile_store::{Environment, KeyKind, NewKey};
use serde_json::{Value, json};

use super::request::named;
use crate::app::App;
use crate::auth::ServiceToken;
use crate::error::{ApiError, ApiResult};
use crate::query::Query;

/// Gives a service token a secret key of an environment. A stored key cannot be shown again, so each exchange makes
/// one; it is listed and revoked like any other.
pub(super) async fn exchange(
    token: ServiceToken,
    State(app): State<App>,
    query: Query,
) -> ApiResult<Json<Value>> {
    let environment = named(&app.engine().catalog(), "environment", &query)?;
    let description = format!("Exchanged by the service token {}", token.name);
    let secret = fresh_key(&app, &environment, KeyKind::Secret, Some(description)).await?;
    Ok(Json(json!({"api_key": secret})))
}

/// Makes a key, keeps its hash, and answers the key for the only time.
pub(crate) async fn fresh_key(
    app: &App,
    environment: &Environment,
    kind: KeyKind,
    description: Option<String>,
) -> ApiResult<String> {
    let mut random = [0u8; 32];
    rand::fill(&mut random).map_err(|_| ApiError::internal("the system has no randomness"))?;
    let secret = format!("{}{}", prefix(&environment.slug, kind), URL_SAFE_NO_PAD.encode(random));
    let new = NewKey { env: environment.id, kind, secret: secret.clone(), description };
    let now = app.now();
    app.store().transact(move |tx| Box::pin(async move { tx.insert_key(&new, now).await })).await?;
    Ok(secret)
}

/// Only keys of production say that they are live.
fn prefix(slug: &str, kind: KeyKind) -> &'static str {
    match (kind, slug == "production") {
        (KeyKind::Secret, true) => "sk_live_",
        (KeyKind::Secret, false) => "sk_test_",
        (KeyKind::Public, true) => "pk_live_",
        (KeyKind::Public, false) => "pk_test_",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_say_what_they_open() {
        assert_eq!(prefix("production", KeyKind::Secret), "sk_live_");
        assert_eq!(prefix("development", KeyKind::Public), "pk_test_");
        assert_eq!(prefix("staging", KeyKind::Secret), "sk_test_");
        assert_eq!(URL_SAFE_NO_PAD.encode([0u8; 32]).len(), 43);
    }
}
