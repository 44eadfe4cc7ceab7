//! Options of sign-in.

use pyo3::prelude::*;

/// How tokens are to be had, as far as the options say.
#[derive(Debug, Default)]
pub(in crate::python::dbapi) struct AuthOptions {}

pub(super) const NAMES: &[&str] = &[];

pub(super) const NOT_YET: &[&str] = &[
    "auth_type",
    "azure_client_id",
    "azure_client_secret",
    "azure_tenant_id",
    "azure_workspace_resource_id",
    "credentials_provider",
    "experimental_oauth_persistence",
    "identity_federation_client_id",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_jwt_algorithm",
    "oauth_jwt_key_file",
    "oauth_jwt_kid",
    "oauth_jwt_passphrase",
    "oauth_redirect_port",
    "oauth_scopes",
    "oauth_token_cache_enabled",
    "token_url",
    "use_cert_as_auth",
];

pub(super) fn set(
    _auth: &mut AuthOptions,
    name: &str,
    _given: &str,
    _value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    unreachable!("{name} is no option of sign-in")
}
