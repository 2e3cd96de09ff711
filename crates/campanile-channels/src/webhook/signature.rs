//! The signature that receivers check: one algorithm for the webhook channel, fetch steps and outbound webhooks.

use aws_lc_rs::hmac;
use base64::Engine;
use campanile_core::time::Timestamp;

/// Base64 of HMAC-SHA256 over `<milliseconds>.<body>`; the exact bytes that are sent count.
pub fn sign(key: &str, at: Timestamp, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(at.millis().to_string().as_bytes());
    context.update(b".");
    context.update(body);
    base64::engine::general_purpose::STANDARD.encode(context.sign())
}

/// `t=<milliseconds>,s=<signature>`.
pub fn signature_header(key: &str, at: Timestamp, body: &[u8]) -> String {
    format!("t={},s={}", at.millis(), sign(key, at, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_page_shows() {
        let at = Timestamp(1_700_000_000_000_000);
        for (body, want) in [
            (r#"{"a":1}"#, "QoTifLE8glVNCPyS50G4rhwSaqQck6MGBIFmbDaQm1E="),
            ("", "VNgfgUDgL9n6QvQ/6fA7nlcujSVcEdKxDW1ndnm4gL4="),
        ] {
            assert_eq!(sign("k", at, body.as_bytes()), want, "{body}");
            assert_eq!(signature_header("k", at, body.as_bytes()), format!("t=1700000000000,s={want}"));
        }
        assert_ne!(sign("k", at, br#"{"a": 1}"#), sign("k", at, br#"{"a":1}"#));
    }
}
