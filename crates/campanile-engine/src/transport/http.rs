//! HTTP over pooled connections. Redirects are never followed; names are resolved by us, so that the address which
//! was judged is the address which is called.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use campanile_channels::exchange::{HttpAnswer, HttpRequest, TransportError};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};

use super::cause::{causes, tls_error};
use super::{Guard, Roots, Timeouts, is_public};

/// More of a body is not read (channels.md R8.3).
pub const RESPONSE_BYTES_MAX: usize = 1024 * 1024;
/// Idle connections kept to one host.
const IDLE_PER_HOST_MAX: usize = 16;
const IDLE_SECONDS_MAX: u64 = 60;
/// Clients differ by guard and connect timeout; callers use a handful of those.
const CLIENTS_MAX: usize = 16;

/// Finds the addresses of a name.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// What an operator may decide.
#[derive(Clone)]
pub struct HttpOptions {
    /// Lifts [`Guard::Guarded`].
    pub allow_private_addresses: bool,
    /// The machine's resolver, or a test's.
    pub lookup: Lookup,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { allow_private_addresses: false, lookup: Arc::new(|name| Box::pin(system_lookup(name))) }
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions")
            .field("allow_private_addresses", &self.allow_private_addresses)
            .finish_non_exhaustive()
    }
}

async fn system_lookup(name: String) -> io::Result<Vec<IpAddr>> {
    Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.map(|address| address.ip()).collect())
}

/// Sends requests. Clones share their connections.
#[derive(Clone)]
pub struct HttpTransport {
    inner: Arc<Inner>,
}

struct Inner {
    options: HttpOptions,
    tls: rustls::ClientConfig,
    clients: Mutex<HashMap<(Guard, Duration), Client>>,
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

impl HttpTransport {
    /// A transport that trusts `roots`.
    pub fn new(roots: &Roots, options: HttpOptions) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows the current TLS versions")
            .with_root_certificates(roots.store())
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { inner: Arc::new(Inner { options, tls, clients: Mutex::default() }) }
    }

    /// Sends one request and reads its answer, of whatever status.
    pub async fn send(
        &self,
        request: HttpRequest,
        timeouts: Timeouts,
        guard: Guard,
    ) -> Result<HttpAnswer, TransportError> {
        let guard = if self.inner.options.allow_private_addresses { Guard::Open } else { guard };
        let url = Url::parse(&request.url)
            .map_err(|error| TransportError::Impossible(format!("the URL is not valid: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(TransportError::Impossible("the URL is neither http nor https".into()));
        }
        if guard == Guard::Guarded {
            refuse_literal(&url)?;
        }
        let mut builder = self
            .client(guard, timeouts.connect)?
            .request(request.method, url)
            .headers(headers(&request.headers)?)
            .timeout(timeouts.total);
        if !request.body.is_empty() {
            builder = builder.body(request.body);
        }
        match builder.send().await {
            Ok(response) => read(response).await,
            Err(error) => Err(reason(&error)),
        }
    }

    fn client(&self, guard: Guard, connect: Duration) -> Result<Client, TransportError> {
        let mut clients = self.inner.clients.lock();
        if let Some(client) = clients.get(&(guard, connect)) {
            return Ok(client.clone());
        }
        if clients.len() >= CLIENTS_MAX {
            clients.clear();
        }
        let resolver = Resolver { guard, lookup: self.inner.options.lookup.clone() };
        let client = Client::builder()
            .tls_backend_preconfigured(self.inner.tls.clone())
            .dns_resolver(resolver)
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(connect)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .pool_idle_timeout(Duration::from_secs(IDLE_SECONDS_MAX))
            .build()
            .map_err(|error| TransportError::Impossible(error.to_string()))?;
        clients.insert((guard, connect), client.clone());
        Ok(client)
    }
}

/// The client skips its resolver for hosts that are addresses, so those are judged here.
fn refuse_literal(url: &Url) -> Result<(), TransportError> {
    let host = url.host_str().unwrap_or_default();
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) if !is_public(address) => Err(TransportError::Blocked(address.to_string())),
        _ => Ok(()),
    }
}

fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, TransportError> {
    let mut headers = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        let impossible = || TransportError::Impossible(format!("the header {name} cannot be sent"));
        let key = HeaderName::try_from(name).map_err(|_| impossible())?;
        headers.append(key, HeaderValue::try_from(value).map_err(|_| impossible())?);
    }
    Ok(headers)
}

async fn read(mut response: Response) -> Result<HttpAnswer, TransportError> {
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let mut body = Vec::new();
    while body.len() < RESPONSE_BYTES_MAX {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = RESPONSE_BYTES_MAX - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
            Ok(None) => break,
            Err(error) => return Err(reason(&error)),
        }
    }
    Ok(HttpAnswer { status, headers, body })
}

fn reason(error: &reqwest::Error) -> TransportError {
    let causes = || causes(error);
    let deepest = || causes().last().map(ToString::to_string).unwrap_or_default();
    if let Some(blocked) = causes().find_map(|cause| cause.downcast_ref::<Blocked>()) {
        return TransportError::Blocked(blocked.0.to_string());
    }
    if error.is_timeout() {
        return TransportError::Timeout { may_have_arrived: !error.is_connect() };
    }
    if error.is_dns() {
        return TransportError::Dns(deepest());
    }
    if let Some(tls) = tls_error(error) {
        return TransportError::Tls(tls);
    }
    if error.is_connect() {
        return TransportError::Connect(deepest());
    }
    if error.is_builder() {
        return TransportError::Impossible(deepest());
    }
    TransportError::Broken { detail: deepest(), may_have_arrived: true }
}

/// A name that leads only to addresses that we do not call.
#[derive(Debug, thiserror::Error)]
#[error("the address {0} is not allowed")]
struct Blocked(IpAddr);

struct Resolver {
    guard: Guard,
    lookup: Lookup,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.lookup)(name.as_str().to_owned());
        let guard = self.guard;
        Box::pin(async move {
            let found = found.await?;
            let open: Vec<SocketAddr> = found
                .iter()
                .filter(|address| guard == Guard::Open || is_public(**address))
                .map(|address| SocketAddr::new(*address, 0))
                .collect();
            match (open.is_empty(), found.first()) {
                (true, Some(closed)) => Err(Blocked(*closed).into()),
                (true, None) => Err(io::Error::new(io::ErrorKind::NotFound, "no address found").into()),
                _ => Ok(Box::new(open.into_iter()) as Addrs),
            }
        })
    }
}
