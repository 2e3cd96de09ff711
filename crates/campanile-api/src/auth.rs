//! Who calls: keys and tokens by their hashes (api-conventions.md section 2).

use axum::extract::FromRequestParts;
use axum::http::{header, request::Parts};
use campanile_core::ids::EnvId;
use campanile_store::{Credential, KeyKind, hash_secret};

use crate::app::App;
use crate::error::{ApiError, ApiResult};

/// A secret key: everything of one environment.
#[derive(Debug, Clone, Copy)]
pub struct SecretKey(pub EnvId);

/// A secret or a public key: a client-safe operation of one environment.
#[derive(Debug, Clone, Copy)]
pub struct AnyKey(pub EnvId);

/// A service token: the management API.
#[derive(Debug, Clone)]
pub struct ServiceToken {
    /// The token's name: who commits.
    pub name: String,
}

/// The bearer text: the scheme in any case, exactly one space (A2.3).
fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty() && !secret.starts_with(' '))
        .then_some(secret)
}

async fn credential(parts: &Parts, app: &App) -> ApiResult<Option<Credential>> {
    let Some(secret) = bearer(parts) else { return Ok(None) };
    let found = app.credential(&hash_secret(secret)).await?;
    // An unknown secret is told apart from none at all by the caller.
    Ok(Some(found.unwrap_or(Credential::ServiceToken { name: String::new(), revoked: true })))
}

async fn key(parts: &Parts, app: &App) -> ApiResult<(EnvId, KeyKind)> {
    match credential(parts, app).await? {
        None => Err(ApiError::unauthenticated(
            "authentication_required",
            "Send an API key in the Authorization header: Bearer sk_…",
        )),
        Some(Credential::Key { revoked: true, .. }) => {
            Err(ApiError::unauthenticated("api_key_expired", "The API key was revoked"))
        }
        Some(Credential::Key { env, kind, .. }) => Ok((env, kind)),
        Some(Credential::ServiceToken { revoked: false, .. }) => Err(ApiError::unauthenticated(
            "incorrect_token_type",
            "A service token cannot be used here; send an API key of the environment",
        )),
        Some(Credential::ServiceToken { .. }) => {
            Err(ApiError::unauthenticated("api_key_missing", "The API key supplied is unknown"))
        }
    }
}

impl FromRequestParts<App> for SecretKey {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        match key(parts, app).await? {
            (env, KeyKind::Secret) => Ok(Self(env)),
            (_, KeyKind::Public) => Err(ApiError::forbidden(
                "incorrect_token_type",
                "A public key cannot be used here; send a secret key",
            )),
        }
    }
}

impl FromRequestParts<App> for AnyKey {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        // User tokens narrow a public key; until they are verified here, a request that brings one is refused
        // rather than given more than the token says.
        let (env, kind) = key(parts, app).await?;
        if kind == KeyKind::Public && parts.headers.contains_key("x-knock-user-token") {
            return Err(ApiError::not_implemented("A signed user token"));
        }
        Ok(Self(env))
    }
}

impl FromRequestParts<App> for ServiceToken {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        match credential(parts, app).await? {
            None => Err(ApiError::unauthenticated(
                "bearer_token_missing",
                "Send a service token in the Authorization header: Bearer st_…",
            )),
            Some(Credential::ServiceToken { name, revoked: false }) => Ok(Self { name }),
            Some(_) => {
                Err(ApiError::unauthenticated("bearer_token_invalid", "The bearer token supplied is invalid"))
            }
        }
    }
}
