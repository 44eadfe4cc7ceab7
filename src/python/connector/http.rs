//! Arguments about HTTP and TLS: headers, waiting, repeating, whom to trust.

use std::path::PathBuf;
use std::time::Duration;

use pyo3::prelude::*;

use super::exceptions::raise;
use super::options::Way;
use super::value::{Arguments, read_file};
use crate::client::redact::quoted;
use crate::client::{ClientCertificate, Endpoint, HttpConfig, OptionNames};

/// What the arguments of the connector's `connect` are called, which messages point to.
pub(super) const NAMES: OptionNames = OptionNames {
    connect_timeout: "_socket_timeout",
    silence_timeout: "_socket_timeout",
    login_timeout: None,
    host: "server_hostname",
    trusted_ca: "_tls_trusted_ca_file",
    additional_ca: "_tls_trusted_ca_file",
    client_certificate: "_tls_client_cert_file",
    client_key: "_tls_client_cert_key_file",
    no_external_links: "use_cloud_fetch=False",
    redirect_ports: "oauth_redirect_port",
};

/// Longer than any process.
const NO_LIMIT: Duration = Duration::from_secs(u32::MAX as u64);

/// The header that names the workspace behind a host that many share.
const WORKSPACE: &str = "x-databricks-org-id";

/// Headers that the driver sets itself.
const OWN: [&str; 7] = [
    "authorization",
    "host",
    "content-type",
    "content-length",
    "transfer-encoding",
    "connection",
    "accept-encoding",
];

/// The settings of the core.
pub(super) fn config(
    py: Python<'_>,
    way: Way,
    arguments: &Arguments<'_, '_>,
    (headers, ssl_options): (Vec<(String, String)>, Option<&Bound<'_, PyAny>>),
    endpoint: &Endpoint,
) -> PyResult<HttpConfig> {
    let mut config = HttpConfig {
        names: &NAMES,
        ..HttpConfig::default()
    };
    set_headers(&mut config, headers, endpoint);
    set_tls(py, way, &mut config, ssl_options)?;
    let retries = match way {
        Way::Sea => None,
        Way::Kernel => arguments.inner("retry_options")?,
    };
    let (retries, prefix) = match &retries {
        Some(retries) => (&Arguments(Some(retries)), ""),
        None => (arguments, "_"),
    };
    set_retries(&mut config, retries, prefix)?;
    let silence = match way {
        Way::Sea => arguments.seconds("_socket_timeout")?,
        Way::Kernel => arguments.seconds("request_timeout_secs")?,
    };
    if let Some(limit) = silence.and_then(|limit| limit_of(way, limit)) {
        config.silence_timeout = limit;
        config.connect_timeout = config.connect_timeout.min(limit);
    }
    config.max_idle_connections = match arguments.value("max_connections")? {
        None => arguments.value("_pool_maxsize")?,
        given => given,
    };
    let proxy: Option<String> = arguments.value("_proxy_auth_method")?;
    if let Some(method) = proxy.filter(|method| method != "basic") {
        let message = format!(
            "_proxy_auth_method must be 'basic', not {}: put user and password into the \
             proxy's URL",
            quoted(&method)
        );
        return Err(raise(py, "NotSupportedError", message));
    }
    Ok(config)
}

/// The limit that a number of seconds asks for; none is the usual one.
fn limit_of(way: Way, given: Duration) -> Option<Duration> {
    match (way, given) {
        (Way::Sea, Duration::ZERO) => Some(NO_LIMIT),
        (Way::Kernel, Duration::ZERO) => None,
        (_, given) => Some(given),
    }
}

fn set_headers(config: &mut HttpConfig, headers: Vec<(String, String)>, endpoint: &Endpoint) {
    for (name, value) in headers {
        let lower = name.to_ascii_lowercase();
        if lower == "user-agent" {
            config.user_agent = format!("{value} {}", config.user_agent);
        } else if lower == WORKSPACE {
            // What the path names is sent anyway.
            if endpoint.org_id() != Some(&value) {
                config.headers.push((name, value.into()));
            }
        } else if !OWN.contains(&lower.as_str()) {
            config.headers.push((name, value.into()));
        }
    }
}

fn set_retries(config: &mut HttpConfig, given: &Arguments<'_, '_>, prefix: &str) -> PyResult<()> {
    let name = |name: &str| format!("{prefix}{name}");
    if let Some(wait) = given.seconds(&name("retry_delay_min"))? {
        config.retry.each(|retry| {
            retry.min_wait = wait;
            retry.max_wait = retry.max_wait.max(wait);
        });
    }
    if let Some(wait) = given.seconds(&name("retry_delay_max"))? {
        config.retry.each(|retry| {
            retry.max_wait = wait;
            retry.min_wait = retry.min_wait.min(wait);
        });
    }
    if let Some(attempts) = given.value::<u32>(&name("retry_stop_after_attempts_count"))? {
        config
            .retry
            .each(|retry| retry.max_attempts = attempts.max(1));
    }
    if let Some(budget) = given.seconds(&name("retry_stop_after_attempts_duration"))? {
        config.retry.each(|retry| retry.budget = budget);
        config.login_timeout = config.login_timeout.max(budget);
    }
    Ok(())
}

/// What the connector's `SSLOptions` say.
fn set_tls(
    py: Python<'_>,
    way: Way,
    config: &mut HttpConfig,
    options: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let Some(options) = options.filter(|options| !options.is_none()) else {
        return Ok(());
    };
    let get = |name: &str| -> PyResult<Option<Bound<'_, PyAny>>> {
        let value = options.getattr_opt(name)?;
        Ok(value.filter(|value| !value.is_none()))
    };
    let off = |name: &str| -> PyResult<bool> {
        let value = get(name)?;
        Ok(value.map(|value| value.is_truthy()).transpose()? == Some(false))
    };
    let file = |name: &str| -> PyResult<Option<Vec<u8>>> {
        let Some(path) = get(name)? else {
            return Ok(None);
        };
        let path: PathBuf = path.extract()?;
        if path.as_os_str().is_empty() {
            return Ok(None);
        }
        read_file(py, name, path).map(Some)
    };
    config.tls.verify = !off("tls_verify")?;
    config.tls.verify_hostname = config.tls.verify && !off("tls_verify_hostname")?;
    let authorities = file("tls_trusted_ca_file")?;
    match way {
        Way::Sea => config.tls.trusted_ca = authorities,
        Way::Kernel => config.tls.additional_ca = authorities,
    }
    let key = file("tls_client_cert_key_file")?;
    config.tls.client = match file("tls_client_cert_file")? {
        Some(chain) => Some(ClientCertificate {
            chain,
            key: key.map(Into::into),
            passphrase: get("tls_client_cert_key_password")?
                .map(|password| password.extract::<String>())
                .transpose()?
                .map(Into::into),
        }),
        None if key.is_some() => {
            return Err(raise(
                py,
                "ProgrammingError",
                "tls_client_cert_key_file needs tls_client_cert_file: a key shows nothing without its \
                 certificate",
            ));
        }
        None => None,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_seconds_are_no_limit_or_the_usual_one() {
        assert_eq!(limit_of(Way::Sea, Duration::ZERO), Some(NO_LIMIT));
        assert_eq!(limit_of(Way::Kernel, Duration::ZERO), None);
        for way in [Way::Sea, Way::Kernel] {
            assert_eq!(
                limit_of(way, Duration::from_secs(2)),
                Some(Duration::from_secs(2))
            );
        }
    }
}
