//! Links to the hosted preference page: a token that names an environment and a user, and needs no login.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::app::App;

/// Keeps these tokens apart from everything else that the installation's key signs.
const PURPOSE: &[u8] = b"preference center link";
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Whom a link is for. It never expires (PF11.6), so it also names when the user was first seen: whoever is deleted
/// and identified again is somebody else, and old links of theirs lead nowhere (corner 18).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    #[serde(rename = "env")]
    env: i64,
    /// Id of the user.
    #[serde(rename = "sub")]
    pub(crate) user: String,
    #[serde(rename = "since")]
    since: i64,
}

impl Link {
    /// The link of a user who was first seen at `since`.
    pub(crate) fn new(env: EnvId, user: &str, since: Timestamp) -> Self {
        Self { env: env.0, user: user.to_owned(), since: since.0 }
    }

    /// Its environment.
    pub(crate) fn env(&self) -> EnvId {
        EnvId(self.env)
    }

    /// When the user must have been first seen.
    pub(crate) fn since(&self) -> Timestamp {
        Timestamp(self.since)
    }

    /// An HS256 JWT; the same link gives the same token.
    pub(crate) fn sign(&self, app: &App) -> String {
        let payload = serde_json::to_string(self).unwrap_or_default();
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(payload));
        let signature = hmac::sign(&key(app), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// Reads a token of ours; `None` for any other text.
    pub(crate) fn verify(app: &App, token: &str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        hmac::verify(&key(app), signed.as_bytes(), &signature).ok()?;
        if URL_SAFE_NO_PAD.decode(header).ok()? != HEADER.as_bytes() {
            return None;
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }
}

fn key(app: &App) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(app.cursor_key(), PURPOSE).as_ref())
}
