//! User tokens: JWTs that the customer's server signs, so that a public key speaks for one user (in-app.md section 2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use campanile_core::recipient::{TENANTS, id_problem};
use campanile_core::time::{Micros, Timestamp};
use campanile_engine::signing_keys::VerificationKey;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::family::Family;

/// How far the clocks of signer and server may differ (api-conventions.md S5).
const LEEWAY: Micros = Micros::seconds(60);
/// Longest token read: headers of this size are accepted by HTTP servers in front of us.
const TOKEN_BYTES_MAX: usize = 16_384;
/// Entities in one token at the most.
const ENTITIES_MAX: usize = 256;

/// What a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserToken {
    /// `sub`.
    pub(crate) user: String,
    /// When it stops; absent is never.
    pub(crate) expires_at: Option<Timestamp>,
    is_explicit: bool,
    grants: Vec<Grants>,
}

/// What a token may do with one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Grants {
    entity: Entity,
    families: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entity {
    User(String),
    Object { collection: String, id: String },
}

/// The tenants that a call may be about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TenantScope {
    /// Any, and none.
    Any,
    /// These, and none at all only if `untenanted`.
    Only { tenants: Vec<String>, untenanted: bool },
}

impl TenantScope {
    /// Nothing at all.
    pub(crate) const NONE: Self = Self::Only { tenants: Vec::new(), untenanted: false };

    /// True when a call about `tenant` is allowed.
    pub(crate) fn allows(&self, tenant: Option<&str>) -> bool {
        match (self, tenant) {
            (Self::Any, _) => true,
            (Self::Only { tenants, .. }, Some(tenant)) => tenants.iter().any(|allowed| allowed == tenant),
            (Self::Only { untenanted, .. }, None) => *untenanted,
        }
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: Option<f64>,
    nbf: Option<f64>,
    #[serde(default)]
    grants: Option<Map<String, Value>>,
    #[serde(default)]
    explicit_grants: Option<bool>,
}

impl UserToken {
    /// Checks signature, algorithm, times and subject; `None` for whatever is wrong, since a caller who guesses
    /// tokens should not learn how far it got.
    pub(crate) fn verify(text: &str, keys: &[VerificationKey], now: Timestamp) -> Option<Self> {
        if text.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        if header.alg != "RS256" {
            return None;
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        if !keys.iter().any(|key| key.verifies(signed.as_bytes(), &signature)) {
            return None;
        }
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        Self::check(claims, now)
    }

    fn check(claims: Claims, now: Timestamp) -> Option<Self> {
        if id_problem(&claims.sub).is_some() {
            return None;
        }
        let expires_at = match claims.exp {
            Some(seconds) => Some(instant(seconds)?),
            None => None,
        };
        if expires_at.is_some_and(|at| now >= at + LEEWAY) {
            return None;
        }
        if let Some(seconds) = claims.nbf
            && instant(seconds)? > now + LEEWAY
        {
            return None;
        }
        let grants = claims.grants.unwrap_or_default();
        if grants.len() > ENTITIES_MAX {
            return None;
        }
        Some(Self {
            user: claims.sub,
            expires_at,
            is_explicit: claims.explicit_grants.unwrap_or(false),
            grants: grants.iter().filter_map(|(uri, named)| grants_of(uri, named)).collect(),
        })
    }

    /// What the token may do as its user with one family; `None` when it may do nothing (IA3.4, IA3.5).
    pub(crate) fn scope(&self, family: Family) -> Option<TenantScope> {
        let is_listed = |grants: &&Grants| grants.families & family.bit() != 0;
        let of_user = self.grants.iter().filter(is_listed).any(|grants| match &grants.entity {
            Entity::User(id) => *id == self.user,
            Entity::Object { .. } => false,
        });
        let tenants: Vec<String> = match family.is_tenanted() {
            true => self.grants.iter().filter(is_listed).filter_map(|g| g.entity.tenant()).collect(),
            false => Vec::new(),
        };
        if !tenants.is_empty() {
            return Some(TenantScope::Only { tenants, untenanted: of_user });
        }
        (of_user || !self.is_explicit).then_some(TenantScope::Any)
    }

    /// True when the token names any object with one family.
    pub(crate) fn grants_any_object(&self, family: Family) -> bool {
        self.grants.iter().any(|grants| {
            grants.families & family.bit() != 0 && matches!(grants.entity, Entity::Object { .. })
        })
    }

    /// True when the token names an object with one family. Objects are never granted implicitly (IA3.4).
    pub(crate) fn grants_object(&self, collection: &str, id: &str, family: Family) -> bool {
        self.grants.iter().any(|grants| {
            grants.families & family.bit() != 0
                && matches!(&grants.entity, Entity::Object { collection: c, id: i } if c == collection && i == id)
        })
    }
}

impl Entity {
    fn tenant(&self) -> Option<String> {
        match self {
            Self::Object { collection, id } if collection == TENANTS => Some(id.clone()),
            _ => None,
        }
    }

    /// Reads a URI by its path only: SDK signers hard-code Knock's own host (IA3.1).
    fn parse(uri: &str) -> Option<Self> {
        let path = match uri.split_once("://") {
            Some((_, rest)) => rest.split_once('/')?.1,
            None => uri.trim_start_matches('/'),
        };
        let parts: Vec<String> = path
            .trim_end_matches('/')
            .split('/')
            .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
            .collect();
        match parts.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["v1", "users", id] => Some(Self::User((*id).to_owned())),
            ["v1", "tenants", id] => Some(Self::object(TENANTS, id)),
            ["v1", "objects", collection, id] => Some(Self::object(collection, id)),
            _ => None,
        }
    }

