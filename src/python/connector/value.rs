//! Arguments of the connector, read one by one.

use std::path::PathBuf;
use std::time::Duration;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::exceptions::raise;
use crate::client::redact::quoted;

/// Keyword arguments by name.
pub(super) struct Arguments<'a, 'py>(pub(super) Option<&'a Bound<'py, PyDict>>);

impl<'py> Arguments<'_, 'py> {
    /// The value of an argument; None counts as not given.
    pub(super) fn get(&self, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let given = self.0.map(|given| given.get_item(name)).transpose()?;
        Ok(given.flatten().filter(|value| !value.is_none()))
    }

    /// As [`Self::get`], as a value of Rust.
    pub(super) fn value<T>(&self, name: &str) -> PyResult<Option<T>>
    where
        T: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
    {
        self.get(name)?
            .map(|value| {
                value
                    .extract()
                    .map_err(|raised| named(&value, name, &raised))
            })
            .transpose()
    }

    /// Whether an argument is true in Python's eyes; `default` where it is not given.
    pub(super) fn truth(&self, name: &str, default: bool) -> PyResult<bool> {
        self.get(name)?
            .map_or(Ok(default), |value| value.is_truthy())
    }

    /// The arguments inside of an argument that is a dict.
    pub(super) fn inner(&self, name: &str) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some(value) = self.get(name)? else {
            return Ok(None);
        };
        let inner = value.cast_into::<PyDict>();
        inner.map(Some).map_err(|refused| {
            PyTypeError::new_err(format!(
                "{name} must be a dict, not {}",
                refused.into_inner()
            ))
        })
    }

    /// A number of seconds, which is not negative.
    pub(super) fn seconds(&self, name: &str) -> PyResult<Option<Duration>> {
        let Some(number) = self.value::<f64>(name)? else {
            return Ok(None);
        };
        Duration::try_from_secs_f64(number).map(Some).map_err(|_| {
            PyValueError::new_err(format!("{name} must be finite and >= 0, not {number:?}"))
        })
    }
}

/// Says which argument a value of the wrong type was for.
fn named(value: &Bound<'_, PyAny>, name: &str, raised: &PyErr) -> PyErr {
    let py = value.py();
    let message = format!("{name}: {}", raised.value(py));
    if raised.is_instance_of::<PyTypeError>(py) {
        PyTypeError::new_err(message)
    } else {
        PyValueError::new_err(message)
    }
}

/// The bytes of a file that `name` names.
pub(super) fn read_file(py: Python<'_>, name: &str, path: PathBuf) -> PyResult<Vec<u8>> {
    let content = py.detach(|| std::fs::read(&path));
    let refused = |why: String| {
        let message = format!("{name} {} {why}", quoted(&path.to_string_lossy()));
        raise(py, "ProgrammingError", message)
    };
    match content {
        Ok(content) if content.trim_ascii().is_empty() => Err(refused("is empty".to_owned())),
        Ok(content) => Ok(content),
        Err(why) => Err(refused(format!("cannot be read: {why}"))),
    }
}
