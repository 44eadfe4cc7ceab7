//! Questions about what there is.

use pyo3::prelude::*;

use super::backend::KernelDatabricksClient;
use super::description::description;
use super::exceptions::to_pyerr;
use super::execution::{publish, rows};
use super::result_set::ResultSet;
use super::statements::Known;
use crate::client::metadata::{Table, is_all_catalogs};
use crate::client::{Metadata, Result, StatementControl};
use crate::python::runtime::wait;

impl KernelDatabricksClient {
    /// The answer to a question about what there is.
    pub(super) fn ask<F>(
        slf: &Bound<'_, Self>,
        session_id: &Bound<'_, PyAny>,
        cursor: &Bound<'_, PyAny>,
        question: impl FnOnce(Metadata) -> F,
    ) -> PyResult<Py<ResultSet>>
    where
        F: Future<Output = Result<Table>> + Send,
    {
        let (py, this) = (slf.py(), slf.get());
        let session = this.sessions.get(session_id)?;
        let control = StatementControl::default();
        let id = this.statements.question();
        let table = {
            let _run = this.begin(cursor, &control)?;
            publish(cursor, &id)?;
            let known = Known::Running(control.clone());
            this.statements.put(id.clone(), known);
            let asked = question(session.metadata().steered(&control, None));
            let table = wait(py, asked);
            this.statements.forget(&id);
            table?.map_err(|error| to_pyerr(py, &error))?
        };
        let stream = table.into_stream();
        let options = this.options(py)?;
        let description = description(py, options.way, stream.columns())?;
        let about = Self::about(cursor, id, description)?;
        let rows = rows(stream, options, &control, cursor)?;
        let result_set = ResultSet::new(about, slf.clone().unbind(), control, rows);
        Py::new(py, result_set)
    }
}

/// A catalog; what stands for all of them asks for everything.
pub(super) fn catalog(name: Option<&str>) -> Option<&str> {
    name.filter(|name| !is_all_catalogs(name))
}
