//! From a statement to the result set of the cursor that runs it.

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::backend::KernelDatabricksClient;
use super::description::description;
use super::exceptions::to_pyerr;
use super::options::Options;
use super::peer::Peer;
use super::result_set::{About, ResultSet};
use super::rows::{ConnectorRows, Rows};
use super::statements::{Known, Run};
use crate::client::{
    ExecutedStatement, RepresentedStream, ResultStream, Session, Statement, StatementControl,
};
use crate::python::runtime::wait;

impl KernelDatabricksClient {
    /// The result of a statement, which becomes the active one of the cursor.
    pub(super) fn result_set(
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
        let mut rows = rows(stream, options, &control, cursor)?;
        if row_limit == Some(0) {
            rows = rows.without_rows();
        }
        let modified_rows = if counts && modified_rows.is_none() {
            rows.affected_rows(py)?
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
    pub(super) fn about(
        cursor: &Bound<'_, PyAny>,
        id: String,
        description: Py<PyList>,
    ) -> PyResult<About> {
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
    pub(super) fn begin(
        &self,
        cursor: &Bound<'_, PyAny>,
        control: &StatementControl,
    ) -> PyResult<Run<'_>> {
        let run = self.statements.run(cursor, control.clone());
        cursor.setattr("active_command_id", cursor.py().None())?;
        Ok(run)
    }

    /// Executes and waits; the cursor knows the statement's id as soon as the service has given it.
    pub(super) fn execute(
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
    pub(super) fn submit(
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
}

/// Lets the cursor know its statement.
pub(super) fn publish(cursor: &Bound<'_, PyAny>, id: &str) -> PyResult<()> {
    let command_id = Peer::get(cursor.py())?.command_id(cursor.py(), id)?;
    cursor.setattr("active_command_id", command_id)
}

/// The rows of a result, in the types that the backend was asked for.
pub(super) fn rows(
    stream: ResultStream,
    options: &Options,
    control: &StatementControl,
    cursor: &Bound<'_, PyAny>,
) -> PyResult<Rows> {
    let stream = RepresentedStream::new(stream, Some(options.representation));
    let connection = cursor.getattr("connection")?;
    let lists = connection.getattr_opt("disable_pandas")?;
    // The connection wants arrays of numpy unless it was told not to use pandas.
    let numpy_arrays = !lists.is_some_and(|lists| lists.is_truthy().unwrap_or(false));
    Ok(Rows::new(
        stream,
        control.clone(),
        ConnectorRows { numpy_arrays },
    ))
}
