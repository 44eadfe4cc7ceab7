//! Questions about what there is.

use pyo3::prelude::*;

use super::backend::KernelDatabricksClient;
use super::description::description;
use super::exceptions::to_pyerr;
use super::execution::{publish, rows};
use super::result_set::ResultSet;
use crate::client::metadata::Table;
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
        let id = this.statements.question();
        publish(cursor, &id)?;
        let table = wait(py, question(session.metadata()))?;
        let stream = table.map_err(|error| to_pyerr(py, &error))?.into_stream();
        let options = this.options(py)?;
        let description = description(py, options.way, stream.columns())?;
        let about = Self::about(cursor, id, description)?;
        let control = StatementControl::default();
        let rows = rows(stream, options, &control, cursor)?;
        let result_set = ResultSet::new(about, slf.clone().unbind(), control, rows);
        Py::new(py, result_set)
    }
}

/// A pattern; an empty one asks for everything, as None does.
pub(super) fn wanted(pattern: Option<&str>) -> Option<&str> {
    pattern.filter(|pattern| !pattern.is_empty())
}

/// A catalog; what stands for all of them asks for everything.
pub(super) fn catalog(name: Option<&str>) -> Option<&str> {
    wanted(name).filter(|name| !matches!(*name, "%" | "*"))
}
