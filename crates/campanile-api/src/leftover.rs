//! Request bodies that nobody read: a refused request (401, 404, 429) is answered before its body has come.
//!
//! hyper closes such a connection, and the next request on it fails without an answer. So what is left of a small
//! body is read after all, and the connection lives on.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};

/// More than this is not worth a connection.
const BYTES_MAX: usize = 64 * 1024;
/// A client that is slower than this loses its connection.
const WITHIN: Duration = Duration::from_secs(2);

/// A body that is read to its end when it is dropped before.
pub(crate) struct Leftover(Option<Body>);

impl Leftover {
    /// The same body, if it has anything that could be left.
    pub(crate) fn of(body: Body) -> Body {
        if body.is_end_stream() { body } else { Body::new(Self(Some(body))) }
    }
}

impl http_body::Body for Leftover {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.0.as_ref().map(|body| body.size_hint()).unwrap_or_default()
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        let Some(body) = self.0.take().filter(|body| !body.is_end_stream()) else { return };
        if body.size_hint().lower() > BYTES_MAX as u64 {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let rest = Limited::new(body, BYTES_MAX).collect();
                let _ = tokio::time::timeout(WITHIN, rest).await;
            });
        }
    }
}
