//! `StatementCanceller`: ends a statement from another thread.

use std::sync::Arc;

use pyo3::prelude::*;

use super::execution::Slot;

/// Cancels the statement that runs on a `Statement`, or the first that will.
#[pyclass(frozen, module = "databricks_sql_kernel")]
pub(crate) struct StatementCanceller(Arc<Slot>);

impl StatementCanceller {
    pub(super) fn new(slot: Arc<Slot>) -> Self {
        Self(slot)
    }
}

#[pymethods]
impl StatementCanceller {
    /// Asks for the statement's end; before the service has named it, the wish is remembered.
    fn cancel(&self) {
        self.0.control().cancel();
    }

    /// The statement's id, once the service has given it.
    fn statement_id(&self) -> Option<String> {
        self.0.control().statement_id()
    }
}
