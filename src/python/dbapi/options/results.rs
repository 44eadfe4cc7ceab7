//! Options of results: how they are fetched, and what rows are made into.

use std::time::Duration;

use pyo3::prelude::*;

use super::super::exceptions::{ProgrammingError, raise};
use super::super::fetch::RowFactory;
use super::value::seconds;
use crate::client::ResultConfig;

/// What cursors start from.
#[derive(Default)]
pub(in crate::python::dbapi) struct ResultOptions {
    pub(in crate::python::dbapi) statement_timeout: Option<Duration>,
    pub(in crate::python::dbapi) row_factory: RowFactory,
    pub(in crate::python::dbapi) maps_as_dicts: bool,
    pub(in crate::python::dbapi) on_truncated: OnTruncated,
}

/// What becomes of a result that the service cut although no limit was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::python::dbapi) enum OnTruncated {
    #[default]
    Raise,
    Warn,
}

pub(super) const NAMES: &[&str] = &[
    "maps_as_dicts",
    "max_buffered_bytes",
    "on_truncated",
    "row_factory",
    "statement_timeout",
    "use_cloud_fetch",
];

pub(super) const NOT_YET: &[&str] = &["enable_geospatial_support", "staging_allowed_local_path"];

pub(super) fn set(
    results: &mut ResultOptions,
    fetching: &mut ResultConfig,
    name: &str,
    given: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    match name {
        "maps_as_dicts" => results.maps_as_dicts = value.extract()?,
        "max_buffered_bytes" => fetching.max_buffered_bytes = value.extract()?,
        "on_truncated" => results.on_truncated = on_truncated(value)?,
        "row_factory" => results.row_factory = RowFactory::from_python(value)?,
        "statement_timeout" => results.statement_timeout = Some(seconds(given, value)?),
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
            format!("on_truncated must be 'raise' or 'warn', not '{other}'"),
        )),
    }
}
