//! Signs user tokens as a customer's server does.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use campanile_core::time::Timestamp;
use http::Method;
use serde_json::{Value, json};

use super::{Answer, Caller, START};

/// A private key.
pub struct Signer {
    pair: RsaKeyPair,
}

impl Signer {
    /// Reads the PEM that the server shows once.
    pub fn new(pem: &str) -> Self {
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(body).expect("a PEM holds base64");
        Self { pair: RsaKeyPair::from_pkcs8(&der).expect("the key is PKCS#8") }
    }

    /// Has the server make a key for an environment.
    pub async fn made_by(service: &Caller, environment: &str) -> Self {
        let made = service.post("/v1/admin/signing_keys", json!({"environment": environment})).await.ok();
        Self::new(made["private_key"].as_str().expect("a private key is shown once"))
    }

    /// A token with these claims and header.
    pub fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .expect("a text can be signed");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A token with these claims that lasts an hour from the start of the test's clock.
    pub fn sign(&self, mut claims: Value) -> String {
        let start = Timestamp::parse(START).expect("START is a datetime").0 / 1_000_000;
        claims["iat"] = start.into();
        claims["exp"] = (start + 3_600).into();
        self.sign_as(&json!({"alg": "RS256", "typ": "JWT"}), &claims)
    }
}

/// Asks as a browser does that has a token.
pub async fn with_token(caller: &Caller, method: &str, path: &str, body: Value, token: &str) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let method: Method = method.parse().expect("a method");
    caller.send(method, path, body, &[("x-knock-user-token", token)]).await
}
