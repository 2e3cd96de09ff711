//! A small HTTP client that speaks as one caller.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What the server said.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body, or null when it is empty or no JSON.
    pub json: Value,
    /// Headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    asked: String,
}

impl Answer {
    /// The body of an answer that must be a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{}: {} {}", self.asked, self.status, self.text);
        self.json
    }

    /// Checks a refusal's status, code and envelope; answers the fields that were refused, in order.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> Vec<String> {
        self.check_envelope();
        let found = (self.status, self.json["code"].as_str().unwrap_or_default());
        assert_eq!(found, (status, code), "{}: {}", self.asked, self.text);
        let errors = self.json["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["field"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// What holds for every answer (A4.1, A4.2, A5.1).
    #[track_caller]
    pub fn check_envelope(&self) {
        let context = format!("{}: {} {} {:?}", self.asked, self.status, self.text, self.headers);
        let id = self.header("x-request-id");
        assert!(
            id.len() == 20 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)),
            "{context}"
        );
        if self.status == 204 {
            assert!(self.text.is_empty() && !self.headers.contains_key(header::CONTENT_TYPE), "{context}");
            return;
        }
        assert_eq!(self.header("content-type"), "application/json; charset=utf-8", "{context}");
        if self.status < 400 {
            return;
        }
        assert_eq!(self.json["status"], self.status, "{context}");
        assert!(self.json["code"].as_str().is_some_and(|code| !code.is_empty()), "{context}");
        assert!(self.json["message"].as_str().is_some_and(|message| !message.is_empty()), "{context}");
        let kinds = ["api_error", "invalid_request_error", "authentication_error"];
        assert!(kinds.contains(&self.json["type"].as_str().unwrap_or_default()), "{context}");
        for error in self.json["errors"].as_array().into_iter().flatten() {
            assert!(error["field"].is_string() && error["message"].is_string(), "{context}");
        }
    }

    /// A header as text; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Asks with one credential.
#[derive(Clone)]
pub struct Caller {
    client: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    bearer: Option<String>,
}

impl Caller {
    pub fn new(address: SocketAddr, bearer: Option<&str>) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, address, bearer: bearer.map(str::to_owned) }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Bytes::new(), &[]).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, body.to_string(), &[]).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, body.to_string(), &[]).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, Bytes::new(), &[]).await
    }

    /// Sends any body with any headers; JSON is claimed unless a header says otherwise.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let body = body.into();
        let asked = format!("{method} {path}");
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        if let Some(secret) = &self.bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {secret}"));
        }
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).expect("a request can be built");
        let response = match self.client.request(request).await {
            Ok(response) => response,
            Err(error) => panic!("{asked}: {error:?}"),
        };
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the answer can be read").to_bytes();
        Answer {
            status: parts.status.as_u16(),
            json: serde_json::from_slice(&bytes).unwrap_or_default(),
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            asked,
        }
    }

    /// What it sends as credentials; empty for nobody.
    pub fn bearer(&self) -> &str {
        self.bearer.as_deref().unwrap_or_default()
    }

    /// A connection of its own, for tests that write each byte themselves.
    pub async fn connect(&self) -> tokio::net::TcpStream {
        tokio::net::TcpStream::connect(self.address).await.expect("the server listens")
    }

    /// Announces a body of `bytes` and sends none of it: a server that knows its limit answers at once.
    pub async fn announce(&self, method: &str, path: &str, bytes: usize) -> Answer {
        let mut stream = self.connect().await;
        let secret = self.bearer();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {secret}\r\n\
             content-type: application/json\r\ncontent-length: {bytes}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("the head can be sent");
        let mut raw = Vec::new();
        stream.read_to_end(&mut raw).await.expect("the answer can be read");
        let raw = String::from_utf8_lossy(&raw).into_owned();
        let (head, text) = raw.split_once("\r\n\r\n").unwrap_or((&raw, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_default();
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            let name = header::HeaderName::try_from(name).expect("a header name");
            headers.append(name, value.parse().expect("a header value"));
        }
        Answer {
            status,
            json: serde_json::from_str(text).unwrap_or_default(),
            headers,
            text: text.to_owned(),
            asked: format!("{method} {path} with {bytes} bytes announced"),
        }
    }
}
