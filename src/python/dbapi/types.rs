//! Type objects and constructors of PEP 249.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDate, PyDateTime, PyString, PyTime, PyTuple, PyTzInfo};

/// Stands for a group of SQL types: it equals the type code of each of them.
#[pyclass(frozen, module = "databricks_sql_kernel.dbapi")]
#[derive(Debug)]
pub(crate) struct DBAPITypeObject {
    name: &'static str,
    values: &'static [&'static str],
}

#[pymethods]
impl DBAPITypeObject {
    /// The type codes that it equals.
    #[getter]
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.values)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        if let Ok(other) = other.cast::<Self>() {
            return other.get().name == self.name;
        }
        other
            .cast::<PyString>()
            .ok()
            .and_then(|code| code.to_str().ok())
            .is_some_and(|code| self.values.contains(&code))
    }

    fn __hash__(&self) -> usize {
        self.name.as_ptr().addr()
    }

    fn __repr__(&self) -> &'static str {
        self.name
    }
}

/// The type objects under their names in the module.
pub(crate) const TYPE_OBJECTS: [DBAPITypeObject; 6] = [
    DBAPITypeObject {
        name: "STRING",
        values: &[
            "string",
            "char",
            "varchar",
            "variant",
            "geometry",
            "geography",
        ],
    },
    DBAPITypeObject {
        name: "BINARY",
        values: &["binary"],
    },
    DBAPITypeObject {
        name: "NUMBER",
        values: &[
            "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal",
        ],
    },
    DBAPITypeObject {
        name: "DATETIME",
        values: &["timestamp", "timestamp_ntz", "date"],
    },
    DBAPITypeObject {
        name: "DATE",
        values: &["date"],
    },
    DBAPITypeObject {
        name: "ROWID",
        values: &[],
    },
];

impl DBAPITypeObject {
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }
}

/// A date.
#[pyfunction(name = "Date")]
pub(crate) fn date(py: Python<'_>, year: i32, month: u8, day: u8) -> PyResult<Bound<'_, PyDate>> {
    PyDate::new(py, year, month, day)
}

/// A time of day.
#[pyfunction(name = "Time", signature = (hour, minute, second, microsecond=0))]
pub(crate) fn time(
    py: Python<'_>,
    hour: u8,
    minute: u8,
    second: u8,
    microsecond: u32,
) -> PyResult<Bound<'_, PyTime>> {
    PyTime::new(py, hour, minute, second, microsecond, None)
}

/// A point in time.
#[pyfunction(
    name = "Timestamp",
    signature = (year, month, day, hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
)]
#[expect(
    clippy::too_many_arguments,
    reason = "PEP 249 asks for them one by one"
)]
pub(crate) fn timestamp<'py>(
    py: Python<'py>,
    year: i32,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    microsecond: u32,
    tzinfo: Option<Bound<'py, PyTzInfo>>,
) -> PyResult<Bound<'py, PyDateTime>> {
    PyDateTime::new(
        py,
        year,
        month,
        day,
        hour,
        minute,
        second,
        microsecond,
        tzinfo.as_ref(),
    )
}

/// The date of a time in seconds since the epoch, by the local clock.
#[pyfunction(name = "DateFromTicks")]
pub(crate) fn date_from_ticks(py: Python<'_>, ticks: f64) -> PyResult<Bound<'_, PyAny>> {
    local(py, ticks)?.call_method0("date")
}

/// The time of day of a time in seconds since the epoch, by the local clock.
#[pyfunction(name = "TimeFromTicks")]
pub(crate) fn time_from_ticks(py: Python<'_>, ticks: f64) -> PyResult<Bound<'_, PyAny>> {
    local(py, ticks)?.call_method0("time")
}

/// The point in time of seconds since the epoch, by the local clock.
#[pyfunction(name = "TimestampFromTicks")]
pub(crate) fn timestamp_from_ticks(py: Python<'_>, ticks: f64) -> PyResult<Bound<'_, PyDateTime>> {
    local(py, ticks)
}

fn local(py: Python<'_>, ticks: f64) -> PyResult<Bound<'_, PyDateTime>> {
    PyDateTime::from_timestamp(py, ticks, None)
}

/// Bytes, from anything that holds some.
#[pyfunction(name = "Binary")]
pub(crate) fn binary<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let py = value.py();
    match value.cast::<PyString>() {
        Ok(text) => Ok(PyBytes::new(py, text.to_str()?.as_bytes())),
        Err(_) => Ok(py.get_type::<PyBytes>().call1((value,))?.cast_into()?),
    }
}
