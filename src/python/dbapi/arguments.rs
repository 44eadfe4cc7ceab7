//! Arguments of methods, whose errors say which one is of a wrong type or size.
//!
//! Methods take them as they come: what reads them before a method is called names them in a note of its error only.

use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

use super::exceptions::{ProgrammingError, raise};
use crate::python::convert::argument;

/// A text.
pub(super) fn text(name: &str, given: &Bound<'_, PyAny>) -> PyResult<PyBackedStr> {
    argument(name, "a str", given)
}

/// A text, or None, which is the same as none at all.
pub(super) fn text_or_none(
    name: &str,
    given: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<PyBackedStr>> {
    match given {
        Some(given) => argument(name, "a str or None", given),
        None => Ok(None),
    }
}

/// A sequence of texts, or None.
pub(super) fn texts_or_none(
    name: &str,
    given: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<Vec<String>>> {
    let Some(given) = given else {
        return Ok(None);
    };
    let items: Vec<Bound<'_, PyAny>> = argument(name, "a sequence of str or None", given)?;
    let texts = items
        .iter()
        .enumerate()
        .map(|(at, item)| argument(&format!("{name}[{at}]"), "a str", item));
    texts.collect::<PyResult<_>>().map(Some)
}

/// A whole number that is not below `least`, which is not negative.
pub(super) fn whole_number(name: &str, least: i64, given: &Bound<'_, PyAny>) -> PyResult<u64> {
    let py = given.py();
    match argument::<i64>(name, "an int", given) {
        Ok(number) if number < least => Err(raise::<ProgrammingError>(
            py,
            if least == 0 {
                format!("{name} must not be negative, but is {number}")
            } else {
                format!("{name} must be at least {least}, not {number}")
            },
        )),
        Ok(number) => Ok(number.unsigned_abs()),
        Err(raised) if raised.is_instance_of::<PyOverflowError>(py) => {
            let message = format!("{name} must be between {least} and {}", i64::MAX);
            Err(raise::<ProgrammingError>(py, message))
        }
        Err(raised) => Err(raised),
    }
}
