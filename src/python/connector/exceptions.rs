//! The one place where failures become the connector's exceptions.

use pyo3::exceptions::{PyConnectionError, PyException, PyTimeoutError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::peer::Peer;
use crate::client::{Error, ErrorCode};
use crate::python::raised::{causes_of, interrupt_in, raised_in};

/// The exception of a failure of the core.
pub(super) fn to_pyerr(py: Python<'_>, error: &Error) -> PyErr {
    interrupt_in(py, error).unwrap_or_else(|| build(py, error).unwrap_or_else(|raised| raised))
}

/// An exception of the connector, without a failure of the core.
pub(super) fn raise(py: Python<'_>, class: &str, message: impl Into<String>) -> PyErr {
    let build = || -> PyResult<PyErr> {
        let exception = Peer::get(py)?
            .exception(py, class)?
            .call1((message.into(),))?;
        describe(&exception, None)?;
        Ok(PyErr::from_value(exception))
    };
    build().unwrap_or_else(|raised| raised)
}

/// The class by the kind of failure; a failed request is one that HTTP or the network failed.
fn class_of(error: &Error) -> &'static str {
    let is_of_data = error
        .sql_state()
        .is_some_and(|state| state.starts_with("22"));
    let request = error.http_status().is_some();
    match error.code() {
        ErrorCode::SqlError => "ServerOperationError",
        ErrorCode::NotFound if request && error.statement_id().is_some() => "RequestError",
        ErrorCode::InvalidArgument | ErrorCode::NotFound | ErrorCode::InvalidStatementHandle => {
            "ProgrammingError"
        }
        ErrorCode::NetworkError
        | ErrorCode::Unavailable
        | ErrorCode::ResourceExhausted
        | ErrorCode::SessionLost => "RequestError",
        ErrorCode::Unauthenticated | ErrorCode::PermissionDenied | ErrorCode::Internal
            if request =>
        {
            "RequestError"
        }
        ErrorCode::DataLoss if is_of_data => "DataError",
        ErrorCode::Internal => "InternalError",
        ErrorCode::Unauthenticated
        | ErrorCode::PermissionDenied
        | ErrorCode::Timeout
        | ErrorCode::Cancelled
        | ErrorCode::DataLoss => "OperationalError",
        _ => "DatabaseError",
    }
}

fn build(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let peer = Peer::get(py)?;
    let name = class_of(error);
    let class = peer.exception(py, name)?;
    let cause = cause(py, error);
    let context = PyDict::new(py);
    let exception = match name {
        "ServerOperationError" => {
            context.set_item("operation-id", error.statement_id())?;
            context.set_item("diagnostic-info", error.diagnostic_info())?;
            class.call1((error.message(), context))?
        }
        "RequestError" => {
            context.set_item("query-id", error.statement_id())?;
            context.set_item("http-code", error.http_status())?;
            context.set_item("error-message", error.message())?;
            // `Session.close` looks at the second argument for a session that is no more.
            let original = match (&cause, error.code()) {
                (_, ErrorCode::SessionLost) => peer
                    .exception(py, "SessionAlreadyClosedError")?
                    .call1((error.message(),))?,
                (Some(cause), _) => cause.value(py).clone().into_any(),
                (None, _) => PyException::new_err(error.message().to_owned())
                    .into_value(py)
                    .into_bound(py)
                    .into_any(),
            };
            context.set_item("original-exception", original.repr()?)?;
            class.call1((error.message(), context, py.None(), original))?
        }
        _ => {
            if let Some(id) = error.statement_id() {
                context.set_item("operation-id", id)?;
            }
            class.call1((error.message(), context))?
        }
    };
    describe(&exception, Some(error))?;
    let raised = PyErr::from_value(exception);
    if cause.is_some() {
        raised.set_cause(py, cause);
    }
    Ok(raised)
}

/// What is known of a failure, in attributes that all exceptions have.
fn describe(exception: &Bound<'_, PyAny>, error: Option<&Error>) -> PyResult<()> {
    let texts = [
        ("code", error.map(|error| error.code().as_str())),
        ("sql_state", error.and_then(Error::sql_state)),
        ("error_class", error.and_then(Error::error_class)),
        ("error_code", error.and_then(Error::vendor_code)),
        ("vendor_code", None),
        ("query_id", error.and_then(Error::statement_id)),
        ("display_message", error.and_then(Error::display_message)),
        ("diagnostic_info", error.and_then(Error::diagnostic_info)),
        ("error_details_json", error.and_then(Error::details_json)),
    ];
    for (name, text) in texts {
        exception.setattr(name, text)?;
    }
    exception.setattr("http_status", error.and_then(Error::http_status))?;
    exception.setattr("retryable", error.is_some_and(Error::is_retryable))?;
    exception.setattr("maybe_executed", error.is_some_and(Error::maybe_executed))
}

/// What lies behind a failure: an exception of Python code that was asked for a token, or what the network said.
fn cause(py: Python<'_>, error: &Error) -> Option<PyErr> {
    if let Some(raised) = raised_in(error) {
        return Some(raised.clone_ref(py));
    }
    let text = causes_of(error)?;
    Some(match error.code() {
        ErrorCode::NetworkError => PyConnectionError::new_err(text),
        ErrorCode::Timeout => PyTimeoutError::new_err(text),
        _ => PyException::new_err(text),
    })
}
