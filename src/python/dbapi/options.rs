//! The keyword options of `connect`: which are honoured, which have no meaning here, and the rest.

use std::ffi::CString;
use std::num::NonZeroU16;
use std::time::Duration;

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyUserWarning, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyMapping};

use super::exceptions::{NotSupportedError, ProgrammingError, raise};
use super::fetch::RowFactory;
use crate::client::{HttpConfig, SessionConfig};

/// Options of this driver, most of them known from the official connector.
const HONOURED: [&str; 19] = [
    "catalog",
    "connect_timeout",
    "http_headers",
    "maps_as_dicts",
    "max_buffered_bytes",
    "on_truncated",
    "port",
    "retry_delay_max",
    "retry_delay_min",
    "retry_stop_after_attempts_count",
    "retry_stop_after_attempts_duration",
    "row_factory",
    "schema",
    "session_configuration",
    "socket_timeout",
    "statement_timeout",
    "tls_trusted_ca_file",
    "use_cloud_fetch",
    "user_agent_entry",
];

/// Options of the official connector that choose among its own parts, or switch off what is not here.
const WITHOUT_MEANING: [&str; 18] = [
    "disable_pandas",
    "enable_telemetry",
    "force_enable_telemetry",
    "max_download_threads",
    "pool_connections",
    "pool_maxsize",
    "retry_dangerous_codes",
    "retry_delay_default",
    "retry_max_redirects",
    "telemetry_options",
    "use_arrow_native_complex_types",
    "use_arrow_native_decimals",
    "use_arrow_native_timestamps",
    "use_hybrid_disposition",
    "use_inline_params",
    "use_kernel",
    "use_sea",
    "enable_metric_view_metadata",
];

/// Options of the official connector that this driver does not understand yet.
const NOT_YET: [&str; 34] = [
    "auth_options",
    "auth_type",
    "azure_client_id",
    "azure_client_secret",
    "azure_tenant_id",
    "azure_workspace_resource_id",
    "connection_uri",
    "credentials_provider",
    "enable_geospatial_support",
    "escape_catalog_name",
    "experimental_oauth_persistence",
    "fetch_autocommit_from_server",
    "identity_federation_client_id",
    "ignore_transactions",
    "max_connections",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_jwt_algorithm",
    "oauth_jwt_key_file",
    "oauth_jwt_kid",
    "oauth_jwt_passphrase",
    "oauth_redirect_port",
    "oauth_scopes",
    "oauth_token_cache_enabled",
    "proxy_auth_method",
    "query_tags",
    "request_timeout_secs",
    "retry_options",
    "staging_allowed_local_path",
    "tls_client_cert_file",
    "tls_client_cert_key_file",
    "tls_client_cert_key_password",
    "tls_no_verify",
    "tls_verify_hostname",
];

/// What the options come to.
#[derive(Default)]
pub(super) struct ConnectOptions {
    pub(super) http: HttpConfig,
    pub(super) session: SessionConfig,
    pub(super) port: Option<u16>,
    pub(super) statement_timeout: Option<Duration>,
    pub(super) row_factory: RowFactory,
    pub(super) maps_as_dicts: bool,
    pub(super) on_truncated: OnTruncated,
}

/// What becomes of a result that the service cut although no limit was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OnTruncated {
    #[default]
    Raise,
    Warn,
}

impl ConnectOptions {
    pub(super) fn parse(py: Python<'_>, options: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let mut parsed = Self::default();
        for (name, value) in options.into_iter().flat_map(|options| options.iter()) {
            let given: String = name.extract()?;
            // The connector spells many of its options with an underscore in front.
            let name = given.strip_prefix('_').unwrap_or(&given);
            if HONOURED.contains(&name) {
                if !value.is_none() {
                    parsed
                        .set(name, &given, &value)
                        .map_err(|raised| named(py, &given, raised))?;
                }
            } else if WITHOUT_MEANING.contains(&name) {
                if !value.is_none() {
                    warn(
                        py,
                        &format!("connect() ignores '{given}': it has no meaning here"),
                    )?;
                }
            } else if NOT_YET.contains(&name) {
                // True is what happens anyway for these, and False for the others.
                let usual = matches!(name, "ignore_transactions" | "tls_verify_hostname");
                if !value.is_none() && value.is_truthy()? != usual {
                    return Err(raise::<NotSupportedError>(
                        py,
                        format!("connect() does not support the option '{given}' yet"),
                    ));
                }
            } else {
                return Err(unknown(&given));
            }
        }
        Ok(parsed)
    }

