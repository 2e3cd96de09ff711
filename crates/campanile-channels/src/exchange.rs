//! One HTTP exchange as values: what is asked, what came back, what prevented an answer.

use std::fmt;

use http::Method;
use serde::Serialize;
use serde_json::Value;

/// Sent with every request unless the caller names another (R8.3).
pub const USER_AGENT: &str = concat!("campanile/", env!("CARGO_PKG_VERSION"));
/// The content type of JSON bodies (R8.3).
pub const JSON: &str = "application/json; charset=utf-8";
/// The content type of form bodies.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// A request ready to leave. The body is the exact byte string that was signed.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The verb.
    pub method: Method,
    /// Absolute, with its query.
    pub url: String,
    /// In order; names as the provider documents them.
    pub headers: Vec<(String, String)>,
    /// Empty for none.
    pub body: Vec<u8>,
    /// True when the URL comes from customers' data, so that private addresses must be refused.
    pub guarded: bool,
}

impl HttpRequest {
    /// A request without body.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        let headers = vec![("User-Agent".into(), USER_AGENT.into())];
        Self { method, url: url.into(), headers, body: Vec::new(), guarded: false }
    }

    /// A POST.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new(Method::POST, url)
    }

    /// Sets a header, in place of one of the same name.
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        match self.headers.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            Some(header) => header.1 = value,
            None => self.headers.push((name.into(), value)),
        }
        self
    }

    /// `Authorization: Bearer …`
    pub fn with_bearer(self, token: &str) -> Self {
        self.with_header("Authorization", format!("Bearer {token}"))
    }

    /// `Authorization: Basic …`
    pub fn with_basic(self, user: &str, password: &str) -> Self {
        use base64::Engine;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        self.with_header("Authorization", format!("Basic {pair}"))
    }

    /// Sends `body` as JSON.
    pub fn with_json(mut self, body: &impl Serialize) -> Self {
        self.body = serde_json::to_vec(body).expect("a JSON value always prints");
        self.with_header("Content-Type", JSON)
    }

    /// Sends `fields` as a form.
    pub fn with_form(mut self, fields: &[(String, String)]) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.body = form.finish().into_bytes();
        self.with_header("Content-Type", FORM)
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

impl fmt::Debug for HttpRequest {
    /// Neither query, header values nor body: any of them may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let host = url::Url::parse(&self.url).ok().and_then(|url| url.host_str().map(str::to_owned));
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("host", &host)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// In order.
    pub headers: Vec<(String, String)>,
    /// At most the first mebibyte (R8.3).
    pub body: Vec<u8>,
}

impl HttpAnswer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as JSON, null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// True for 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// `text` as one segment of a URL path.
pub fn path_segment(text: &str) -> String {
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => segment.push(byte.into()),
            _ => segment.push_str(&format!("%{byte:02X}")),
        }
    }
    segment
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No answer in time.
    #[error("timeout")]
    Timeout {
        /// The message may have reached the provider (R9.2).
        may_have_arrived: bool,
    },
    /// The name has no address.
    #[error("the host does not resolve: {0}")]
    Dns(String),
    /// Nobody took the connection.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The handshake failed.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The target is an address that we do not call (R13.2).
    #[error("the address {0} is not allowed")]
    Blocked(String),
    /// The connection ended before the answer did.
    #[error("the connection broke: {detail}")]
    Broken {
        /// What happened.
        detail: String,
        /// The message may have reached the provider.
        may_have_arrived: bool,
    },
    /// The request cannot be sent to this server at all: no valid URL, no TLS or AUTH offered.
    #[error("{0}")]
    Impossible(String),
}

impl TransportError {
    /// The word that delivery logs show (R6.2).
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Timeout { .. } => "timeout",
            Self::Dns(_) => "dns_error",
            Self::Connect(_) => "connect_error",
            Self::Tls(_) => "tls_error",
            Self::Blocked(_) => "address_not_allowed",
            Self::Broken { .. } => "connection_broken",
            Self::Impossible(_) => "not_sendable",
        }
    }

    /// True when sending again may duplicate the message.
    pub const fn may_have_arrived(&self) -> bool {
        matches!(self, Self::Timeout { may_have_arrived: true } | Self::Broken { may_have_arrived: true, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_holds_no_secret() {
        let request = HttpRequest::post("https://hooks.example/T0/s3cret?key=s3cret")
            .with_bearer("s3cret")
            .with_json(&serde_json::json!({"k": "s3cret"}));
        let shown = format!("{request:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("hooks.example") && shown.contains("Authorization"));
    }

    #[test]
    fn a_second_header_of_the_same_name_replaces_the_first() {
        let request = HttpRequest::post("https://a.test").with_header("X-A", "1").with_header("x-a", "2");
        assert_eq!(request.header("X-a"), Some("2"));
        assert_eq!(request.headers.len(), 2);
    }
}
