//! `KernelDatabricksClient`: what the connector's session and cursors call.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::exceptions::{raise, to_pyerr};
use super::metadata::catalog;
use super::options::{Named, Options, settings};
use super::parameters;
use super::peer::{Peer, session_in, statement_in};
use super::result_set::ResultSet;
use super::sessions::Sessions;
use super::statements::Statements;
use super::value::Arguments;
use crate::client::metadata::escape_underscores;
use crate::client::{Delivery, Session, SessionConfig, Statement, StatementControl};
use crate::python::convert::query_tags as tags_of;
use crate::python::runtime::{close_at_exit, wait};

/// The backend of `databricks-sql-connector`, for `use_sea=True` and `use_kernel=True`.
#[pyclass(frozen, weakref, module = "databricks_sql_kernel.connector")]
pub(crate) struct KernelDatabricksClient {
    /// What the arguments came to; a failure is raised when a session is opened.
    options: PyResult<Options>,
    pub(super) sessions: Sessions,
    pub(super) statements: Statements,
}

impl KernelDatabricksClient {
    pub(super) fn options(&self, py: Python<'_>) -> PyResult<&Options> {
        self.options.as_ref().map_err(|raised| raised.clone_ref(py))
    }
}

#[pymethods]
impl KernelDatabricksClient {
    #[expect(clippy::too_many_arguments, reason = "the signature is given")]
    #[new]
    #[pyo3(signature = (
        server_hostname, http_path, auth_provider, ssl_options, catalog=None, schema=None,
        http_headers=None, http_client=None, **kwargs
    ))]
    fn new(
        py: Python<'_>,
        server_hostname: &str,
        http_path: &str,
        auth_provider: Option<&Bound<'_, PyAny>>,
        ssl_options: Option<&Bound<'_, PyAny>>,
        catalog: Option<String>,
        schema: Option<String>,
        http_headers: Option<Vec<(String, String)>>,
        http_client: Option<&Bound<'_, PyAny>>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        // What the connector sends itself, such as files of volumes, it sends by a client of its own.
        let _ = http_client;
        Peer::get(py)?;
        let named = Named {
            server_hostname,
            http_path,
            auth_provider,
            ssl_options,
            catalog,
            schema,
            http_headers,
        };
        Ok(Self {
            options: Options::parse(py, named, &Arguments(kwargs)),
            sessions: Sessions::default(),
            statements: Statements::default(),
        })
    }

    /// Opens a session and returns its `SessionId`.
    #[pyo3(signature = (session_configuration, catalog, schema))]
    fn open_session<'py>(
        &self,
        py: Python<'py>,
        session_configuration: Option<&Bound<'py, PyAny>>,
        catalog: Option<String>,
        schema: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = self.options(py)?;
        let config = SessionConfig {
            catalog: catalog.or_else(|| options.catalog.clone()),
            schema: schema.or_else(|| options.schema.clone()),
            session_configuration: settings(options.way, session_configuration)?,
            results: options.results.clone(),
            reopens: true,
            ..SessionConfig::default()
        };
        let opening = Session::open(
            options.endpoint.clone(),
            std::sync::Arc::clone(&options.token),
            options.http.clone(),
            config,
        );
        let session = wait(py, opening)?.map_err(|error| to_pyerr(py, &error))?;
        close_at_exit(py, &session)?;
        let id = session.id().to_string();
        let session_id = Peer::get(py)?.session_id(py, &id)?;
        self.sessions.add(id, session);
        Ok(session_id)
    }

    /// Closes a session and what runs in it.
    fn close_session(&self, py: Python<'_>, session_id: &Bound<'_, PyAny>) -> PyResult<()> {
        let session = self.sessions.remove(&session_in(session_id)?);
        let Some(session) = session.filter(Session::is_of_this_process) else {
            return Ok(());
        };
        drop(self.statements.take_all());
        wait(py, session.close())
    }

    /// Executes a statement: returns its `ResultSet`, or None where it is not waited for.
    #[expect(clippy::too_many_arguments, reason = "the signature is given")]
    #[pyo3(signature = (
        operation, session_id, max_rows, max_bytes, lz4_compression, cursor, use_cloud_fetch,
        parameters, async_op, enforce_embedded_schema_correctness, row_limit=None, query_tags=None
    ))]
    fn execute_command<'py>(
        slf: &Bound<'py, Self>,
        operation: String,
        session_id: &Bound<'py, PyAny>,
        max_rows: &Bound<'py, PyAny>,
        max_bytes: &Bound<'py, PyAny>,
        lz4_compression: &Bound<'py, PyAny>,
        cursor: &Bound<'py, PyAny>,
        use_cloud_fetch: &Bound<'py, PyAny>,
        parameters: Option<&Bound<'py, PyAny>>,
        async_op: bool,
        enforce_embedded_schema_correctness: &Bound<'py, PyAny>,
        row_limit: Option<i64>,
        query_tags: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Py<ResultSet>>> {
        // What is read ahead is bounded in bytes by the core, and schemas are always checked.
        let _ = (max_rows, max_bytes, enforce_embedded_schema_correctness);
        let (py, this) = (slf.py(), slf.get());
        let session = this.sessions.get(session_id)?;
        let row_limit = row_limit
            .map(u64::try_from)
            .transpose()
            .map_err(|_| raise(py, "ProgrammingError", "row_limit must not be negative"))?;
        let (sql, parameters) = parameters::bound(py, operation, parameters)?;
        let statement = Statement {
            sql,
            parameters,
            // The service takes no 0; that row is left out here.
            row_limit: row_limit.map(|limit| limit.max(1)),
            query_tags: tags_of(query_tags)?,
            delivery: Delivery {
                inline: !use_cloud_fetch.is_truthy()?,
                uncompressed: !lz4_compression.is_truthy()?,
            },
            ..Statement::default()
        };
        if async_op {
            this.submit(&session, statement, cursor, row_limit)?;
            return Ok(None);
        }
        Self::execute(slf, &session, statement, cursor, row_limit).map(Some)
    }

    /// Asks the service to end a statement.
    fn cancel_command(&self, py: Python<'_>, command_id: &Bound<'_, PyAny>) -> PyResult<()> {
        let id = statement_in(command_id)?;
        let session = self.sessions.any(py)?;
        self.statements.cancel(py, &session, &id)
    }

    /// Ends the statement that runs for a cursor; tells whether there was one.
    fn cancel_running_cursor(&self, cursor: &Bound<'_, PyAny>) -> bool {
        let control = self.statements.of_cursor(cursor);
        if let Some(control) = &control {
            control.cancel();
        }
        control.is_some()
    }

    /// Closes a statement at the service.
    fn close_command(&self, py: Python<'_>, command_id: &Bound<'_, PyAny>) -> PyResult<()> {
        let id = statement_in(command_id)?;
        self.sessions.check_process(py)?;
        self.statements.close(py, &id)
    }

    /// How far a statement is: its `CommandState`. The failure of one that failed is raised.
    fn get_query_state<'py>(
        &self,
        py: Python<'py>,
        command_id: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let id = statement_in(command_id)?;
        let session = self.sessions.any(py)?;
        let state = self.statements.state(py, &session, &id)?;
        Peer::get(py)?.state(py, state)
    }

    /// Waits for the end of a statement that was submitted; returns its `ResultSet`.
    fn get_execution_result(
        slf: &Bound<'_, Self>,
        command_id: &Bound<'_, PyAny>,
        cursor: &Bound<'_, PyAny>,
    ) -> PyResult<Py<ResultSet>> {
        let (py, this) = (slf.py(), slf.get());
        let id = statement_in(command_id)?;
        let session = this.sessions.any(py)?;
        let (executed, row_limit) = this.statements.await_result(py, &session, &id)?;
        let control = StatementControl::default();
        Self::result_set(slf, executed, control, cursor, (false, row_limit))
    }

    /// The catalogs.
    fn get_catalogs(
        slf: &Bound<'_, Self>,
        session_id: &Bound<'_, PyAny>,
        max_rows: &Bound<'_, PyAny>,
        max_bytes: &Bound<'_, PyAny>,
        cursor: &Bound<'_, PyAny>,
    ) -> PyResult<Py<ResultSet>> {
        let _ = (max_rows, max_bytes);
        Self::ask(slf, session_id, cursor, async |metadata| {
            metadata.catalogs().await
        })
    }

    /// The schemas of one catalog or of all.
    #[pyo3(signature = (session_id, max_rows, max_bytes, cursor, catalog_name=None, schema_name=None))]
    fn get_schemas(
        slf: &Bound<'_, Self>,
        session_id: &Bound<'_, PyAny>,
        max_rows: &Bound<'_, PyAny>,
        max_bytes: &Bound<'_, PyAny>,
        cursor: &Bound<'_, PyAny>,
        catalog_name: Option<&str>,
        schema_name: Option<&str>,
    ) -> PyResult<Py<ResultSet>> {
        let _ = (max_rows, max_bytes);
        Self::ask(slf, session_id, cursor, async |metadata| {
            metadata.schemas(catalog(catalog_name), schema_name).await
        })
    }

    /// The tables and views of the catalogs that match a pattern.
    #[expect(clippy::too_many_arguments, reason = "the signature is given")]
    #[pyo3(signature = (
        session_id, max_rows, max_bytes, cursor, catalog_name=None, schema_name=None,
        table_name=None, table_types=None
    ))]
    fn get_tables(
        slf: &Bound<'_, Self>,
        session_id: &Bound<'_, PyAny>,
        max_rows: &Bound<'_, PyAny>,
        max_bytes: &Bound<'_, PyAny>,
        cursor: &Bound<'_, PyAny>,
        catalog_name: Option<&str>,
        schema_name: Option<&str>,
        table_name: Option<&str>,
        table_types: Option<Vec<String>>,
    ) -> PyResult<Py<ResultSet>> {
        let _ = (max_rows, max_bytes);
        let escapes = slf.get().options(slf.py())?.escape_catalog_name;
        let catalog = catalog(catalog_name).map(|name| {
            if escapes {
                escape_underscores(name)
            } else {
                name.to_owned()
            }
        });
        Self::ask(slf, session_id, cursor, async |metadata| {
            let types = table_types.as_deref().filter(|types| !types.is_empty());
            metadata
                .tables(catalog.as_deref(), schema_name, table_name, types)
                .await
        })
    }

    /// The columns of tables and views.
    #[expect(clippy::too_many_arguments, reason = "the signature is given")]
    #[pyo3(signature = (
        session_id, max_rows, max_bytes, cursor, catalog_name=None, schema_name=None,
        table_name=None, column_name=None
    ))]
    fn get_columns(
        slf: &Bound<'_, Self>,
        session_id: &Bound<'_, PyAny>,
        max_rows: &Bound<'_, PyAny>,
        max_bytes: &Bound<'_, PyAny>,
        cursor: &Bound<'_, PyAny>,
        catalog_name: Option<&str>,
        schema_name: Option<&str>,
        table_name: Option<&str>,
        column_name: Option<&str>,
    ) -> PyResult<Py<ResultSet>> {
        let _ = (max_rows, max_bytes);
        Self::ask(slf, session_id, cursor, async |metadata| {
            metadata
                .columns(catalog(catalog_name), schema_name, table_name, column_name)
                .await
        })
    }

    /// How many downloads the connector was told to allow; here memory bounds them.
    #[getter]
    fn max_download_threads(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.options(py)?.max_download_threads)
    }

    fn __repr__(&self) -> String {
        match &self.options {
            Ok(options) => {
                let host = options.endpoint.authority();
                format!("<KernelDatabricksClient of {host}>")
            }
            Err(_) => "<KernelDatabricksClient>".to_owned(),
        }
    }
}
