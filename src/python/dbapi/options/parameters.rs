//! Options of parameters: how values go into statements.

use pyo3::prelude::*;
use pyo3::types::PyString;

use super::super::exceptions::{ProgrammingError, raise};
use crate::client::redact::quoted;
use crate::python::convert::parameter::ParameterOptions;

pub(super) const NAMES: &[&str] = &["naive_datetime", "use_inline_params"];

pub(super) fn set(
    parameters: &mut ParameterOptions,
    name: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    match name {
        "naive_datetime" => parameters.naive_is_ntz = naive_is_ntz(value)?,
        "use_inline_params" => parameters.inline = is_inline(value)?,
        other => unreachable!("{other} is no option of parameters"),
    }
    Ok(())
}

fn naive_is_ntz(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    match value.extract()? {
        "timestamp" => Ok(false),
        "timestamp_ntz" => Ok(true),
        other => Err(raise::<ProgrammingError>(
            value.py(),
            format!(
                "naive_datetime must be 'timestamp' or 'timestamp_ntz', not {}",
                quoted(other)
            ),
        )),
    }
}

/// The connector's `"silent"` is True without its warning.
fn is_inline(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    match value.cast::<PyString>() {
        Ok(text) if text == "silent" => Ok(true),
        _ => value.extract(),
    }
}
