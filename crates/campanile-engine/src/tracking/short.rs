//! Keys of short links (delivery.md R10.11).

use campanile_core::ids::Ksuid;

use crate::links::Signer;

/// Characters of a key.
pub(super) const KEY_CHARS: usize = 10;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The key of a message's n-th link: nobody guesses it, and a step that is executed again makes the same one.
pub(super) fn key(message: Ksuid, link: u64, signer: &Signer) -> String {
    let mut bytes = [0; 28];
    bytes[..20].copy_from_slice(&message.0);
    bytes[20..].copy_from_slice(&link.to_be_bytes());
    let mut rest = u128::from_be_bytes(signer.sign(&bytes));
    let mut key = String::with_capacity(KEY_CHARS);
    for _ in 0..KEY_CHARS {
        key.push(char::from(DIGITS[(rest % 62) as usize]));
        rest /= 62;
    }
    key
}

/// Whether a text could be a key: nothing else is looked up.
pub(super) fn is_key(text: &str) -> bool {
    text.len() == KEY_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use campanile_core::time::Timestamp;

    use super::*;
    use crate::links::Links;

    #[test]
    fn keys_look_alike_and_differ() {
        let signer = Links::new("http://localhost", b"secret").signer(b"a");
        let message = |n: u8| Ksuid::derived(Timestamp(1_767_258_000_000_000), &[&[n]]);
        let keys: HashSet<String> = (0..=255)
            .flat_map(|n| (0..4).map(move |link| (n, link)))
            .map(|(n, link)| key(message(n), link, &signer))
            .collect();
        assert_eq!(keys.len(), 1_024);
        assert!(keys.iter().all(|key| is_key(key)), "{keys:?}");
        assert_eq!(key(message(1), 0, &signer), key(message(1), 0, &signer));
        for text in ["", "short", "elevenchars", "ten_chars-", "äöüäö"] {
            assert!(!is_key(text), "{text}");
        }
    }
}
