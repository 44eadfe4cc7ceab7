//! Where tokens come from: the connector's own provider, or credentials that it hands over.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::exceptions::{raise, to_pyerr};
use super::options::Way;
use super::value::Arguments;
use crate::client::auth::oauth::TokenCache;
use crate::client::auth::{
    CachedToken, Dialect, Federated, IdentityClient, Interaction, Settings, SignIn, TokenSource,
};
use crate::client::redact::quoted;
use crate::client::{Endpoint, HttpConfig};
use crate::python::token_source::{PythonBrowser, PythonTokens};

/// Credentials by their names in the connector and in the core.
const CREDENTIALS: [(&str, &str); 12] = [
    ("oauth_client_id", "client_id"),
    ("oauth_client_secret", "client_secret"),
    ("oauth_jwt_key_file", "jwt_key_file"),
    ("oauth_jwt_kid", "jwt_kid"),
    ("oauth_jwt_passphrase", "jwt_passphrase"),
    ("oauth_jwt_algorithm", "jwt_algorithm"),
    ("token_url", "token_url"),
    (
        "identity_federation_client_id",
        "identity_federation_client_id",
    ),
    ("azure_client_id", "azure_client_id"),
    ("azure_client_secret", "azure_client_secret"),
    ("azure_tenant_id", "azure_tenant_id"),
    ("azure_workspace_resource_id", "azure_workspace_resource_id"),
];

/// The source of tokens for sessions at an endpoint.
pub(super) fn source(
    py: Python<'_>,
    way: Way,
    provider: Option<&Bound<'_, PyAny>>,
    arguments: &Arguments<'_, '_>,
    (endpoint, http): (&Endpoint, &HttpConfig),
) -> PyResult<Arc<dyn TokenSource>> {
    let identity = IdentityClient::new(endpoint, http);
    let provider = provider.filter(|provider| !provider.is_none());
    match (way, provider, arguments.inner("auth_options")?) {
        // It exchanges foreign tokens by itself.
        (Way::Sea, Some(provider), _) => {
            let tokens = PythonTokens::of_provider(provider.clone().unbind());
            Ok(Arc::new(CachedToken::new(tokens, identity)))
        }
        (Way::Sea, None, _) => Err(raise(
            py,
            "ProgrammingError",
            "auth_provider is None, and there is no other way to sign in",
        )),
        (Way::Kernel, provider, options) => {
            by_credentials(py, provider, &Arguments(options.as_ref()), identity)
        }
    }
}

fn by_credentials(
    py: Python<'_>,
    provider: Option<&Bound<'_, PyAny>>,
    options: &Arguments<'_, '_>,
    identity: IdentityClient,
) -> PyResult<Arc<dyn TokenSource>> {
    let mut given = Settings::default();
    for (theirs, ours) in CREDENTIALS {
        if let Some(value) = options.get(theirs)? {
            given.set(ours, value.str()?.to_str()?.to_owned());
        }
    }
    let asked: Option<String> = options.value("auth_type")?;
    let principal = given
        .get("identity_federation_client_id")
        .map(str::to_owned);
    let federated = |tokens: PythonTokens, identity| -> Arc<dyn TokenSource> {
        let tokens = Federated::new(tokens, Dialect::TokenExchange, principal.clone());
        Arc::new(CachedToken::new(tokens, identity))
    };
    let by_secret = given.get("client_id").is_some() && given.get("client_secret").is_some();
    let method = match asked.as_deref() {
        Some("azure-sp-m2m") => "azure-sp-m2m",
        _ if given.get("jwt_key_file").is_some() => "oauth-m2m-jwt",
        _ if by_secret => "oauth-m2m",
        asked => {
            if let Some(provider) = provider {
                let tokens = PythonTokens::of_provider(provider.clone().unbind());
                return Ok(federated(tokens, identity));
            }
            if let Some(callable) = options.get("credentials_provider")? {
                return Ok(federated(PythonTokens::new(callable.unbind()), identity));
            }
            match asked {
                Some("databricks-oauth" | "azure-oauth") => "databricks-oauth",
                _ => {
                    return Err(raise(
                        py,
                        "NotSupportedError",
                        "use_kernel=True found no credentials: pass access_token, oauth_client_id \
                         with oauth_client_secret or with oauth_jwt_key_file and oauth_jwt_kid, \
                         credentials_provider, auth_type='databricks-oauth' to sign in with a \
                         browser, or auth_type='azure-sp-m2m'",
                    ));
                }
            }
        }
    };
    given.set("auth_type", method.to_owned());
    let raise = |error| to_pyerr(py, &error);
    let cached = options.truth("oauth_token_cache_enabled", false)?;
    let cache = cached.then(|| TokenCache::of_user(None)).transpose();
    let sign_in = SignIn {
        scopes: scopes(options)?,
        interaction: Interaction {
            browser: Arc::new(PythonBrowser),
            terminal: false,
            patience: None,
            ports: ports(options, &given)?,
            cache: cache.map_err(raise)?,
            store: None,
        },
        given,
        environment: Settings::default(),
        profile: Settings::default(),
    };
    sign_in.source(identity, &|_| None).map_err(raise)
}

/// A list of scopes, or a text with blanks between them.
fn scopes(options: &Arguments<'_, '_>) -> PyResult<Option<Vec<String>>> {
    let Some(given) = options.get("oauth_scopes")? else {
        return Ok(None);
    };
    let scopes: Vec<String> = match given.cast::<PyString>() {
        Ok(text) => text
            .to_str()?
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        Err(_) => given.extract()?,
    };
    Ok(Some(scopes).filter(|scopes| !scopes.is_empty()))
}

/// Another port than the usual ones belongs to an application of the user's own.
fn ports(options: &Arguments<'_, '_>, given: &Settings) -> PyResult<Option<Vec<u16>>> {
    let Some(port) = options.get("oauth_redirect_port")? else {
        return Ok(None);
    };
    if given.get("client_id").is_none() {
        return Ok(None);
    }
    let text = port.str()?;
    let port: u16 = text.to_str()?.trim().parse().map_err(|_| {
        let given = quoted(&text.to_string_lossy());
        PyValueError::new_err(format!("oauth_redirect_port must be a port, not {given}"))
    })?;
    Ok(Some(vec![port]))
}
