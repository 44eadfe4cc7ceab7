//! From SQL and parameters to a result: what every way of executing a statement shares.

use std::ffi::CStr;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyRuntimeWarning;
use pyo3::prelude::*;
use pyo3::types::PyAny;

use super::cursor::Cursor;
use super::description::description;
use super::exceptions::{DataError, ProgrammingError, Warning, raise, to_pyerr};
use super::options::{OnTruncated, seconds};
use super::progress::{Reporter, callback, tell};
use super::result_set::ResultSet;
use super::transaction::Outcome;
use super::turn::{About, Turn};
use super::volume::{Streams, time_left};
use crate::client::sql::{Template, Values, is_empty};
use crate::client::volume::shortened;
use crate::client::wire::StatementParameter;
use crate::client::{ExecutedStatement, ResultStream, Statement, StatementControl};
use crate::python::convert::parameter::{ParameterError, ParameterOptions, values};
use crate::python::runtime::wait_and;

/// What goes along with a statement and is not sent.
#[derive(Clone, Copy, Default)]
pub(super) struct Beside<'a, 'py> {
    /// What the statement is for, as errors say it.
    pub(super) what: Option<&'a str>,
    /// Whether others of the same call have run, for good.
    pub(super) is_later: bool,
    pub(super) streams: Streams<'a, 'py>,
    /// What is called meanwhile, if not what the cursor calls.
    pub(super) progress: Option<&'a Bound<'py, PyAny>>,
}

impl Cursor {
    /// Runs one statement; its result becomes that of the cursor.
    pub(super) fn run(
        &self,
        py: Python<'_>,
        turn: &mut Turn<'_>,
        statement: Statement,
        beside: Beside<'_, '_>,
    ) -> PyResult<()> {
        let started = Instant::now();
        let (text, timeout) = (shortened(&statement.sql), statement.timeout);
        let (control, mut reporter) = self.watched(py, beside.progress)?;
        self.begin(py, turn, &control)?;
        let statement = Statement {
            row_limit: self.row_limit,
            ..statement
        };
        let session = self.connection.get().session(py)?;
        let tell = |py: Python<'_>| tell(py, reporter.as_mut());
        let transactions = self.connection.get().transactions();
        let step = transactions.starts(&statement.sql);
        let executed = wait_and(py, tell, session.execute(statement, &control));
        transactions.ends(step, Outcome::of(&executed));
        self.inner.about().query_id = control.statement_id();
        let executed = executed?.map_err(|error| {
            let error = match beside.what {
                Some(what) => error.with_context(what),
                None => error,
            };
            if beside.is_later {
                to_pyerr(py, &error.with_retryable(false))
            } else {
                to_pyerr(py, &error)
            }
        })?;
        if executed.is_volume_operation() {
            let time = time_left(timeout, started);
            let with = (Some(&*text), beside.streams);
            return self.move_file(py, executed, with, &control, (time, reporter));
        }
        self.keep_executed(py, turn, executed, (control, reporter))
    }

