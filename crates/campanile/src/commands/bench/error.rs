//! Why a benchmark could not be run.

use std::fmt;

/// Each variant is something the person at the keyboard can act on.
#[derive(Debug)]
pub enum BenchError {
    /// The options contradict each other or name something that cannot exist.
    Usage(String),
    /// Nobody answers at the base URL, or the connection broke before the answer.
    Unreachable {
        /// `host:port` as it was dialled.
        address: String,
        /// What the operating system or the HTTP layer said.
        reason: String,
    },
    /// The server answered, but not with what the benchmark needs.
    Refused {
        /// Method and path of the request.
        request: String,
        /// HTTP status.
        status: u16,
        /// The beginning of the answer's body.
        body: String,
    },
    /// The server answered 2xx with something that is not in its contract.
    Unexpected(String),
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Unexpected(text) => f.write_str(text),
            Self::Unreachable { address, reason } => {
                write!(f, "no answer from {address}: {reason}; is `campanile serve` running there?")
            }
            Self::Refused { request, status, body } => write!(f, "{request} answered {status}: {body}"),
        }
    }
}

impl std::error::Error for BenchError {}
