//! Links by which somebody leaves commercial messages: a token that names an environment and a recipient, needs no login
//! and never expires (delivery.md R14.7).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use campanile_core::ids::EnvId;
use campanile_core::recipient::RecipientRef;

use super::Links;

pub(super) const PURPOSE: &[u8] = b"unsubscribe link";
/// The first byte, so that tokens may look otherwise one day.
const VERSION: u8 = 1;
const SIGNATURE_BYTES: usize = 16;

/// Whom a link takes off. It outlives messages and deletions: an id that is identified again is the same address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsubscribeLink {
    /// Where.
    pub env: EnvId,
    /// Who, a user or an object.
    pub recipient: RecipientRef,
}

impl UnsubscribeLink {
    /// Version, signature, environment, key of the recipient; the same link gives the same token.
    pub fn token(&self, links: &Links) -> String {
        let signed = [&[VERSION][..], &self.env.0.to_be_bytes(), self.recipient.key().as_bytes()].concat();
        let signature: [u8; SIGNATURE_BYTES] = links.unsubscribe.sign(&signed);
        URL_SAFE_NO_PAD.encode([&signature[..], &signed].concat())
    }

    /// The address that mails carry and people open.
    pub fn url(&self, links: &Links) -> String {
        format!("{}/u/{}", links.public_url(), self.token(links))
    }

    /// Reads a token of ours; `None` for any other text.
    pub fn verify(links: &Links, token: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (signature, signed) = bytes.split_first_chunk::<SIGNATURE_BYTES>()?;
        if !links.unsubscribe.verify(signed, signature) {
            return None;
        }
        let (&VERSION, rest) = signed.split_first()? else { return None };
        let (env, key) = rest.split_first_chunk::<8>()?;
        let key = std::str::from_utf8(key).ok()?;
        Some(Self { env: EnvId(i64::from_be_bytes(*env)), recipient: RecipientRef::from_key(key) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links() -> Links {
        Links::new("https://notify.acme.test", b"secret")
    }

    #[test]
    fn tokens_name_users_and_objects_and_are_printable_in_an_address() {
        for recipient in [
            RecipientRef::user("u1"),
            RecipientRef::user("jürgen+1@acme.test, über"),
            RecipientRef::object("projects", "p 1"),
            RecipientRef::object("$tenants", "acme"),
        ] {
            let link = UnsubscribeLink { env: EnvId(2), recipient };
            let token = link.token(&links());
            assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{token}");
            assert_eq!(link.url(&links()), format!("https://notify.acme.test/u/{token}"));
            assert_eq!(UnsubscribeLink::verify(&links(), &token), Some(link));
        }
    }

    #[test]
    fn what_was_sent_stays_good() {
        let link = UnsubscribeLink { env: EnvId(1), recipient: RecipientRef::user("u1") };
        assert_eq!(link.token(&links()), "TcKVFHqwIJdBhxxFVVzJmAEAAAAAAAAAAXUx");
    }

    #[test]
    fn forged_tokens_are_refused() {
        let token = UnsubscribeLink { env: EnvId(1), recipient: RecipientRef::user("u1") }.token(&links());
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for at in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[at] ^= 1;
            assert_eq!(
                UnsubscribeLink::verify(&links(), &URL_SAFE_NO_PAD.encode(&forged)),
                None,
                "byte {at}"
            );
        }
        let longer = format!("{token}AAAA");
        let padded = format!("{token}=");
        for text in ["", "x", "ü", &token[1..], &token[..token.len() - 1], &longer, &padded] {
            assert_eq!(UnsubscribeLink::verify(&links(), text), None, "{text}");
        }
        let others = Links::new("https://notify.acme.test", b"another");
        assert_eq!(UnsubscribeLink::verify(&others, &token), None);
    }
}
