//! `Connection`: one session, and the cursors on it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyList, PyType};

use super::arguments::{text, whole_number};
use super::cursor::{Cursor, CursorOptions, array_size};
use super::exceptions::{
    DataError, DatabaseError, Error, IntegrityError, InterfaceError, InternalError,
    NotSupportedError, OperationalError, ProgrammingError, Warning, raise,
};
use super::options::{ConnectOptions, seconds};
use super::progress::callback;
use super::row_factory::RowFactory;
use super::transaction::Transactions;
use super::turn::CursorInner;
use crate::client::Session;
use crate::client::redact::quoted;
use crate::python::convert::argument;
use crate::python::runtime::{generation, wait};

/// The one isolation level of transactions.
pub(super) const REPEATABLE_READ: &str = "REPEATABLE_READ";

// Tools such as polars recognise a Databricks connection by the first part of this module's name.
/// A session on a SQL warehouse.
#[pyclass(frozen, weakref, module = "databricks.sql_kernel")]
pub(crate) struct Connection {
    session: Session,
    generation: u32,
    options: ConnectOptions,
    transactions: Transactions,
    messages: Py<PyList>,
    closed: AtomicBool,
    cursors: Mutex<Vec<Weak<CursorInner>>>,
}

impl Connection {
    pub(super) fn new(py: Python<'_>, session: Session, options: ConnectOptions) -> Self {
        Self {
            session,
            generation: generation(),
            transactions: Transactions::new(options.transactions),
            messages: PyList::empty(py).unbind(),
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
        if self.generation != generation() {
            return Err(raise::<InterfaceError>(
                py,
                "the connection belongs to the process that this one was forked from; \
                 open another one here",
            ));
        }
        self.options.auth.checked(py)?;
        Ok(&self.session)
    }

    pub(super) fn options(&self) -> &ConnectOptions {
        &self.options
    }

    pub(super) fn transactions(&self) -> &Transactions {
        &self.transactions
    }

    /// A cursor for the driver's own statements.
    pub(super) fn plain_cursor(slf: &Bound<'_, Self>) -> PyResult<Cursor> {
        let this = slf.get();
        this.session(slf.py())?;
        let timeout = this.options.results.statement_timeout;
        let cursor = Cursor::new(
            slf.py(),
            slf.clone().unbind(),
            CursorOptions {
                arraysize: 1,
                row_limit: None,
                row_factory: RowFactory::Tuple,
                timeout,
                progress: None,
            },
        );
        this.add_cursor(cursor.inner());
        Ok(cursor)
    }

    fn timeout(&self, given: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Duration>> {
        match given {
            Some(given) => seconds("timeout", given).map(Some),
            None => Ok(self.options.results.statement_timeout),
        }
    }

    fn ping_within(slf: &Bound<'_, Self>, timeout: Option<Duration>) -> PyResult<()> {
        Self::plain_cursor(slf)?.run_own(slf.py(), "SELECT 1", timeout)
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
    #[pyo3(
        signature = (
            arraysize=None, buffer_size_bytes=None, row_limit=None, row_factory=None, timeout=None, progress=None
        ),
        text_signature = "($self, arraysize=1, buffer_size_bytes=None, row_limit=None, row_factory=None, \
            timeout=None, progress=None)"
    )]
    fn cursor(
        slf: &Bound<'_, Self>,
        arraysize: Option<&Bound<'_, PyAny>>,
        buffer_size_bytes: Option<&Bound<'_, PyAny>>,
        row_limit: Option<&Bound<'_, PyAny>>,
        row_factory: Option<&Bound<'_, PyAny>>,
        timeout: Option<&Bound<'_, PyAny>>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Cursor> {
        let py = slf.py();
        let this = slf.get();
        this.session(py)?;
        let arraysize = arraysize.map_or(Ok(1), array_size)?;
        // The buffer is bounded by the connection's `max_buffered_bytes`.
        if let Some(size) = buffer_size_bytes {
            whole_number("buffer_size_bytes", 0, size)?;
        }
        let row_limit = row_limit.map(|limit| whole_number("row_limit", 1, limit));
        let row_limit = row_limit.transpose()?;
        let row_factory = match row_factory {
            Some(factory) => RowFactory::from_python(factory)?,
            None => this.options.results.row_factory.clone_ref(py),
        };
        let timeout = this.timeout(timeout)?;
        let progress = match progress {
            Some(given) => Some(callback("progress", given)?),
            None => this.options.progress.as_ref().map(|it| it.clone_ref(py)),
        };
        let cursor = Cursor::new(
            py,
            slf.clone().unbind(),
            CursorOptions {
                arraysize,
                row_limit,
                row_factory,
                timeout,
                progress,
            },
        );
        this.add_cursor(cursor.inner());
        Ok(cursor)
    }

    /// Closes the session; what still runs in it ends.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if self.closed.swap(true, Ordering::AcqRel) || self.generation != generation() {
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

    /// Asks the service whether the session works, by a statement.
    #[pyo3(signature = (timeout=None))]
    fn ping(slf: &Bound<'_, Self>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let timeout = slf.get().timeout(timeout)?;
        Self::ping_within(slf, timeout)
    }

    /// Whether the session works, as far as the service can tell now.
    #[pyo3(signature = (timeout=None))]
    fn is_valid(slf: &Bound<'_, Self>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        let timeout = slf.get().timeout(timeout)?;
        match Self::ping_within(slf, timeout) {
            Ok(()) => Ok(true),
            Err(raised) if raised.is_instance_of::<Error>(slf.py()) => Ok(false),
            Err(raised) => Err(raised),
        }
    }

    /// Commits what was done since the last commit or rollback.
    fn commit(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().session(slf.py())?;
        slf.get().transactions.commit(slf)
    }

    /// Undoes what was done since the last commit or rollback.
    fn rollback(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().session(slf.py())?;
        slf.get().transactions.rollback(slf)
    }

    /// Whether every statement is committed when it ends.
    #[getter]
    fn autocommit(slf: &Bound<'_, Self>) -> PyResult<bool> {
        slf.get().session(slf.py())?;
        slf.get().transactions.autocommit(slf)
    }

    #[setter]
    fn set_autocommit(slf: &Bound<'_, Self>, mode: &Bound<'_, PyAny>) -> PyResult<()> {
        let mode = argument("autocommit", "a bool", mode)?;
        slf.get().session(slf.py())?;
        slf.get().transactions.set_autocommit(slf, mode)
    }

    /// The isolation of transactions; there is one level only.
    fn get_transaction_isolation(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.session(py).map(|_| REPEATABLE_READ)
    }

    /// Accepts the one level that there is.
    fn set_transaction_isolation(&self, py: Python<'_>, level: &Bound<'_, PyAny>) -> PyResult<()> {
        let level = text("level", level)?;
        self.session(py)?;
        if level
            .replace(' ', "_")
            .eq_ignore_ascii_case(REPEATABLE_READ)
        {
            return Ok(());
        }
        Err(raise::<NotSupportedError>(
            py,
            format!(
                "the isolation of transactions is {REPEATABLE_READ}, and cannot be {}",
                quoted(&level)
            ),
        ))
    }

    /// Messages of the database that belong to no cursor: there are none.
    #[getter]
    fn messages(&self, py: Python<'_>) -> Py<PyList> {
        self.messages.clone_ref(py)
    }

    /// Whether the connection can be used.
    #[getter]
    fn open(&self) -> bool {
        !self.closed.load(Ordering::Acquire)
    }

    /// The session's id, as the official connector has it.
    fn get_session_id(&self) -> String {
        self.session.id().to_string()
    }

    /// The session's id, as the official connector has it.
    fn get_session_id_hex(&self) -> String {
        self.session.id().to_string()
    }

    /// The session's id.
    #[getter(session_id)]
    fn id(&self) -> String {
        self.session.id().to_string()
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
