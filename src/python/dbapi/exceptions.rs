//! The exceptions of PEP 249, and the one place where failures become them.

use pyo3::PyClassInitializer;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::type_object::PyTypeInfo;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::client::{self, ErrorCode};
use crate::python::raised::{causes_of, interrupt_in, raised_in};

/// Important warnings.
#[pyclass(extends = PyException, subclass, frozen, module = "databricks_sql_kernel.dbapi")]
pub(crate) struct Warning;

#[pymethods]
impl Warning {
    #[new]
    #[pyo3(signature = (*_args))]
    fn new(_args: &Bound<'_, PyTuple>) -> Self {
        Self
    }
}

/// Base of all errors of the driver.
#[pyclass(extends = PyException, subclass, frozen, module = "databricks_sql_kernel.dbapi")]
pub(crate) struct Error;

impl Error {
    fn initializer() -> PyClassInitializer<Self> {
        Self.into()
    }
}

/// Fields live in the instance's `__dict__`, which pickling keeps; the class has their defaults.
#[pymethods]
impl Error {
    #[new]
    #[pyo3(signature = (*_args))]
    fn new(_args: &Bound<'_, PyTuple>) -> Self {
        Self
    }

    #[classattr]
    fn code() -> Option<&'static str> {
        None
    }

    #[classattr]
    fn sql_state() -> Option<&'static str> {
        None
    }

    #[classattr]
    fn error_class() -> Option<&'static str> {
        None
    }

    #[classattr]
    fn query_id() -> Option<&'static str> {
        None
    }

    #[classattr]
    fn http_status() -> Option<u16> {
        None
    }

    #[classattr]
    fn diagnostic_info() -> Option<&'static str> {
        None
    }

    #[classattr]
    fn retryable() -> bool {
        false
    }

    #[classattr]
    fn maybe_executed() -> bool {
        false
    }

    /// The message.
    #[getter]
    fn message<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyString>> {
        slf.str()
    }

    /// What is known of the failure beside its message.
    #[getter]
    fn context<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let context = PyDict::new(slf.py());
        for (key, attribute) in [
            ("operation-id", "query_id"),
            ("sql-state", "sql_state"),
            ("error-class", "error_class"),
            ("http-code", "http_status"),
            ("diagnostic-info", "diagnostic_info"),
        ] {
            let value = slf.getattr(attribute)?;
            if !value.is_none() {
                context.set_item(key, value)?;
            }
        }
        Ok(context)
    }

    /// The message with the context behind it, as JSON.
    fn message_with_context(slf: &Bound<'_, Self>) -> PyResult<String> {
        let context = slf
            .py()
            .import("json")?
            .call_method1("dumps", (Self::context(slf)?,))?;
        Ok(format!("{}: {}", Self::message(slf)?, context))
    }
}

macro_rules! exception {
    ($name:ident, $base:ty, $doc:literal) => {
        #[doc = $doc]
        #[pyclass(extends = $base, subclass, frozen, module = "databricks_sql_kernel.dbapi")]
        pub(crate) struct $name;

        impl $name {
            fn initializer() -> PyClassInitializer<Self> {
                <$base>::initializer().add_subclass(Self)
            }
        }

        #[pymethods]
        impl $name {
            #[new]
            #[pyo3(signature = (*_args))]
            fn new(_args: &Bound<'_, PyTuple>) -> PyClassInitializer<Self> {
                Self::initializer()
            }
        }
    };
}

exception!(
    InterfaceError,
    Error,
    "The driver was used wrongly, for example after `close()`."
);
exception!(DatabaseError, Error, "The database reported an error.");
exception!(
    DataError,
    DatabaseError,
    "A value is out of range or cannot be converted."
);
exception!(
    OperationalError,
    DatabaseError,
    "The database cannot do its work now."
);
exception!(IntegrityError, DatabaseError, "A constraint was violated.");
exception!(
    InternalError,
    DatabaseError,
    "The database failed internally."
);
exception!(
    ProgrammingError,
    DatabaseError,
    "The statement or its use is wrong."
);
exception!(
    NotSupportedError,
    DatabaseError,
    "The database or the driver cannot do this."
);

