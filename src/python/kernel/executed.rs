//! `ExecutedStatement`: a statement that succeeded, and its result.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use pyo3::prelude::*;

use super::execution::Life;
use super::handle::Handle;
use super::reader::{Reader, Rows};
use crate::client::{Result, StatementControl};

/// A statement that succeeded, and its result.
#[pyclass(frozen, module = "databricks_sql_kernel")]
pub(crate) struct ExecutedStatement {
    handle: Handle,
    id: String,
    modified_rows: Option<i64>,
    reader: Reader,
    life: Arc<Life>,
}

/// What comes of executing a statement.
pub(super) struct Outcome {
    id: String,
    modified_rows: Option<i64>,
    pub(super) rows: Rows,
}

impl Outcome {
    pub(super) async fn of(
        executed: crate::client::ExecutedStatement,
        row_limit: Option<u64>,
        handle: &Handle,
    ) -> Result<Self> {
        let id = executed.id().to_owned();
        let mut modified_rows = executed.modified_rows();
        let counts = modified_rows.is_none() && executed.is_count_row();
        let mut rows = Rows::of(executed, row_limit, handle.representation()).await?;
        if counts && let Some(batch) = rows.first().await? {
            let counts = batch.column(0).as_primitive_opt::<Int64Type>();
            modified_rows = counts.and_then(|counts| counts.iter().next().flatten());
        }
        Ok(Self {
            id,
            modified_rows,
            rows,
        })
    }
}

impl ExecutedStatement {
    pub(super) fn new(
        handle: Handle,
        outcome: Outcome,
        control: StatementControl,
        life: Arc<Life>,
    ) -> Self {
        let reader = Reader::new(handle.clone(), "ExecutedStatement", outcome.rows, control);
        Self {
            handle,
            id: outcome.id,
            modified_rows: outcome.modified_rows,
            reader,
            life,
        }
    }
}

#[pymethods]
impl ExecutedStatement {
    /// The statement's id at the service.
    #[getter]
    fn statement_id(&self) -> &str {
        &self.id
    }

    /// How many rows DML changed; None for other statements.
    #[getter]
    fn num_modified_rows(&self) -> Option<i64> {
        self.modified_rows
    }

    /// The result's `pyarrow.Schema`.
    fn arrow_schema(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.reader.arrow_schema(py)
    }

    /// The next rows as a `pyarrow.RecordBatch`; None after the last.
    fn fetch_next_batch(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.reader.next(py)
    }

    /// The rows that are left as a `pyarrow.Table`.
    fn fetch_all_arrow(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.reader.rest(py)
    }

    /// Asks the service to end the statement, and ends the fetching.
    fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        self.reader.check(py)?;
        self.life.check(py)?;
        let session = self.handle.session(py)?.clone();
        let id = self.id.clone();
        self.life.control().cancel();
        self.handle
            .wait(py, async move { session.cancel_statement(&id).await })
    }

    /// Closes the statement; the service hears of it in the background.
    fn close(&self) {
        self.reader.close();
    }

    fn __repr__(&self) -> String {
        let state = if self.reader.is_closed() {
            "closed"
        } else {
            "open"
        };
        format!(
            "ExecutedStatement(statement_id=\"{}\", state={state})",
            self.id
        )
    }
}
