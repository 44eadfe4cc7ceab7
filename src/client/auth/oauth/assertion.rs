//! JSON web tokens by which a service principal shows who it is (RFC 7523).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use rustls::sign::SigningKey;
use rustls::{SignatureAlgorithm, SignatureScheme};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;

use super::random;
use crate::client::redact::quoted;
use crate::client::transport::tls::private_key;
use crate::client::{Error, ErrorCode, Result};

/// How long an assertion is good; it is used at once.
const LIFE_SECONDS: i64 = 300;

/// How a JSON web token is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA, PKCS#1 v1.5, SHA-256.
    #[default]
    Rs256,
    /// RSA, PKCS#1 v1.5, SHA-384.
    Rs384,
    /// RSA, PKCS#1 v1.5, SHA-512.
    Rs512,
    /// RSA, PSS, SHA-256.
    Ps256,
    /// RSA, PSS, SHA-384.
    Ps384,
    /// RSA, PSS, SHA-512.
    Ps512,
    /// ECDSA with the curve P-256.
    Es256,
    /// ECDSA with the curve P-384.
    Es384,
}

impl Algorithm {
    const ALL: [Self; 8] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
        }
    }

    fn scheme(self) -> SignatureScheme {
        match self {
            Self::Rs256 => SignatureScheme::RSA_PKCS1_SHA256,
            Self::Rs384 => SignatureScheme::RSA_PKCS1_SHA384,
            Self::Rs512 => SignatureScheme::RSA_PKCS1_SHA512,
            Self::Ps256 => SignatureScheme::RSA_PSS_SHA256,
            Self::Ps384 => SignatureScheme::RSA_PSS_SHA384,
            Self::Ps512 => SignatureScheme::RSA_PSS_SHA512,
            Self::Es256 => SignatureScheme::ECDSA_NISTP256_SHA256,
            Self::Es384 => SignatureScheme::ECDSA_NISTP384_SHA384,
        }
    }

    /// How long each of the two numbers of a signature is, with a curve.
    fn curve_bytes(self) -> Option<usize> {
        match self {
            Self::Es256 => Some(32),
            Self::Es384 => Some(48),
            _ => None,
        }
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|known| known.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::invalid_argument(format!(
                "the signature algorithm {} is not known; it must be one of {names}",
                quoted(name)
            ))
        })
    }
}

/// Signs assertions with a private key.
pub struct Assertion {
    key: Arc<dyn SigningKey>,
    key_id: String,
    algorithm: Algorithm,
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertion")
            .field("key_id", &self.key_id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl Assertion {
    /// Reads a key in PEM, encrypted or not.
    pub fn try_new(
        pem: &[u8],
        passphrase: Option<&SecretString>,
        key_id: impl Into<String>,
        algorithm: Algorithm,
    ) -> Result<Self> {
        let named = "the private key of the service principal";
        let passphrase = passphrase.map(ExposeSecret::expose_secret);
        let key = private_key::read(pem, passphrase, named)?;
        let key = rustls::crypto::ring::sign::any_supported_type(&key).map_err(|_| {
            Error::invalid_argument(format!(
                "{named} is of a kind that cannot sign: it must be RSA, or a curve P-256 or P-384"
            ))
        })?;
        let scheme = algorithm.scheme();
        let fits = key.choose_scheme(&[scheme]).is_some();
        if !fits {
            let kind = match key.algorithm() {
                SignatureAlgorithm::RSA => "an RSA key",
                SignatureAlgorithm::ECDSA => "a key on an elliptic curve",
                _ => "a key of another kind",
            };
            return Err(Error::invalid_argument(format!(
                "{named} is {kind}, which does not sign with {}",
                algorithm.name()
            )));
        }
        Ok(Self {
            key,
            key_id: key_id.into(),
            algorithm,
        })
    }

    /// An assertion for one request to `audience`.
    pub(super) fn sign(&self, client_id: &str, audience: &Url) -> Result<String> {
        let now = Utc::now().timestamp();
        let header = json!({"typ": "JWT", "alg": self.algorithm.name(), "kid": self.key_id});
        let claims = json!({
            "iss": client_id,
            "sub": client_id,
            "aud": audience.as_str(),
            "iat": now,
            "exp": now + LIFE_SECONDS,
            "jti": URL_SAFE_NO_PAD.encode(random::<16>()?),
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&header), part(&claims));
        let signature = self.signature(text.as_bytes()).ok_or_else(|| {
            Error::new(ErrorCode::Internal, "the private key cannot sign").with_retryable(false)
        })?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn signature(&self, text: &[u8]) -> Option<Vec<u8>> {
        let signer = self.key.choose_scheme(&[self.algorithm.scheme()])?;
        let signature = signer.sign(text).ok()?;
        match self.algorithm.curve_bytes() {
            None => Some(signature),
            Some(length) => two_numbers(&signature, length),
        }
    }
}

/// The two numbers of an ECDSA signature, side by side instead of in ASN.1.
fn two_numbers(asn1: &[u8], length: usize) -> Option<Vec<u8>> {
    let [0x30, _, rest @ ..] = asn1 else {
        return None;
    };
    let mut rest = rest;
    let mut both = Vec::with_capacity(2 * length);
    for _ in 0..2 {
        let [0x02, size, tail @ ..] = rest else {
            return None;
        };
        let (number, behind) = tail.split_at_checked(usize::from(*size))?;
        let first = number.iter().position(|byte| *byte != 0);
        let digits = &number[first.unwrap_or(number.len())..];
        let padding = length.checked_sub(digits.len())?;
        both.extend(std::iter::repeat_n(0, padding));
        both.extend_from_slice(digits);
        rest = behind;
    }
    rest.is_empty().then_some(both)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_signature_is_too_odd(asn1: Vec<u8>, length in 0_usize..100) {
            drop(two_numbers(&asn1, length));
        }
    }

    #[test]
    fn algorithms_have_their_registered_names() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.name().parse::<Algorithm>().unwrap(), algorithm);
        }
        let error = "HS256".parse::<Algorithm>().unwrap_err();
        assert!(error.message().contains("'HS256'") && error.message().contains("ES384"));
    }

    #[test]
    fn signatures_with_curves_are_laid_side_by_side() {
        let asn1 = [0x30, 8, 2, 2, 0, 0xff, 2, 2, 1, 2];
        assert_eq!(two_numbers(&asn1, 3).unwrap(), [0, 0, 0xff, 0, 1, 2]);
        for odd in [&asn1[..5], &asn1[1..], &[0x30, 4, 2, 9, 1]] {
            assert_eq!(two_numbers(odd, 3), None);
        }
        assert_eq!(two_numbers(&[0x30, 8, 2, 2, 1, 2, 2, 2, 1, 2], 1), None);
    }
}
