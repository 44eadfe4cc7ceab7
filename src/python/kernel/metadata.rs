//! `Metadata`: what the session can see.

use pyo3::prelude::*;

use super::handle::Handle;
use super::reader::Rows;
use super::stream::ResultStream;
use crate::client::metadata::Table;
use crate::client::{self, Result, StatementControl};

/// Questions about catalogs, schemas, tables, columns, keys, functions and procedures.
#[pyclass(frozen, module = "databricks_sql_kernel")]
pub(crate) struct Metadata(Handle);

impl Metadata {
    pub(super) fn new(handle: Handle) -> Self {
        Self(handle)
    }

    fn core(&self, py: Python<'_>) -> PyResult<client::Metadata> {
        Ok(self.0.session(py)?.metadata())
    }

    fn stream(
        &self,
        py: Python<'_>,
        table: impl Future<Output = Result<Table>> + Send,
    ) -> PyResult<ResultStream> {
        let table = self.0.wait(py, table)?;
        Ok(self.rows(table))
    }

    fn rows(&self, table: Table) -> ResultStream {
        let control = StatementControl::default();
        ResultStream::new(self.0.clone(), Rows::of_table(table), control)
    }
}

#[pymethods]
impl Metadata {
    /// The catalogs.
    fn list_catalogs(&self, py: Python<'_>) -> PyResult<ResultStream> {
        self.stream(py, self.core(py)?.catalogs())
    }

    /// The schemas of one catalog or of all.
    #[pyo3(signature = (*, catalog=None, schema_pattern=None))]
    fn list_schemas(
        &self,
        py: Python<'_>,
        catalog: Option<&str>,
        schema_pattern: Option<&str>,
    ) -> PyResult<ResultStream> {
        self.stream(py, self.core(py)?.schemas(catalog, schema_pattern))
    }

    /// The tables and views of the catalogs that match a pattern.
    #[pyo3(signature = (*, catalog=None, schema_pattern=None, table_pattern=None, table_types=None))]
    fn list_tables(
        &self,
        py: Python<'_>,
        catalog: Option<&str>,
        schema_pattern: Option<&str>,
        table_pattern: Option<&str>,
        table_types: Option<Vec<String>>,
    ) -> PyResult<ResultStream> {
        let core = self.core(py)?;
        let types = table_types.as_deref();
        self.stream(
            py,
            core.tables(catalog, schema_pattern, table_pattern, types),
        )
    }

    /// The columns of tables and views.
    #[pyo3(signature = (*, catalog=None, schema_pattern=None, table_pattern=None, column_pattern=None))]
    fn list_columns(
        &self,
        py: Python<'_>,
        catalog: Option<&str>,
        schema_pattern: Option<&str>,
        table_pattern: Option<&str>,
        column_pattern: Option<&str>,
    ) -> PyResult<ResultStream> {
        let core = self.core(py)?;
        self.stream(
            py,
            core.columns(catalog, schema_pattern, table_pattern, column_pattern),
        )
    }

    /// The columns of a table's primary key.
    #[pyo3(signature = (*, catalog, schema, table))]
    fn primary_keys(
        &self,
        py: Python<'_>,
        catalog: &str,
        schema: &str,
        table: &str,
    ) -> PyResult<ResultStream> {
        self.stream(py, self.core(py)?.primary_keys(catalog, schema, table))
    }

    /// The foreign keys of a table; with a parent, those that refer to it.
    #[expect(clippy::too_many_arguments, reason = "the signature is given")]
    #[pyo3(signature = (
        *, parent_catalog=None, parent_schema=None, parent_table=None,
        foreign_catalog, foreign_schema, foreign_table
    ))]
    fn foreign_keys(
        &self,
        py: Python<'_>,
        parent_catalog: Option<&str>,
        parent_schema: Option<&str>,
        parent_table: Option<&str>,
        foreign_catalog: &str,
        foreign_schema: &str,
        foreign_table: &str,
    ) -> PyResult<ResultStream> {
        let core = self.core(py)?;
        let parent = [parent_catalog, parent_schema, parent_table];
        self.stream(
            py,
            core.foreign_keys(parent, foreign_catalog, foreign_schema, foreign_table),
        )
    }

    /// The functions of one catalog; of the current one where none is named.
    #[pyo3(signature = (*, catalog=None, schema_pattern=None, name_pattern=None))]
    fn functions(
        &self,
        py: Python<'_>,
        catalog: Option<&str>,
        schema_pattern: Option<&str>,
        name_pattern: Option<&str>,
    ) -> PyResult<ResultStream> {
        let core = self.core(py)?;
        self.stream(py, core.functions(catalog, schema_pattern, name_pattern))
    }

    /// The procedures of one catalog or of all.
    #[pyo3(signature = (*, catalog=None, schema_pattern=None, name_pattern=None))]
    fn procedures(
        &self,
        py: Python<'_>,
        catalog: Option<&str>,
        schema_pattern: Option<&str>,
        name_pattern: Option<&str>,
    ) -> PyResult<ResultStream> {
        let core = self.core(py)?;
        self.stream(py, core.procedures(catalog, schema_pattern, name_pattern))
    }

    /// The types of tables that there are; asks nobody.
    fn table_types(&self) -> ResultStream {
        self.rows(client::Metadata::table_types())
    }

    /// The SQL types; asks nobody.
    fn type_info(&self) -> ResultStream {
        self.rows(client::Metadata::type_info())
    }
}