    /// What ends a statement, and what tells of it where the caller wants to know.
    pub(super) fn watched(
        &self,
        py: Python<'_>,
        given: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(StatementControl, Option<Reporter>)> {
        let callback = match given {
            Some(given) => Some(callback("progress", given)?),
            None => self.progress.as_ref().map(|own| own.clone_ref(py)),
        };
        Ok(match callback {
            None => (StatementControl::default(), None),
            Some(callback) => {
                let control = StatementControl::observed();
                let reporter = Reporter::new(callback, control.clone());
                (control, Some(reporter))
            }
        })
    }

    /// Lets go of what was there before a new statement.
    pub(super) fn begin(
        &self,
        py: Python<'_>,
        turn: &mut Turn<'_>,
        control: &StatementControl,
    ) -> PyResult<()> {
        **turn = None;
        let messages = self.messages.bind(py);
        messages.del_slice(0, messages.len())?;
        let before = {
            let mut about = self.inner.about();
            let about_this = About {
                control: control.clone(),
                ..About::default()
            };
            std::mem::replace(&mut *about, about_this)
        };
        drop(before);
        Ok(())
    }

    /// Makes a result without counts that of the cursor.
    pub(super) fn keep(
        &self,
        py: Python<'_>,
        turn: &mut Turn<'_>,
        stream: ResultStream,
        control: StatementControl,
    ) -> PyResult<()> {
        self.keep_watched(py, turn, stream, (control, None), (None, false))
    }

    /// Makes the result of a statement that of the cursor, and tells of its way.
    pub(super) fn keep_executed(
        &self,
        py: Python<'_>,
        turn: &mut Turn<'_>,
        executed: ExecutedStatement,
        watched: (StatementControl, Option<Reporter>),
    ) -> PyResult<()> {
        let counts = (executed.modified_rows(), executed.is_count_row());
        self.keep_watched(py, turn, executed.into_stream(), watched, counts)
    }

    fn keep_watched(
        &self,
        py: Python<'_>,
        turn: &mut Turn<'_>,
        stream: ResultStream,
        watched: (StatementControl, Option<Reporter>),
        (modified_rows, is_count_row): (Option<i64>, bool),
    ) -> PyResult<()> {
        let options = &self.connection.get().options().results;
        let row_factory = self.row_factory.clone_ref(py);
        let mut result = ResultSet::new(stream, watched, row_factory, options.maps_as_dicts);
        let affected_rows = match modified_rows {
            None if is_count_row => result.rows.affected_rows(py)?,
            known => known,
        };
        let stream = result.rows.stream();
        let columns = if is_count_row && !options.dml_count_row {
            &[]
        } else {
            stream.columns()
        };
        let total_rows = stream.total_rows().filter(|_| !columns.is_empty());
        let total_rows = total_rows.and_then(|rows| i64::try_from(rows).ok());
        let description = description(py, columns)?;
        let truncated = stream.is_truncated();
        {
            let mut about = self.inner.about();
            about.truncated = truncated;
            about.rowcount = affected_rows.or(total_rows);
            about.description = description;
        }
        if truncated && self.row_limit.is_none() {
            // Dropped on the way out, if this raises.
            self.complain_of_truncation(py)?;
        }
        **turn = Some(result);
        Ok(())
    }

    /// Runs a statement of the driver's own.
    pub(super) fn run_own(
        &self,
        py: Python<'_>,
        sql: &str,
        timeout: Option<Duration>,
    ) -> PyResult<()> {
        let mut turn = self.turn(py)?;
        let statement = Statement {
            sql: sql.to_owned(),
            timeout,
            ..Statement::default()
        };
        self.run(py, &mut turn, statement, Beside::default())
    }

    fn complain_of_truncation(&self, py: Python<'_>) -> PyResult<()> {
        const MESSAGE: &CStr = c"the service cut the result short at a limit of its own; \
            ask for less, or take what there is with on_truncated='warn'";
        match self.connection.get().options().results.on_truncated {
            OnTruncated::Raise => {
                self.inner.about().description = None;
                Err(raise::<DataError>(py, MESSAGE.to_string_lossy()))
            }
            OnTruncated::Warn => {
                let category = py.get_type::<PyRuntimeWarning>();
                let text = MESSAGE.to_string_lossy();
                self.messages
                    .bind(py)
                    .append((py.get_type::<Warning>(), text))?;
                PyErr::warn(py, &category, MESSAGE, 1)
            }
        }
    }

    pub(super) fn parameter_options(&self) -> ParameterOptions {
        self.connection.get().options().parameters
    }

    /// What `given` has for markers; None when that is nothing.
    pub(super) fn values(
        &self,
        py: Python<'_>,
        given: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Values>> {
        values(given, self.parameter_options()).map_err(|error| match error {
            ParameterError::Wrong(message) => raise::<ProgrammingError>(py, message),
            ParameterError::Python(raised) => raised,
        })
    }

    /// The statement with its parameters, as it is sent.
    pub(super) fn bind(
        &self,
        py: Python<'_>,
        sql: &str,
        given: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(String, Vec<StatementParameter>)> {
        check_not_empty(py, sql)?;
        let values = given.map(|given| self.values(py, given)).transpose()?;
        let Some(values) = values.flatten() else {
            return Ok((sql.to_owned(), Vec::new()));
        };
        let bound = Template::parse(sql, self.parameter_options().inline)
            .bind(values)
            .map_err(|error| raise::<ProgrammingError>(py, error.to_string()))?;
        Ok((bound.sql.into_owned(), bound.parameters))
    }

    pub(super) fn timeout(&self, given: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Duration>> {
        match given {
            Some(given) => seconds("timeout", given).map(Some),
            None => Ok(self.timeout),
        }
    }
}

/// Says what to do where nothing but blanks and comments is to be executed.
pub(super) fn check_not_empty(py: Python<'_>, sql: &str) -> PyResult<()> {
    if !is_empty(sql) {
        return Ok(());
    }
    Err(raise::<ProgrammingError>(
        py,
        "there is no statement to execute: the SQL text is empty, or all of it is comments; pass one statement",
    ))
}
