//! What becomes of a kept connection when a request is refused before its body has arrived (api-conventions.md 15.1,
//! check 13): the next request on it is answered, or the refusal says that it closes.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::kit::on_both;

fn head(secret: &str, bytes: usize, more: &str) -> String {
    format!(
        "POST /v1/workflows/note/trigger HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {secret}\r\n\
         content-type: application/json\r\ncontent-length: {bytes}\r\n{more}\r\n"
    )
}

/// The head of the next answer.
async fn answer(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    let mut wanted = None;
    loop {
        let read = stream.read(&mut buffer).await.expect("the answer can be read");
        assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&seen).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length = *wanted.get_or_insert_with(|| length.and_then(|n| n.parse().ok()).unwrap_or(0));
            if body.len() >= length {
                return head.to_owned();
            }
        }
    }
}

async fn is_still_open(stream: &mut TcpStream) {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n").await.expect("still open");
    let head = answer(stream).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

#[test]
fn a_refusal_before_the_body_keeps_the_connection() {
    on_both(async |kit| {
        let mut stream = kit.nobody.connect().await;
        for pause in [0, 20] {
            stream.write_all(head("sk_test_of_nobody", 2, "").as_bytes()).await.expect("sent");
            stream.flush().await.expect("sent");
            // The two writes must arrive apart, as those of most clients do.
            tokio::time::sleep(Duration::from_millis(pause)).await;
            stream.write_all(b"{}").await.expect("sent");
            let head = answer(&mut stream).await;
            assert!(head.starts_with("HTTP/1.1 401"), "{head}");
            is_still_open(&mut stream).await;
        }
    });
}

#[test]
fn a_body_that_is_a_little_too_long_keeps_the_connection() {
    on_both(async |kit| {
        let bytes = 11 * 1024 * 1024;
        let mut stream = kit.secret.connect().await;
        stream.write_all(head(kit.secret.bearer(), bytes, "").as_bytes()).await.expect("sent");
        stream.write_all(&vec![b' '; bytes]).await.expect("the whole body is taken");
        let head = answer(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 413"), "{head}");
        is_still_open(&mut stream).await;
    });
}

#[test]
fn a_body_that_is_not_waited_for_closes_and_says_so() {
    on_both(async |kit| {
        for (bytes, more) in [(2, "expect: 100-continue\r\n"), (1 << 30, "")] {
            let mut stream = kit.nobody.connect().await;
            stream.write_all(head("sk_test_of_nobody", bytes, more).as_bytes()).await.expect("sent");
            let head = answer(&mut stream).await;
            assert!(head.starts_with("HTTP/1.1 401"), "{head}");
            assert!(head.contains("connection: close"), "{head}");
            assert_eq!(stream.read(&mut [0; 1]).await.ok(), Some(0), "closed");
        }
    });
}
