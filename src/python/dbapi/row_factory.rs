//! `row_factory`: what rows are made into.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::python::convert::{RowKind, TimeSlice, call_foreign, row_base, wrong_type};

/// What rows are made into.
#[derive(Default)]
pub(super) enum RowFactory {
    #[default]
    Row,
    Tuple,
    Dict,
    /// Called with the cursor and the row as a tuple.
    Callable(Py<PyAny>),
}

impl RowFactory {
    pub(super) fn from_python(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = given.py();
        if given.is(py.get_type::<PyTuple>()) {
            Ok(Self::Tuple)
        } else if given.is(py.get_type::<PyDict>()) {
            Ok(Self::Dict)
        } else if given.is(row_base(py)?) {
            Ok(Self::Row)
        } else if given.is_callable() {
            Ok(Self::Callable(given.clone().unbind()))
        } else {
            Err(wrong_type(
                "row_factory",
                "Row, tuple, dict or a callable",
                given,
            ))
        }
    }

    pub(super) fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Row => Self::Row,
            Self::Tuple => Self::Tuple,
            Self::Dict => Self::Dict,
            Self::Callable(factory) => Self::Callable(factory.clone_ref(py)),
        }
    }

    pub(super) fn kind(&self) -> RowKind {
        match self {
            Self::Row => RowKind::Row,
            Self::Tuple | Self::Callable(_) => RowKind::Tuple,
            Self::Dict => RowKind::Dict,
        }
    }

    /// Passes a row through a callable, where there is one.
    pub(super) fn apply(&self, cursor: &Bound<'_, PyAny>, row: &Py<PyAny>) -> PyResult<Py<PyAny>> {
        let py = cursor.py();
        match self {
            Self::Callable(factory) => {
                call_foreign(factory.bind(py), (cursor, row)).map(Bound::unbind)
            }
            _ => Ok(row.clone_ref(py)),
        }
    }

    /// Passes rows through a callable, where there is one.
    pub(super) fn apply_to_list<'py>(
        &self,
        cursor: &Bound<'py, PyAny>,
        rows: &Bound<'py, PyList>,
    ) -> PyResult<Bound<'py, PyList>> {
        let Self::Callable(_) = self else {
            return Ok(rows.clone());
        };
        let made = PyList::empty(cursor.py());
        let mut slice = TimeSlice::new();
        for row in rows {
            made.append(self.apply(cursor, &row.unbind())?)?;
            slice.look(cursor.py())?;
        }
        Ok(made)
    }
}
