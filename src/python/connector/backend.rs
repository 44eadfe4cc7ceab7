//! `KernelDatabricksClient`: what the connector's session and cursors call.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyMapping};

use super::description::description;
use super::exceptions::{raise, to_pyerr};
use super::fetch::Rows;
use super::options::{Named, Options, settings};
use super::parameters;
use super::peer::Peer;
use super::result_set::{About, ResultSet};
use super::statements::{Known, Run, Statements};
use super::value::Arguments;
use crate::client::metadata::Table;
use crate::client::wire::{QueryTag, StatementState};
use crate::client::{
    Delivery, Error, ErrorCode, ExecutedStatement, Metadata, Result, Session, SessionConfig,
    Statement, StatementControl,
};
use crate::python::runtime::{close_at_exit, wait};

/// The backend of `databricks-sql-connector`, for `use_sea=True` and `use_kernel=True`.
#[pyclass(frozen, weakref, module = "databricks_sql_kernel.connector")]
pub(crate) struct KernelDatabricksClient {
    /// What the arguments came to; a failure is raised when a session is opened.
    options: PyResult<Options>,
    /// Sessions by the ids that the connector knows them by; one that is opened again gets another.
    sessions: Mutex<Vec<(String, Session)>>,
    statements: Statements,
}

impl KernelDatabricksClient {
    pub(super) fn statements(&self) -> &Statements {
        &self.statements
    }

