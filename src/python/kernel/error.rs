//! `KernelError`, and how failures of the core become it.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::client::{self, ErrorCode};
use crate::python::raised::{causes_of, interrupt_in};

pyo3::create_exception!(
    databricks_sql_kernel,
    KernelError,
    PyException,
    "A failure, with what the service said of it as attributes."
);

/// The exception of a failure of the core.
pub(super) fn to_pyerr(py: Python<'_>, error: &client::Error) -> PyErr {
    interrupt_in(py, error).unwrap_or_else(|| build(py, error).unwrap_or_else(|raised| raised))
}

/// The exception of an object that was used after its end.
pub(super) fn closed(py: Python<'_>, message: impl Into<String>) -> PyErr {
    to_pyerr(
        py,
        &client::Error::new(ErrorCode::InvalidStatementHandle, message),
    )
}

fn build(py: Python<'_>, error: &client::Error) -> PyResult<PyErr> {
    let raised = KernelError::new_err(error.message().to_owned());
    let value = raised.value(py);
    let code = match error.code() {
        // The callers of this surface know no other name for it.
        ErrorCode::SessionLost => ErrorCode::NotFound,
        code => code,
    };
    value.setattr("code", code.as_str())?;
    value.setattr("message", error.message())?;
    value.setattr("sql_state", error.sql_state())?;
    value.setattr("error_code", error.vendor_code())?;
    value.setattr("vendor_code", py.None())?;
    value.setattr("http_status", error.http_status())?;
    value.setattr("retryable", error.is_retryable())?;
    value.setattr("query_id", error.statement_id())?;
    value.setattr("display_message", error.display_message())?;
    value.setattr("diagnostic_info", error.diagnostic_info())?;
    value.setattr("error_details_json", error.details_json())?;
    value.setattr("maybe_executed", error.maybe_executed())?;
    if let Some(causes) = causes_of(error) {
        raised.set_cause(py, Some(PyException::new_err(causes)));
    }
    Ok(raised)
}
