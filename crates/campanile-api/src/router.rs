//! All routes, built from the list of operations: what has a handler is answered, the rest of both documents says 501.

use std::collections::HashMap;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::decompression::RequestDecompressionLayer;

use crate::access::{Gate, gate};
use crate::app::App;
use crate::body_rest;
use crate::error::ApiError;
use crate::hosted_page;
use crate::operations::{self, Operation};
use crate::request_id;

/// Longest path with its query (api-conventions.md section 11).
const URI_BYTES_MAX: usize = 8_192;

/// Handlers by operation id.
#[derive(Default)]
pub struct Routes {
    handlers: HashMap<&'static str, MethodRouter<App>>,
}

impl Routes {
    /// Answers an operation.
    pub fn on<H, T>(mut self, operation: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let known = operations::all().find(|op| op.id == operation);
        let method = known.map_or(MethodFilter::GET, |op| filter(op.method));
        debug_assert!(known.is_some(), "{operation} is not in the list of operations");
        self.handlers.insert(operation, MethodRouter::new().on(method, handler));
        self
    }

    /// Adds another group.
    pub fn and(mut self, more: Routes) -> Self {
        self.handlers.extend(more.handlers);
        self
    }
}

/// Every group of handlers.
pub fn routes() -> Routes {
    Routes::default()
        .and(crate::public::routes())
        .and(crate::management::routes())
        .and(crate::admin::routes())
}

/// Ids of the operations that are answered.
pub fn built() -> Vec<&'static str> {
    let mut ids: Vec<_> = routes().handlers.into_keys().collect();
    ids.sort_unstable();
    ids
}

fn filter(method: &str) -> MethodFilter {
    match method {
        "PUT" => MethodFilter::PUT,
        "POST" => MethodFilter::POST,
        "DELETE" => MethodFilter::DELETE,
        "PATCH" => MethodFilter::PATCH,
        _ => MethodFilter::GET,
    }
}

/// The same path with parameters named by position, since one place in the tree has one name.
fn positional(path: &str) -> String {
    path.split('/')
        .enumerate()
        .map(|(n, part)| if part.starts_with('{') { format!("{{p{n}}}") } else { part.to_owned() })
        .collect::<Vec<_>>()
        .join("/")
}

/// The whole server.
pub fn router(app: App) -> Router {
    let mut handlers = routes().handlers;
    let mut paths: HashMap<String, MethodRouter<App>> = HashMap::new();
    for operation in operations::all() {
        let handler = handlers.remove(operation.id).unwrap_or_else(|| not_built(operation));
        let layer = middleware::from_fn_with_state(Gate::new(app.clone(), operation), gate);
        let handler = handler.route_layer(layer);
        let aliases = operations::ALIASES.iter().filter(|(_, id)| *id == operation.id).map(|(path, _)| *path);
        for path in aliases.chain([operation.path]) {
            let path = paths.entry(positional(path)).or_default();
            *path = std::mem::take(path).merge(handler.clone());
        }
    }
    let mut router = Router::new();
    for (path, methods) in paths {
        let methods = methods.fallback(wrong_method);
        // A slash at the end changes nothing (A1.5).
        router = router.route(&format!("{path}/"), methods.clone()).route(&path, methods);
    }
    router
        .merge(crate::service::routes())
        .merge(crate::preference_page::routes())
        .merge(crate::unsubscribe_page::routes())
        .merge(crate::tracking_pages::routes())
        .fallback(async |request: Request| ApiError::no_route(request.uri().path()))
        .layer(RequestDecompressionLayer::new())
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            ApiError::internal("a handler panicked").into_response()
        }))
        .layer(cors())
        .layer(middleware::from_fn_with_state(app.clone(), envelope))
        .layer(middleware::from_fn(body_rest::finish))
        .with_state(app)
}

async fn wrong_method() -> ApiError {
    ApiError::method_not_allowed()
}

fn not_built(operation: &'static Operation) -> MethodRouter<App> {
    MethodRouter::new().on(filter(operation.method), async move || ApiError::not_implemented(operation.id))
}

/// CORS of the public API (A4.5): any origin, no credentials.
fn cors() -> CorsLayer {
    let exposed = [
        "x-request-id",
        "retry-after",
        "x-should-retry",
        "x-ratelimited-message_ids",
        "idempotent-replayed",
        "original-x-request-id",
    ];
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS])
        .allow_headers(tower_http::cors::AllowHeaders::mirror_request())
        .expose_headers(exposed.map(HeaderName::from_static))
        .max_age(std::time::Duration::from_secs(86_400))
}

/// The id of a request, for handlers that keep it.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Request id, log line, metrics and the headers that every answer carries.
async fn envelope(State(app): State<App>, mut request: Request<Body>, next: Next) -> Response {
    let id = request_id::fresh(app.now());
    let is_too_long = request.uri().path_and_query().is_some_and(|path| path.as_str().len() > URI_BYTES_MAX);
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let path = hosted_page::loggable(request.uri().path()).to_owned();
    let started = std::time::Instant::now();
    let mut response = match is_too_long {
        true => ApiError::uri_too_long(URI_BYTES_MAX).into_response(),
        false => next.run(request).await,
    };
    let status = response.status();
    app.engine().metrics().request(status.as_u16(), started.elapsed());
    tracing::debug!(request_id = %id, %method, path, status = status.as_u16(), micros = started.elapsed().as_micros() as u64, "request");
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", value);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if headers.get(header::CONTENT_TYPE).is_some_and(|v| v == "application/json") {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    }
    response
}
