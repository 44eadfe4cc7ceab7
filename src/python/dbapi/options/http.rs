//! Options of HTTP: headers, waiting, repeating.

use pyo3::prelude::*;

use super::value::seconds;
use crate::client::HttpConfig;

pub(super) const NAMES: &[&str] = &[
    "connect_timeout",
    "http_headers",
    "retry_delay_max",
    "retry_delay_min",
    "retry_stop_after_attempts_count",
    "retry_stop_after_attempts_duration",
    "socket_timeout",
    "user_agent_entry",
];

pub(super) fn set(
    http: &mut HttpConfig,
    name: &str,
    given: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    match name {
        "connect_timeout" => http.connect_timeout = seconds(given, value)?,
        "http_headers" => http.headers = value.extract()?,
        "retry_delay_max" => http.retry.max_wait = seconds(given, value)?,
        "retry_delay_min" => http.retry.min_wait = seconds(given, value)?,
        "retry_stop_after_attempts_count" => http.retry.max_attempts = value.extract()?,
        "retry_stop_after_attempts_duration" => http.retry.budget = seconds(given, value)?,
        "socket_timeout" => http.silence_timeout = seconds(given, value)?,
        "user_agent_entry" => {
            let entry: String = value.extract()?;
            http.user_agent = format!("{} ({entry})", http.user_agent);
        }
        other => unreachable!("{other} is no option of HTTP"),
    }
    Ok(())
}
