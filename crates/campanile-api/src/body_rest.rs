//! The rest of a body that nobody read. A request that is refused before its body has arrived would make hyper close the
//! connection without saying so, and the client's next request on it would fail: whoever keeps connections sees that as
//! a random network error. So the rest is read and thrown away, within limits, or the answer says that it closes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Version, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;

/// Bytes thrown away at most: enough for a body that is a little over `BODY_BYTES_MAX`.
const REST_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest wait for the next bytes, and for all of them.
const IDLE_MAX: Duration = Duration::from_secs(1);
const TOTAL_MAX: Duration = Duration::from_secs(10);

/// Answers, and leaves the connection either at its next request or announced as closing.
pub(crate) async fn finish(request: Request, next: Next) -> Response {
    // HTTP/2 resets the stream instead, and a client that closes anyway loses nothing.
    if request.body().is_end_stream() || request.version() > Version::HTTP_11 || closes(request.headers()) {
        return next.run(request).await;
    }
    let is_worth_it = !request.headers().contains_key(header::EXPECT) && !is_too_long(request.headers());
    let left = Arc::new(Mutex::new(None));
    let slot = left.clone();
    let request = request.map(|body| Body::new(Watched { body, is_over: false, slot }));
    let mut response = next.run(request).await;
    let rest = left.lock().take();
    if let Some(rest) = rest {
        let is_read = is_worth_it && tokio::time::timeout(TOTAL_MAX, throw_away(rest)).await == Ok(true);
        if !is_read {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
    response
}

fn closes(headers: &HeaderMap) -> bool {
    headers.get(header::CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

fn is_too_long(headers: &HeaderMap) -> bool {
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    length.is_some_and(|bytes| bytes > REST_BYTES_MAX)
}

/// False when the rest is too long, too slow or broken.
async fn throw_away(mut rest: Body) -> bool {
    let mut bytes = 0;
    loop {
        match tokio::time::timeout(IDLE_MAX, rest.frame()).await {
            Ok(None) => return true,
            Ok(Some(Ok(frame))) => bytes += frame.data_ref().map_or(0, Bytes::len),
            Ok(Some(Err(_))) | Err(_) => return false,
        }
        if bytes > REST_BYTES_MAX {
            return false;
        }
    }
}

/// A body that, when it is dropped before its end, hands over what is left of it.
struct Watched {
    body: Body,
    is_over: bool,
    slot: Arc<Mutex<Option<Body>>>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        // After an error there is nothing to go on with.
        self.is_over |= matches!(polled, Poll::Ready(None | Some(Err(_))));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.is_over && !self.body.is_end_stream() {
            *self.slot.lock() = Some(std::mem::take(&mut self.body));
        }
    }
}
