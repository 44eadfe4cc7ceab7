//! `Connection`: one session, and the cursors on it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyType};

use super::cursor::{Cursor, rows_wanted};
use super::exceptions::{
    DataError, DatabaseError, Error, IntegrityError, InterfaceError, InternalError,
    NotSupportedError, OperationalError, ProgrammingError, Warning, raise,
};
use super::fetch::RowFactory;
use super::options::{ConnectOptions, seconds};
use super::turn::CursorInner;
use crate::client::Session;
use crate::python::runtime::wait;

// Tools such as polars recognise a Databricks connection by the first part of this module's name.
/// A session on a SQL warehouse.
#[pyclass(frozen, weakref, module = "databricks.sql_kernel")]
pub(crate) struct Connection {
    session: Session,
    options: ConnectOptions,
    closed: AtomicBool,
    cursors: Mutex<Vec<Weak<CursorInner>>>,
}

impl Connection {
    pub(super) fn new(session: Session, options: ConnectOptions) -> Self {
        Self {
            session,
            options,
            closed: AtomicBool::new(false),
            cursors: Mutex::default(),
        }
    }

    /// The session, while it may be used.
    pub(super) fn session(&self, py: Python<'_>) -> PyResult<&Session> {
        if self.closed.load(Ordering::Acquire) {
            return Err(raise::<InterfaceError>(
                py,
                "the connection is closed; open another one",
            ));
        }
        if !self.session.is_of_this_process() {
            return Err(raise::<InterfaceError>(
                py,
                "the connection belongs to the process that this one was forked from; \
                 open another one here",
            ));
        }
        Ok(&self.session)
    }

    pub(super) fn options(&self) -> &ConnectOptions {
        &self.options
    }

    fn add_cursor(&self, cursor: &Arc<CursorInner>) {
        let mut cursors = self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
        cursors.retain(|cursor| cursor.strong_count() > 0);
        cursors.push(Arc::downgrade(cursor));
    }
}

#[pymethods]
impl Connection {
    /// A new cursor.
    #[pyo3(signature = (arraysize=1, buffer_size_bytes=None, row_limit=None, row_factory=None, timeout=None))]
    fn cursor(
        slf: &Bound<'_, Self>,
        arraysize: i64,
        buffer_size_bytes: Option<usize>,
        row_limit: Option<u64>,
        row_factory: Option<&Bound<'_, PyAny>>,
        timeout: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Cursor> {
        let py = slf.py();
        let this = slf.get();
        this.session(py)?;
        let arraysize = rows_wanted(py, "arraysize", arraysize)?;
        // The buffer is bounded by the connection's `max_buffered_bytes`.
        let _ = buffer_size_bytes;
        if row_limit == Some(0) {
            return Err(raise::<ProgrammingError>(
                py,
                "row_limit must be at least 1, not 0",
            ));
        }
        let row_factory = match row_factory {
            Some(factory) => RowFactory::from_python(factory)?,
            None => this.options.results.row_factory.clone_ref(py),
        };
        let timeout = match timeout {
            Some(timeout) => Some(seconds("timeout", timeout)?),
            None => this.options.results.statement_timeout,
        };
        let cursor = Cursor::new(
            slf.clone().unbind(),
            arraysize,
            row_limit,
            row_factory,
            timeout,
        );
        this.add_cursor(cursor.inner());
        Ok(cursor)
    }

    /// Closes the session; what still runs in it ends.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if self.closed.swap(true, Ordering::AcqRel) || !self.session.is_of_this_process() {
            return Ok(());
        }
        let cursors = {
            let mut cursors = self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *cursors)
        };
        for cursor in cursors.iter().filter_map(Weak::upgrade) {
            cursor.close();
        }
        wait(py, self.session.close())
    }

    /// Does nothing: every statement is committed when it ends.
    fn commit(&self, py: Python<'_>) -> PyResult<()> {
        self.session(py).map(|_| ())
    }

    /// Does nothing: every statement is committed when it ends.
    fn rollback(&self, py: Python<'_>) -> PyResult<()> {
        self.session(py).map(|_| ())
    }

    /// Whether every statement is committed when it ends.
    #[getter]
    fn autocommit(&self) -> bool {
        true
    }

    /// Whether the connection can be used.
    #[getter]
    fn open(&self) -> bool {
        !self.closed.load(Ordering::Acquire)
    }

    /// The session's id.
    #[getter]
    fn session_id(&self) -> &str {
        self.session.id()
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().session(slf.py())?;
        Ok(slf)
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        _type: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.close(py)
    }

    fn __repr__(&self) -> String {
        let state = if self.open() { "open" } else { "closed" };
        format!("<Connection session_id='{}' {state}>", self.session.id())
    }

    #[classattr]
    #[pyo3(name = "Warning")]
    fn warning(py: Python<'_>) -> Bound<'_, PyType> {
        py.get_type::<Warning>()
    }

    #[classattr]
    #[pyo3(name = "Error")]
    fn error(py: Python<'_>) -> Bound<'_, PyType> {
        py.get_type::<Error>()
    }

    #[classattr]
    #[pyo3(name = "InterfaceError")]
    fn interface_error(py: Python<'_>) -> Bound<'_, PyType> {
        py.get_type::<InterfaceError>()
    }

    #[classattr]
    #[pyo3(name = "DatabaseError")]
    fn database_error(py: Python<'_>) -> Bound<'_, PyType> {
        py.get_type::<DatabaseError>()
    }

    #[classattr]
    #[pyo3(name = "DataError")]
    fn data_error(py: Python<'_>) -> Bound<'_, PyType> {
        py.get_type::<DataError>()
    }

    #[classattr]
    #[pyo3(name = "OperationalError")]
    fn operational_error(py: Python<'_>) -> Bound<'_, PyType> {
        py.get_type::<OperationalError>()
    }

    #[classattr]
    #[pyo3(name = "IntegrityError")]
    fn integrity_error(py: Python<'_>) -> Bound<'_, PyType> {
        py.get_type::<IntegrityError>()
    }

    #[classattr]
    #[pyo3(name = "InternalError")]
    fn internal_error(py: Python<'_>) -> Bound<'_, PyType> {
        py.get_type::<InternalError>()
    }

    #[classattr]
    #[pyo3(name = "ProgrammingError")]
    fn programming_error(py: Python<'_>) -> Bound<'_, PyType> {
        py.get_type::<ProgrammingError>()
    }

    #[classattr]
    #[pyo3(name = "NotSupportedError")]
    fn not_supported_error(py: Python<'_>) -> Bound<'_, PyType> {
        py.get_type::<NotSupportedError>()
    }
}