exception!(
    SessionAlreadyClosedError,
    OperationalError,
    "The session expired, or the service closed it."
);
exception!(
    CursorAlreadyClosedError,
    OperationalError,
    "Never raised; the official connector has the name."
);
exception!(
    MaxRetryDurationError,
    OperationalError,
    "Never raised; the official connector has the name."
);
exception!(
    InvalidServerResponseError,
    OperationalError,
    "Never raised; the official connector has the name."
);
exception!(
    NonRecoverableNetworkError,
    OperationalError,
    "Never raised; the official connector has the name."
);
exception!(
    UnsafeToRetryError,
    OperationalError,
    "Never raised; the official connector has the name."
);

/// An exception of class `T` with a message and nothing else.
pub(crate) fn raise<T: PyTypeInfo>(py: Python<'_>, message: impl Into<String>) -> PyErr {
    PyErr::from_type(py.get_type::<T>(), (message.into(),))
}

/// The PEP 249 exception of a failure of the core, with its fields.
pub(crate) fn to_pyerr(py: Python<'_>, error: &client::Error) -> PyErr {
    interrupt_in(py, error).unwrap_or_else(|| build(py, error).unwrap_or_else(|raised| raised))
}

fn build(py: Python<'_>, error: &client::Error) -> PyResult<PyErr> {
    let raised = class(error)(py, error.message().to_owned());
    let value = raised.value(py);
    value.setattr("code", error.code().as_str())?;
    value.setattr("sql_state", error.sql_state())?;
    value.setattr("error_class", error.error_class())?;
    value.setattr("query_id", error.statement_id())?;
    value.setattr("http_status", error.http_status())?;
    value.setattr("diagnostic_info", error.diagnostic_info())?;
    value.setattr("retryable", error.is_retryable())?;
    value.setattr("maybe_executed", error.maybe_executed())?;
    let cause = raised_in(error).map(|raised| raised.clone_ref(py));
    if let Some(cause) = cause.or_else(|| causes_of(error).map(PyException::new_err)) {
        raised.set_cause(py, Some(cause));
    }
    Ok(raised)
}

type Raise = fn(Python<'_>, String) -> PyErr;

fn class(error: &client::Error) -> Raise {
    if error.code() == ErrorCode::SessionLost {
        return raise::<SessionAlreadyClosedError>;
    }
    error
        .sql_state()
        .and_then(class_of_sql_state)
        .unwrap_or_else(|| class_of_code(error.code()))
}

fn class_of_sql_state(state: &str) -> Option<Raise> {
    Some(match state.get(..2)? {
        "22" => raise::<DataError>,
        "23" => raise::<IntegrityError>,
        "42" | "26" | "3D" | "3F" | "02" => raise::<ProgrammingError>,
        "0A" => raise::<NotSupportedError>,
        "08" | "28" | "40" | "53" | "54" | "57" | "58" | "HY" => raise::<OperationalError>,
        "XX" => raise::<InternalError>,
        _ => return None,
    })
}

fn class_of_code(code: ErrorCode) -> Raise {
    match code {
        ErrorCode::InvalidArgument | ErrorCode::NotFound => raise::<ProgrammingError>,
        ErrorCode::InvalidStatementHandle => raise::<InterfaceError>,
        ErrorCode::Internal => raise::<InternalError>,
        ErrorCode::SessionLost => raise::<SessionAlreadyClosedError>,
        ErrorCode::SqlError
        | ErrorCode::Unauthenticated
        | ErrorCode::PermissionDenied
        | ErrorCode::ResourceExhausted
        | ErrorCode::Unavailable
        | ErrorCode::Timeout
        | ErrorCode::Cancelled
        | ErrorCode::DataLoss
        | ErrorCode::NetworkError
        | ErrorCode::Unknown => raise::<OperationalError>,
    }
}
