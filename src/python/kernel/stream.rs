//! `ResultStream`: rows without a statement of their own.

use pyo3::prelude::*;

use super::handle::Handle;
use super::reader::{Reader, Rows};
use crate::client::StatementControl;

/// The rows of a result.
#[pyclass(frozen, module = "databricks_sql_kernel")]
pub(crate) struct ResultStream(Reader);

impl ResultStream {
    pub(super) fn new(handle: Handle, rows: Rows, control: StatementControl) -> Self {
        Self(Reader::new(handle, "ResultStream", rows, control))
    }
}

#[pymethods]
impl ResultStream {
    /// The result's `pyarrow.Schema`.
    fn arrow_schema(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.0.arrow_schema(py)
    }

    /// The next rows as a `pyarrow.RecordBatch`; None after the last.
    fn fetch_next_batch(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.0.next(py)
    }

    /// The rows that are left as a `pyarrow.Table`.
    fn fetch_all_arrow(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.0.rest(py)
    }

    /// Lets go of the rows; the statement stays as it is.
    fn close(&self) {
        self.0.close();
    }

    fn __repr__(&self) -> String {
        let state = if self.0.is_closed() { "closed" } else { "open" };
        format!("ResultStream(state={state})")
    }
}
