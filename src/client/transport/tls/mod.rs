//! TLS: rustls with ring, the system's trust store or the authorities that were given.

mod no_certificate;
pub(crate) mod private_key;
mod verifier;

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CipherSuite, ClientConfig, RootCertStore, SupportedCipherSuite};
use rustls_platform_verifier::Verifier;

use self::no_certificate::NoCertificate;
pub(super) use self::verifier::RefusedCertificate;
use self::verifier::{Checks, ServerVerifier};
use super::redact;
use crate::client::config::{ClientCertificate, TlsConfig};
use crate::client::{Error, OptionNames, Result, Secret};

/// The TLS settings of all connections.
#[derive(Clone, Debug)]
pub(super) struct Tls {
    pub(super) config: ClientConfig,
    without_certificate: Arc<NoCertificate>,
}

impl Tls {
    /// Whether a server has asked for a client certificate, and there was none.
    pub(super) fn lacks_certificate(&self) -> bool {
        self.without_certificate.was_asked_for()
    }
}

/// Makes the TLS settings.
pub(super) fn client_config(config: &TlsConfig, names: &OptionNames) -> Result<Tls> {
    let provider = Arc::new(provider());
    let checks = Checks {
        chain: config.verify,
        name: config.verify_hostname,
    };
    let verifier = ServerVerifier::new(checks, trust(config, &provider, names)?, &provider);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let without_certificate = Arc::<NoCertificate>::default();
    let config = match &config.client {
        None => Ok(
            builder.with_client_cert_resolver(Arc::<NoCertificate>::clone(&without_certificate))
        ),
        Some(client) => {
            let (chain, key) = client_certificate(client, names)?;
            builder.with_client_auth_cert(chain, key).map_err(|why| {
                Error::invalid_argument(format!(
                    "the client certificate and its key cannot be used: {why}"
                ))
            })
        }
    }?;
    Ok(Tls {
        config,
        without_certificate,
    })
}

/// Ciphers with short keys go first: 128 bits are out of anybody's reach, too, and cost fewer rounds.
fn provider() -> CryptoProvider {
    let mut provider = rustls::crypto::ring::default_provider();
    let is_longer = |suite: &SupportedCipherSuite| {
        !matches!(
            suite.suite(),
            CipherSuite::TLS13_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        )
    };
    // Equal ones keep their order: TLS 1.3 before 1.2 among those of a key length.
    provider.cipher_suites.sort_by_key(is_longer);
    provider
}

fn unusable(why: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::invalid_argument("TLS cannot be set up").with_source(why)
}

/// Whom to trust; nothing where nobody is asked.
fn trust(
    config: &TlsConfig,
    provider: &Arc<CryptoProvider>,
    names: &OptionNames,
) -> Result<Option<Arc<dyn ServerCertVerifier>>> {
    if !config.verify {
        return Ok(None);
    }
    let additional = match &config.additional_ca {
        Some(pem) => certificates(pem, names.additional_ca)?,
        None => Vec::new(),
    };
    if let Some(pem) = &config.trusted_ca {
        let trusted = certificates(pem, names.trusted_ca)?;
        return webpki(roots(trusted.into_iter().chain(additional))?, provider).map(Some);
    }
    check_environment()?;
    // Slim images have no trust store.
    let Ok(system) = Verifier::new(Arc::clone(provider)) else {
        let mut store = roots(additional)?;
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return webpki(store, provider).map(Some);
    };
    if additional.is_empty() {
        return Ok(Some(Arc::new(system)));
    }
    let both = Verifier::new_with_extra_roots(additional, Arc::clone(provider));
    Ok(Some(Arc::new(both.map_err(unusable)?)))
}

/// The trust store of the system heeds this variable, and says nothing when it leads nowhere.
fn check_environment() -> Result<()> {
    let Some(file) = std::env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty()) else {
        return Ok(());
    };
    let shown = redact::quoted(&file.to_string_lossy());
    let pem = std::fs::read(&file).map_err(|why| {
        Error::invalid_argument(format!("SSL_CERT_FILE {shown} cannot be read: {why}"))
    })?;
    certificates(&pem, &format!("SSL_CERT_FILE {shown}")).map(drop)
}

fn webpki(
    store: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>> {
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
            .build()
            .map_err(unusable)?;
    Ok(verifier)
}

fn roots(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    for certificate in certificates {
        store.add(certificate).map_err(|why| {
            Error::invalid_argument(format!(
                "the CA file holds a certificate that is not valid: {why}"
            ))
        })?;
    }
    Ok(store)
}

/// All certificates in a PEM file; one at least.
fn certificates(pem: &[u8], named: &str) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|why| Error::invalid_argument(format!("{named} is no valid PEM: {why}")))?;
    if certificates.is_empty() {
        return Err(Error::invalid_argument(format!(
            "{named} holds no PEM certificate"
        )));
    }
    Ok(certificates)
}

type Shown = (
    Vec<CertificateDer<'static>>,
    rustls::pki_types::PrivateKeyDer<'static>,
);

fn client_certificate(client: &ClientCertificate, names: &OptionNames) -> Result<Shown> {
    let chain = certificates(&client.chain, names.client_certificate)?;
    let (pem, option) = match &client.key {
        Some(key) => (key.expose(), names.client_key),
        None => (&client.chain[..], names.client_certificate),
    };
    let key = private_key::read(pem, client.passphrase.as_ref().map(Secret::expose), option)?;
    Ok((chain, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusting(pem: &str) -> TlsConfig {
        TlsConfig {
            trusted_ca: Some(pem.into()),
            ..TlsConfig::default()
        }
    }

    #[test]
    fn every_cipher_is_offered_and_those_with_short_keys_first() {
        let name = |suite: &SupportedCipherSuite| suite.suite().as_str().unwrap_or("?");
        let offered: Vec<_> = provider().cipher_suites.iter().map(name).collect();
        assert_eq!(offered[0], "TLS13_AES_128_GCM_SHA256");
        let mut all: Vec<_> = rustls::crypto::ring::default_provider()
            .cipher_suites
            .iter()
            .map(name)
            .collect();
        let mut sorted = offered;
        all.sort_unstable();
        sorted.sort_unstable();
        assert_eq!(sorted, all);
    }

    #[test]
    fn a_ca_file_without_certificates_is_refused() {
        for pem in [
            "",
            "nonsense",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert!(
                client_config(&trusting(pem), &OptionNames::DBAPI).is_err(),
                "{pem}"
            );
            let config = TlsConfig {
                additional_ca: Some(pem.into()),
                ..trusting(include_str!("../../../../tests/fixtures/ca.pem"))
            };
            assert!(
                client_config(&config, &OptionNames::DBAPI).is_err(),
                "{pem}"
            );
        }
    }

    #[test]
    fn a_client_certificate_needs_a_key() {
        let config = TlsConfig {
            client: Some(ClientCertificate {
                chain: include_bytes!("../../../../tests/fixtures/ca.pem").to_vec(),
                key: None,
                passphrase: None,
            }),
            ..trusting(include_str!("../../../../tests/fixtures/ca.pem"))
        };
        let error = client_config(&config, &OptionNames::DBAPI).unwrap_err();
        assert!(
            error
                .message()
                .contains("tls_client_cert_file holds no private key"),
            "{error}"
        );
    }
}
