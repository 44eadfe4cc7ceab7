//! Arguments of `Session` about HTTP and TLS, checked as the official kernel checks them.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::client::{
    ClientCertificate, Error, HttpConfig, OptionNames, Result, RetryConfig, RetryPolicy,
};

/// What the arguments of `Session` are called, which messages point to.
pub(super) const NAMES: OptionNames = OptionNames {
    connect_timeout: "request_timeout_secs",
    silence_timeout: "request_timeout_secs",
    login_timeout: None,
    host: "host",
    trusted_ca: "tls_ca_cert",
    additional_ca: "tls_ca_cert",
    client_certificate: "tls_client_cert",
    client_key: "tls_client_key",
    no_external_links: "session_conf={'cloudfetch_enabled': 'false'}",
    redirect_ports: "redirect_ports",
};

/// Longer than any process.
const NO_LIMIT: Duration = Duration::from_secs(u32::MAX as u64);

/// Headers that the driver sets itself.
const RESERVED: [&str; 8] = [
    "authorization",
    "x-databricks-org-id",
    "host",
    "content-type",
    "content-length",
    "transfer-encoding",
    "connection",
    "accept-encoding",
];

/// What `Session` was told about the way to the service.
pub(super) struct Http {
    pub(super) tls_ca_cert: Option<PyBackedBytes>,
    pub(super) tls_skip_verify: bool,
    pub(super) tls_skip_hostname_verify: bool,
    pub(super) tls_client_cert: Option<PyBackedBytes>,
    pub(super) tls_client_key: Option<PyBackedBytes>,
    pub(super) request_timeout_secs: Option<f64>,
    pub(super) max_connections: Option<usize>,
    pub(super) compressed_answers: bool,
    pub(super) retry_min_wait_secs: Option<u64>,
    pub(super) retry_max_wait_secs: Option<u64>,
    pub(super) retry_max_attempts: Option<u32>,
    pub(super) retry_overall_timeout_secs: Option<u64>,
    pub(super) headers: Option<Vec<(String, String)>>,
}

impl Http {
    /// Refuses numbers that make no sense.
    pub(super) fn checked(&self) -> PyResult<()> {
        if let Some(seconds) = self.request_timeout_secs {
            if !seconds.is_finite()
                || seconds < 0.0
                || Duration::try_from_secs_f64(seconds).is_err()
            {
                return Err(PyValueError::new_err(
                    "request_timeout_secs must be finite and >= 0",
                ));
            }
            if seconds > 0.0 && seconds < 1e-9 {
                return Err(PyValueError::new_err(
                    "request_timeout_secs must be 0 or at least a nanosecond",
                ));
            }
        }
        if self.max_connections == Some(0) {
            return Err(PyValueError::new_err(
                "max_connections must be greater than 0",
            ));
        }
        Ok(())
    }

    /// The settings of the core.
    pub(super) fn config(&self) -> Result<HttpConfig> {
        let mut config = HttpConfig {
            retry: self.retry(),
            compressed_answers: self.compressed_answers,
            max_idle_connections: self.max_connections,
            names: &NAMES,
            ..HttpConfig::default()
        };
        match self.request_timeout_secs.map(Duration::try_from_secs_f64) {
            Some(Ok(Duration::ZERO)) => config.silence_timeout = NO_LIMIT,
            Some(Ok(limit)) => {
                config.silence_timeout = limit;
                config.connect_timeout = config.connect_timeout.min(limit);
            }
            _ => {}
        }
        self.set_headers(&mut config);
        self.set_tls(&mut config)?;
        Ok(config)
    }

    fn retry(&self) -> RetryPolicy {
        let seconds = |given: Option<u64>, default: u64| {
            Duration::from_secs(given.unwrap_or(default).min(u64::from(u32::MAX)))
        };
        let min_wait = seconds(self.retry_min_wait_secs, 1);
        let max_wait = seconds(self.retry_max_wait_secs, 60);
        if max_wait < min_wait {
            tracing::warn!(
                "retry_max_wait_secs is less than retry_min_wait_secs and is raised to it"
            );
        }
        let control = RetryConfig {
            min_wait,
            max_wait: max_wait.max(min_wait),
            max_attempts: self.retry_max_attempts.unwrap_or(6).max(1),
            budget: seconds(self.retry_overall_timeout_secs, 900),
        };
        RetryPolicy {
            control: control.clone(),
            storage: control,
            ..RetryPolicy::default()
        }
    }

    fn set_headers(&self, config: &mut HttpConfig) {
        for (name, value) in self.headers.iter().flatten() {
            if name.eq_ignore_ascii_case("user-agent") {
                config.user_agent = format!("{} {value}", config.user_agent);
            } else if RESERVED.iter().any(|own| name.eq_ignore_ascii_case(own)) {
                tracing::warn!("the header {name} is the driver's own; yours is not sent");
            } else {
                config.headers.push((name.clone(), value.as_str().into()));
            }
        }
    }

    fn set_tls(&self, config: &mut HttpConfig) -> Result<()> {
        config.tls.additional_ca = self.tls_ca_cert.as_deref().map(<[u8]>::to_vec);
        config.tls.verify = !self.tls_skip_verify;
        config.tls.verify_hostname = !self.tls_skip_hostname_verify;
        if self.tls_skip_verify {
            tracing::warn!("tls_skip_verify: the certificates of servers are not checked");
        } else if self.tls_skip_hostname_verify {
            tracing::warn!("tls_skip_hostname_verify: the names in certificates are not checked");
        }
        config.tls.client = match (&self.tls_client_cert, &self.tls_client_key) {
            (None, None) => None,
            (Some(chain), Some(key)) => Some(ClientCertificate {
                chain: chain.to_vec(),
                key: Some(key.to_vec().into()),
                passphrase: None,
            }),
            _ => {
                return Err(Error::invalid_argument(
                    "mTLS requires both tls_client_cert and tls_client_key",
                ));
            }
        };
        Ok(())
    }
}
