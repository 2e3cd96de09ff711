//! API logs (api-conventions.md section 13): what was asked and answered, kept beside the hot path. A request hands
//! its bodies on without copying them; a task of its own removes secrets, shortens and writes in groups. When that
//! cannot keep up, logs are left out and counted, and no request waits.

mod body;
mod writer;

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use campanile_core::ids::EnvId;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

pub(crate) use body::obfuscated;
pub(crate) use writer::run;

use crate::access::Caller;
use crate::app::App;
use crate::operations::{Api, Operation};
use crate::router::RequestId;

/// Logs waiting for the writer at the most.
const QUEUE_LEN: usize = 4_096;
/// Bodies waiting for the writer at the most, together.
const QUEUE_BYTES_MAX: usize = 32 << 20;
/// How many seconds' worth of logs may come at once after quiet ones.
const BURST_SECONDS: f64 = 10.0;

/// How many logs are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiLogOptions {
    /// Successful requests logged per second and node, averaged over ten seconds, and as many failed ones, so that
    /// neither crowds out the other and nobody without a key can fill the disk. 0 keeps none of any kind.
    ///
    /// The default is 200. Who has fewer requests than that, nearly everybody, sees all of them. Writing every one of
    /// the 8,000 triggers a second that two cores carry costs them nothing that could be measured, but it would cost
    /// the disk half a terabyte a day, for rows that differ in nothing a person would look for.
    pub per_second_max: u32,
}

impl Default for ApiLogOptions {
    fn default() -> Self {
        Self { per_second_max: 200 }
    }
}

/// Takes the logs of one node.
pub(crate) struct ApiLogs {
    per_second_max: u32,
    succeeded: Mutex<Budget>,
    failed: Mutex<Budget>,
    queue: mpsc::Sender<Message>,
    waiting: Mutex<Option<mpsc::Receiver<Message>>>,
    queued_bytes: AtomicUsize,
}

/// Requests that may still be logged; filled up as time passes. This is about the load of this machine,
/// not about anybody's data, so it goes by the machine's clock.
struct Budget {
    left: f64,
    filled_at: Instant,
}

enum Message {
    Log(Box<Entry>),
    /// Answered when everything before it is written.
    Flush(oneshot::Sender<()>),
}

/// A request as it is handed to the writer.
struct Entry {
    env: EnvId,
    request_id: String,
    operation: &'static Operation,
    path: String,
    status: u16,
    duration_us: i64,
    credential: Option<Arc<str>>,
    user: Option<String>,
    client: Option<String>,
    request: Option<Bytes>,
    response: Option<Bytes>,
}

impl Entry {
    fn bytes(&self) -> usize {
        let len = |body: &Option<Bytes>| body.as_ref().map_or(0, Bytes::len);
        self.path.len() + len(&self.request) + len(&self.response)
    }
}

/// Where the extractor of bodies leaves the bytes it read: the same memory, not a copy.
#[derive(Clone, Default)]
pub(crate) struct SeenBody(Arc<OnceLock<Bytes>>);

impl SeenBody {
    pub(crate) fn keep(&self, bytes: &Bytes) {
        let _ = self.0.set(bytes.clone());
    }
}

/// A request that is being answered.
pub(crate) struct Recording {
    operation: &'static Operation,
    request_id: String,
    path: String,
    client: Option<String>,
    seen: SeenBody,
    started: Instant,
}

