//! `Cursor`: executes statements and fetches their rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyCapsule, PyList};

use super::arguments::{text, text_or_none, texts_or_none, whole_number};
use super::connection::Connection;
use super::exceptions::{InterfaceError, NotSupportedError, ProgrammingError, raise};
use super::execution::Beside;
use super::metadata::{catalog, pattern};
use super::result_set::ResultSet;
use super::row_factory::RowFactory;
use super::submitted::state_name;
use super::turn::{CursorInner, Turn};
use super::volume::Streams;
use crate::client::metadata::is_all_catalogs;
use crate::client::wire::StatementState;
use crate::client::{Metadata, Statement};
use crate::python::convert::{argument, query_tags as tags_of, schema_capsule};

/// Executes statements on a connection, one at a time, and fetches their rows.
#[pyclass(frozen, weakref, module = "databricks.sql_kernel")]
pub(crate) struct Cursor {
    pub(super) connection: Py<Connection>,
    pub(super) inner: Arc<CursorInner>,
    arraysize: AtomicUsize,
    pub(super) row_limit: Option<u64>,
    pub(super) row_factory: RowFactory,
    pub(super) timeout: Option<Duration>,
    /// Called while statements are waited for.
    pub(super) progress: Option<Py<PyAny>>,
    pub(super) messages: Py<PyList>,
}

/// What a cursor is made with.
pub(super) struct CursorOptions {
    pub(super) arraysize: usize,
    pub(super) row_limit: Option<u64>,
    pub(super) row_factory: RowFactory,
    pub(super) timeout: Option<Duration>,
    pub(super) progress: Option<Py<PyAny>>,
}

impl Cursor {
    pub(super) fn new(py: Python<'_>, connection: Py<Connection>, options: CursorOptions) -> Self {
        let CursorOptions {
            arraysize,
            row_limit,
            row_factory,
            timeout,
            progress,
        } = options;
        let arraysize = AtomicUsize::new(arraysize);
        let inner = Arc::default();
        Self {
            connection,
            inner,
            arraysize,
            row_limit,
            row_factory,
            timeout,
            progress,
            messages: PyList::empty(py).unbind(),
        }
    }

    pub(super) fn inner(&self) -> &Arc<CursorInner> {
        &self.inner
    }

    pub(super) fn turn(&self, py: Python<'_>) -> PyResult<Turn<'_>> {
        self.check_open(py)?;
        let turn = self.inner.turn(py)?;
        self.check_open(py)?;
        Ok(turn)
    }

    pub(super) fn check_open(&self, py: Python<'_>) -> PyResult<()> {
        self.connection.get().session(py)?;
        if self.inner.is_closed() {
            return Err(raise::<InterfaceError>(
                py,
                "the cursor is closed; open another one",
            ));
        }
        Ok(())
    }

    /// How many rows a call is to fetch.
    fn size(&self, given: Option<&Bound<'_, PyAny>>) -> PyResult<usize> {
        match given {
            Some(given) => rows("size", 0, given),
            None => Ok(self.arraysize.load(Ordering::Relaxed)),
        }
    }

    /// The result to fetch from.
    pub(super) fn result<'a>(
        &self,
        py: Python<'_>,
        turn: &'a mut Turn<'_>,
    ) -> PyResult<&'a mut ResultSet> {
        let has_columns = self.inner.about().description.is_some();
        turn.as_mut().filter(|_| has_columns).ok_or_else(|| {
            raise::<ProgrammingError>(
                py,
                "there is no result to fetch from: execute a statement that returns rows first",
            )
        })
    }

    fn fetch(slf: &Bound<'_, Self>, most: Option<usize>) -> PyResult<Py<PyList>> {
        let (py, this) = (slf.py(), slf.get());
        let mut turn = this.turn(py)?;
        this.result(py, &mut turn)?.many(slf.as_any(), most)
    }
}

/// A number of rows.
fn rows(name: &str, least: i64, given: &Bound<'_, PyAny>) -> PyResult<usize> {
    whole_number(name, least, given).map(|rows| usize::try_from(rows).unwrap_or(usize::MAX))
}

/// How many rows `fetchmany` fetches by default, at least one: with none its end could not be told.
pub(super) fn array_size(given: &Bound<'_, PyAny>) -> PyResult<usize> {
    rows("arraysize", 1, given)
}

