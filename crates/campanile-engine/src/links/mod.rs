//! Links that we hand out and that come back to us: what they begin with, and who vouches for them. A kind of link has
//! a purpose and by it a key of its own, so that no token is good where another kind is expected.

mod preference;
mod recipient;
mod signer;
mod unsubscribe;

use aws_lc_rs::hmac;

pub use preference::PreferenceLink;
pub(crate) use recipient::RecipientLinks;
pub use signer::Signer;
pub use unsubscribe::UnsubscribeLink;

/// The server's address and its signing keys, made once at the start.
pub struct Links {
    public_url: String,
    secret: hmac::Key,
    preferences: Signer,
    unsubscribe: Signer,
}

impl Links {
    /// `public_url` is how clients reach us; `secret` is the installation's, the same on all its nodes, and links live
    /// as long as it does.
    pub fn new(public_url: &str, secret: &[u8]) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        Self {
            public_url: public_url.trim_end_matches('/').to_owned(),
            preferences: Signer::new(&secret, preference::PURPOSE),
            unsubscribe: Signer::new(&secret, unsubscribe::PURPOSE),
            secret,
        }
    }

    /// Origin of absolute URLs, without a slash at the end.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Signs for one purpose. Make it once and keep it: this derives a key.
    pub fn signer(&self, purpose: &[u8]) -> Signer {
        Signer::new(&self.secret, purpose)
    }
}
