//! The gate before every operation: who calls, what a user token leaves open, how often (api-conventions.md sections
//! 2 and 8). It runs before the body is read, in the order of A5.5, and is built from the list of operations, so that
//! no handler can forget it.

mod family;
mod rate_limits;
mod user_token;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use campanile_core::ids::EnvId;
use campanile_engine::signing_keys::TokenPolicy;
use campanile_store::{Credential, KeyKind, hash_secret};
use percent_encoding::percent_decode_str;

use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::operations::{Access, Api, Operation};
use crate::query::Query;
use family::client_rule;
use rate_limits::Counted;

pub(crate) use family::{ClientRule, Confinement, Family};
pub(crate) use rate_limits::RateLimiter;
pub use rate_limits::RateLimits;
pub(crate) use user_token::{TenantScope, UserToken};

/// Header of user tokens.
const USER_TOKEN: &str = "x-knock-user-token";
/// The id of a preference set that belongs to no tenant.
const DEFAULT_SET: &str = "default";

/// Who calls, as the gate found it.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Arc<Identity>);

#[derive(Debug)]
enum Identity {
    Key { env: EnvId, kind: KeyKind, hint: Arc<str>, token: Option<(Arc<UserToken>, ClientRule)> },
    Service { name: Arc<str> },
}

impl Caller {
    /// The environment of a key.
    pub(crate) fn env(&self) -> ApiResult<EnvId> {
        match &*self.0 {
            Identity::Key { env, .. } => Ok(*env),
            Identity::Service { .. } => Err(ApiError::internal("a service token has no environment")),
        }
    }

    /// The environment, when a key called.
    pub(crate) fn env_if_key(&self) -> Option<EnvId> {
        match &*self.0 {
            Identity::Key { env, .. } => Some(*env),
            Identity::Service { .. } => None,
        }
    }

    pub(crate) fn is_public(&self) -> bool {
        matches!(&*self.0, Identity::Key { kind: KeyKind::Public, .. })
    }

    /// The user token next to a public key, with what it is needed for.
    pub(crate) fn token(&self) -> Option<&(Arc<UserToken>, ClientRule)> {
        match &*self.0 {
            Identity::Key { token, .. } => token.as_ref(),
            Identity::Service { .. } => None,
        }
    }

    pub(crate) fn service_name(&self) -> ApiResult<&str> {
        match &*self.0 {
            Identity::Service { name } => Ok(name),
            Identity::Key { .. } => Err(ApiError::internal("a key is no service token")),
        }
    }

    /// How logs name the credential.
    pub(crate) fn credential(&self) -> &Arc<str> {
        match &*self.0 {
            Identity::Key { hint, .. } => hint,
            Identity::Service { name } => name,
        }
    }
}

/// One operation's gate.
pub(crate) struct Gate {
    app: App,
    operation: &'static Operation,
    rule: Option<ClientRule>,
}

impl Gate {
    pub(crate) fn new(app: App, operation: &'static Operation) -> Arc<Self> {
        Arc::new(Self { app, operation, rule: client_rule(operation) })
    }

    /// Who calls, or why not.
    async fn judge(&self, headers: &HeaderMap, uri: &Uri) -> ApiResult<Caller> {
        let credential = match bearer(headers) {
            Some(secret) => Some(self.app.credential(&hash_secret(secret)).await?),
            None => None,
        };
        let identity = match self.operation.access {
            Access::Service => service(credential)?,
            Access::Secret | Access::Client => {
                let (env, kind, hint) = key(credential)?;
                let token = match (kind, &self.rule) {
                    // A secret key may do everything; a token next to it is not looked at (IA2.5).
                    (KeyKind::Secret, _) => None,
                    (KeyKind::Public, None) => return Err(ApiError::public_key()),
                    (KeyKind::Public, Some(rule)) => {
                        self.user_token(env, rule, headers, uri)?.map(|token| (token, *rule))
                    }
                };
                Identity::Key { env, kind, hint, token }
            }
        };
        Ok(Caller(Arc::new(identity)))
    }

    /// Verifies the token of a public key and holds it against the path and the query.
    fn user_token(
        &self,
        env: EnvId,
        rule: &ClientRule,
        headers: &HeaderMap,
        uri: &Uri,
    ) -> ApiResult<Option<Arc<UserToken>>> {
        let catalog = self.app.engine().catalog();
        let open = TokenPolicy::default();
        let policy = catalog.token_policy(env).unwrap_or(&open);
        let sent = headers.get(USER_TOKEN).filter(|value| !value.is_empty());
        let Some(sent) = sent else {
            return match policy.is_enhanced || rule.needs_token {
                true => Err(ApiError::unauthenticated(
                    "missing_user_token",
                    "Send a signed user token in the X-Knock-User-Token header",
                )),
                false => Ok(None),
            };
        };
        if policy.keys.is_empty() {
            return Err(ApiError::unauthenticated(
                "missing_jwt_signing_key",
                "The environment has no signing key to check user tokens against",
            ));
        }
        let text = sent.to_str().unwrap_or_default();
        let token = UserToken::verify(text, &policy.keys, self.app.now()).ok_or_else(|| {
            ApiError::unauthenticated("invalid_user_token", "The user token is not valid or has expired")
        })?;
        match self.may(&token, rule, uri) {
            true => Ok(Some(Arc::new(token))),
            false => Err(ApiError::access_denied()),
        }
    }

