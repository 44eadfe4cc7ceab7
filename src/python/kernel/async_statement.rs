//! `ExecutedAsyncStatement`: a statement that runs by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

use super::error::{closed, to_pyerr};
use super::execution::Life;
use super::handle::Handle;
use super::reader::Rows;
use super::stream::ResultStream;
use crate::client::wire::StatementState;
use crate::client::{ExecutedStatement, Result, StatementControl, SubmittedStatement};

/// A statement that runs by itself at the service.
#[pyclass(frozen, module = "databricks_sql_kernel")]
pub(crate) struct ExecutedAsyncStatement {
    handle: Handle,
    submitted: SubmittedStatement,
    life: Option<Arc<Life>>,
    row_limit: Option<u64>,
    closed: AtomicBool,
}

impl ExecutedAsyncStatement {
    pub(super) fn new(
        handle: Handle,
        submitted: SubmittedStatement,
        life: Option<Arc<Life>>,
        row_limit: Option<u64>,
    ) -> Self {
        Self {
            handle,
            submitted,
            life,
            row_limit,
            closed: AtomicBool::new(false),
        }
    }

    fn check(&self, py: Python<'_>) -> PyResult<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(closed(py, "ExecutedAsyncStatement is closed"));
        }
        self.life.as_ref().map_or(Ok(()), |life| life.check(py))
    }

    fn stream(
        &self,
        py: Python<'_>,
        executed: impl Future<Output = Result<ExecutedStatement>> + Send,
    ) -> PyResult<ResultStream> {
        let (wish, limit) = (self.handle.representation(), self.row_limit);
        let rows = self.handle.wait(py, async move {
            let rows = Rows::of(executed.await?, limit, wish).await;
            rows.map_err(|error| error.with_statement_id(self.submitted.id()))
        })?;
        let control = StatementControl::default();
        Ok(ResultStream::new(self.handle.clone(), rows, control))
    }
}

#[pymethods]
impl ExecutedAsyncStatement {
    /// The statement's id at the service.
    #[getter]
    fn statement_id(&self) -> &str {
        self.submitted.id()
    }

    /// Asks once how far the statement is: `(state, KernelError or None)`.
    fn status(&self, py: Python<'_>) -> PyResult<(&'static str, Option<Py<PyAny>>)> {
        self.check(py)?;
        let progress = self.handle.wait(py, self.submitted.progress())?;
        let state = state_name(progress.state);
        let failure = progress
            .failure
            .filter(|_| progress.state == StatementState::Failed)
            .map(|error| to_pyerr(py, &error).into_value(py).into_any());
        Ok((state, failure))
    }

    /// Waits for the statement's end; the result can be fetched as often as wanted.
    fn await_result(&self, py: Python<'_>) -> PyResult<ResultStream> {
        self.check(py)?;
        self.stream(py, self.submitted.await_result())
    }

    /// The result of a statement that has ended.
    fn fetch_result(&self, py: Python<'_>) -> PyResult<ResultStream> {
        self.check(py)?;
        self.stream(py, self.submitted.fetch_result())
    }

    /// Asks the service to end the statement.
    fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        self.check(py)?;
        self.handle.wait(py, self.submitted.cancel())
    }

    /// Closes the statement at the service, if it was submitted here.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if self.closed.swap(true, Ordering::AcqRel) || !self.submitted.is_of_this_process() {
            return Ok(());
        }
        self.handle.wait(py, self.submitted.close())
    }

    /// Another look at the same statement, which can neither cancel nor close it.
    fn reader(&self, py: Python<'_>) -> PyResult<Self> {
        self.check(py)?;
        let reader = self.submitted.reader();
        Ok(Self::new(self.handle.clone(), reader, None, self.row_limit))
    }

    fn __repr__(&self) -> String {
        let closed = self.closed.load(Ordering::Acquire);
        let state = if closed { "closed" } else { "open" };
        let id = self.submitted.id();
        format!("ExecutedAsyncStatement(statement_id=\"{id}\", state={state})")
    }
}

fn state_name(state: StatementState) -> &'static str {
    match state {
        StatementState::Pending => "Pending",
        StatementState::Running => "Running",
        StatementState::Succeeded => "Succeeded",
        StatementState::Canceled => "Cancelled",
        StatementState::Closed => "Closed",
        StatementState::Failed | StatementState::Unknown => "Failed",
    }
}
