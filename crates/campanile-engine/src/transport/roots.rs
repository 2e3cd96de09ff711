//! Whom we trust: the well-known certificate authorities and those that the operator adds.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Certificate authorities, the same for every outgoing connection. The host's own store is not read.
#[derive(Debug, Clone)]
pub struct Roots {
    extra: Arc<[CertificateDer<'static>]>,
    store: Arc<RootCertStore>,
}

/// The operator's bundle is no list of certificates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the certificate bundle cannot be read: {0}")]
pub struct InvalidRoots(String);

impl Roots {
    /// The well-known authorities, and the certificates of a PEM bundle if there is one.
    pub fn new(extra_pem: Option<&[u8]>) -> Result<Self, InvalidRoots> {
        let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let mut extra = Vec::new();
        if let Some(pem) = extra_pem {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| InvalidRoots(error.to_string()))?;
                store.add(certificate.clone()).map_err(|error| InvalidRoots(error.to_string()))?;
                extra.push(certificate);
            }
            if extra.is_empty() {
                return Err(InvalidRoots("it holds no certificate".into()));
            }
        }
        Ok(Self { extra: extra.into(), store: Arc::new(store) })
    }

    /// All of them.
    pub(super) fn store(&self) -> Arc<RootCertStore> {
        self.store.clone()
    }

    /// The operator's, for libraries that bring the well-known ones themselves.
    pub(super) fn extra(&self) -> &[CertificateDer<'static>] {
        &self.extra
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_without_certificates_is_refused() {
        assert!(Roots::new(None).is_ok());
        for pem in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(Roots::new(Some(pem.as_bytes())).is_err(), "{pem}");
        }
    }
}
