//! A provider that answers by a script and remembers what it was sent.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};

/// One answer: status, headers, body.
pub type Reply = (u16, &'static [(&'static str, &'static str)], &'static str);

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

#[derive(Default)]
struct Script {
    replies: Mutex<VecDeque<Reply>>,
    seen: Mutex<Vec<Seen>>,
}

/// Listens on this machine; gone when dropped.
pub struct Provider {
    address: SocketAddr,
    script: Arc<Script>,
    task: tokio::task::JoinHandle<()>,
}

impl Provider {
    /// Gives the replies in order, the last one for ever.
    pub async fn start(replies: &[Reply]) -> Self {
        let script =
            Arc::new(Script { replies: Mutex::new(replies.iter().copied().collect()), ..Script::default() });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { address, script, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Everything that came so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.script.seen.lock().expect("no test panicked in between").clone()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    State(script): State<Arc<Script>>,
    method: http::Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap, &'static str) {
    script.seen.lock().expect("no test panicked in between").push(Seen {
        method: method.to_string(),
        path: uri.to_string(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    let mut replies = script.replies.lock().expect("no test panicked in between");
    let reply = match replies.len() {
        0 => (200, &[][..], ""),
        1 => replies[0],
        _ => replies.pop_front().unwrap_or((200, &[], "")),
    };
    let (status, named, body) = reply;
    let headers = named
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    (StatusCode::from_u16(status).expect("a status"), headers, body)
}
