//! Links to the hosted preference page: a token that names an environment and a user, and needs no login.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Links;

pub(super) const PURPOSE: &[u8] = b"preference center link";
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Whom a link is for. It never expires (PF11.6), so it also names when the user was first seen: whoever is deleted
/// and identified again is somebody else, and old links of theirs lead nowhere (corner 18).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreferenceLink {
    env: i64,
    /// Id of the user.
    #[serde(rename = "sub")]
    pub user: String,
    since: i64,
}

impl PreferenceLink {
    /// The link of a user who was first seen at `since`.
    pub fn new(env: EnvId, user: &str, since: Timestamp) -> Self {
        Self { env: env.0, user: user.to_owned(), since: since.0 }
    }

    /// Its environment.
    pub fn env(&self) -> EnvId {
        EnvId(self.env)
    }

    /// When the user must have been first seen.
    pub fn since(&self) -> Timestamp {
        Timestamp(self.since)
    }

    /// An HS256 JWT; the same link gives the same token.
    pub fn token(&self, links: &Links) -> String {
        let payload = serde_json::to_string(self).unwrap_or_default();
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(payload));
        let signature: [u8; 32] = links.preferences.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Where the token leads.
    pub fn url(links: &Links, token: &str) -> String {
        format!("{}/p/{token}", links.public_url())
    }

    /// Reads a token of ours; `None` for any other text.
    pub fn verify(links: &Links, token: &str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let signature: [u8; 32] = URL_SAFE_NO_PAD.decode(signature).ok()?.try_into().ok()?;
        if !links.preferences.verify(signed.as_bytes(), &signature) {
            return None;
        }
        if URL_SAFE_NO_PAD.decode(header).ok()? != HEADER.as_bytes() {
            return None;
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_earlier_versions_still_open_the_page() {
        let links = Links::new("http://localhost", b"cursor");
        let link = PreferenceLink::new(EnvId(7), "jhammond", Timestamp(1_767_258_000_123_456));
        let token = concat!(
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.",
            "eyJlbnYiOjcsInN1YiI6ImpoYW1tb25kIiwic2luY2UiOjE3NjcyNTgwMDAxMjM0NTZ9",
            ".DKjI699Y01qhVXsrVHq05MVvCnUu8x1Df7krkDSL0Ag",
        );
        assert_eq!(link.token(&links), token);
        assert_eq!(PreferenceLink::verify(&links, token), Some(link));
        assert_eq!(PreferenceLink::verify(&Links::new("http://localhost", b"another"), token), None);
    }
}
