//! What can go wrong between an Arrow value and a Python object.

use pyo3::{
    PyErr,
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
};

/// Why rows were not made.
#[derive(Debug)]
pub enum ConvertError {
    /// The interpreter raised, for lack of memory for example.
    Python(PyErr),
    /// Python has no object for a value; the message names column and row.
    Value(String),
}

impl ConvertError {
    /// The error with the name of the column whose values cannot be made.
    pub(super) fn of_column(self, name: &str) -> Self {
        match self {
            Self::Value(message) => Self::Value(format!("column '{name}': {message}")),
            raised @ Self::Python(_) => raised,
        }
    }

    /// The exception to raise where no surface has a better one.
    pub(crate) fn into_py_err(self) -> PyErr {
        match self {
            Self::Python(raised) => raised,
            Self::Value(message) => PyValueError::new_err(message),
        }
    }
}

impl From<PyErr> for ConvertError {
    fn from(raised: PyErr) -> Self {
        Self::Python(raised)
    }
}

/// The error of an argument that is of another type than it must be; other errors stay as they are.
pub(crate) fn wrong_type(name: &str, what: &str, given: &Bound<'_, PyAny>) -> PyErr {
    match given.get_type().name() {
        Ok(class) => PyTypeError::new_err(format!("{name} must be {what}, not {class}")),
        Err(raised) => raised,
    }
}

/// An argument as what it must be, which `what` says.
pub(crate) fn argument<'py, T: FromPyObjectOwned<'py>>(
    name: &str,
    what: &str,
    given: &Bound<'py, PyAny>,
) -> PyResult<T> {
    given.extract::<T>().map_err(|raised| {
        let raised: PyErr = raised.into();
        if raised.is_instance_of::<PyTypeError>(given.py()) {
            wrong_type(name, what, given)
        } else {
            raised
        }
    })
}

/// Why one cell was not made; its place is added further up. Boxed, so that results stay two words.
#[derive(Debug)]
pub(super) struct CellError(Box<ConvertError>);

impl CellError {
    /// Python has no object for the value.
    #[cold]
    pub(super) fn value(message: impl Into<String>) -> Self {
        Self(Box::new(ConvertError::Value(message.into())))
    }

    /// The exception that is set.
    #[cold]
    pub(super) fn fetch(py: Python<'_>) -> Self {
        PyErr::fetch(py).into()
    }

    /// Wraps the error in an account of where it happened.
    pub(super) fn locate(self, column: &str, row: u64) -> ConvertError {
        match *self.0 {
            ConvertError::Value(message) => {
                ConvertError::Value(format!("column '{column}', row {row}: {message}"))
            }
            raised @ ConvertError::Python(_) => raised,
        }
    }

    /// The exception to raise where no place can be added.
    pub(super) fn into_py_err(self) -> PyErr {
        self.0.into_py_err()
    }

    /// The place `at` among the values that were read.
    pub(super) fn at(self, at: usize) -> ReadError {
        ReadError { at, error: self }
    }
}

impl From<PyErr> for CellError {
    #[cold]
    fn from(raised: PyErr) -> Self {
        Self(Box::new(ConvertError::Python(raised)))
    }
}

/// Why a block of values was not read.
#[derive(Debug)]
pub(super) struct ReadError {
    /// The place of the value among those of the block.
    pub(super) at: usize,
    /// What was wrong with it.
    pub(super) error: CellError,
}
