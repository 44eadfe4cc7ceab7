//! Options of TLS and proxies.

use pyo3::prelude::*;

use super::value::read_file;
use crate::client::HttpConfig;

pub(super) const NAMES: &[&str] = &["tls_trusted_ca_file"];

pub(super) const NOT_YET: &[&str] = &[
    "proxy_auth_method",
    "tls_client_cert_file",
    "tls_client_cert_key_file",
    "tls_client_cert_key_password",
    "tls_no_verify",
    "tls_verify_hostname",
];

pub(super) fn set(
    http: &mut HttpConfig,
    name: &str,
    given: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    match name {
        "tls_trusted_ca_file" => http.tls.trusted_ca = Some(read_file(given, value)?),
        other => unreachable!("{other} is no option of TLS"),
    }
    Ok(())
}
