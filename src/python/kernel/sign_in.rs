//! The kinds of sign-in, and the arguments that each needs.

use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use secrecy::SecretString;

use super::error::to_pyerr;
use crate::client::auth::azure::ServicePrincipal;
use crate::client::auth::oauth::{
    Algorithm, Assertion, AuthorizationCode, ClientCredentials, Proof, TokenCache,
};
use crate::client::auth::{
    CachedToken, Dialect, Federated, Fingerprint, Grant, IdentityClient, PersonalAccessToken,
    TokenSource, shared,
};
use crate::client::redact::quoted;
use crate::client::{Endpoint, Error, HttpConfig, Result, Secret};

/// The names of the kinds, as they are listed to who gives another.
const KINDS: &str = "'pat', 'oauth-m2m', 'oauth-m2m-jwt', 'oauth-u2m', 'azure-sp-m2m'";

/// What `Session` was told about signing in.
#[derive(Default, Hash)]
pub(super) struct SignIn {
    pub(super) auth_type: Option<String>,
    pub(super) access_token: Option<Secret>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<Secret>,
    pub(super) oauth_scopes: Option<Vec<String>>,
    pub(super) token_url: Option<String>,
    pub(super) redirect_ports: Option<Vec<u16>>,
    pub(super) callback_timeout_secs: Option<i64>,
    pub(super) jwt_key_file: Option<String>,
    pub(super) jwt_kid: Option<String>,
    pub(super) jwt_passphrase: Option<Secret>,
    pub(super) jwt_algorithm: Option<String>,
    pub(super) federation_client_id: Option<String>,
    pub(super) azure_client_id: Option<String>,
    pub(super) azure_client_secret: Option<Secret>,
    pub(super) azure_tenant_id: Option<String>,
    pub(super) azure_workspace_resource_id: Option<String>,
    pub(super) token_cache_enabled: Option<bool>,
    pub(super) token_cache_passphrase: Option<Secret>,
}

/// A kind of sign-in with all that it needs.
enum Kind {
    Token(SecretString),
    Secret {
        id: String,
        secret: SecretString,
    },
    Key {
        id: String,
        file: String,
        kid: String,
    },
    Browser,
    Azure {
        id: String,
        secret: SecretString,
    },
}

impl SignIn {
    /// The source of tokens for sessions at `endpoint`.
    pub(super) fn source(
        self,
        py: Python<'_>,
        endpoint: &Endpoint,
        http: &HttpConfig,
    ) -> PyResult<Arc<dyn TokenSource>> {
        let kind = self.kind()?;
        let identity = IdentityClient::new(endpoint, http);
        let key = self.jwt_key_file.as_ref().map(std::fs::read);
        let key = key.and_then(std::result::Result::ok);
        let fingerprint = Fingerprint::of(&("by arguments of a session", &self, key, &identity));
        shared(fingerprint, || self.build(kind, identity)).map_err(|error| to_pyerr(py, &error))
    }

    fn kind(&self) -> PyResult<Kind> {
        let name = match (&self.auth_type, &self.access_token) {
            (Some(name), _) => name.as_str(),
            (None, Some(_)) => "pat",
            (None, None) => {
                return Err(PyValueError::new_err(format!(
                    "Session requires auth: pass access_token, or auth_type, which is one of {KINDS}"
                )));
            }
        };
        let missing = |argument: &str| {
            PyValueError::new_err(format!("auth_type='{name}' requires {argument}"))
        };
        let given = |argument: &str, value: &Option<String>| {
            let value = value.clone().filter(|value| !value.is_empty());
            value.ok_or_else(|| missing(argument))
        };
        Ok(match name {
            "pat" => match &self.access_token {
                Some(token) if !token.expose().is_empty() => {
                    Kind::Token(token.clone().into_inner())
                }
                Some(_) => {
                    return Err(PyValueError::new_err("access_token must not be empty"));
                }
                None => {
                    return Err(PyValueError::new_err(
                        "auth_type='pat' requires access_token",
                    ));
                }
            },
            "oauth-m2m" => Kind::Secret {
                id: given("client_id", &self.client_id)?,
                secret: secret(self.client_secret.as_ref())
                    .ok_or_else(|| missing("client_secret"))?,
            },
            "oauth-m2m-jwt" => Kind::Key {
                id: given("client_id", &self.client_id)?,
                file: given("jwt_key_file", &self.jwt_key_file)?,
                kid: given("jwt_kid", &self.jwt_kid)?,
            },
            "oauth-u2m" => {
                if self.client_id.as_deref() == Some("") {
                    return Err(PyValueError::new_err("client_id must not be empty"));
                }
                Kind::Browser
            }
            "azure-sp-m2m" => Kind::Azure {
                id: self
                    .azure_client_id
                    .clone()
                    .filter(|id| !id.is_empty())
                    .ok_or_else(|| azure("azure_client_id"))?,
                secret: secret(self.azure_client_secret.as_ref())
                    .ok_or_else(|| azure("azure_client_secret"))?,
            },
            other => {
                return Err(PyValueError::new_err(format!(
                    "auth_type {} is not known; it must be one of {KINDS}",
                    quoted(other)
                )));
            }
        })
    }

