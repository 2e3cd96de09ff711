//! Keys that sign user tokens: made here or uploaded, given out as PEM, checked against (in-app.md section 2).

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicEncryptingKey};
use aws_lc_rs::signature::{KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use campanile_core::ids::EnvId;
use uuid::Uuid;

/// Keys of one environment that are not revoked, at the most: every one may have to be tried on every token.
pub const SIGNING_KEYS_MAX: i64 = 10;
/// Longest PEM read; a key of 8,192 bits has 1,500 characters.
const PEM_BYTES_MAX: usize = 16_384;

/// A key pair that was just made. Its private half exists nowhere else.
pub struct FreshKey {
    /// PKCS#8, `BEGIN PRIVATE KEY`: the form that the server SDK imports (IA2.3).
    pub private_pem: String,
    /// SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
}

/// What user tokens of one environment are checked against.
#[derive(Debug, Clone, Default)]
pub struct TokenPolicy {
    /// Public keys work only together with a user token (api-conventions.md A2.5).
    pub is_enhanced: bool,
    /// Parsed once.
    pub keys: Vec<VerificationKey>,
}

/// The public half of a signing key, ready for use.
#[derive(Debug, Clone)]
pub struct VerificationKey {
    /// Its id.
    pub id: Uuid,
    key: Arc<ParsedPublicKey>,
}

impl VerificationKey {
    /// Reads what the store keeps; `None` when it is no RSA key.
    pub fn new(id: Uuid, public_key: &[u8]) -> Option<Self> {
        let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key).ok()?;
        Some(Self { id, key: Arc::new(key) })
    }

    /// True when `signature` is this key's RS256 signature of `text`.
    pub fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(text, signature).is_ok()
    }
}

/// A new RSA pair of 2,048 bits. Takes a good part of a second: not for a thread that others wait for.
pub fn generate() -> Option<FreshKey> {
    let pair = KeyPair::generate(KeySize::Rsa2048).ok()?;
    let private: Pkcs8V1Der<'_> = pair.as_der().ok()?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
    Some(FreshKey { private_pem: pem("PRIVATE KEY", private.as_ref()), public_key: public.as_ref().to_vec() })
}

/// Reads an uploaded public key: PEM, or base64 of the PEM. Answers it as the store keeps it, or why it is refused.
pub fn read_public(text: &str) -> Result<Vec<u8>, &'static str> {
    if text.len() > PEM_BYTES_MAX {
        return Err("is too long");
    }
    let compact: String = text.split_whitespace().collect();
    let decoded = STANDARD.decode(compact).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pem = decoded.as_deref().unwrap_or(text).trim();
    if pem.contains("PRIVATE KEY-----") {
        return Err("is a private key; keep it and upload the public one");
    }
    let der = ["PUBLIC KEY", "RSA PUBLIC KEY"].iter().find_map(|label| {
        let body = pem.strip_prefix(&format!("-----BEGIN {label}-----"))?;
        let body = body.strip_suffix(&format!("-----END {label}-----"))?;
        STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
    });
    let der = der.ok_or("must be a public key in PEM, or base64 of the PEM")?;
    const KIND: &str = "must be an RSA key of 2,048 to 8,192 bits";
    let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).map_err(|_| KIND)?;
    let der: PublicKeyX509Der<'_> = key.as_der().map_err(|_| "cannot be read")?;
    // A verification key of any size is parsed and refuses every signature later; this one looks at the size.
    PublicEncryptingKey::from_der(der.as_ref()).map_err(|_| KIND)?;
    Ok(der.as_ref().to_vec())
}

/// The PEM of a stored public key.
pub fn public_pem(public_key: &[u8]) -> String {
    pem("PUBLIC KEY", public_key)
}

/// What SDKs read from `KNOCK_SIGNING_KEY` where line breaks do not survive (A2.7).
pub fn base64_pem(pem: &str) -> String {
    STANDARD.encode(pem)
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// Policies by environment, from the switches and keys that are stored.
pub(crate) fn policies(
    environments: &[campanile_store::Environment],
    keys: Vec<campanile_store::SigningKey>,
) -> std::collections::HashMap<EnvId, TokenPolicy> {
    let mut policies: std::collections::HashMap<EnvId, TokenPolicy> = environments
        .iter()
        .map(|environment| {
            let settings: serde_json::Value = serde_json::from_str(&environment.settings).unwrap_or_default();
            let is_enhanced = settings["enhanced_security"] == true;
            (environment.id, TokenPolicy { is_enhanced, keys: Vec::new() })
        })
        .collect();
    for key in keys.into_iter().filter(|key| key.revoked_at.is_none()) {
        match VerificationKey::new(key.id, &key.public_key) {
            Some(usable) => policies.entry(key.env).or_default().keys.push(usable),
            None => tracing::error!(id = %key.id, "a signing key cannot be read; its tokens are refused"),
        }
    }
    policies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_key_is_uploaded_in_every_form_and_verifies() {
        use aws_lc_rs::rand::SystemRandom;
        use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
        let fresh = generate().unwrap();
        assert!(fresh.private_pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        let pem = public_pem(&fresh.public_key);
        for text in [pem.clone(), base64_pem(&pem), format!("\n{pem}\n")] {
            assert_eq!(read_public(&text).as_deref(), Ok(&fresh.public_key[..]));
        }
        let body: String = fresh.private_pem.lines().filter(|line| !line.starts_with("--")).collect();
        let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"text", &mut signature).unwrap();
        let key = VerificationKey::new(Uuid::nil(), &fresh.public_key).unwrap();
        assert!(key.verifies(b"text", &signature));
        assert!(!key.verifies(b"texts", &signature));
        assert!(read_public(&fresh.private_pem).unwrap_err().contains("private"));
    }

    #[test]
    fn what_is_no_strong_rsa_key_is_refused() {
        // 1,024 bits, SubjectPublicKeyInfo, made for this test.
        let der = {
            let mut der = vec![
                0x30, 0x81, 0x9f, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
                0x01, 0x05, 0x00, 0x03, 0x81, 0x8d, 0x00, 0x30, 0x81, 0x89, 0x02, 0x81, 0x81, 0x00,
            ];
            der.extend([0xc5; 128]);
            der.extend([0x02, 0x03, 0x01, 0x00, 0x01]);
            der
        };
        let weak = read_public(&public_pem(&der));
        assert_eq!(weak, Err("must be an RSA key of 2,048 to 8,192 bits"));
        for text in ["", "x", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"] {
            assert!(read_public(text).is_err(), "{text}");
        }
        assert_eq!(read_public(&"x".repeat(20_000)), Err("is too long"));
    }
}
