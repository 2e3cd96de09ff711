use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use campanile_channels::exchange::{HttpAnswer, HttpRequest, TransportError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{acceptor, hasty, patient, trusting};
use crate::transport::http::RESPONSE_BYTES_MAX;
use crate::transport::{Guard, HttpOptions, HttpTransport, Roots, Timeouts};

/// A server that reads one request per connection and answers with `script`; an empty script never answers.
async fn server(script: &'static [u8]) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(socket, script));
        }
    });
    (port, count)
}

async fn serve(mut socket: impl AsyncRead + AsyncWrite + Unpin, script: &'static [u8]) {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !seen.windows(4).any(|end| end == b"\r\n\r\n") {
        match socket.read(&mut buffer).await {
            Ok(n) if n > 0 => seen.extend_from_slice(&buffer[..n]),
            _ => return,
        }
    }
    if script.is_empty() {
        return std::future::pending().await;
    }
    let _ = socket.write_all(script).await;
    let _ = socket.shutdown().await;
}

fn transport(allow_private_addresses: bool) -> HttpTransport {
    let options = HttpOptions { allow_private_addresses, ..HttpOptions::default() };
    HttpTransport::new(&Roots::new(None).unwrap(), options)
}

/// A transport whose names lead to these addresses.
fn resolving_to(addresses: &[&str]) -> HttpTransport {
    let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
    let lookup = move |_: String| {
        let addresses = addresses.clone();
        Box::pin(async move { Ok(addresses) }) as futures_util::future::BoxFuture<'static, _>
    };
    let options = HttpOptions { lookup: Arc::new(lookup), ..HttpOptions::default() };
    HttpTransport::new(&Roots::new(None).unwrap(), options)
}

async fn post(
    transport: &HttpTransport,
    url: &str,
    timeouts: Timeouts,
    guard: Guard,
) -> Result<HttpAnswer, TransportError> {
    let request = HttpRequest::post(url).with_json(&serde_json::json!({"a": 1}));
    transport.send(request, timeouts, guard).await
}

#[tokio::test]
async fn brings_the_answer() {
    let (port, _) = server(b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno").await;
    let url = format!("http://127.0.0.1:{port}/x");
    let answer = post(&transport(false), &url, patient(), Guard::Open).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (429, b"no".as_slice()));
    assert_eq!(answer.header("Retry-After"), Some("7"));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_never_followed() {
    let (target, reached) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let script =
        format!("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{target}/\r\nContent-Length: 0\r\n\r\n");
    let (port, _) = server(script.leak().as_bytes()).await;
    let url = format!("http://127.0.0.1:{port}/");
    let answer = post(&transport(false), &url, patient(), Guard::Open).await.unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn guarded_requests_never_reach_this_machine() {
    let (port, reached) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let system = transport(false);
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"] {
        let url = format!("http://{host}:{port}/");
        let error = post(&system, &url, patient(), Guard::Guarded).await.unwrap_err();
        assert!(matches!(error, TransportError::Blocked(_)), "{host}: {error:?}");
    }
    let rebound = resolving_to(&["127.0.0.1", "169.254.169.254"]);
    let error =
        post(&rebound, &format!("http://h.test:{port}/"), patient(), Guard::Guarded).await.unwrap_err();
    assert_eq!(error, TransportError::Blocked("127.0.0.1".into()));
    assert_eq!(reached.load(Ordering::SeqCst), 0);

    let url = format!("http://h.test:{port}/");
    assert_eq!(post(&rebound, &url, patient(), Guard::Open).await.unwrap().status, 200);
    let url = format!("http://127.0.0.1:{port}/");
    assert_eq!(post(&transport(true), &url, patient(), Guard::Guarded).await.unwrap().status, 200);
}

#[tokio::test]
async fn names_every_kind_of_silence() {
    let (hanging, _) = server(b"").await;
    let (broken, _) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").await;
    let (garbage, _) = server(b"what?\r\n\r\n").await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let talkative = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let no_tls = talkative.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = talkative.accept().await {
            let _ = socket.write_all(b"220 this is something else\r\n").await;
        }
    });
    let transport = transport(false);
    for (url, want) in [
        (format!("http://127.0.0.1:{hanging}/"), "timeout"),
        (format!("http://127.0.0.1:{broken}/"), "connection_broken"),
        (format!("http://127.0.0.1:{garbage}/"), "connection_broken"),
        (format!("http://127.0.0.1:{closed}/"), "connect_error"),
        (format!("https://127.0.0.1:{no_tls}/"), "tls_error"),
        ("http://nowhere.invalid/".to_owned(), "dns_error"),
        ("ftp://127.0.0.1/".to_owned(), "not_sendable"),
        ("/relative".to_owned(), "not_sendable"),
    ] {
        let wait = if want == "timeout" { hasty() } else { patient() };
        let error = post(&transport, &url, wait, Guard::Open).await.unwrap_err();
        assert_eq!(error.code(), want, "{url}: {error:?}");
        assert_eq!(error.may_have_arrived(), matches!(want, "timeout" | "connection_broken"), "{url}");
    }
    let request = HttpRequest::post("http://127.0.0.1/").with_header("a b", "c");
    let error = transport.send(request, patient(), Guard::Open).await.unwrap_err();
    assert_eq!(error.code(), "not_sendable");
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_a_connect_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    let error = post(&transport(false), &url, hasty(), Guard::Open).await.unwrap_err();
    assert_eq!(error, TransportError::Timeout { may_have_arrived: false });
}

#[tokio::test]
async fn long_bodies_are_cut() {
    let script = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(RESPONSE_BYTES_MAX + 5000));
    let (port, _) = server(script.leak().as_bytes()).await;
    let url = format!("http://127.0.0.1:{port}/");
    let answer = post(&transport(false), &url, patient(), Guard::Open).await.unwrap();
    assert_eq!(answer.body.len(), RESPONSE_BYTES_MAX);
}

#[tokio::test]
async fn trusts_the_operators_authority_and_no_stranger() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            if let Ok(socket) = acceptor().accept(socket).await {
                serve(socket, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            }
        }
    });
    let trusting = HttpTransport::new(&trusting(), HttpOptions::default());
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("https://{host}:{port}/");
        assert_eq!(post(&trusting, &url, patient(), Guard::Open).await.unwrap().body, b"ok");
        let error = post(&transport(false), &url, patient(), Guard::Open).await.unwrap_err();
        assert_eq!(error.code(), "tls_error", "{error:?}");
    }
}
