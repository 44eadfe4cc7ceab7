//! `ResultSet`: the result of a statement as the connector's cursor reads it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyImportError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::backend::KernelDatabricksClient;
use super::exceptions::raise;
use super::peer::Peer;
use super::rows::Rows;
use crate::client::StatementControl;
use crate::client::wire::StatementState;
use crate::python::convert::to_pyarrow_or_table;
use crate::python::turn::Shared;

/// The rows of a statement, for a cursor of `databricks-sql-connector`.
#[pyclass(frozen, weakref, module = "databricks_sql_kernel.connector")]
pub(crate) struct ResultSet {
    about: About,
    backend: Py<KernelDatabricksClient>,
    control: StatementControl,
    rows: Shared<Rows>,
    rownumber: AtomicU64,
    has_more_rows: AtomicBool,
    closed: AtomicBool,
}

/// What does not change as long as a result set lives.
pub(super) struct About {
    pub(super) connection: Py<PyAny>,
    pub(super) arraysize: Py<PyAny>,
    pub(super) buffer_size_bytes: Py<PyAny>,
    pub(super) command_id: Py<PyAny>,
    /// The id in `command_id`.
    pub(super) id: String,
    pub(super) description: Py<PyList>,
    pub(super) modified_rows: Option<i64>,
    pub(super) is_staging_operation: bool,
    pub(super) lz4_compressed: bool,
}

impl ResultSet {
    pub(super) fn new(
        about: About,
        backend: Py<KernelDatabricksClient>,
        control: StatementControl,
        rows: Rows,
    ) -> Self {
        Self {
            about,
            backend,
            control,
            rows: Shared::new(rows),
            rownumber: AtomicU64::new(0),
            has_more_rows: AtomicBool::new(true),
            closed: AtomicBool::new(false),
        }
    }

    /// Lets one thread after another fetch.
    fn fetch<T>(
        &self,
        py: Python<'_>,
        fetch: impl FnOnce(&mut Rows) -> PyResult<T>,
    ) -> PyResult<T> {
        self.backend.get().sessions.check_process(py)?;
        let rows = self.rows.turn(py)?;
        let mut rows =
            rows.map_err(|in_use| raise(py, "ProgrammingError", in_use.of("result set")))?;
        let fetched = fetch(&mut rows);
        self.rownumber.store(rows.given(), Ordering::Release);
        self.has_more_rows
            .store(!rows.has_ended(), Ordering::Release);
        if self.closed.load(Ordering::Acquire) {
            rows.close();
        }
        fetched
    }

    fn arrow(&self, py: Python<'_>, most: Option<usize>) -> PyResult<Py<PyAny>> {
        py.import("pyarrow").map_err(|raised| {
            let error = PyImportError::new_err(
                "fetching Arrow tables needs pyarrow; install it with: pip install pyarrow",
            );
            error.set_cause(py, Some(raised));
            error
        })?;
        self.fetch(py, |rows| {
            rows.batches(py, most, |schema, batches| {
                to_pyarrow_or_table(py, schema, batches)
            })
        })
    }
}

fn size_of_fetch(what: &str, size: i64) -> PyResult<usize> {
    usize::try_from(size)
        .map_err(|_| PyValueError::new_err(format!("{what} size must be >= 0, got {size}")))
}

#[pymethods]
impl ResultSet {
    /// The next row; None after the last.
    fn fetchone(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.fetch(py, |rows| rows.one(py, |row| Ok(row.clone_ref(py))))
    }

    /// At most `size` rows.
    fn fetchmany(&self, py: Python<'_>, size: i64) -> PyResult<Py<PyList>> {
        let size = size_of_fetch("fetchmany", size)?;
        self.fetch(py, |rows| {
            rows.many(py, Some(size), |rows| Ok(rows.clone()))
        })
    }

    /// The rows that are left.
    fn fetchall(&self, py: Python<'_>) -> PyResult<Py<PyList>> {
        self.fetch(py, |rows| rows.many(py, None, |rows| Ok(rows.clone())))
    }

    /// At most `size` rows as a `pyarrow.Table`.
    fn fetchmany_arrow(&self, py: Python<'_>, size: i64) -> PyResult<Py<PyAny>> {
        let size = size_of_fetch("fetchmany_arrow", size)?;
        self.arrow(py, Some(size))
    }

    /// The rows that are left as a `pyarrow.Table`.
    fn fetchall_arrow(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.arrow(py, None)
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.fetchone(py)
    }

    /// Ends the result; the service hears of it in the background.
    fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        match self.rows.now() {
            Some(mut rows) => rows.close(),
            // Who fetches is told, and closes in the end.
            None => self.control.abandon(),
        }
        drop(self.backend.get().statements.remove(&self.about.id));
    }

    /// The connection that the statement ran on.
    #[getter]
    fn connection(&self) -> &Py<PyAny> {
        &self.about.connection
    }

    /// The backend that ran the statement.
    #[getter]
    fn backend(&self) -> &Py<KernelDatabricksClient> {
        &self.backend
    }

    /// The cursor's `arraysize`.
    #[getter]
    fn arraysize(&self) -> &Py<PyAny> {
        &self.about.arraysize
    }

    /// The cursor's `buffer_size_bytes`.
    #[getter]
    fn buffer_size_bytes(&self) -> &Py<PyAny> {
        &self.about.buffer_size_bytes
    }

    /// The statement's `CommandId`.
    #[getter]
    fn command_id(&self) -> &Py<PyAny> {
        &self.about.command_id
    }

    /// The columns: tuples of seven.
    #[getter]
    fn description(&self) -> &Py<PyList> {
        &self.about.description
    }

    /// How many rows DML changed; None for other statements.
    #[getter]
    fn num_modified_rows(&self) -> Option<i64> {
        self.about.modified_rows
    }

    /// Whether the connector is to move a file now, as the result's row tells.
    #[getter]
    fn is_staging_operation(&self) -> bool {
        self.about.is_staging_operation
    }

    /// Whether the service compressed the result.
    #[getter]
    fn lz4_compressed(&self) -> bool {
        self.about.lz4_compressed
    }

    /// None: rows wait in native code.
    #[getter]
    fn results(&self) -> Option<u8> {
        None
    }

    /// How many rows were fetched.
    #[getter]
    fn rownumber(&self) -> u64 {
        self.rownumber.load(Ordering::Acquire)
    }

    /// Whether the last row has not been read yet.
    #[getter]
    fn has_more_rows(&self) -> bool {
        self.has_more_rows.load(Ordering::Acquire) && !self.closed.load(Ordering::Acquire)
    }

    /// Whether the result set was closed.
    #[getter]
    fn has_been_closed_server_side(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The statement's `CommandState`.
    #[getter]
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let state = if self.closed.load(Ordering::Acquire) {
            StatementState::Closed
        } else {
            StatementState::Succeeded
        };
        Peer::get(py)?.state(py, state)
    }

    fn __repr__(&self) -> String {
        format!("<ResultSet of statement {}>", self.about.id)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.about.connection)?;
        visit.call(&self.about.command_id)?;
        visit.call(&self.backend)
    }
}

impl Drop for ResultSet {
    fn drop(&mut self) {
        self.backend.get().statements.forget(&self.about.id);
    }
}
