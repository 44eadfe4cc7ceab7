//! Options of the session: where names start from, and its settings.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyMapping};

use super::super::exceptions::{ProgrammingError, raise};
use super::super::transaction::TransactionOptions;
use crate::client::SessionConfig;
use crate::client::wire::QueryTag;
use crate::python::convert::query_tags;

pub(super) const NAMES: &[&str] = &[
    "catalog",
    "enable_metric_view_metadata",
    "fetch_autocommit_from_server",
    "ignore_transactions",
    "query_tags",
    "retry_reads",
    "schema",
    "session_configuration",
];

/// The setting that has metric views among tables.
const METRIC_VIEWS: &str = "spark.sql.thriftserver.metadata.metricview.enabled";

pub(super) fn set(
    session: &mut SessionConfig,
    transactions: &mut TransactionOptions,
    name: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    match name {
        "catalog" => session.catalog = Some(value.extract()?),
        "enable_metric_view_metadata" => {
            if value.extract()? {
                let setting = METRIC_VIEWS.to_owned();
                let settings = &mut session.session_configuration;
                settings.insert(setting, "true".to_owned());
            }
        }
        "fetch_autocommit_from_server" => transactions.ask_service = value.extract()?,
        "ignore_transactions" => transactions.ignored = value.extract()?,
        "query_tags" => {
            let tags = setting(value.py(), &query_tags(Some(value))?)?;
            if !tags.is_empty() {
                let settings = &mut session.session_configuration;
                settings.insert("QUERY_TAGS".to_owned(), tags);
            }
        }
        "retry_reads" => session.retry_reads = value.extract()?,
        "schema" => session.schema = Some(value.extract()?),
        "session_configuration" => set_configuration(session, value)?,
        other => unreachable!("{other} is no option of the session"),
    }
    Ok(())
}

/// Tags as the service reads them in a setting: `key:value,key`, with backslashes in front of what would be read
/// otherwise. In a key there is no such way to write colons and commas.
fn setting(py: Python<'_>, tags: &[QueryTag]) -> PyResult<String> {
    let texts = tags.iter().map(|tag| {
        if tag.key.is_empty() || tag.key.contains([':', ',']) {
            return Err(raise::<ProgrammingError>(
                py,
                format!(
                    "query_tags: {:?} cannot be a key for the statements of a session, which is not empty and has \
                     neither colon nor comma; rename it, or pass it with each statement: \
                     execute(..., query_tags=...)",
                    tag.key
                ),
            ));
        }
        let key = tag.key.replace('\\', r"\\");
        Ok(match &tag.value {
            Some(value) => {
                let value = value
                    .replace('\\', r"\\")
                    .replace(':', r"\:")
                    .replace(',', r"\,");
                format!("{key}:{value}")
            }
            None => key,
        })
    });
    Ok(texts.collect::<PyResult<Vec<_>>>()?.join(","))
}

fn set_configuration(session: &mut SessionConfig, value: &Bound<'_, PyAny>) -> PyResult<()> {
    for pair in value.cast::<PyMapping>()?.items()?.iter() {
        let (name, value): (String, Bound<'_, PyAny>) = pair.extract()?;
        let text = if value.is_instance_of::<PyBool>() {
            value.str()?.to_str()?.to_ascii_lowercase()
        } else {
            value.str()?.to_str()?.to_owned()
        };
        session.session_configuration.insert(name, text);
    }
    Ok(())
}