    fn set(&mut self, name: &str, given: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        match name {
            "catalog" => self.session.catalog = Some(value.extract()?),
            "connect_timeout" => self.http.connect_timeout = seconds(given, value)?,
            "http_headers" => self.http.headers = value.extract()?,
            "maps_as_dicts" => self.maps_as_dicts = value.extract()?,
            "max_buffered_bytes" => self.session.results.max_buffered_bytes = value.extract()?,
            "on_truncated" => self.on_truncated = on_truncated(value)?,
            "port" => self.port = Some(value.extract::<NonZeroU16>()?.get()),
            "retry_delay_max" => self.http.retry.max_wait = seconds(given, value)?,
            "retry_delay_min" => self.http.retry.min_wait = seconds(given, value)?,
            "retry_stop_after_attempts_count" => self.http.retry.max_attempts = value.extract()?,
            "retry_stop_after_attempts_duration" => self.http.retry.budget = seconds(given, value)?,
            "row_factory" => self.row_factory = RowFactory::from_python(value)?,
            "schema" => self.session.schema = Some(value.extract()?),
            "session_configuration" => self.set_session_configuration(value)?,
            "socket_timeout" => self.http.silence_timeout = seconds(given, value)?,
            "statement_timeout" => self.statement_timeout = Some(seconds(given, value)?),
            "tls_trusted_ca_file" => self.http.trusted_ca = Some(read_file(given, value)?),
            "use_cloud_fetch" => self.session.results.external_links = value.extract()?,
            "user_agent_entry" => {
                let entry: String = value.extract()?;
                self.http.user_agent = format!("{} ({entry})", self.http.user_agent);
            }
            other => unreachable!("{other} is in the list of honoured options"),
        }
        Ok(())
    }

    fn set_session_configuration(&mut self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        for pair in value.cast::<PyMapping>()?.items()?.iter() {
            let (name, value): (String, Bound<'_, PyAny>) = pair.extract()?;
            let text = if value.is_instance_of::<PyBool>() {
                value.str()?.to_str()?.to_ascii_lowercase()
            } else {
                value.str()?.to_str()?.to_owned()
            };
            self.session.session_configuration.insert(name, text);
        }
        Ok(())
    }
}

/// Says which option a value of the wrong type or size was for.
fn named(py: Python<'_>, given: &str, raised: PyErr) -> PyErr {
    let message = || format!("connect() option '{given}': {}", raised.value(py));
    if raised.is_instance_of::<PyTypeError>(py) {
        PyTypeError::new_err(message())
    } else if raised.is_instance_of::<PyOverflowError>(py)
        || raised.is_instance_of::<PyValueError>(py)
    {
        raise::<ProgrammingError>(py, message())
    } else {
        raised
    }
}

/// A positive number of seconds.
pub(super) fn seconds(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let number: f64 = value.extract()?;
    Duration::try_from_secs_f64(number)
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| {
            raise::<ProgrammingError>(
                value.py(),
                format!("{name} must be a positive number of seconds, not {number}"),
            )
        })
}

fn on_truncated(value: &Bound<'_, PyAny>) -> PyResult<OnTruncated> {
    match value.extract()? {
        "raise" => Ok(OnTruncated::Raise),
        "warn" => Ok(OnTruncated::Warn),
        other => Err(raise::<ProgrammingError>(
            value.py(),
            format!("on_truncated must be 'raise' or 'warn', not '{other}'"),
        )),
    }
}

fn read_file(name: &str, path: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let file: std::path::PathBuf = path.extract()?;
    std::fs::read(&file).map_err(|why| {
        let message = format!("{name} '{}' cannot be read: {why}", file.display());
        raise::<ProgrammingError>(path.py(), message)
    })
}

fn warn(py: Python<'_>, message: &str) -> PyResult<()> {
    let message = CString::new(message)?;
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &message, 1)
}

fn unknown(given: &str) -> PyErr {
    let arguments = ["server_hostname", "http_path", "access_token"];
    let names = arguments
        .iter()
        .chain(&HONOURED)
        .chain(&NOT_YET)
        .chain(&WITHOUT_MEANING);
    let nearest = names
        .map(|name| (distance(given, name), name))
        .min()
        .filter(|(distance, _)| *distance <= given.len() / 2);
    let advice = match nearest {
        Some((_, name)) => format!("did you mean '{name}'?"),
        None => "help(connect) says where its options are listed".to_owned(),
    };
    PyTypeError::new_err(format!(
        "connect() got an unexpected option '{given}'; {advice}"
    ))
}

/// How many letters must be changed, added or left out to come from one name to the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_changed_letters() {
        assert_eq!(distance("catalog", "catalog"), 0);
        assert_eq!(distance("catalogue", "catalog"), 2);
        assert_eq!(distance("shcema", "schema"), 2);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn every_honoured_option_is_in_one_list_only() {
        for name in HONOURED {
            assert!(
                !WITHOUT_MEANING.contains(&name) && !NOT_YET.contains(&name),
                "{name}"
            );
        }
    }
}
