//! Checks of server certificates: what is checked, and what is said of a certificate that fails.

use std::fmt;
use std::sync::Arc;

use chrono::DateTime;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, DigitallySignedStruct, Error as TlsError, OtherError, SignatureScheme,
};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::client::OptionNames;

/// What is checked of a certificate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checks {
    /// That a trusted authority issued it, and that it is valid now.
    pub(super) chain: bool,
    /// That it is for the host that we called.
    pub(super) name: bool,
}

/// Checks what it is told to, and describes the certificates that it refuses.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    checks: Checks,
    trust: Option<Arc<dyn ServerCertVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerVerifier {
    pub(super) fn new(
        checks: Checks,
        trust: Option<Arc<dyn ServerCertVerifier>>,
        provider: &Arc<CryptoProvider>,
    ) -> Self {
        Self {
            checks,
            trust,
            provider: Arc::clone(provider),
        }
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let Some(trust) = self.trust.as_ref().filter(|_| self.checks.chain) else {
            return Ok(ServerCertVerified::assertion());
        };
        let checked =
            trust.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match checked {
            Err(why) if is_wrong_name(&why) && !self.checks.name => {
                Ok(ServerCertVerified::assertion())
            }
            Err(why) => Err(refused(&why, end_entity, server_name)),
            good => good,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A server's certificate that was refused, in words.
#[derive(Debug)]
pub(in crate::client::transport) struct RefusedCertificate {
    reason: String,
    described: String,
    by_nobody_known: bool,
}

impl RefusedCertificate {
    /// The same, with what can be done about it.
    pub(in crate::client::transport) fn told(&self, names: &OptionNames) -> String {
        if !self.by_nobody_known {
            return self.to_string();
        }
        let Self {
            reason, described, ..
        } = self;
        let authorities = names.authorities();
        format!("{reason}; {authorities} takes the authority's certificate ({described})")
    }
}

impl fmt::Display for RefusedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.described)
    }
}

impl std::error::Error for RefusedCertificate {}

fn is_wrong_name(why: &TlsError) -> bool {
    use CertificateError::{NotValidForName, NotValidForNameContext};
    matches!(
        why,
        TlsError::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })
    )
}

fn refused(why: &TlsError, end_entity: &CertificateDer<'_>, server: &ServerName<'_>) -> TlsError {
    use TlsError::InvalidCertificate;
    let reason = match why {
        InvalidCertificate(why) => reason(why, server),
        other => other.to_string(),
    };
    let source = OtherError(Arc::new(RefusedCertificate {
        reason,
        described: description(end_entity),
        by_nobody_known: matches!(why, InvalidCertificate(CertificateError::UnknownIssuer)),
    }));
    TlsError::InvalidCertificate(CertificateError::Other(source))
}

fn reason(why: &CertificateError, server: &ServerName<'_>) -> String {
    use CertificateError as Why;
    match why {
        Why::UnknownIssuer => "its certificate is issued by nobody who is trusted here".to_owned(),
        Why::NotValidForName | Why::NotValidForNameContext { .. } => {
            format!("its certificate is not for '{}'", server.to_str())
        }
        Why::Expired | Why::ExpiredContext { .. } => "its certificate has expired".to_owned(),
        Why::NotValidYet | Why::NotValidYetContext { .. } => {
            "its certificate is not valid yet; look at this machine's clock".to_owned()
        }
        other => format!("its certificate is refused: {other}"),
    }
}

/// Whose certificate it is, by whom, until when and for which names.
fn description(certificate: &CertificateDer<'_>) -> String {
    let Ok(parsed) = Certificate::from_der(certificate) else {
        return "a certificate that cannot be read".to_owned();
    };
    let certificate = parsed.tbs_certificate();
    let end = certificate.validity().not_after.to_unix_duration();
    let end = i64::try_from(end.as_secs())
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .map_or_else(|| "?".to_owned(), |end| end.format("%Y-%m-%d").to_string());
    format!(
        "subject '{}', issuer '{}', valid until {end}",
        certificate.subject(),
        certificate.issuer()
    )
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject;

    use super::*;

    #[test]
    fn certificates_are_described_by_what_tells_them_apart() {
        let pem = include_bytes!("../../../../tests/fixtures/ca.pem");
        let certificate = CertificateDer::from_pem_slice(pem).unwrap();
        let text = description(&certificate);
        assert!(text.starts_with("subject 'CN="), "{text}");
        assert!(text.contains("issuer 'CN="), "{text}");
        let odd = CertificateDer::from(b"odd".as_slice());
        assert_eq!(description(&odd), "a certificate that cannot be read");
    }
}
