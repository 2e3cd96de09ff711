//! The only place where messages leave the process: bytes go out, an answer or the reason for none comes back.
//! Nothing here decides, retries or logs.

mod cause;
mod http;
mod roots;
mod smtp;
mod ssrf;

use std::time::Duration;

use campanile_channels::delivery::Outgoing;
use campanile_channels::exchange::TransportError;
use campanile_channels::registry::Answer;

pub use http::{HttpOptions, HttpTransport, Lookup, RESPONSE_BYTES_MAX};
pub use roots::{InvalidRoots, Roots};
pub use smtp::SmtpTransport;
pub use ssrf::is_public;

/// How long an exchange may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timeouts {
    /// Until the connection stands, its handshake included.
    pub connect: Duration,
    /// For everything.
    pub total: Duration,
}

impl Timeouts {
    /// Five seconds to connect, `seconds` in all (channels.md R8.2).
    pub const fn total_seconds(seconds: u32) -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(seconds as u64) }
    }
}

/// Which addresses a request may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guard {
    /// Public ones only, because a customer chose the URL; the operator may lift this for all.
    Guarded,
    /// Any, because the operator chose the URL.
    Open,
}

/// Every way out.
#[derive(Debug, Clone)]
pub struct Transport {
    /// Requests.
    pub http: HttpTransport,
    /// Mails.
    pub smtp: SmtpTransport,
}

impl Transport {
    /// Transports that trust `roots`.
    pub fn new(roots: &Roots, options: HttpOptions) -> Self {
        Self { http: HttpTransport::new(roots, options), smtp: SmtpTransport::new(roots.clone()) }
    }

    /// Sends one message the way it was built for.
    pub async fn send(&self, outgoing: &Outgoing, timeouts: Timeouts) -> Result<Answer, TransportError> {
        match outgoing {
            Outgoing::Http(request) => {
                let guard = if request.guarded { Guard::Guarded } else { Guard::Open };
                self.http.send(request.clone(), timeouts, guard).await.map(Answer::Http)
            }
            Outgoing::Smtp(mail) => self.smtp.send(mail, timeouts).await.map(Answer::Smtp),
        }
    }
}

#[cfg(test)]
mod tests;
