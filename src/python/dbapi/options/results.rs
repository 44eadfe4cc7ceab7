//! Options of results: how they are fetched, and what rows are made into.

use std::time::Duration;

use pyo3::prelude::*;

use super::super::exceptions::{NotSupportedError, ProgrammingError, raise};
use super::super::row_factory::RowFactory;
use super::value::seconds;
use crate::client::ResultConfig;
use crate::client::redact::quoted;

/// What cursors start from.
pub(in crate::python::dbapi) struct ResultOptions {
    pub(in crate::python::dbapi) statement_timeout: Option<Duration>,
    pub(in crate::python::dbapi) row_factory: RowFactory,
    pub(in crate::python::dbapi) maps_as_dicts: bool,
    pub(in crate::python::dbapi) on_truncated: OnTruncated,
    /// Whether the row of counts that INSERT, UPDATE, DELETE and MERGE answer with is a result.
    pub(in crate::python::dbapi) dml_count_row: bool,
    /// Whether underscores in names of catalogs stand for themselves.
    pub(in crate::python::dbapi) escape_catalog_name: bool,
}

impl Default for ResultOptions {
    fn default() -> Self {
        Self {
            statement_timeout: None,
            row_factory: RowFactory::default(),
            maps_as_dicts: false,
            on_truncated: OnTruncated::default(),
            dml_count_row: true,
            escape_catalog_name: false,
        }
    }
}

/// What becomes of a result that the service cut although no limit was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::python::dbapi) enum OnTruncated {
    #[default]
    Raise,
    Warn,
}

pub(super) const NAMES: &[&str] = &[
    "dml_count_row",
    "enable_geospatial_support",
    "escape_catalog_name",
    "maps_as_dicts",
    "max_buffered_bytes",
    "on_truncated",
    "row_factory",
    "statement_timeout",
    "use_arrow_native_complex_types",
    "use_cloud_fetch",
];

pub(super) fn set(
    results: &mut ResultOptions,
    fetching: &mut ResultConfig,
    name: &str,
    given: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    match name {
        "dml_count_row" => results.dml_count_row = value.extract()?,
        "enable_geospatial_support" => {
            let advice = "GEOMETRY and GEOGRAPHY come as EWKT text, ST_AsBinary(column) as bytes";
            only(given, value, false, advice)?;
        }
        "escape_catalog_name" => results.escape_catalog_name = value.extract()?,
        "maps_as_dicts" => results.maps_as_dicts = value.extract()?,
        "max_buffered_bytes" => fetching.max_buffered_bytes = value.extract()?,
        "on_truncated" => results.on_truncated = on_truncated(value)?,
        "row_factory" => results.row_factory = RowFactory::from_python(value)?,
        "statement_timeout" => results.statement_timeout = Some(seconds(given, value)?),
        "use_arrow_native_complex_types" => {
            let advice = "nested values come as Python objects, to_json(column) as text";
            only(given, value, true, advice)?;
        }
        "use_cloud_fetch" => fetching.external_links = value.extract()?,
        other => unreachable!("{other} is no option of results"),
    }
    Ok(())
}

fn on_truncated(value: &Bound<'_, PyAny>) -> PyResult<OnTruncated> {
    match value.extract()? {
        "raise" => Ok(OnTruncated::Raise),
        "warn" => Ok(OnTruncated::Warn),
        other => Err(raise::<ProgrammingError>(
            value.py(),
            format!(
                "on_truncated must be 'raise' or 'warn', not {}",
                quoted(other)
            ),
        )),
    }
}

/// For an option that has one possible value here.
fn only(given: &str, value: &Bound<'_, PyAny>, possible: bool, advice: &str) -> PyResult<()> {
    if value.extract::<bool>()? == possible {
        return Ok(());
    }
    Err(raise::<NotSupportedError>(
        value.py(),
        format!("connect() supports no other '{given}' than {possible}: {advice}"),
    ))
}