    /// Refuses values that no kind of sign-in could use.
    pub(super) fn checked(&self) -> PyResult<()> {
        if let Some(ports) = &self.redirect_ports
            && (ports.is_empty() || ports.contains(&0))
        {
            return Err(PyValueError::new_err(
                "redirect_ports must be ports from 1 to 65535, and at least one",
            ));
        }
        if self.callback_timeout_secs.is_some_and(|secs| secs <= 0) {
            return Err(PyValueError::new_err(
                "oauth_callback_timeout_secs must be greater than 0",
            ));
        }
        Ok(())
    }

    fn build(&self, kind: Kind, identity: IdentityClient) -> Result<Arc<dyn TokenSource>> {
        Ok(match kind {
            Kind::Token(token) => {
                let token = PersonalAccessToken::try_new(token)?;
                if !token.is_jwt() {
                    return Ok(Arc::new(token));
                }
                self.federated(token, identity)
            }
            Kind::Secret { id, secret } => {
                self.federated(self.credentials(id, Proof::Secret(secret))?, identity)
            }
            Kind::Key { id, file, kid } => {
                let pem = std::fs::read(&file).map_err(|why| {
                    let file = quoted(&file);
                    Error::invalid_argument(format!("jwt_key_file {file} cannot be read: {why}"))
                })?;
                let algorithm = match self.jwt_algorithm.as_deref() {
                    Some(name) => name.parse()?,
                    None => Algorithm::default(),
                };
                let passphrase = self.jwt_passphrase.clone().map(Secret::into_inner);
                let assertion = Assertion::try_new(&pem, passphrase.as_ref(), kid, algorithm)?;
                self.federated(self.credentials(id, Proof::Assertion(assertion))?, identity)
            }
            Kind::Browser => self.federated(self.browser()?, identity),
            Kind::Azure { id, secret } => {
                let grant = ServicePrincipal::try_new(id, secret)?
                    .with_tenant_id(self.azure_tenant_id.clone())
                    .with_workspace_resource_id(self.azure_workspace_resource_id.clone());
                self.federated(grant, identity)
            }
        })
    }

    fn credentials(&self, id: String, proof: Proof) -> Result<ClientCredentials> {
        let mut grant = ClientCredentials::try_new(id, proof)?;
        if let Some(scopes) = &self.oauth_scopes {
            grant = grant.with_scopes(scopes);
        }
        match &self.token_url {
            Some(url) => grant.with_token_url(url),
            None => Ok(grant),
        }
    }

    /// A user signs in, in a browser; without another wish the token is kept for the next time.
    fn browser(&self) -> Result<AuthorizationCode> {
        let mut grant = AuthorizationCode::new();
        if let Some(id) = &self.client_id {
            grant = grant.with_client_id(id);
        }
        if let Some(scopes) = &self.oauth_scopes {
            grant = grant.with_scopes(scopes);
        }
        if let Some(ports) = &self.redirect_ports {
            grant = grant.with_ports(ports.clone());
        }
        if let Some(seconds) = self.callback_timeout_secs {
            let seconds = u64::try_from(seconds).unwrap_or_default();
            grant = grant.with_patience(Duration::from_secs(seconds));
        }
        if self.token_cache_enabled.unwrap_or(true) {
            let passphrase = self.token_cache_passphrase.clone().map(Secret::into_inner);
            grant = grant.with_cache(TokenCache::of_user(passphrase)?);
        }
        Ok(grant)
    }

    /// Tokens of other issuers are exchanged for the workspace's own.
    fn federated(
        &self,
        grant: impl Grant + 'static,
        identity: IdentityClient,
    ) -> Arc<dyn TokenSource> {
        let client_id = self.federation_client_id.clone();
        let grant = Federated::new(grant, Dialect::JwtBearer, client_id);
        Arc::new(CachedToken::new(grant, identity))
    }
}

fn azure(argument: &str) -> PyErr {
    PyValueError::new_err(format!("Azure SP auth requires a non-empty {argument}"))
}

/// A secret that is not empty.
fn secret(given: Option<&Secret>) -> Option<SecretString> {
    let given = given.filter(|given| !given.expose().is_empty());
    given.cloned().map(Secret::into_inner)
}
