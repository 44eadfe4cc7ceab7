//! Metadata methods of a cursor: what there is in the warehouse, as a result.

use std::time::Duration;

use pyo3::prelude::*;

use super::cursor::Cursor;
use super::exceptions::to_pyerr;
use crate::client::metadata::{Table, escape_underscores};
use crate::client::{Error, ErrorCode, Metadata, Result, StatementControl};
use crate::python::runtime::wait;

impl Cursor {
    /// Asks, and makes the answer the result of the cursor.
    pub(super) fn ask<F>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(Metadata) -> F,
    ) -> PyResult<()>
    where
        F: Future<Output = Result<Table>> + Send,
    {
        let mut turn = self.turn(py)?;
        let control = StatementControl::default();
        self.begin(py, &mut turn, &control)?;
        let metadata = self.connection.get().session(py)?.metadata();
        let asked = question(metadata);
        let limit = self.timeout(None)?;
        let table = wait(py, async {
            match limit {
                None => asked.await,
                Some(limit) => tokio::time::timeout(limit, asked)
                    .await
                    .unwrap_or_else(|_| Err(took_too_long(limit))),
            }
        })?;
        let table = table.map_err(|error| to_pyerr(py, &error))?;
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
        self.ask(py, async |metadata| {
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
        self.ask(py, async |metadata| {
            let (catalog, schema) = metadata.or_current(catalog, schema).await?;
            metadata
                .foreign_keys(parent, &catalog, &schema, table)
                .await
        })
    }

    /// A catalog's name as a pattern that matches nothing else, where the connection asks for that.
    pub(super) fn catalog_pattern(&self, catalog: Option<&str>) -> Option<String> {
        let options = self.connection.get().options();
        catalog.map(|catalog| {
            if options.results.escape_catalog_name {
                escape_underscores(catalog)
            } else {
                catalog.to_owned()
            }
        })
    }
}

/// A pattern; an empty one asks for everything, as it does in the connector.
pub(super) fn wanted(pattern: Option<&str>) -> Option<&str> {
    pattern.filter(|pattern| !pattern.is_empty())
}

fn took_too_long(limit: Duration) -> Error {
    let message = format!("the answer did not come within {} s", limit.as_secs_f64());
    Error::new(ErrorCode::Timeout, message)
}