#[pymethods]
impl Cursor {
    /// Executes a statement and waits for its end.
    #[pyo3(signature = (
        operation, parameters=None, *, timeout=None, query_tags=None, input_stream=None, output_stream=None,
        progress=None
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are those of the Python method"
    )]
    fn execute<'py>(
        slf: Bound<'py, Self>,
        operation: &Bound<'py, PyAny>,
        parameters: Option<&Bound<'py, PyAny>>,
        timeout: Option<&Bound<'py, PyAny>>,
        query_tags: Option<&Bound<'py, PyAny>>,
        input_stream: Option<&Bound<'py, PyAny>>,
        output_stream: Option<&Bound<'py, PyAny>>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let (py, this) = (slf.py(), slf.get());
        this.check_open(py)?;
        let (sql, parameters) = this.bind(py, &text("operation", operation)?, parameters)?;
        let beside = Beside {
            streams: Streams::new(py, &sql, input_stream, output_stream)?,
            progress,
            ..Beside::default()
        };
        let statement = Statement {
            sql,
            parameters,
            timeout: this.timeout(timeout)?,
            query_tags: tags_of(query_tags)?,
            ..Statement::default()
        };
        let mut turn = this.turn(py)?;
        this.run(py, &mut turn, statement, beside)?;
        drop(turn);
        Ok(slf)
    }

    /// Executes a statement for each set of parameters.
    #[pyo3(signature = (operation, seq_of_parameters, *, timeout=None, query_tags=None))]
    fn executemany<'py>(
        slf: Bound<'py, Self>,
        operation: &Bound<'py, PyAny>,
        seq_of_parameters: &Bound<'py, PyAny>,
        timeout: Option<&Bound<'py, PyAny>>,
        query_tags: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let (py, this) = (slf.py(), slf.get());
        this.check_open(py)?;
        let each = Statement {
            timeout: this.timeout(timeout)?,
            query_tags: tags_of(query_tags)?,
            ..Statement::default()
        };
        this.execute_sets(py, &text("operation", operation)?, seq_of_parameters, &each)?;
        Ok(slf)
    }

    /// Executes a statement and does not wait for its end.
    #[pyo3(
        signature = (operation, parameters=None, *, query_tags=None, detach=None),
        text_signature = "($self, operation, parameters=None, *, query_tags=None, detach=False)"
    )]
    fn execute_async<'py>(
        slf: Bound<'py, Self>,
        operation: &Bound<'py, PyAny>,
        parameters: Option<&Bound<'py, PyAny>>,
        query_tags: Option<&Bound<'py, PyAny>>,
        detach: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let (py, this) = (slf.py(), slf.get());
        this.check_open(py)?;
        let detach = match detach {
            Some(detach) => argument("detach", "a bool", detach)?,
            None => false,
        };
        let (sql, parameters) = this.bind(py, &text("operation", operation)?, parameters)?;
        let statement = Statement {
            sql,
            parameters,
            row_limit: this.row_limit,
            query_tags: tags_of(query_tags)?,
            ..Statement::default()
        };
        this.submit(py, statement, detach)?;
        Ok(slf)
    }

    /// Finds a statement that was executed before, here or elsewhere, by its id.
    fn attach<'py>(
        slf: Bound<'py, Self>,
        query_id: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Self>> {
        slf.get().find(slf.py(), &text("query_id", query_id)?)?;
        Ok(slf)
    }

    /// The state of the statement that was submitted.
    fn get_query_state(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.state(py).map(state_name)
    }

    /// Whether the statement that was submitted has not ended yet.
    fn is_query_pending(&self, py: Python<'_>) -> PyResult<bool> {
        let state = self.state(py)?;
        Ok(matches!(
            state,
            StatementState::Pending | StatementState::Running
        ))
    }

    /// Waits for the end of the statement that was submitted, and takes its result.
    fn get_async_execution_result(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().collect(slf.py())?;
        Ok(slf)
    }

    /// The catalogs.
    fn catalogs(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().ask(slf.py(), "catalogs", async |metadata| {
            metadata.catalogs().await
        })?;
        Ok(slf)
    }

    /// The schemas of one catalog or of all.
    #[pyo3(signature = (catalog_name=None, schema_name=None))]
    fn schemas<'py>(
        slf: Bound<'py, Self>,
        catalog_name: Option<&Bound<'py, PyAny>>,
        schema_name: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let (catalog, schema) = (catalog(catalog_name)?, pattern("schema_name", schema_name)?);
        slf.get().ask(slf.py(), "schemas", async |metadata| {
            metadata
                .schemas(catalog.as_deref(), schema.as_deref())
                .await
        })?;
        Ok(slf)
    }

    /// The tables and views.
    #[pyo3(signature = (catalog_name=None, schema_name=None, table_name=None, table_types=None))]
    fn tables<'py>(
        slf: Bound<'py, Self>,
        catalog_name: Option<&Bound<'py, PyAny>>,
        schema_name: Option<&Bound<'py, PyAny>>,
        table_name: Option<&Bound<'py, PyAny>>,
        table_types: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let this = slf.get();
        let catalog = catalog(catalog_name)?.map(|name| this.catalog_pattern(&name));
        let schema = pattern("schema_name", schema_name)?;
        let table = pattern("table_name", table_name)?;
        let types = texts_or_none("table_types", table_types)?;
        this.ask(slf.py(), "tables", async |metadata| {
            let (schema, table) = (schema.as_deref(), table.as_deref());
            metadata
                .tables(catalog.as_deref(), schema, table, types.as_deref())
                .await
        })?;
        Ok(slf)
    }

    /// The columns of tables and views.
    #[pyo3(signature = (catalog_name=None, schema_name=None, table_name=None, column_name=None))]
    fn columns<'py>(
        slf: Bound<'py, Self>,
        catalog_name: Option<&Bound<'py, PyAny>>,
        schema_name: Option<&Bound<'py, PyAny>>,
        table_name: Option<&Bound<'py, PyAny>>,
        column_name: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let (catalog, schema) = (catalog(catalog_name)?, pattern("schema_name", schema_name)?);
        let table = pattern("table_name", table_name)?;
        let column = pattern("column_name", column_name)?;
        slf.get().ask(slf.py(), "columns", async |metadata| {
            let (schema, table) = (schema.as_deref(), table.as_deref());
            metadata
                .columns(catalog.as_deref(), schema, table, column.as_deref())
                .await
        })?;
        Ok(slf)
    }

    /// The columns of a table's primary key.
    #[pyo3(signature = (catalog_name, schema_name, table_name))]
    fn primary_keys<'py>(
        slf: Bound<'py, Self>,
        catalog_name: Option<&Bound<'py, PyAny>>,
        schema_name: Option<&Bound<'py, PyAny>>,
        table_name: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Self>> {
        let catalog = text_or_none("catalog_name", catalog_name)?;
        let schema = text_or_none("schema_name", schema_name)?;
        let table = text("table_name", table_name)?;
        let (catalog, schema) = (catalog.as_deref(), schema.as_deref());
        slf.get()
            .ask_primary_keys(slf.py(), catalog, schema, &table)?;
        Ok(slf)
    }

    /// The foreign keys of a table, and what they refer to.
    #[pyo3(signature = (
        catalog_name, schema_name, table_name, *,
        parent_catalog_name=None, parent_schema_name=None, parent_table_name=None
    ))]
    fn foreign_keys<'py>(
        slf: Bound<'py, Self>,
        catalog_name: Option<&Bound<'py, PyAny>>,
        schema_name: Option<&Bound<'py, PyAny>>,
        table_name: &Bound<'py, PyAny>,
        parent_catalog_name: Option<&Bound<'py, PyAny>>,
        parent_schema_name: Option<&Bound<'py, PyAny>>,
        parent_table_name: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let catalog = text_or_none("catalog_name", catalog_name)?;
        let schema = text_or_none("schema_name", schema_name)?;
        let table = text("table_name", table_name)?;
        let parent = [
            text_or_none("parent_catalog_name", parent_catalog_name)?,
            text_or_none("parent_schema_name", parent_schema_name)?,
            text_or_none("parent_table_name", parent_table_name)?,
        ];
        let parent = parent.each_ref().map(Option::as_deref);
        let (catalog, schema) = (catalog.as_deref(), schema.as_deref());
        slf.get()
            .ask_foreign_keys(slf.py(), catalog, schema, &table, parent)?;
        Ok(slf)
    }

    /// The functions of one catalog; of the current one where none is named.
    #[pyo3(signature = (catalog_name=None, schema_name=None, function_name=None))]
    fn functions<'py>(
        slf: Bound<'py, Self>,
        catalog_name: Option<&Bound<'py, PyAny>>,
        schema_name: Option<&Bound<'py, PyAny>>,
        function_name: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let catalog = pattern("catalog_name", catalog_name)?;
        let schema = pattern("schema_name", schema_name)?;
        let function = pattern("function_name", function_name)?;
        slf.get().ask(slf.py(), "functions", async |metadata| {
            let (schema, function) = (schema.as_deref(), function.as_deref());
            match catalog.as_deref() {
                Some(all) if is_all_catalogs(all) => {
                    metadata.functions_of_all(schema, function).await
                }
                catalog => metadata.functions(catalog, schema, function).await,
            }
        })?;
        Ok(slf)
    }

    /// The procedures of one catalog or of all.
    #[pyo3(signature = (catalog_name=None, schema_name=None, procedure_name=None))]
    fn procedures<'py>(
        slf: Bound<'py, Self>,
        catalog_name: Option<&Bound<'py, PyAny>>,
        schema_name: Option<&Bound<'py, PyAny>>,
        procedure_name: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let (catalog, schema) = (catalog(catalog_name)?, pattern("schema_name", schema_name)?);
        let procedure = pattern("procedure_name", procedure_name)?;
        slf.get().ask(slf.py(), "procedures", async |metadata| {
            let (schema, procedure) = (schema.as_deref(), procedure.as_deref());
            metadata
                .procedures(catalog.as_deref(), schema, procedure)
                .await
        })?;
        Ok(slf)
    }

    /// The types of tables that there are; asks nobody.
    fn table_types(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().ask(slf.py(), "table_types", async |_| {
            Ok(Metadata::table_types())
        })?;
        Ok(slf)
    }

    /// The SQL types, as JDBC numbers and describes them; asks nobody.
    fn type_info(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get()
            .ask(slf.py(), "type_info", async |_| Ok(Metadata::type_info()))?;
        Ok(slf)
    }

    /// The next row, or None after the last.
    fn fetchone(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let (py, this) = (slf.py(), slf.get());
        let mut turn = this.turn(py)?;
        this.result(py, &mut turn)?.one(slf.as_any())
    }

    /// At most `size` rows, `arraysize` if not given.
    #[pyo3(signature = (size=None))]
    fn fetchmany(slf: &Bound<'_, Self>, size: Option<&Bound<'_, PyAny>>) -> PyResult<Py<PyList>> {
        let size = slf.get().size(size)?;
        Self::fetch(slf, Some(size))
    }

    /// All remaining rows.
    fn fetchall(slf: &Bound<'_, Self>) -> PyResult<Py<PyList>> {
        Self::fetch(slf, None)
    }

    /// All remaining rows as an Arrow table.
    fn fetchall_arrow(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.arrow_table(py, None)
    }

    /// At most `size` rows as an Arrow table, `arraysize` if not given.
    #[pyo3(signature = (size=None))]
    fn fetchmany_arrow(
        &self,
        py: Python<'_>,
        size: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let size = self.size(size)?;
        self.arrow_table(py, Some(size))
    }

    /// All remaining rows as an Arrow table.
    fn fetch_arrow_table(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.arrow_table(py, None)
    }

    /// The remaining rows as a reader of Arrow batches.
    fn fetch_record_batch(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Self::reader(slf)
    }

    /// All remaining rows as a frame of pandas, by way of pyarrow.
    fn fetch_df<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.pandas_frame(py)
    }

    /// All remaining rows as a frame of polars; pyarrow is not needed.
    fn fetch_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::polars_frame(slf)
    }

    /// The remaining rows as a capsule of an Arrow array stream, which reads them as it is read.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        slf: &Bound<'py, Self>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        Self::stream(slf)?.capsule(slf.py(), requested_schema)
    }

    /// The columns of the result as a capsule of an Arrow schema.
    fn __arrow_c_schema__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(slf.py(), Self::stream(slf)?.schema())
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        Self::fetchone(slf)
    }

    /// The next row; `StopIteration` after the last.
    fn next(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Self::fetchone(slf)?.ok_or_else(|| PyStopIteration::new_err(()))
    }

    /// Not supported: results are read forward only.
    #[pyo3(signature = (value, mode=None), text_signature = "($self, value, mode='relative')")]
    fn scroll(
        &self,
        py: Python<'_>,
        value: &Bound<'_, PyAny>,
        mode: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        argument::<i64>("value", "an int", value)?;
        text_or_none("mode", mode)?;
        Err(raise::<NotSupportedError>(
            py,
            "scroll is not supported: results are read forward only; execute the statement again, or keep the rows",
        ))
    }

    /// Cancels the statement that runs, from any thread.
    fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        self.check_open(py)?;
        self.inner.about().control.cancel();
        self.cancel_submitted(py)
    }

    /// Lets go of the result; the cursor cannot be used again.
    fn close(&self) {
        self.inner.close();
    }

    /// Does nothing: there is never more than one result.
    fn nextset(&self, py: Python<'_>) -> PyResult<Option<bool>> {
        self.check_open(py)?;
        Ok(None)
    }

    /// Not supported.
    #[pyo3(signature = (procname, parameters=None))]
    fn callproc(
        &self,
        py: Python<'_>,
        procname: &Bound<'_, PyAny>,
        parameters: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let _ = parameters;
        let procname = text("procname", procname)?;
        Err(raise::<NotSupportedError>(
            py,
            format!("callproc is not supported; execute 'CALL {procname}(...)' instead"),
        ))
    }

    /// Does nothing: parameters have their types from their values.
    #[pyo3(signature = (sizes))]
    fn setinputsizes(&self, sizes: &Bound<'_, PyAny>) {
        let _ = sizes;
    }

    /// Does nothing: columns may be of any size.
    #[pyo3(signature = (size, column=None))]
    fn setoutputsize(&self, size: &Bound<'_, PyAny>, column: Option<&Bound<'_, PyAny>>) {
        let _ = (size, column);
    }

    /// The connection that the cursor is of.
    #[getter]
    fn connection(&self, py: Python<'_>) -> Py<Connection> {
        self.connection.clone_ref(py)
    }

    /// One tuple of seven a column; None when there is no result.
    #[getter]
    fn description(&self, py: Python<'_>) -> Option<Py<PyList>> {
        self.inner
            .about()
            .description
            .as_ref()
            .map(|description| description.clone_ref(py))
    }

    /// How many rows the statement returned or changed; -1 when that is unknown.
    #[getter]
    fn rowcount(&self) -> i64 {
        self.inner.about().rowcount.unwrap_or(-1)
    }

    /// How many rows have been fetched; None when there is no result.
    #[getter]
    fn rownumber(&self) -> Option<u64> {
        let about = self.inner.about();
        about.rownumber.filter(|_| about.description.is_some())
    }

    /// Always None: tables have no row ids.
    #[getter]
    fn lastrowid(&self) -> Option<u64> {
        None
    }

    /// What was said beside the result, as (class, message) pairs, since the last statement.
    #[getter]
    fn messages(&self, py: Python<'_>) -> Py<PyList> {
        self.messages.clone_ref(py)
    }

    /// Whether the cursor can be used.
    #[getter]
    fn open(&self) -> bool {
        !self.inner.is_closed()
    }

    /// Most rows that a result shall have.
    #[getter(row_limit)]
    fn most_rows(&self) -> Option<u64> {
        self.row_limit
    }

    /// Whether a limit cut the result.
    #[getter]
    fn truncated(&self) -> bool {
        self.inner.about().truncated
    }

    /// The statement's id, known as soon as the service has given it.
    #[getter]
    fn query_id(&self) -> Option<String> {
        let about = self.inner.about();
        about
            .query_id
            .clone()
            .or_else(|| about.control.statement_id())
    }

    /// How many rows `fetchmany` fetches by default.
    #[getter]
    fn arraysize(&self) -> usize {
        self.arraysize.load(Ordering::Relaxed)
    }

    #[setter]
    fn set_arraysize(&self, size: &Bound<'_, PyAny>) -> PyResult<()> {
        let size = array_size(size)?;
        self.arraysize.store(size, Ordering::Relaxed);
        Ok(())
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().check_open(slf.py())?;
        Ok(slf)
    }

    fn __exit__(
        &self,
        _type: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) {
        self.close();
    }

    fn __repr__(&self) -> String {
        let state = if self.inner.is_closed() {
            "closed"
        } else {
            "open"
        };
        match self.query_id() {
            Some(id) => format!("<Cursor query_id='{id}' {state}>"),
            None => format!("<Cursor {state}>"),
        }
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.inner.close();
    }
}
