//! The names of options: which have no meaning here, and which one was meant.

use pyo3::PyErr;
use pyo3::exceptions::PyTypeError;

use crate::client::redact::quoted;

/// An option of the official connector that chooses among its own parts.
pub(super) struct Meaningless {
    pub(super) name: &'static str,
    /// The value that asks for what happens anyway, if there is one.
    pub(super) usual: Option<bool>,
    pub(super) why: &'static str,
}

const fn meaningless(name: &'static str, usual: Option<bool>, why: &'static str) -> Meaningless {
    Meaningless { name, usual, why }
}

const NO_TELEMETRY: &str = "no telemetry is sent";
const OWN_POOL: &str =
    "connections are opened as they are needed, within the bounds of the memory for results";
const ONE_BACKEND: &str = "there is one way to the service";
const NATIVE: &str = "values are what the table of types says";

/// Options of the official connector that are ignored with a warning.
pub(super) const WITHOUT_MEANING: &[Meaningless] = &[
    meaningless("disable_pandas", None, "pandas takes no part in fetching"),
    meaningless(
        "enable_query_result_lz4_compression",
        Some(true),
        "results are compressed where the service can",
    ),
    meaningless(
        "enable_ssl",
        Some(true),
        "plain http is spoken to loopback hosts only",
    ),
    meaningless("enable_telemetry", Some(false), NO_TELEMETRY),
    meaningless(
        "enable_v3_retries",
        Some(true),
        "there is one way to repeat requests",
    ),
    meaningless("force_enable_telemetry", Some(false), NO_TELEMETRY),
    meaningless("max_connections", None, OWN_POOL),
    meaningless("max_download_threads", None, OWN_POOL),
    meaningless("pool_connections", None, OWN_POOL),
    meaningless("pool_maxsize", None, OWN_POOL),
    meaningless(
        "request_timeout_secs",
        None,
        "connect_timeout, socket_timeout and statement_timeout bound the waiting",
    ),
    meaningless(
        "respect_server_retry_after_header",
        Some(true),
        "the service is never asked earlier than it says",
    ),
    meaningless(
        "retry_dangerous_codes",
        None,
        "a statement that may have run is never sent again",
    ),
    meaningless(
        "retry_delay_default",
        None,
        "the waits grow from retry_delay_min to retry_delay_max",
    ),
    meaningless(
        "retry_max_redirects",
        None,
        "no redirect is followed with credentials",
    ),
    meaningless(
        "skip_routing_headers",
        None,
        "the only routing header is that of the workspace named in http_path",
    ),
    meaningless("telemetry_batch_size", None, NO_TELEMETRY),
    meaningless("telemetry_circuit_breaker_enabled", None, NO_TELEMETRY),
    meaningless("use_arrow_native_decimals", Some(true), NATIVE),
    meaningless("use_arrow_native_timestamps", Some(true), NATIVE),
    meaningless(
        "use_hybrid_disposition",
        Some(true),
        "the service chooses between inline results and links",
    ),
    meaningless("use_kernel", Some(false), ONE_BACKEND),
    meaningless("use_sea", Some(false), ONE_BACKEND),
];

/// For a name that is none of `known`.
pub(super) fn unknown<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> PyErr {
    let arguments = ["server_hostname", "http_path", "access_token"];
    let nearest = arguments
        .into_iter()
        .chain(known)
        .map(|name| (distance(given, name), name))
        .min()
        .filter(|(distance, _)| *distance <= given.len() / 2);
    let advice = match nearest {
        Some((_, name)) => format!("did you mean '{name}'?"),
        None => "help(connect) says where its options are listed".to_owned(),
    };
    PyTypeError::new_err(format!(
        "connect() got an unexpected option {}; {advice}",
        quoted(given)
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
}
