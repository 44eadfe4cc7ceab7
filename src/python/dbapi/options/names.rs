//! The names of options: which have no meaning here, and which one was meant.

use pyo3::PyErr;
use pyo3::exceptions::PyTypeError;

/// Options of the official connector that choose among its own parts, or switch off what is not here.
pub(super) const WITHOUT_MEANING: &[&str] = &[
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
}