impl ApiLogs {
    pub(crate) fn new(options: ApiLogOptions) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_LEN);
        let budget = || {
            let left = f64::from(options.per_second_max) * BURST_SECONDS;
            Mutex::new(Budget { left, filled_at: Instant::now() })
        };
        Self {
            per_second_max: options.per_second_max,
            succeeded: budget(),
            failed: budget(),
            queue,
            waiting: Mutex::new(Some(waiting)),
            queued_bytes: AtomicUsize::new(0),
        }
    }

    /// Begins to record a request of the public or the management API.
    pub(crate) fn begin(&self, operation: &'static Operation, request: &mut Request) -> Option<Recording> {
        if self.per_second_max == 0 || operation.api == Api::Admin {
            return None;
        }
        let seen = SeenBody::default();
        let request_id = request.extensions().get::<RequestId>()?.0.clone();
        request.extensions_mut().insert(seen.clone());
        let client = ["x-knock-client", "user-agent"].iter().find_map(|name| {
            let value = request.headers().get(*name)?.to_str().ok()?;
            Some(value.chars().take(200).collect())
        });
        let path = request.uri().path_and_query().map_or_else(String::new, |path| path.as_str().to_owned());
        Some(Recording { operation, request_id, path, client, seen, started: Instant::now() })
    }

    /// True when a request with this status is to be logged.
    fn takes(&self, status: u16) -> bool {
        let per_second = f64::from(self.per_second_max);
        let mut budget = if status < 400 { self.succeeded.lock() } else { self.failed.lock() };
        let now = Instant::now();
        let gained = now.duration_since(budget.filled_at).as_secs_f64() * per_second;
        budget.left = (budget.left + gained).min(per_second * BURST_SECONDS);
        budget.filled_at = now;
        if budget.left < 1.0 {
            return false;
        }
        budget.left -= 1.0;
        true
    }

    /// Hands a log to the writer; false when it has too many already.
    fn hand_over(&self, entry: Entry) -> bool {
        let bytes = entry.bytes();
        if self.queued_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > QUEUE_BYTES_MAX
            || self.queue.try_send(Message::Log(Box::new(entry))).is_err()
        {
            self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        true
    }

    /// Waits until everything that was asked before can be read: for who reads logs right after a request.
    pub(crate) async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.queue.try_send(Message::Flush(done)).is_ok() {
            let _ = written.await;
        }
    }
}

impl Recording {
    /// Ends a recording with its answer, which is handed on unchanged.
    pub(crate) async fn end(self, app: &App, caller: Option<&Caller>, response: Response) -> Response {
        let status = response.status().as_u16();
        let duration_us = self.started.elapsed().as_micros() as i64;
        if !app.api_logs().takes(status) {
            app.engine().metrics().api_logs_dropped.inc();
            return response;
        }
        let (response, body) = match keeps_response(self.operation) {
            true => whole(response).await,
            false => (response, None),
        };
        let entry = Entry {
            env: caller.and_then(|caller| caller.env_if_key()).unwrap_or(EnvId(0)),
            request_id: self.request_id,
            operation: self.operation,
            path: self.path,
            status,
            duration_us,
            credential: caller.map(|caller| Arc::clone(caller.credential())),
            user: caller.and_then(|caller| caller.token().map(|(token, _)| token.user.clone())),
            client: self.client,
            // Whoever has no valid key does not get to fill the disk.
            request: caller.and_then(|_| self.seen.0.get().cloned()).filter(|body| !body.is_empty()),
            response: body,
        };
        if !app.api_logs().hand_over(entry) {
            app.engine().metrics().api_logs_dropped.inc();
        }
        response
    }
}

/// Feeds are not stored a second time (A13.2), nor what holds a secret under no telling name.
fn keeps_response(operation: &Operation) -> bool {
    !operation.path.contains("/feeds/")
        && !operation.path.ends_with("/signed_url")
        && !operation.path.starts_with("/v1/variables")
}

fn keeps_request(operation: &Operation) -> bool {
    !operation.path.starts_with("/v1/variables")
}

/// The body of an answer that is in memory as a whole, as all of ours are; one that streams is left alone.
async fn whole(response: Response) -> (Response, Option<Bytes>) {
    let (parts, body) = response.into_parts();
    if body.size_hint().exact().is_none() {
        return (Response::from_parts(parts, body), None);
    }
    match body.collect().await {
        Ok(collected) => {
            let bytes = collected.to_bytes();
            let kept = (!bytes.is_empty()).then(|| bytes.clone());
            (Response::from_parts(parts, Body::from(bytes)), kept)
        }
        Err(error) => {
            tracing::error!(%error, "an answer in memory could not be read");
            (Response::from_parts(parts, Body::empty()), None)
        }
    }
}
