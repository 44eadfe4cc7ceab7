//! Values of options that are read alike.

use std::time::Duration;

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::super::exceptions::{ProgrammingError, raise};
use crate::client::redact::quoted;
use crate::python::convert::argument;

/// A positive number of seconds.
pub(in crate::python::dbapi) fn seconds(
    name: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<Duration> {
    let refused =
        |why: String| raise::<ProgrammingError>(value.py(), format!("{name} must be {why}"));
    let number: f64 = match argument(name, "a number of seconds", value) {
        Err(raised) if raised.is_instance_of::<PyOverflowError>(value.py()) => f64::INFINITY,
        other => other?,
    };
    match Duration::try_from_secs_f64(number) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Err(_) if number > 0.0 => Err(refused(format!(
            "a number of seconds below {:?}, not {number:?}; leave it out where there is no limit",
            Duration::MAX.as_secs_f64()
        ))),
        _ => Err(refused(format!(
            "a positive number of seconds, not {number:?}"
        ))),
    }
}

/// The bytes of a file that an option names.
pub(super) fn read_file(name: &str, path: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let file: std::path::PathBuf = path.extract()?;
    std::fs::read(&file).map_err(|why| {
        let file = quoted(&file.to_string_lossy());
        let message = format!("{name} {file} cannot be read: {why}");
        raise::<ProgrammingError>(path.py(), message)
    })
}

/// Says which option a value of the wrong type or size was for.
pub(super) fn named(py: Python<'_>, given: &str, raised: PyErr) -> PyErr {
    let message = || format!("connect() option '{given}': {}", raised.value(py));
    if raised.is_instance_of::<PyTypeError>(py) {
        PyTypeError::new_err(message())
    } else if raised.is_instance_of::<PyOverflowError>(py)
        || raised.is_instance_of::<PyValueError>(py)
    {
        raise::<ProgrammingError>(py, message())
    } else {
        raised
    }
}
