//! Options of HTTP: headers, waiting, repeating.

use pyo3::prelude::*;

use super::value::seconds;
use crate::client::HttpConfig;

pub(super) const NAMES: &[&str] = &[
    "connect_timeout",
    "http_headers",
    "login_timeout",
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
        "http_headers" => {
            let headers: Vec<(String, String)> = value.extract()?;
            http.headers = headers
                .into_iter()
                .map(|(name, value)| (name, value.into()))
                .collect();
        }
        "login_timeout" => http.login_timeout = seconds(given, value)?,
        "retry_delay_max" => {
            let wait = seconds(given, value)?;
            http.retry.each(|retry| retry.max_wait = wait);
        }
        "retry_delay_min" => {
            let wait = seconds(given, value)?;
            http.retry.each(|retry| retry.min_wait = wait);
        }
        "retry_stop_after_attempts_count" => {
            let attempts = value.extract()?;
            http.retry.each(|retry| retry.max_attempts = attempts);
        }
        "retry_stop_after_attempts_duration" => {
            let budget = seconds(given, value)?;
            http.retry.each(|retry| retry.budget = budget);
        }
        "socket_timeout" => http.silence_timeout = seconds(given, value)?,
        "user_agent_entry" => {
            let entry: String = value.extract()?;
            http.user_agent = format!("{} ({entry})", http.user_agent);
        }
        other => unreachable!("{other} is no option of HTTP"),
    }
    Ok(())
}