    fn options(&self, py: Python<'_>) -> PyResult<&Options> {
        self.options.as_ref().map_err(|raised| raised.clone_ref(py))
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<(String, Session)>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session of an id, where it may be used.
    fn session(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<Session> {
        let id = sea_id(id, "to_sea_session_id", "session")?;
        let found = self
            .sessions()
            .iter()
            .find(|(known, _)| *known == id)
            .cloned();
        let (_, session) = found.ok_or_else(|| {
            raise(
                py,
                "InterfaceError",
                "the session is not open; connect again",
            )
        })?;
        self.check_process(py)?;
        Ok(session)
    }

    /// Any session, for what goes by the id of a statement.
    fn any_session(&self, py: Python<'_>) -> PyResult<Session> {
        let session = self.sessions().first().cloned();
        let (_, session) = session.ok_or_else(|| {
            raise(
                py,
                "InterfaceError",
                "there is no open session; connect again",
            )
        })?;
        self.check_process(py)?;
        Ok(session)
    }

    /// Refuses to go on in a child of the process that connected.
    pub(super) fn check_process(&self, py: Python<'_>) -> PyResult<()> {
        let is_foreign = |(_, session): &(_, Session)| !session.is_of_this_process();
        let foreign = self.sessions().iter().any(is_foreign);
        if foreign {
            return Err(raise(
                py,
                "InterfaceError",
                "the connection belongs to the process that this one was forked from; open another one here",
            ));
        }
        Ok(())
    }

    /// The result of a statement, which becomes the active one of the cursor.
    fn result_set(
        slf: &Bound<'_, Self>,
        executed: ExecutedStatement,
        control: StatementControl,
        cursor: &Bound<'_, PyAny>,
        (is_awaited, row_limit): (bool, Option<u64>),
    ) -> PyResult<Py<ResultSet>> {
        let py = slf.py();
        let id = executed.id().to_owned();
        let counts = is_awaited && executed.is_count_row();
        let (staging, lz4) = (executed.is_volume_operation(), executed.is_compressed());
        let modified_rows = executed.modified_rows();
        let stream = executed.into_stream();
        if stream.is_truncated() && row_limit.is_none() {
            tracing::warn!("the service cut the result of statement {id}: a limit was reached");
        }
        let options = slf.get().options(py)?;
        let description = description(py, options.way, stream.columns())?;
        let mut rows = Rows::new(
            stream,
            options.representation,
            control.clone(),
            row_limit == Some(0),
            numpy_arrays(cursor)?,
        );
        let modified_rows = if counts && modified_rows.is_none() {
            rows.modified_rows(py)?
        } else {
            modified_rows
        };
        if let Some(count) = modified_rows {
            cursor.setattr("rowcount", count)?;
        }
        let about = About {
            modified_rows,
            is_staging_operation: staging,
            lz4_compressed: lz4,
            ..Self::about(cursor, id, description)?
        };
        Py::new(
            py,
            ResultSet::new(about, slf.clone().unbind(), control, rows),
        )
    }

    /// What a result set takes from its cursor, whose active command it is.
    fn about(cursor: &Bound<'_, PyAny>, id: String, description: Py<PyList>) -> PyResult<About> {
        let py = cursor.py();
        let command_id = Peer::get(py)?.command_id(py, &id)?;
        cursor.setattr("active_command_id", &command_id)?;
        Ok(About {
            connection: cursor.getattr("connection")?.unbind(),
            arraysize: cursor.getattr("arraysize")?.unbind(),
            buffer_size_bytes: cursor.getattr("buffer_size_bytes")?.unbind(),
            command_id: command_id.unbind(),
            id,
            description,
            modified_rows: None,
            is_staging_operation: false,
            lz4_compressed: false,
        })
    }

    /// From here on a cancel is meant for this statement of the cursor, and not for the one before.
    fn begin(&self, cursor: &Bound<'_, PyAny>, control: &StatementControl) -> PyResult<Run<'_>> {
        let run = self.statements.run(key(cursor), control.clone());
        cursor.setattr("active_command_id", cursor.py().None())?;
        Ok(run)
    }

    /// Executes and waits; the cursor knows the statement's id as soon as the service has given it.
    fn execute(
        slf: &Bound<'_, Self>,
        session: &Session,
        statement: Statement,
        cursor: &Bound<'_, PyAny>,
        row_limit: Option<u64>,
    ) -> PyResult<Py<ResultSet>> {
        let (py, this) = (slf.py(), slf.get());
        let control = StatementControl::default();
        let run = this.begin(cursor, &control)?;
        let mut execution = Box::pin(session.execute(statement, &control));
        let ended = wait(py, async {
            tokio::select! {
                biased;
                ended = &mut execution => Some(ended),
                _ = control.named() => None,
            }
        })?;
        let ended = if let Some(ended) = ended {
            ended
        } else {
            if let Some(id) = control.statement_id() {
                publish(cursor, &id)?;
                let known = Known::Running(control.clone());
                this.statements.put(id, known);
            }
            let ended = wait(py, execution);
            if let (Err(_), Some(id)) = (&ended, control.statement_id()) {
                this.statements.forget(&id);
            }
            ended?
        };
        drop(run);
        let executed = ended.map_err(|error| {
            if let Some(id) = control.statement_id() {
                this.statements.forget(&id);
                if let Err(raised) = publish(cursor, &id) {
                    return raised;
                }
            }
            to_pyerr(py, &error)
        })?;
        let id = executed.id().to_owned();
        this.statements
            .put(id.clone(), Known::Ended(control.clone()));
        let how = (true, row_limit);
        let made = Self::result_set(slf, executed, control.clone(), cursor, how);
        if made.is_err() {
            this.statements.forget(&id);
        }
        made
    }

    /// Submits; the result is fetched later.
    fn submit(
        &self,
        session: &Session,
        statement: Statement,
        cursor: &Bound<'_, PyAny>,
        row_limit: Option<u64>,
    ) -> PyResult<()> {
        let py = cursor.py();
        let control = StatementControl::default();
        let run = self.begin(cursor, &control)?;
        let submitted = wait(py, session.submit(statement, &control));
        drop(run);
        if let Some(id) = control.statement_id() {
            publish(cursor, &id)?;
        }
        let submitted = submitted?.map_err(|error| to_pyerr(py, &error))?;
        let id = submitted.id().to_owned();
        let known = Known::Submitted(submitted, row_limit);
        self.statements.put(id, known);
        Ok(())
    }

    /// The answer to a question about what there is.
    fn ask<F>(
        slf: &Bound<'_, Self>,
        session_id: &Bound<'_, PyAny>,
        cursor: &Bound<'_, PyAny>,
        question: impl FnOnce(Metadata) -> F,
    ) -> PyResult<Py<ResultSet>>
    where
        F: Future<Output = Result<Table>> + Send,
    {
        let (py, this) = (slf.py(), slf.get());
        let session = this.session(py, session_id)?;
        // Some questions are several statements to the service; to the connector each is one.
        let id = py.import("uuid")?.call_method0("uuid4")?;
        let id: String = id.getattr("hex")?.extract()?;
        publish(cursor, &id)?;
        let table = wait(py, question(session.metadata()))?;
        let stream = table.map_err(|error| to_pyerr(py, &error))?.into_stream();
        let options = this.options(py)?;
        let description = description(py, options.way, stream.columns())?;
        let about = Self::about(cursor, id, description)?;
        let control = StatementControl::default();
        let rows = Rows::new(
            stream,
            options.representation,
            control.clone(),
            false,
            numpy_arrays(cursor)?,
        );
        let result_set = ResultSet::new(about, slf.clone().unbind(), control, rows);
        Py::new(py, result_set)
    }
}

/// What tells cursors apart while they live.
fn key(cursor: &Bound<'_, PyAny>) -> usize {
    cursor.as_ptr().addr()
}

/// Lets the cursor know its statement.
fn publish(cursor: &Bound<'_, PyAny>, id: &str) -> PyResult<()> {
    let command_id = Peer::get(cursor.py())?.command_id(cursor.py(), id)?;
    cursor.setattr("active_command_id", command_id)
}

/// Whether the connection wants arrays of numpy, as it does unless it was told not to use pandas.
fn numpy_arrays(cursor: &Bound<'_, PyAny>) -> PyResult<bool> {
    let connection = cursor.getattr("connection")?;
    let lists = connection.getattr_opt("disable_pandas")?;
    Ok(!lists.is_some_and(|lists| lists.is_truthy().unwrap_or(false)))
}

/// The id in a `SessionId` or a `CommandId`.
fn sea_id(id: &Bound<'_, PyAny>, method: &str, what: &str) -> PyResult<String> {
    let text: Option<String> = id.call_method0(method)?.extract()?;
    text.ok_or_else(|| PyValueError::new_err(format!("the {what} id is none of this backend's")))
}

fn command(id: &Bound<'_, PyAny>) -> PyResult<String> {
    sea_id(id, "to_sea_statement_id", "command")
}

/// A pattern; an empty one asks for everything, as None does.
fn wanted(pattern: Option<&str>) -> Option<&str> {
    pattern.filter(|pattern| !pattern.is_empty())
}

/// A catalog; what stands for all of them asks for everything.
fn catalog(name: Option<&str>) -> Option<&str> {
    wanted(name).filter(|name| !matches!(*name, "%" | "*"))
}

/// With a backslash in front of each underscore that has none.
fn escaped(catalog: &str) -> String {
    let mut pattern = String::with_capacity(catalog.len());
    let mut is_escaped = false;
    for letter in catalog.chars() {
        if letter == '_' && !is_escaped {
            pattern.push('\\');
        }
        is_escaped = letter == '\\' && !is_escaped;
        pattern.push(letter);
    }
    pattern
}

fn tags(given: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<QueryTag>> {
    let Some(given) = given.filter(|given| !given.is_none()) else {
        return Ok(Vec::new());
    };
    let pairs = given.cast::<PyMapping>()?.items()?;
    let tags = pairs.iter().map(|pair| {
        let (key, value) = pair.extract().map_err(|raised: PyErr| {
            let message = format!("query_tags: {}", raised.value(given.py()));
            PyTypeError::new_err(message)
        })?;
        Ok(QueryTag { key, value })
    });
    tags.collect()
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
            sessions: Mutex::default(),
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
        self.sessions().push((id, session));
        Ok(session_id)
    }

    /// Closes a session and what runs in it.
    fn close_session(&self, py: Python<'_>, session_id: &Bound<'_, PyAny>) -> PyResult<()> {
        let id = sea_id(session_id, "to_sea_session_id", "session")?;
        let session = {
            let mut sessions = self.sessions();
            let place = sessions.iter().position(|(known, _)| *known == id);
            place.map(|place| sessions.swap_remove(place).1)
        };
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
        let session = this.session(py, session_id)?;
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
            query_tags: tags(query_tags)?,
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
        let id = command(command_id)?;
        let session = self.any_session(py)?;
        let asked = match self.statements.get(&id) {
            Some(Known::Running(control) | Known::Ended(control)) => {
                control.cancel();
                return Ok(());
            }
            Some(Known::Submitted(submitted, _)) => wait(py, submitted.cancel())?,
            None => wait(py, session.cancel_statement(&id))?,
        };
        match asked {
            Err(error) if error.code() != ErrorCode::NotFound => Err(to_pyerr(py, &error)),
            _ => Ok(()),
        }
    }

    /// Ends the statement that runs for a cursor; tells whether there was one.
    fn cancel_running_cursor(&self, cursor: &Bound<'_, PyAny>) -> bool {
        let control = self.statements.of_cursor(key(cursor));
        if let Some(control) = &control {
            control.cancel();
        }
        control.is_some()
    }

    /// Closes a statement at the service.
    fn close_command(&self, py: Python<'_>, command_id: &Bound<'_, PyAny>) -> PyResult<()> {
        let id = command(command_id)?;
        self.check_process(py)?;
        let closed = match self.statements.remove(&id) {
            Some(Known::Submitted(submitted, _)) => wait(py, submitted.close())?,
            Some(Known::Running(control) | Known::Ended(control)) => {
                control.abandon();
                Ok(())
            }
            None => Ok(()),
        };
        match closed {
            Err(error) if error.code() != ErrorCode::NotFound => Err(to_pyerr(py, &error)),
            _ => Ok(()),
        }
    }

    /// How far a statement is: its `CommandState`. The failure of one that failed is raised.
    fn get_query_state<'py>(
        &self,
        py: Python<'py>,
        command_id: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let id = command(command_id)?;
        let session = self.any_session(py)?;
        let progress = match self.statements.get(&id) {
            Some(Known::Running(_)) => Ok((StatementState::Running, None)),
            Some(Known::Ended(_)) => Ok((StatementState::Succeeded, None)),
            Some(Known::Submitted(submitted, _)) => {
                wait(py, submitted.progress())?.map(|progress| (progress.state, progress.failure))
            }
            None => wait(py, async {
                let progress = session.attach(&id).await?.progress().await?;
                Ok((progress.state, progress.failure))
            })?,
        };
        let state = match progress {
            Ok((StatementState::Failed, Some(failure))) => return Err(to_pyerr(py, &failure)),
            Ok((state, _)) => state,
            // It was closed when its result had been read.
            Err(error) if error.code() == ErrorCode::NotFound => StatementState::Succeeded,
            Err(error) => return Err(to_pyerr(py, &error)),
        };
        Peer::get(py)?.state(py, state)
    }

    /// Waits for the end of a statement that was submitted; returns its `ResultSet`.
    fn get_execution_result(
        slf: &Bound<'_, Self>,
        command_id: &Bound<'_, PyAny>,
        cursor: &Bound<'_, PyAny>,
    ) -> PyResult<Py<ResultSet>> {
        let (py, this) = (slf.py(), slf.get());
        let id = command(command_id)?;
        let session = this.any_session(py)?;
        let known = this.statements.get(&id);
        let row_limit = match &known {
            Some(Known::Submitted(_, row_limit)) => *row_limit,
            _ => None,
        };
        let executed = wait(py, async {
            match known {
                Some(Known::Submitted(submitted, _)) => submitted.await_result().await,
                Some(Known::Running(_) | Known::Ended(_)) => Err(Error::invalid_argument(
                    "the statement was not submitted, and its result went to whoever waited for it",
                )),
                None => session.attach(&id).await?.await_result().await,
            }
        })?;
        let executed = executed.map_err(|error| to_pyerr(py, &error))?;
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
            let schema = wanted(schema_name);
            metadata.schemas(catalog(catalog_name), schema).await
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
                escaped(name)
            } else {
                name.to_owned()
            }
        });
        Self::ask(slf, session_id, cursor, async |metadata| {
            let types = table_types.as_deref().filter(|types| !types.is_empty());
            metadata
                .tables(
                    catalog.as_deref(),
                    wanted(schema_name),
                    wanted(table_name),
                    types,
                )
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
                .columns(
                    catalog(catalog_name),
                    wanted(schema_name),
                    wanted(table_name),
                    wanted(column_name),
                )
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