    fn object(collection: &str, id: &str) -> Self {
        Self::Object { collection: collection.to_owned(), id: id.to_owned() }
    }
}

/// A grant is held if its name is there with a list, of whatever caveats (IA3.2).
fn grants_of(uri: &str, named: &Value) -> Option<Grants> {
    let named = named.as_object()?;
    let families = named
        .iter()
        .filter(|(_, caveats)| caveats.is_array())
        .filter_map(|(name, _)| Family::from_grant(name))
        .fold(0, |families, family| families | family.bit());
    Some(Grants { entity: Entity::parse(uri)?, families })
}

/// Seconds since 1970, with fractions or without (RFC 7519).
fn instant(seconds: f64) -> Option<Timestamp> {
    // The year 9999: more is no instant.
    (0.0..=253_402_300_799.0).contains(&seconds).then_some(Timestamp((seconds * 1e6) as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp(1_772_442_000_000_000);

    fn check(claims: Value) -> Option<UserToken> {
        UserToken::check(serde_json::from_value(claims).ok()?, NOW)
    }

    #[test]
    fn times_and_subjects() {
        let now = NOW.0 / 1_000_000;
        for (claims, want) in [
            (json!({"sub": "u1"}), true),
            (json!({"sub": "u1", "exp": now + 1}), true),
            (json!({"sub": "u1", "exp": now - 59}), true),
            (json!({"sub": "u1", "exp": now - 60}), false),
            (json!({"sub": "u1", "exp": now as f64 + 0.5}), true),
            (json!({"sub": "u1", "exp": "soon"}), false),
            (json!({"sub": "u1", "exp": -1}), false),
            (json!({"sub": "u1", "exp": 1e300}), false),
            (json!({"sub": "u1", "nbf": now + 60}), true),
            (json!({"sub": "u1", "nbf": now + 61}), false),
            (json!({"sub": "u1", "iat": now + 9_999}), true),
            (json!({"sub": ""}), false),
            (json!({"sub": 7}), false),
            (json!({}), false),
            (json!({"sub": "u1", "grants": []}), false),
            (json!({"sub": "u1", "explicit_grants": null, "grants": null}), true),
        ] {
            assert_eq!(check(claims.clone()).is_some(), want, "{claims}");
        }
    }

    #[test]
    fn entities_are_read_by_path() {
        let tenant = || Some(Entity::object(TENANTS, "acme"));
        for (uri, want) in [
            ("https://api.knock.app/v1/users/u1", Some(Entity::User("u1".into()))),
            ("http://localhost:4000/v1/users/a%40b.test", Some(Entity::User("a@b.test".into()))),
            ("/v1/users/u1", Some(Entity::User("u1".into()))),
            ("https://api.knock.app/v1/tenants/acme", tenant()),
            ("https://api.knock.app/v1/objects/$tenants/acme", tenant()),
            ("https://api.knock.app/v1/objects/projects/p/", Some(Entity::object("projects", "p"))),
            ("https://api.knock.app/v2/users/u1", None),
            ("https://api.knock.app/v1/users/u1/feeds", None),
            ("https://api.knock.app", None),
            ("", None),
        ] {
            assert_eq!(Entity::parse(uri), want, "{uri}");
        }
    }

    /// The table of section 3, and the worked example of api-conventions.md 2.3.
    #[test]
    fn grants_follow_the_table() {
        let granted = |uris: &[&str]| -> Value {
            let feed =
                |uri: &&str| (format!("https://api.knock.app/v1/{uri}"), json!({"user/feed_read": [{}]}));
            Value::Object(uris.iter().map(feed).collect())
        };
        let other = |uri: &str, grant: &str| json!({format!("https://api.knock.app/v1/{uri}"): {grant: []}});
        for (explicit, grants, acme, beta, none) in [
            (true, granted(&["tenants/acme"]), true, false, false),
            (true, granted(&["users/u1", "tenants/acme"]), true, false, true),
            (true, granted(&["users/u1"]), true, true, true),
            (true, granted(&["users/u2"]), false, false, false),
            (true, other("users/u1", "user/read"), false, false, false),
            (true, other("users/u1", "feed/read"), true, true, true),
            (true, other("users/u1", "user_feed/read"), true, true, true),
            (true, json!({}), false, false, false),
            (false, json!({}), true, true, true),
            (false, other("objects/$tenants/acme", "slack/channels_read"), true, true, true),
            (false, granted(&["objects/$tenants/acme"]), true, false, false),
            (true, json!({"/v1/users/u1": {"feed/read": null}}), false, false, false),
        ] {
            let token = check(json!({"sub": "u1", "explicit_grants": explicit, "grants": grants})).unwrap();
            let scope = token.scope(Family::FeedRead);
            let allows = |tenant| scope.as_ref().is_some_and(|scope| scope.allows(tenant));
            let found = (allows(Some("acme")), allows(Some("beta")), allows(None));
            assert_eq!(found, (acme, beta, none), "explicit {explicit}: {grants}");
        }
    }

    #[test]
    fn objects_are_never_granted_implicitly() {
        let uri = "https://api.knock.app/v1/tenants/acme";
        let token = check(json!({"sub": "u1", "grants": {uri: {"slack/channels_read": [{}]}}})).unwrap();
        assert!(token.grants_object(TENANTS, "acme", Family::SlackChannels));
        assert!(!token.grants_object(TENANTS, "acme", Family::MsTeamsChannels));
        assert!(!token.grants_object(TENANTS, "beta", Family::SlackChannels));
        assert!(!check(json!({"sub": "u1"})).unwrap().grants_object(TENANTS, "acme", Family::SlackChannels));
    }
}
