//! One keep-alive HTTP/1.1 connection per concurrent slot, over hyper's bare client.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::error::BenchError;

/// A complete request; cloning it copies no body bytes.
pub(super) type Prepared = Request<Full<Bytes>>;

/// Where the server listens, and the two credentials.
pub(super) struct Target {
    address: String,
    host: HeaderValue,
    secret_key: HeaderValue,
    service_token: HeaderValue,
}

/// Which credential a request carries.
#[derive(Clone, Copy)]
pub(super) enum Credential {
    SecretKey,
    ServiceToken,
}

/// Status and whole body of an answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

impl Target {
    pub(super) fn new(
        base_url: &str,
        secret_key: &str,
        service_token: &str,
    ) -> Result<Arc<Self>, BenchError> {
        let usage = |text: &str| BenchError::Usage(format!("--base-url {base_url}: {text}"));
        let url: Uri = base_url.parse().map_err(|_| usage("not a URL"))?;
        if url.scheme_str() != Some("http") {
            return Err(usage("only http:// can be driven; measure behind the TLS proxy, not through it"));
        }
        if url.path() != "/" && !url.path().is_empty() {
            return Err(usage("a path is not supported"));
        }
        let authority = url.authority().ok_or_else(|| usage("no host"))?;
        let address = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80));
        let bearer = |name: &str, secret: &str| {
            let mut value = HeaderValue::try_from(format!("Bearer {secret}")).map_err(|_| {
                BenchError::Usage(format!("{name} contains characters a header cannot carry"))
            })?;
            value.set_sensitive(true);
            Ok(value)
        };
        Ok(Arc::new(Self {
            host: HeaderValue::try_from(authority.as_str()).map_err(|_| usage("not a host"))?,
            secret_key: bearer("--secret-key", secret_key)?,
            service_token: bearer("--service-token", service_token)?,
            address,
        }))
    }

    /// A request to be cloned for every sending.
    pub(super) fn prepare(
        &self,
        credential: Credential,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Result<Prepared, BenchError> {
        let uri: Uri = path.parse().map_err(|_| BenchError::Usage(format!("{path} is not a path")))?;
        let mut request = Request::new(Full::new(body.into()));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(
            AUTHORIZATION,
            match credential {
                Credential::SecretKey => self.secret_key.clone(),
                Credential::ServiceToken => self.service_token.clone(),
            },
        );
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(request)
    }
}

/// Reconnects by itself before the next request when the server closed it.
pub(super) struct Connection {
    target: Arc<Target>,
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    pub(super) async fn open(target: &Arc<Target>) -> Result<Self, BenchError> {
        Ok(Self { sender: dial(target).await?, target: target.clone() })
    }

    /// Sends once. A request that may have reached the server is never repeated here.
    pub(super) async fn send(&mut self, request: Prepared) -> Result<Answer, BenchError> {
        if self.sender.ready().await.is_err() {
            self.sender = dial(&self.target).await?;
        }
        let broke = |target: &Target, reason: hyper::Error| BenchError::Unreachable {
            address: target.address.clone(),
            reason: reason.to_string(),
        };
        let answer = self.sender.send_request(request).await.map_err(|e| broke(&self.target, e))?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.map_err(|e| broke(&self.target, e))?.to_bytes();
        Ok(Answer { status, body })
    }

    /// Sends and insists on a 2xx answer.
    pub(super) async fn expect_ok(&mut self, request: &Prepared) -> Result<Bytes, BenchError> {
        let answer = self.send(request.clone()).await?;
        if (200..300).contains(&answer.status) { Ok(answer.body) } else { Err(refused(request, &answer)) }
    }
}

/// The error for an answer that is not 2xx.
pub(super) fn refused(request: &Prepared, answer: &Answer) -> BenchError {
    let shown = &answer.body[..answer.body.len().min(300)];
    BenchError::Refused {
        request: format!("{} {}", request.method(), request.uri()),
        status: answer.status,
        body: String::from_utf8_lossy(shown).into_owned(),
    }
}

async fn dial(target: &Target) -> Result<SendRequest<Full<Bytes>>, BenchError> {
    let unreachable = |reason: String| BenchError::Unreachable { address: target.address.clone(), reason };
    let stream = TcpStream::connect(&target.address).await.map_err(|e| unreachable(e.to_string()))?;
    stream.set_nodelay(true).map_err(|e| unreachable(e.to_string()))?;
    let (sender, connection) =
        handshake(TokioIo::new(stream)).await.map_err(|e| unreachable(e.to_string()))?;
    // Ends with the connection; what went wrong reaches the caller through its request.
    tokio::spawn(connection);
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_base_urls() {
        for (url, want) in [
            ("http://127.0.0.1:4000", Ok("127.0.0.1:4000")),
            ("http://bench.test/", Ok("bench.test:80")),
            ("http://[::1]:9", Ok("[::1]:9")),
            ("https://bench.test", Err(())),
            ("http://bench.test/campanile", Err(())),
            ("127.0.0.1:4000", Err(())),
            ("", Err(())),
        ] {
            let got = Target::new(url, "sk", "st").map(|target| target.address.clone()).map_err(drop);
            assert_eq!(got, want.map(str::to_owned), "{url}");
        }
    }

    #[test]
    fn errors_never_show_a_credential() {
        let Err(error) = Target::new("http://bench.test", "sk_\nsecret", "st") else { panic!("accepted") };
        assert!(!error.to_string().contains("secret\n") && !error.to_string().contains("sk_"), "{error}");
    }
}
