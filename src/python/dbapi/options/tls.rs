//! Options of TLS and proxies.

use pyo3::prelude::*;

use super::super::exceptions::{NotSupportedError, ProgrammingError, raise};
use super::value::read_file;
use crate::client::redact::quoted;
use crate::client::{ClientCertificate, HttpConfig, ProxyConfig};

pub(super) const NAMES: &[&str] = &[
    "no_proxy",
    "proxy",
    "proxy_auth_method",
    "tls_additional_ca_file",
    "tls_client_cert_file",
    "tls_client_cert_key_file",
    "tls_client_cert_key_password",
    "tls_no_verify",
    "tls_trusted_ca_file",
    "tls_verify_hostname",
];

pub(super) fn set(
    http: &mut HttpConfig,
    name: &str,
    given: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let tls = &mut http.tls;
    match name {
        "no_proxy" => proxy(http).bypass = Some(value.extract()?),
        "proxy" => proxy(http).url = value.extract::<String>()?.into(),
        "proxy_auth_method" => {
            let method: String = value.extract()?;
            if method != "basic" {
                return Err(raise::<NotSupportedError>(
                    value.py(),
                    format!("{given} must be 'basic', not {}", quoted(&method)),
                ));
            }
        }
        "tls_additional_ca_file" => tls.additional_ca = Some(read_file(given, value)?),
        "tls_client_cert_file" => client(http).chain = read_file(given, value)?,
        "tls_client_cert_key_file" => client(http).key = Some(read_file(given, value)?.into()),
        "tls_client_cert_key_password" => {
            client(http).passphrase = Some(value.extract::<String>()?.into());
        }
        "tls_no_verify" => tls.verify = !value.extract::<bool>()?,
        "tls_trusted_ca_file" => tls.trusted_ca = Some(read_file(given, value)?),
        "tls_verify_hostname" => tls.verify_hostname = value.extract()?,
        other => unreachable!("{other} is no option of TLS"),
    }
    Ok(())
}

/// What makes sense together only.
pub(super) fn check(py: Python<'_>, http: &HttpConfig) -> PyResult<()> {
    let refused = |why: &str| Err(raise::<ProgrammingError>(py, why.to_owned()));
    if http
        .proxy
        .as_ref()
        .is_some_and(|proxy| proxy.url.expose().is_empty())
    {
        return refused("no_proxy names hosts that are reached without a proxy: pass proxy, too");
    }
    if http
        .tls
        .client
        .as_ref()
        .is_some_and(|client| client.chain.is_empty())
    {
        return refused("a key without a certificate: pass tls_client_cert_file, too");
    }
    Ok(())
}

fn proxy(http: &mut HttpConfig) -> &mut ProxyConfig {
    http.proxy.get_or_insert_with(ProxyConfig::default)
}

fn client(http: &mut HttpConfig) -> &mut ClientCertificate {
    http.tls
        .client
        .get_or_insert_with(ClientCertificate::default)
}
