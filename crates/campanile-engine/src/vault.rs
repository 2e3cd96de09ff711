//! Provider credentials at rest: AES-256-GCM with a key that never enters the database.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const PREFIX: &str = "v1:";

/// Encrypts and decrypts settings.
pub struct Vault {
    key: LessSafeKey,
}

/// The text was not made by this key.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error(
    "a stored credential cannot be decrypted: was CAMPANILE_SECRET_KEY or the data dir's secret.key replaced?"
)]
pub struct WrongKey;

impl Vault {
    /// A vault with a 32-byte key.
    pub fn new(key: &[u8; 32]) -> Self {
        let unbound = UnboundKey::new(&AES_256_GCM, key).expect("32 bytes are an AES-256 key");
        Self { key: LessSafeKey::new(unbound) }
    }

    /// Encrypts a text.
    pub fn seal(&self, text: &str) -> String {
        let random = uuid::Uuid::new_v4();
        let mut nonce = [0u8; 12];
        nonce.copy_from_slice(&random.as_bytes()[4..]);
        let mut bytes = text.as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes)
            .expect("a setting is shorter than the cipher's limit");
        let mut sealed = nonce.to_vec();
        sealed.append(&mut bytes);
        format!("{PREFIX}{}", STANDARD.encode(sealed))
    }

    /// Decrypts a text made by [`Vault::seal`].
    pub fn open(&self, sealed: &str) -> Result<String, WrongKey> {
        let bytes = STANDARD.decode(sealed.strip_prefix(PREFIX).ok_or(WrongKey)?).map_err(|_| WrongKey)?;
        let (nonce, rest) = bytes.split_at_checked(12).ok_or(WrongKey)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| WrongKey)?;
        let mut rest = rest.to_vec();
        let text = self.key.open_in_place(nonce, Aad::empty(), &mut rest).map_err(|_| WrongKey)?;
        String::from_utf8(text.to_vec()).map_err(|_| WrongKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_what_it_sealed() {
        let vault = Vault::new(&[7; 32]);
        let sealed = vault.seal("secret");
        assert!(!sealed.contains("secret"));
        assert_eq!(vault.open(&sealed).unwrap(), "secret");
        assert_ne!(sealed, vault.seal("secret"));
        assert!(Vault::new(&[8; 32]).open(&sealed).is_err());
        assert!(vault.open("v1:AAAA").is_err());
    }
}
