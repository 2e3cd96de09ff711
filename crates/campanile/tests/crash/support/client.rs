//! HTTP as an application speaks it, where a cut connection is an answer too.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{HeaderMap, Method, Request};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// Credentials of every server under test.
pub const SECRET_KEY: &str = "sk_test_crash";
/// Reaches management and administration.
pub const SERVICE_TOKEN: &str = "st_crash";
/// Why there is no answer when there was not even a connection: the server saw nothing of the request.
pub const NOT_SENT: &str = "nobody listens";
/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// JSON, or a string with what is not.
    pub body: Value,
}

/// Speaks to one address; clones share connections.
#[derive(Clone)]
pub struct Client {
    base: String,
    http: Http<HttpConnector, Full<Bytes>>,
}

impl Client {
    /// For a server on this machine.
    pub fn new(port: u16) -> Self {
        let http = Http::builder(TokioExecutor::new()).build_http();
        Self { base: format!("http://127.0.0.1:{port}"), http }
    }

    /// One request; `Err` when there was no whole answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Result<Answer, String> {
        // Only the public API takes the secret key; the paths do not collide.
        let public = path.starts_with("/v1/users")
            || path.starts_with("/v1/objects")
            || path.starts_with("/v1/bulk_operations")
            || path.starts_with("/v1/messages")
            || path.starts_with("/v1/schedules")
            || path.starts_with("/v1/bulk_operations")
            || path.ends_with("/trigger")
            || path.ends_with("/cancel");
        let key = if public { SECRET_KEY } else { SERVICE_TOKEN };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::from(body)).expect("a test's request is well-formed");
        let exchange = async {
            let answer =
                self.http.request(request).await.map_err(|error| {
                    if error.is_connect() { NOT_SENT.to_owned() } else { error.to_string() }
                })?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            let bytes = answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
            let body = serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
            Ok(Answer { status, headers, body })
        };
        let late = |_| Err(format!("{path} did not answer within {PATIENCE:?}"));
        tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(late)
    }

    /// A request that must succeed.
    pub async fn must(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let answer = self.send(method.clone(), path, body, &[]).await;
        match answer {
            Ok(answer) if (200..300).contains(&answer.status) => answer.body,
            other => panic!("{method} {path} should have succeeded: {other:?}"),
        }
    }

    /// Publishes a workflow in the development environment.
    pub async fn publish(&self, key: &str, steps: Value) {
        let body = json!({"workflow": {"name": key, "steps": steps}});
        let path = format!("/v1/workflows/{key}?environment=development&commit=true");
        self.must(Method::PUT, &path, Some(&body)).await;
    }

    /// A trigger whose connection may be cut.
    pub async fn trigger(&self, workflow: &str, body: &Value) -> Result<Answer, String> {
        self.send(Method::POST, &format!("/v1/workflows/{workflow}/trigger"), Some(body), &[]).await
    }

    /// A trigger that must be accepted; answers the id of its run.
    pub async fn accepted(&self, workflow: &str, body: &Value) -> String {
        let body = self.must(Method::POST, &format!("/v1/workflows/{workflow}/trigger"), Some(body)).await;
        body["workflow_run_id"].as_str().expect("an accepted trigger has a run").to_owned()
    }

    /// Identifies `user`, with an address.
    pub async fn identify(&self, user: &str) {
        let body = json!({"name": user, "email": format!("{user}@crash.example")});
        self.must(Method::PUT, &format!("/v1/users/{user}"), Some(&body)).await;
    }

    /// The id of a channel.
    pub async fn channel_id(&self, key: &str) -> String {
        let channels = self.must(Method::GET, "/v1/channels", None).await;
        let found = channels["entries"].as_array().and_then(|all| all.iter().find(|c| c["key"] == key));
        found.and_then(|channel| channel["id"].as_str()).expect("the channel exists").to_owned()
    }

    /// Every entry of a list, page by page. `list` is the name of the list in the answer.
    pub async fn all(&self, path: &str, list: &str) -> Result<Vec<Value>, String> {
        let mut entries = Vec::new();
        let mut after = String::new();
        let mark = if path.contains('?') { '&' } else { '?' };
        loop {
            let page = format!("{path}{mark}page_size=50{after}");
            let answer = self.send(Method::GET, &page, None, &[]).await?;
            if answer.status != 200 {
                return Err(format!("{page} answered {} {}", answer.status, answer.body));
            }
            entries.extend(answer.body[list].as_array().into_iter().flatten().cloned());
            match answer.body["page_info"]["after"].as_str() {
                Some(cursor) => after = format!("&after={cursor}"),
                None => return Ok(entries),
            }
        }
    }

    /// The messages of a run.
    pub async fn messages(&self, run: &str) -> Result<Vec<Value>, String> {
        self.all(&format!("/v1/messages?workflow_run_id={run}"), "items").await
    }

    /// What became of a message since it was made, oldest first.
    pub async fn events(&self, message: &str) -> Result<Vec<Value>, String> {
        let mut events = self.all(&format!("/v1/messages/{message}/events"), "items").await?;
        events.reverse();
        events.retain(|event| event["type"] != "message.created");
        Ok(events)
    }

    /// Moves the virtual clock.
    pub async fn advance(&self, duration: &str) {
        self.must(Method::POST, "/v1/admin/clock", Some(&json!({"advance": duration}))).await;
    }
}
