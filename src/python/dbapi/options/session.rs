//! Options of the session: where names start from, and its settings.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyMapping};

use crate::client::SessionConfig;

pub(super) const NAMES: &[&str] = &["catalog", "schema", "session_configuration"];

pub(super) const NOT_YET: &[&str] = &[
    "fetch_autocommit_from_server",
    "ignore_transactions",
    "query_tags",
];

pub(super) fn set(
    session: &mut SessionConfig,
    name: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    match name {
        "catalog" => session.catalog = Some(value.extract()?),
        "schema" => session.schema = Some(value.extract()?),
        "session_configuration" => set_configuration(session, value)?,
        other => unreachable!("{other} is no option of the session"),
    }
    Ok(())
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
