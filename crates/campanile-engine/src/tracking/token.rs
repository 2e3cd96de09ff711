//! Signed tokens: all that a click needs is in its address, so that no row is read to answer it (delivery.md R10.10).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use campanile_core::ids::{EnvId, Ksuid};

use crate::links::Signer;

/// Of the form of a token, not of what signs it.
const VERSION: u8 = 1;
const SIGNATURE_BYTES: usize = 16;
const ID_BYTES: usize = 20;

/// Where a tracked link leads, and who was sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkToken {
    /// Where.
    pub env: EnvId,
    /// The message.
    pub message: Ksuid,
    /// Position among the links of the message.
    pub link: u64,
    /// Where it leads.
    pub target: String,
}

impl LinkToken {
    pub(super) fn sign(&self, signer: &Signer) -> String {
        let mut bytes = opening(self.env, self.message);
        put_number(&mut bytes, self.link);
        bytes.extend_from_slice(self.target.as_bytes());
        sealed(bytes, signer)
    }

    /// Reads a token of ours; `None` for any other text.
    pub(super) fn verify(token: &str, signer: &Signer) -> Option<Self> {
        let bytes = opened(token, signer)?;
        let (env, message, rest) = read_opening(&bytes)?;
        let (link, target) = take_number(rest)?;
        Some(Self { env, message, link, target: std::str::from_utf8(target).ok()?.to_owned() })
    }
}

/// The token of a message's open image.
pub(super) fn sign_message(env: EnvId, message: Ksuid, signer: &Signer) -> String {
    sealed(opening(env, message), signer)
}

/// Reads a token of [`sign_message`].
pub(super) fn verify_message(token: &str, signer: &Signer) -> Option<(EnvId, Ksuid)> {
    let bytes = opened(token, signer)?;
    let (env, message, rest) = read_opening(&bytes)?;
    rest.is_empty().then_some((env, message))
}

fn opening(env: EnvId, message: Ksuid) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    put_number(&mut bytes, env.0 as u64);
    bytes.extend_from_slice(&message.0);
    bytes
}

fn read_opening(bytes: &[u8]) -> Option<(EnvId, Ksuid, &[u8])> {
    let (env, rest) = take_number(bytes.strip_prefix(&[VERSION])?)?;
    let (message, rest) = rest.split_first_chunk::<ID_BYTES>()?;
    Some((EnvId(env as i64), Ksuid(*message), rest))
}

fn sealed(mut bytes: Vec<u8>, signer: &Signer) -> String {
    let signature: [u8; SIGNATURE_BYTES] = signer.sign(&bytes);
    bytes.extend_from_slice(&signature);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The signed bytes of a token, when the signature is ours.
fn opened(token: &str, signer: &Signer) -> Option<Vec<u8>> {
    let mut bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (signed, signature) = bytes.split_last_chunk::<SIGNATURE_BYTES>()?;
    let (length, is_ours) = (signed.len(), signer.verify(signed, signature));
    bytes.truncate(length);
    is_ours.then_some(bytes)
}

/// Seven bits a byte, the lowest first: numbers are small and tokens stand in texts.
fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0u64;
    for (n, byte) in bytes.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f).checked_shl(7 * n as u32)?;
        if byte & 0x80 == 0 {
            return Some((number, &bytes[n + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use campanile_core::time::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::links::Links;

    fn signer(purpose: &[u8]) -> Signer {
        Links::new("http://localhost", b"secret").signer(purpose)
    }

    fn token(env: i64, link: u64, target: &str) -> LinkToken {
        let message = Ksuid::derived(Timestamp(1_767_258_000_000_000), &[target.as_bytes()]);
        LinkToken { env: EnvId(env), message, link, target: target.to_owned() }
    }

    #[test]
    fn tokens_are_good_for_their_purpose_only() {
        let (links, opens) = (signer(b"a"), signer(b"b"));
        let link = token(1, 0, "https://a.io/1?x=ü");
        let text = link.sign(&links);
        assert_eq!(LinkToken::verify(&text, &links), Some(link.clone()));
        assert_eq!(LinkToken::verify(&text, &opens), None);
        assert_eq!(verify_message(&text, &links), None, "more than a message");
        let open = sign_message(link.env, link.message, &opens);
        assert_eq!(verify_message(&open, &opens), Some((link.env, link.message)));
        assert_eq!(verify_message(&open, &links), None);
        assert!(open.len() <= 51, "{open}");
    }

    proptest! {
        #[test]
        fn what_was_signed_comes_back(env in 0i64.., link: u64, target in "\\PC{0,200}") {
            let link = token(env, link, &target);
            let signer = signer(b"a");
            prop_assert_eq!(LinkToken::verify(&link.sign(&signer), &signer), Some(link));
        }

        #[test]
        fn any_bytes_are_refused(bytes: Vec<u8>, text in "[A-Za-z0-9_-]{0,200}") {
            let signer = signer(b"a");
            prop_assert_eq!(LinkToken::verify(&URL_SAFE_NO_PAD.encode(&bytes), &signer), None);
            prop_assert_eq!(LinkToken::verify(&text, &signer), None);
            prop_assert_eq!(verify_message(&text, &signer), None);
        }

        #[test]
        fn a_changed_token_is_refused(target in "https://[a-z./]{0,60}", at: prop::sample::Index, flip in 1u8.., cut: prop::sample::Index) {
            let signer = signer(b"a");
            let text = token(3, 2, &target).sign(&signer);
            let mut bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
            let (at, cut) = (at.index(bytes.len()), cut.index(text.len()));
            bytes[at] ^= flip;
            prop_assert_eq!(LinkToken::verify(&URL_SAFE_NO_PAD.encode(&bytes), &signer), None);
            prop_assert_eq!(LinkToken::verify(&text[..cut], &signer), None);
            let more = format!("{text}{text}");
            prop_assert_eq!(LinkToken::verify(&more, &signer), None);
        }
    }
}
