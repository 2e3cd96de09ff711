//! What lies beneath an error of a client library.

use std::error::Error;
use std::io;

/// The error, what caused it, what caused that, and so on. I/O errors hide the error that they wrap from
/// [`Error::source`], so it is taken out of them.
pub(super) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let cause = next?;
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => cause.source(),
        };
        Some(cause)
    })
}

/// What TLS has to say, when it is TLS that failed.
pub(super) fn tls_error(error: &(dyn Error + 'static)) -> Option<String> {
    causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()).map(ToString::to_string)
}