    fn may(&self, token: &UserToken, rule: &ClientRule, uri: &Uri) -> bool {
        match rule.confinement {
            Confinement::UserInPath => {
                let is_own = self.parameter(uri, 0).is_some_and(|user| user == token.user);
                let scope = token.scope(rule.family);
                is_own && scope.is_some_and(|scope| !rule.has_tenant_scope || self.is_in(&scope, uri))
            }
            Confinement::ObjectInPath => match (self.parameter(uri, 0), self.parameter(uri, 1)) {
                (Some(collection), Some(id)) => token.grants_object(&collection, &id, rule.family),
                _ => false,
            },
            // Which message or object it is, the handler finds out; here is seen whether there can be one.
            Confinement::ByHandler if rule.needs_token => token.grants_any_object(rule.family),
            Confinement::ByHandler => token.scope(rule.family).is_some(),
        }
    }

    /// Whether the tenants that a call is about are allowed: the one of the query, and the one whose preference set
    /// the path names.
    fn is_in(&self, scope: &TenantScope, uri: &Uri) -> bool {
        let mut query = Query::parse(uri.query().unwrap_or_default());
        let named = query.text("tenant").map(str::to_owned);
        // `has_tenant=false` asks for what belongs to no tenant, whatever else is asked (in-app.md S8).
        let named = named.filter(|_| query.bool("has_tenant") != Some(false));
        let set = match self.operation.path.contains("/preferences/{id}") {
            true => self.parameter(uri, 1).filter(|set| set != DEFAULT_SET),
            false => None,
        };
        match (&set, &named) {
            (Some(set), Some(named)) => scope.allows(Some(set)) && scope.allows(Some(named)),
            (set, named) => scope.allows(set.as_deref().or(named.as_deref())),
        }
    }

    /// The nth parameter of the path, decoded as handlers get it.
    fn parameter(&self, uri: &Uri, n: usize) -> Option<String> {
        let mut places = self.operation.path.split('/').enumerate().filter(|(_, part)| part.starts_with('{'));
        let (place, _) = places.nth(n)?;
        let raw = uri.path().split('/').nth(place)?;
        percent_decode_str(raw).decode_utf8().ok().map(|text| text.into_owned())
    }

    /// Counts the request; false when it is one too many.
    fn counts(&self, caller: &Caller, uri: &Uri) -> bool {
        let limiter = self.app.rate_limiter();
        let limits = limiter.limits();
        let (env, per_second, operation, subject) = match &*caller.0 {
            Identity::Service { .. } if self.operation.api != Api::Management => return true,
            Identity::Service { name } => {
                (EnvId(0), limits.of_service_token(), "management", Some(name.to_string()))
            }
            Identity::Key { env, token, .. } => {
                let per_second = limits.of_tier(self.operation.tier);
                if per_second == 0 {
                    return true;
                }
                let subject = match token {
                    Some((token, _)) => Some(token.user.clone()),
                    // Five feed reads a second for a whole environment would be none: tier 2 is counted by the user
                    // or message in the path for whatever clients call (A8.2).
                    None if self.operation.tier == 2 && self.operation.access == Access::Client => {
                        self.parameter(uri, 0)
                    }
                    None => None,
                };
                (*env, per_second, self.operation.id, subject)
            }
        };
        let counted = Counted { env, operation, subject: subject.as_deref().unwrap_or_default() };
        limiter.allows(&counted, per_second, self.app.now())
    }
}

/// Judges, counts, lets in, and remembers.
pub(crate) async fn gate(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    let recording = gate.app.api_logs().begin(gate.operation, &mut request);
    let judged = gate.judge(request.headers(), request.uri()).await;
    let caller = judged.as_ref().ok().cloned();
    let response = match judged {
        Err(error) => error.into_response(),
        Ok(caller) if !gate.counts(&caller, request.uri()) => {
            gate.app.engine().metrics().rate_limited.inc();
            ApiError::too_many_requests().into_response()
        }
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
    };
    match recording {
        Some(recording) => recording.end(&gate.app, caller.as_ref(), response).await,
        None => response,
    }
}

/// The bearer text: the scheme in any case, exactly one space (A2.3).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty() && !secret.starts_with(' '))
        .then_some(secret)
}

fn service(credential: Option<Option<Credential>>) -> ApiResult<Identity> {
    match credential {
        None => Err(ApiError::unauthenticated(
            "bearer_token_missing",
            "Send a service token in the Authorization header: Bearer st_…",
        )),
        Some(Some(Credential::ServiceToken { name, revoked: false })) => Ok(Identity::Service { name }),
        Some(_) => {
            Err(ApiError::unauthenticated("bearer_token_invalid", "The bearer token supplied is invalid"))
        }
    }
}

fn key(credential: Option<Option<Credential>>) -> ApiResult<(EnvId, KeyKind, Arc<str>)> {
    match credential {
        None => Err(ApiError::unauthenticated(
            "authentication_required",
            "Send an API key in the Authorization header: Bearer sk_…",
        )),
        Some(Some(Credential::Key { revoked: true, .. })) => {
            Err(ApiError::unauthenticated("api_key_expired", "The API key was revoked"))
        }
        Some(Some(Credential::Key { env, kind, hint, .. })) => Ok((env, kind, hint)),
        Some(Some(Credential::ServiceToken { revoked: false, .. })) => Err(ApiError::unauthenticated(
            "incorrect_token_type",
            "A service token cannot be used here; send an API key of the environment",
        )),
        Some(Some(Credential::ServiceToken { .. }) | None) => {
            Err(ApiError::unauthenticated("api_key_missing", "The API key supplied is unknown"))
        }
    }
}
