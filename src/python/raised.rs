//! What Python code raised that the core called, on its way back to the caller.

use std::error::Error as _;

use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::client::Error;

/// The exception behind a failure, if there is one.
pub(crate) fn raised_in(error: &Error) -> Option<&PyErr> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(raised) = cause.downcast_ref() {
            return Some(raised);
        }
        next = cause.source();
    }
    None
}

/// What no handler of errors is to catch, such as `KeyboardInterrupt` and `SystemExit`: it is raised as it was.
pub(crate) fn interrupt_in(py: Python<'_>, error: &Error) -> Option<PyErr> {
    let raised = raised_in(error)?;
    (!raised.is_instance_of::<PyException>(py)).then(|| raised.clone_ref(py))
}

/// What lies behind a failure that no Python code raised, as one text.
pub(crate) fn causes_of(error: &Error) -> Option<String> {
    let mut next = error.source();
    let mut texts = Vec::new();
    while let Some(cause) = next {
        texts.push(cause.to_string());
        next = cause.source();
    }
    (!texts.is_empty()).then(|| texts.join(": "))
}
