//! What handlers learn of their caller. The gate ([`crate::access`]) has judged before a handler runs; these
//! extractors only say what a handler wants.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use campanile_core::ids::EnvId;
use campanile_core::recipient::RecipientRef;
use campanile_store::TenantFilter;

use crate::access::{Caller, Confinement, Family, TenantScope, UserToken};
use crate::app::App;
use crate::error::{ApiError, ApiResult};

/// A secret key: everything of one environment.
#[derive(Debug, Clone, Copy)]
pub struct SecretKey(pub EnvId);

/// A secret or a public key: a client-safe operation of one environment whose path says whom it is about.
#[derive(Debug, Clone, Copy)]
pub struct AnyKey(pub EnvId);

/// A secret or a public key: a client-safe operation of one environment whose handler confines user tokens itself.
#[derive(Debug, Clone)]
pub struct ClientKey {
    /// Which environment.
    pub env: EnvId,
    /// What the request is confined to; nothing without a user token.
    pub(crate) confined: Option<Confined>,
}

/// What a user token leaves open.
#[derive(Debug, Clone)]
pub(crate) struct Confined {
    token: Arc<UserToken>,
    family: Family,
    /// Which tenants.
    pub(crate) tenants: TenantScope,
}

/// A service token: the management API.
#[derive(Debug, Clone)]
pub struct ServiceToken {
    /// The token's name: who commits.
    pub name: String,
}

impl ClientKey {
    /// Refuses a message that belongs to somebody else, or to a tenant that the token does not name (IA2.5, IA3.6).
    pub(crate) fn check_message(&self, recipient: &str, tenant: Option<&str>) -> ApiResult<()> {
        let Some(confined) = &self.confined else { return Ok(()) };
        let is_own = RecipientRef::user(confined.token.user.as_str()).key() == recipient;
        if is_own && confined.tenants.allows(tenant) { Ok(()) } else { Err(ApiError::access_denied()) }
    }

    /// A feed's tenant filter without what the token does not name: a tenant's items without those of no tenant
    /// (in-app.md IA3.6), and no way to read every tenant's at once.
    pub(crate) fn narrowed(&self, asked: TenantFilter) -> ApiResult<TenantFilter> {
        let Some(confined) = &self.confined else { return Ok(asked) };
        let allows = |tenant| confined.tenants.allows(tenant);
        match asked {
            TenantFilter::OrNone(tenant) if allows(Some(&tenant)) && !allows(None) => {
                Ok(TenantFilter::Only(tenant))
            }
            TenantFilter::OrNone(tenant) | TenantFilter::Only(tenant) if !allows(Some(&tenant)) => {
                Err(ApiError::access_denied())
            }
            TenantFilter::All | TenantFilter::Some | TenantFilter::None if !allows(None) => {
                Err(ApiError::access_denied())
            }
            asked => Ok(asked),
        }
    }

    /// Refuses an object that the token does not name: objects are never granted implicitly (IA3.4).
    pub(crate) fn check_object(&self, object: &RecipientRef) -> ApiResult<()> {
        let Some(confined) = &self.confined else { return Ok(()) };
        match confined.token.grants_object(&object.collection, &object.id, confined.family) {
            true => Ok(()),
            false => Err(ApiError::access_denied()),
        }
    }

    /// The only user whose things the request may change, when there is a token.
    pub(crate) fn only_user(&self) -> Option<&str> {
        self.confined.as_ref().map(|confined| confined.token.user.as_str())
    }
}

/// The gate stands before every operation, so its absence is a fault of ours.
fn caller(parts: &Parts) -> ApiResult<&Caller> {
    parts.extensions.get::<Caller>().ok_or_else(|| ApiError::internal("a handler without its gate"))
}

impl FromRequestParts<App> for SecretKey {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &App) -> ApiResult<Self> {
        let caller = caller(parts)?;
        if caller.is_public() { Err(ApiError::public_key()) } else { Ok(Self(caller.env()?)) }
    }
}

impl FromRequestParts<App> for AnyKey {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &App) -> ApiResult<Self> {
        let caller = caller(parts)?;
        // A handler that takes no `ClientKey` would give a user token more than it says.
        if let Some((_, rule)) = caller.token()
            && rule.confinement == Confinement::ByHandler
        {
            return Err(ApiError::access_denied());
        }
        Ok(Self(caller.env()?))
    }
}

impl FromRequestParts<App> for ClientKey {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &App) -> ApiResult<Self> {
        let caller = caller(parts)?;
        let confined = match caller.token() {
            None => None,
            Some((token, rule)) => {
                // Objects are looked up one by one; a token that names none passes here and fails there.
                let tenants = token.scope(rule.family).unwrap_or(TenantScope::NONE);
                Some(Confined { token: Arc::clone(token), family: rule.family, tenants })
            }
        };
        Ok(Self { env: caller.env()?, confined })
    }
}

impl FromRequestParts<App> for ServiceToken {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &App) -> ApiResult<Self> {
        Ok(Self { name: caller(parts)?.service_name()?.to_owned() })
    }
}
