//! Against real sockets on this machine; every wait is a fraction of a second.

mod http;
mod smtp;

use std::time::Duration;

use super::Timeouts;

/// Long enough for an exchange on this machine.
fn patient() -> Timeouts {
    Timeouts { connect: Duration::from_secs(5), total: Duration::from_secs(10) }
}

/// Short enough to wait for.
fn hasty() -> Timeouts {
    Timeouts { connect: Duration::from_millis(150), total: Duration::from_millis(200) }
}
