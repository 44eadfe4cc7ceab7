//! Options of sign-in.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use secrecy::SecretString;

use super::super::exceptions::{InterfaceError, raise};
use super::value::seconds;
use crate::client::auth::oauth::{TokenCache, TokenStore};
use crate::client::auth::{
    CachedToken, Dialect, Federated, IdentityClient, Interaction, PersonalAccessToken, Settings,
    SignIn, TokenSource, Unified,
};
use crate::client::{Endpoint, HttpConfig, Result};
use crate::python::token_source::{PythonBrowser, PythonTokens, is_giving};
use crate::python::token_store::PythonStore;

/// How tokens are to be had, as far as the options say.
#[derive(Debug, Default)]
pub(in crate::python::dbapi) struct AuthOptions {
    given: Settings,
    provider: Option<Py<PyAny>>,
    scopes: Option<Vec<String>>,
    ports: Option<Vec<u16>>,
    patience: Option<Duration>,
    cached: bool,
    cache_passphrase: Option<SecretString>,
    store: Option<Py<PyAny>>,
}

pub(super) const NAMES: &[&str] = &[
    "auth_type",
    "azure_client_id",
    "azure_client_secret",
    "azure_tenant_id",
    "azure_workspace_resource_id",
    "credentials_provider",
    "experimental_oauth_persistence",
    "identity_federation_client_id",
    "oauth_callback_timeout",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_jwt_algorithm",
    "oauth_jwt_key_file",
    "oauth_jwt_kid",
    "oauth_jwt_passphrase",
    "oauth_redirect_port",
    "oauth_scopes",
    "oauth_token_cache_enabled",
    "oauth_token_cache_passphrase",
    "token_url",
];

pub(super) const NOT_YET: &[&str] = &["use_cert_as_auth"];

pub(super) fn set(
    auth: &mut AuthOptions,
    name: &str,
    given: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    match name {
        "credentials_provider" => {
            if !value.is_callable() {
                return Err(PyTypeError::new_err(format!("{given} must be callable")));
            }
            auth.provider = Some(value.clone().unbind());
        }
        "experimental_oauth_persistence" => {
            for method in ["read", "persist"] {
                if !value
                    .getattr_opt(method)?
                    .is_some_and(|method| method.is_callable())
                {
                    return Err(PyTypeError::new_err(format!(
                        "{given} must have a method {method}"
                    )));
                }
            }
            auth.store = Some(value.clone().unbind());
        }
        "oauth_callback_timeout" => auth.patience = Some(seconds(given, value)?),
        "oauth_redirect_port" => {
            auth.ports = Some(vec![value.extract::<NonZeroU16>()?.get()]);
        }
        "oauth_scopes" => auth.scopes = Some(value.extract()?),
        "oauth_token_cache_enabled" => auth.cached = value.extract()?,
        "oauth_token_cache_passphrase" => {
            auth.cache_passphrase = Some(value.extract::<String>()?.into());
        }
        "oauth_jwt_key_file" => {
            let path: PathBuf = value.extract()?;
            auth.given.set("jwt_key_file", path.display().to_string());
        }
        // The names of the profile file have no such beginning.
        name => {
            let name = name.strip_prefix("oauth_").unwrap_or(name);
            auth.given.set(name, value.extract::<String>()?);
        }
    }
    Ok(())
}

impl AuthOptions {
    /// Whether the options say how to sign in, so that no profile is needed for that.
    pub(in crate::python::dbapi) fn has_credentials(&self) -> bool {
        let secrets = ["client_secret", "azure_client_secret", "jwt_key_file"];
        self.provider.is_some() || secrets.iter().any(|name| self.given.get(name).is_some())
    }

    /// Refuses to wait for a token in the code that is to give it.
    pub(in crate::python::dbapi) fn checked(&self, py: Python<'_>) -> PyResult<()> {
        if self.provider.as_ref().is_some_and(is_giving) {
            return Err(raise::<InterfaceError>(
                py,
                "a credentials_provider cannot use the connections that wait for its token; \
                 open one with other credentials in it",
            ));
        }
        Ok(())
    }

    /// Where tokens come from, by these options, the environment and the profile.
    pub(in crate::python::dbapi) fn source(
        &self,
        py: Python<'_>,
        access_token: Option<String>,
        unified: &Unified,
        (endpoint, http): (&Endpoint, &HttpConfig),
    ) -> Result<Arc<dyn TokenSource>> {
        let identity = IdentityClient::new(endpoint, http);
        if let Some(provider) = &self.provider {
            let tokens = PythonTokens::new(provider.clone_ref(py));
            let principal = self.given.get("identity_federation_client_id");
            let principal = principal.map(str::to_owned);
            let federated = Federated::new(tokens, Dialect::TokenExchange, principal);
            return Ok(Arc::new(CachedToken::new(federated, identity)));
        }
        let mut given = self.given.clone();
        if let Some(token) = access_token {
            let token = SecretString::from(token);
            // An empty one is a mistake, and no reason to look elsewhere.
            PersonalAccessToken::try_new(token.clone())?;
            given.set("token", token);
        }
        let (environment, profile) = unified.sign_in();
        let sign_in = SignIn {
            given,
            environment,
            profile,
            scopes: self.scopes.clone(),
            interaction: Interaction {
                browser: Arc::new(PythonBrowser),
                terminal: has_terminal(py),
                patience: self.patience,
                ports: self.ports.clone(),
                cache: self.cache()?,
                store: self.store.as_ref().map(|store| {
                    Arc::new(PythonStore::new(store.clone_ref(py))) as Arc<dyn TokenStore>
                }),
            },
        };
        sign_in.source(identity, &|name| std::env::var(name).ok())
    }

    fn cache(&self) -> Result<Option<TokenCache>> {
        if !self.cached {
            return Ok(None);
        }
        TokenCache::of_user(self.cache_passphrase.clone()).map(Some)
    }
}

/// Whether somebody sits before this program.
fn has_terminal(py: Python<'_>) -> bool {
    let is_terminal = |name| -> PyResult<bool> {
        let stream = py.import("sys")?.getattr(name)?;
        stream.call_method0("isatty")?.extract()
    };
    ["stdin", "stderr"]
        .into_iter()
        .all(|name| is_terminal(name).unwrap_or(false))
}
