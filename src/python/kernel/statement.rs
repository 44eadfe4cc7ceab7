//! `Statement`: what is to be executed, once or again and again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::async_statement::ExecutedAsyncStatement;
use super::canceller::StatementCanceller;
use super::error::{closed, to_pyerr};
use super::executed::{ExecutedStatement, Outcome};
use super::execution::{Life, Slot};
use super::handle::Handle;
use crate::client::parameter::Bindings;
use crate::client::submitted::WeakSubmitted;
use crate::client::wire::QueryTag;
use crate::client::{self, Error, StatementControl};
use crate::python::convert::argument;
use crate::python::turn::{Shared, Turn};

/// What is to be executed.
#[pyclass(frozen, module = "databricks_sql_kernel")]
pub(crate) struct Statement {
    handle: Handle,
    state: Mutex<State>,
    slot: Arc<Slot>,
    /// Held by the call that executes; others wait.
    turn: Shared<()>,
}

#[derive(Default)]
struct State {
    closed: bool,
    sql: Option<String>,
    bindings: Bindings,
    row_limit: Option<u64>,
    tags: Vec<QueryTag>,
    life: Option<Arc<Life>>,
    submitted: Option<WeakSubmitted>,
}

impl Statement {
    pub(super) fn new(handle: Handle) -> Self {
        Self {
            handle,
            state: Mutex::default(),
            slot: Arc::default(),
            turn: Shared::default(),
        }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, State>> {
        let state = self.locked();
        if state.closed {
            drop(state);
            return Err(closed(py, "Statement is closed"));
        }
        Ok(state)
    }

    /// What is sent by an execution that begins now.
    fn begin(&self, py: Python<'_>) -> PyResult<client::Statement> {
        let state = self.open(py)?;
        let Some(sql) = state.sql.clone() else {
            drop(state);
            let message = "there is no SQL to execute; call set_sql() first";
            return Err(to_pyerr(py, &Error::invalid_argument(message)));
        };
        Ok(client::Statement {
            sql,
            parameters: state.bindings.parameters(),
            // The service takes no 0; that row is left out here.
            row_limit: state.row_limit.map(|limit| limit.max(1)),
            query_tags: state.tags.clone(),
            ..client::Statement::default()
        })
    }

    /// Waits until no other call executes.
    fn turn(&self, py: Python<'_>) -> PyResult<Turn<'_, ()>> {
        self.handle.turn(py, &self.turn, "Statement")
    }

    /// Ends the hold on what came of the execution before.
    fn succeed(&self, control: &StatementControl) -> (Arc<Life>, Option<WeakSubmitted>) {
        let life = Life::new(control.clone());
        let mut state = self.locked();
        if let Some(before) = state.life.replace(Arc::clone(&life)) {
            before.end();
        }
        (life, state.submitted.take())
    }
}

#[pymethods]
impl Statement {
    /// Sets the SQL text and forgets the parameters.
    fn set_sql(&self, py: Python<'_>, sql: String) -> PyResult<()> {
        let mut state = self.open(py)?;
        state.sql = Some(sql);
        state.bindings = Bindings::default();
        Ok(())
    }

    /// Sets the most rows that the service shall give; None for all.
    fn set_row_limit(&self, py: Python<'_>, row_limit: Option<i64>) -> PyResult<()> {
        let row_limit = row_limit.map(u64::try_from).transpose().map_err(|_| {
            let message = "row_limit must not be negative";
            to_pyerr(py, &Error::invalid_argument(message))
        })?;
        self.open(py)?.row_limit = row_limit;
        Ok(())
    }

    /// Binds the `ordinal`-th `?`, from 1, to a value that is given as text.
    fn bind_param(
        &self,
        py: Python<'_>,
        ordinal: i64,
        value_str: Option<&str>,
        sql_type: &str,
    ) -> PyResult<()> {
        let bound = self
            .open(py)?
            .bindings
            .bind_place(ordinal, value_str, sql_type);
        bound.map_err(|error| to_pyerr(py, &error))
    }

    /// Binds `:name` to a value that is given as text.
    fn bind_named_param(
        &self,
        py: Python<'_>,
        name: &str,
        value_str: Option<&str>,
        sql_type: &str,
    ) -> PyResult<()> {
        let bound = self.open(py)?.bindings.bind_name(name, value_str, sql_type);
        bound.map_err(|error| to_pyerr(py, &error))
    }

    /// Marks the statement in the query history.
    fn set_query_tags(&self, py: Python<'_>, tags: &Bound<'_, PyDict>) -> PyResult<()> {
        let what = "a dict of str to str or None";
        let tags: BTreeMap<String, Option<String>> = argument("tags", what, tags)?;
        let mut state = self.open(py)?;
        if tags.is_empty() {
            return Ok(());
        }
        if !state.tags.is_empty() {
            drop(state);
            let message = "query tags were set before; give all of them in one call";
            return Err(to_pyerr(py, &Error::invalid_argument(message)));
        }
        state.tags = tags
            .into_iter()
            .map(|(key, value)| QueryTag { key, value })
            .collect();
        Ok(())
    }

    /// What cancels an execution, from any thread: the one that runs, or the first to come.
    fn canceller(&self, py: Python<'_>) -> PyResult<StatementCanceller> {
        drop(self.open(py)?);
        Ok(StatementCanceller::new(Arc::clone(&self.slot)))
    }

    /// Executes the statement and waits for its end.
    fn execute(&self, py: Python<'_>) -> PyResult<ExecutedStatement> {
        self.begin(py)?;
        let session = self.handle.session(py)?;
        let turn = self.turn(py)?;
        let statement = self.begin(py)?;
        let no_rows = self.locked().row_limit == Some(0);
        let control = self.slot.begin();
        let (life, _) = self.succeed(&control);
        let outcome = self.handle.wait(py, async {
            let limit = statement.row_limit;
            let executed = session.execute(statement, &control).await?;
            let id = executed.id().to_owned();
            let mut outcome = Outcome::of(executed, limit, &self.handle).await;
            if no_rows && let Ok(outcome) = &mut outcome {
                outcome.rows.close();
            }
            outcome.map_err(|error| error.with_statement_id(id))
        })?;
        drop(turn);
        Ok(ExecutedStatement::new(
            self.handle.clone(),
            outcome,
            control,
            life,
        ))
    }

    /// Sends the statement and returns as soon as the service has named it.
    fn submit(&self, py: Python<'_>) -> PyResult<ExecutedAsyncStatement> {
        self.begin(py)?;
        let session = self.handle.session(py)?;
        let turn = self.turn(py)?;
        let statement = self.begin(py)?;
        let limit = statement.row_limit;
        let control = self.slot.begin();
        let (life, _) = self.succeed(&control);
        let submitted = self
            .handle
            .wait(py, async { session.submit(statement, &control).await })?;
        self.locked().submitted = Some(submitted.downgrade());
        drop(turn);
        let handle = self.handle.clone();
        Ok(ExecutedAsyncStatement::new(
            handle,
            submitted,
            Some(life),
            limit,
        ))
    }

    /// Ends what runs on the statement; results that are being read stay readable.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let (life, submitted) = {
            let mut state = self.locked();
            if state.closed {
                return Ok(());
            }
            state.closed = true;
            (state.life.take(), state.submitted.take())
        };
        if let Some(life) = life {
            life.end();
        }
        if self.turn.now().is_none() {
            self.slot.control().cancel();
        }
        let Some(submitted) = submitted.and_then(|submitted| submitted.upgrade()) else {
            return Ok(());
        };
        if !submitted.is_of_this_process() {
            return Ok(());
        }
        self.handle.wait(py, async move { submitted.close().await })
    }
}
