//! TLS: rustls with ring, the system's trust store or the authorities that were given.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::client::{Error, Result};

/// The TLS settings of all connections.
pub(super) fn client_config(trusted_ca: Option<&[u8]>) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|why| Error::invalid_argument("TLS cannot be set up").with_source(why))?;
    if let Some(pem) = trusted_ca {
        return Ok(builder
            .with_root_certificates(roots_from_pem(pem)?)
            .with_no_client_auth());
    }
    // Slim images have no trust store.
    match platform_verifier(provider) {
        Some(verifier) => Ok(builder
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth()),
        None => Ok(builder
            .with_root_certificates(
                webpki_roots::TLS_SERVER_ROOTS
                    .iter()
                    .cloned()
                    .collect::<RootCertStore>(),
            )
            .with_no_client_auth()),
    }
}

fn platform_verifier(provider: Arc<CryptoProvider>) -> Option<Arc<Verifier>> {
    Verifier::new(provider).ok().map(Arc::new)
}

fn roots_from_pem(pem: &[u8]) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let added = certificate
            .map_err(|why| why.to_string())
            .and_then(|certificate| roots.add(certificate).map_err(|why| why.to_string()));
        added.map_err(|why| {
            Error::invalid_argument(format!(
                "the trusted CA file holds no valid certificate: {why}"
            ))
        })?;
    }
    if roots.is_empty() {
        return Err(Error::invalid_argument(
            "the trusted CA file holds no PEM certificate",
        ));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_without_certificates_is_refused() {
        for pem in [
            "",
            "nonsense",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert!(client_config(Some(pem.as_bytes())).is_err(), "{pem}");
        }
    }
}
