//! Signatures by a key that is derived for one purpose.

use aws_lc_rs::{constant_time, hmac};

/// The longest signature, and the shortest that is worth one.
const BYTES_MAX: usize = 32;
const BYTES_MIN: usize = 16;

/// Signs and checks bytes, for one purpose (HMAC-SHA256).
#[derive(Clone)]
pub struct Signer {
    key: hmac::Key,
}

impl Signer {
    /// Purposes contain no NUL: what list cursors sign with the same secret always does.
    pub(super) fn new(secret: &hmac::Key, purpose: &[u8]) -> Self {
        debug_assert!(!purpose.contains(&0));
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(secret, purpose).as_ref()) }
    }

    /// The first `N` bytes of the signature of `bytes`, 16 to 32 of them.
    pub fn sign<const N: usize>(&self, bytes: &[u8]) -> [u8; N] {
        const { assert!(N >= BYTES_MIN && N <= BYTES_MAX) };
        let mut signature = [0; N];
        signature.copy_from_slice(&hmac::sign(&self.key, bytes).as_ref()[..N]);
        signature
    }

    /// True when [`Signer::sign`] made `signature` of `bytes`; takes as long for any wrong one.
    pub fn verify<const N: usize>(&self, bytes: &[u8], signature: &[u8; N]) -> bool {
        constant_time::verify_slices_are_equal(&self.sign::<N>(bytes), signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use crate::links::Links;

    #[test]
    fn a_signature_is_good_for_its_bytes_its_purpose_and_its_secret() {
        let links = Links::new("http://localhost/", b"secret");
        let signer = links.signer(b"a");
        let signature: [u8; 32] = signer.sign(b"text");
        let short: [u8; 16] = signer.sign(b"text");
        assert_eq!(short, signature[..16]);
        assert!(signer.verify(b"text", &signature) && signer.verify(b"text", &short));
        assert!(!signer.verify(b"texts", &signature));
        assert!(!links.signer(b"b").verify(b"text", &signature));
        assert!(!Links::new("http://localhost", b"other").signer(b"a").verify(b"text", &signature));
        for at in 0..16 {
            let mut forged = short;
            forged[at] ^= 1;
            assert!(!signer.verify(b"text", &forged), "byte {at}");
        }
    }
}
