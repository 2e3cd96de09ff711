//! Against real sockets on this machine; every wait is a fraction of a second.

mod http;
mod smtp;

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::{Roots, Timeouts};

/// A certificate authority made for these tests, valid for a century; its own key was thrown away.
const AUTHORITY: &[u8] = include_bytes!("tests/tls/authority.pem");
const SERVER: &[u8] = include_bytes!("tests/tls/server.pem");
const SERVER_KEY: &[u8] = include_bytes!("tests/tls/server-key.pem");

/// The roots of an operator who trusts the test authority.
fn trusting() -> Roots {
    Roots::new(Some(AUTHORITY)).unwrap()
}

/// Takes TLS connections for `localhost` and 127.0.0.1.
fn acceptor() -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = vec![CertificateDer::from_pem_slice(SERVER).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Long enough for an exchange on this machine.
fn patient() -> Timeouts {
    Timeouts { connect: Duration::from_secs(5), total: Duration::from_secs(10) }
}

/// Short enough to wait for.
fn hasty() -> Timeouts {
    Timeouts { connect: Duration::from_millis(150), total: Duration::from_millis(200) }
}
