//! Google's OAuth for service accounts: a signed assertion is exchanged for a token that lives an hour.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use campanile_core::time::{Micros, Timestamp};
use serde_json::{Value, json};

use crate::delivery::{BuildError, Delivery};
use crate::exchange::{HttpAnswer, HttpRequest};

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
const ASSERTION_SECONDS: i64 = 3600;
/// How long before its end a token is not used any more.
const MARGIN: Micros = Micros::seconds(300);
const WHAT: &str = "service_account_json";

/// A bearer token and the instant from which another is needed.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The secret.
    pub token: String,
    /// Five minutes before it expires.
    pub use_until: Timestamp,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessToken(until {})", self.use_until)
    }
}

/// The request that fetches a token for the channel's service account. Its exchange is never logged (R6.1).
pub fn token_request(delivery: &Delivery<'_>) -> Result<HttpRequest, BuildError> {
    let invalid = |reason: &str| BuildError::invalid(WHAT, reason);
    let text = delivery.setting(WHAT).ok_or(BuildError::MissingSetting(WHAT))?;
    let account: Value = serde_json::from_str(&text).map_err(|_| invalid("it is not JSON"))?;
    let field = |key: &str| account.get(key).and_then(Value::as_str);
    let issuer = field("client_email").ok_or_else(|| invalid("it has no client_email"))?;
    let pem = field("private_key").ok_or_else(|| invalid("it has no private_key"))?;
    let audience = field("token_uri").unwrap_or(TOKEN_URI);
    let issued = delivery.now.0.div_euclid(1_000_000);
    let mut header = json!({"alg": "RS256", "typ": "JWT"});
    if let Some(id) = field("private_key_id") {
        header["kid"] = id.into();
    }
    let claims = json!({
        "iss": issuer, "scope": SCOPE, "aud": audience, "iat": issued, "exp": issued + ASSERTION_SECONDS,
    });
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    let signature = sign(pem, signed.as_bytes()).ok_or_else(|| invalid("its private_key is no RSA key"))?;
    let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    let url = match delivery.setting("base_url") {
        Some(base) => format!("{}/token", base.trim_end_matches('/')),
        None => audience.to_owned(),
    };
    Ok(HttpRequest::post(url)
        .with_form(&[("grant_type".into(), GRANT.into()), ("assertion".into(), assertion)]))
}

/// The token in the answer, or none when it was refused.
pub fn read_token(answer: &HttpAnswer, now: Timestamp) -> Option<AccessToken> {
    let body = answer.json();
    let token = body["access_token"].as_str().filter(|_| answer.is_success())?;
    let lives = body["expires_in"].as_i64().unwrap_or(ASSERTION_SECONDS).max(0);
    let use_until = Timestamp((now + Micros::seconds(lives)).0.saturating_sub(MARGIN.0));
    Some(AccessToken { token: token.to_owned(), use_until })
}

fn sign(pem: &str, text: &[u8]) -> Option<Vec<u8>> {
    let body: String = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(body).ok()?;
    let key = RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der)).ok()?;
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).ok()?;
    Some(signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests::answer;
    use crate::setting::Settings;
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    #[test]
    fn asks_with_a_signature_that_verifies() {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der.as_ref())
        );
        let account = json!({"client_email":"a@p.iam","private_key":pem,"private_key_id":"k1","token_uri":"https://t.test/token"});
        let settings: Settings =
            json!({"service_account_json": account.to_string()}).as_object().cloned().unwrap();
        let request =
            token_request(&Delivery::new("m1", &settings, Timestamp(1_700_000_000_000_000))).unwrap();
        assert_eq!(request.url, "https://t.test/token");
        let form: Vec<(String, String)> = url::form_urlencoded::parse(&request.body).into_owned().collect();
        assert_eq!(form[0].1, GRANT);
        let parts: Vec<&str> = form[1].1.split('.').collect();
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
        assert_eq!(
            claims,
            json!({"iss":"a@p.iam","scope":SCOPE,"aud":"https://t.test/token","iat":1_700_000_000,"exp":1_700_003_600})
        );
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
        let signed = format!("{}.{}", parts[0], parts[1]);
        public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(parts[2]).unwrap()).unwrap();
    }

    #[test]
    fn says_what_is_wrong_with_the_account_without_showing_it() {
        for (account, want) in [
            ("{", "it is not JSON"),
            ("{}", "it has no client_email"),
            (r#"{"client_email":"a"}"#, "it has no private_key"),
            (r#"{"client_email":"a","private_key":"s3cret"}"#, "its private_key is no RSA key"),
        ] {
            let settings: Settings = json!({"service_account_json": account}).as_object().cloned().unwrap();
            let error = token_request(&Delivery::new("m1", &settings, Timestamp(0))).unwrap_err();
            assert_eq!(error, BuildError::invalid(WHAT, want));
        }
    }

    #[test]
    fn stops_using_a_token_before_its_end() {
        let token =
            read_token(&answer(200, r#"{"access_token":"t","expires_in":3599}"#), Timestamp(0)).unwrap();
        assert_eq!(token.use_until, Timestamp(3_299_000_000));
        assert_eq!(read_token(&answer(400, r#"{"error":"invalid_grant"}"#), Timestamp(0)), None);
        assert_eq!(read_token(&answer(200, "x"), Timestamp(0)), None);
    }
}
