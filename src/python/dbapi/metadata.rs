//! Metadata methods of a cursor: what there is in the warehouse, as a result.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::PyAny;

use super::arguments::text_or_none;
use super::cursor::Cursor;
use super::exceptions::to_pyerr;
use super::progress::tell;
use crate::client::metadata::{Table, escape_underscores, is_all_catalogs};
use crate::client::{Error, ErrorCode, Metadata, Result};
use crate::python::runtime::wait_and;

impl Cursor {
    /// Asks, and makes the answer the result of the cursor; `call` is what the user calls.
    pub(super) fn ask<F>(
        &self,
        py: Python<'_>,
        call: &str,
        question: impl FnOnce(Metadata) -> F,
    ) -> PyResult<()>
    where
        F: Future<Output = Result<Table>> + Send,
    {
        let mut turn = self.turn(py)?;
        let (control, mut reporter) = self.watched(py, None)?;
        self.begin(py, &mut turn, &control)?;
        let metadata = self.connection.get().session(py)?.metadata();
        let asked = question(metadata.steered(&control, self.timeout(None)?));
        let tell = |py: Python<'_>| tell(py, reporter.as_mut());
        let table = wait_and(py, tell, asked);
        self.inner.about().query_id = control.statement_id();
        let table = table?.map_err(|error| to_pyerr(py, &named(error, call)))?;
        self.keep(py, &mut turn, table.into_stream(), control)
    }

    /// Asks for the columns of a table's primary key.
    pub(super) fn ask_primary_keys(
        &self,
        py: Python<'_>,
        catalog: Option<&str>,
        schema: Option<&str>,
        table: &str,
    ) -> PyResult<()> {
        self.ask(py, "primary_keys", async |metadata| {
            let (catalog, schema) = metadata.or_current(catalog, schema).await?;
            metadata.primary_keys(&catalog, &schema, table).await
        })
    }

    /// Asks for the foreign keys of a table; with a parent, for those that refer to it.
    pub(super) fn ask_foreign_keys(
        &self,
        py: Python<'_>,
        catalog: Option<&str>,
        schema: Option<&str>,
        table: &str,
        parent: [Option<&str>; 3],
    ) -> PyResult<()> {
        self.ask(py, "foreign_keys", async |metadata| {
            let (catalog, schema) = metadata.or_current(catalog, schema).await?;
            metadata
                .foreign_keys(parent, &catalog, &schema, table)
                .await
        })
    }

    /// A catalog's name as a pattern that matches nothing else, where the connection asks for that.
    pub(super) fn catalog_pattern(&self, catalog: &str) -> String {
        if self.connection.get().options().results.escape_catalog_name {
            escape_underscores(catalog)
        } else {
            catalog.to_owned()
        }
    }
}

/// Says which call it was that took too long; the others' errors tell of what they are.
fn named(error: Error, call: &str) -> Error {
    if error.code() == ErrorCode::Timeout {
        error.with_context(&format!("{call}()"))
    } else {
        error
    }
}

/// A name or a pattern; an empty one asks for everything, as None does.
pub(super) fn pattern(
    name: &str,
    given: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<PyBackedStr>> {
    let pattern = text_or_none(name, given)?;
    Ok(pattern.filter(|pattern| !pattern.is_empty()))
}

/// A catalog; what stands for all of them asks for everything, too.
pub(super) fn catalog(given: Option<&Bound<'_, PyAny>>) -> PyResult<Option<PyBackedStr>> {
    let name = pattern("catalog_name", given)?;
    Ok(name.filter(|name| !is_all_catalogs(name)))
}
