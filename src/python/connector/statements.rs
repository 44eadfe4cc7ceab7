//! The statements of a backend, which the connector knows by their ids only.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

use super::exceptions::to_pyerr;
use crate::client::wire::StatementState;
use crate::client::{
    Error, ErrorCode, ExecutedStatement, Result, Session, StatementControl, SubmittedStatement,
};
use crate::python::runtime::wait;

/// What is known of a statement.
#[derive(Clone)]
pub(super) enum Known {
    /// Somebody waits for its end.
    Running(StatementControl),
    /// It has ended, and its result is being read.
    Ended(StatementControl),
    /// It runs by itself, or did; it stays at the service until it is closed. With the most rows that are wanted.
    Submitted(SubmittedStatement, Option<u64>),
}

/// Statements by id, and those without one yet by the cursor that runs them.
#[derive(Default)]
pub(super) struct Statements {
    known: Mutex<HashMap<String, Known>>,
    running: Mutex<HashMap<usize, StatementControl>>,
    questions: Questions,
}

/// The ids of questions about what there is. Some are several statements to the service, or none; to the connector each
/// is one.
struct Questions {
    /// What the ids of other backends do not begin with.
    prefix: String,
    asked: AtomicU64,
}

impl Default for Questions {
    fn default() -> Self {
        Self {
            prefix: format!("{:016x}", RandomState::new().hash_one(())),
            asked: AtomicU64::new(0),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Statements {
    /// The id of a question, which the service does not know.
    pub(super) fn question(&self) -> String {
        let Questions { prefix, asked } = &self.questions;
        format!("{prefix}{:016x}", asked.fetch_add(1, Ordering::Relaxed))
    }

    fn is_question(&self, id: &str) -> bool {
        id.starts_with(&self.questions.prefix)
    }

    fn get(&self, id: &str) -> Option<Known> {
        locked(&self.known).get(id).cloned()
    }

    pub(super) fn put(&self, id: String, known: Known) {
        let before = locked(&self.known).insert(id, known);
        drop(before);
    }

    pub(super) fn remove(&self, id: &str) -> Option<Known> {
        locked(&self.known).remove(id)
    }

    /// Forgets a statement that was not submitted.
    pub(super) fn forget(&self, id: &str) {
        let mut known = locked(&self.known);
        let removed = match known.get(id) {
            Some(Known::Running(_) | Known::Ended(_)) => known.remove(id),
            _ => None,
        };
        drop(known);
        drop(removed);
    }

    pub(super) fn take_all(&self) -> Vec<Known> {
        let known = std::mem::take(&mut *locked(&self.known));
        known.into_values().collect()
    }

    /// Asks the service to end a statement.
    pub(super) fn cancel(&self, py: Python<'_>, session: &Session, id: &str) -> PyResult<()> {
        let asked = match self.get(id) {
            Some(Known::Running(control) | Known::Ended(control)) => {
                control.cancel();
                return Ok(());
            }
            Some(Known::Submitted(submitted, _)) => wait(py, submitted.cancel())?,
            None if self.is_question(id) => return Ok(()),
            None => wait(py, session.cancel_statement(id))?,
        };
        unless_gone(py, asked)
    }

    /// Closes a statement at the service.
    pub(super) fn close(&self, py: Python<'_>, id: &str) -> PyResult<()> {
        let closed = match self.remove(id) {
            Some(Known::Submitted(submitted, _)) => wait(py, submitted.close())?,
            Some(Known::Running(control) | Known::Ended(control)) => {
                control.abandon();
                Ok(())
            }
            None => Ok(()),
        };
        unless_gone(py, closed)
    }

    /// How far a statement is. The failure of one that failed is raised.
    pub(super) fn state(
        &self,
        py: Python<'_>,
        session: &Session,
        id: &str,
    ) -> PyResult<StatementState> {
        let progress = match self.get(id) {
            Some(Known::Running(_)) => return Ok(StatementState::Running),
            Some(Known::Ended(_)) => return Ok(StatementState::Succeeded),
            Some(Known::Submitted(submitted, _)) => wait(py, submitted.progress())?,
            None if self.is_question(id) => return Ok(StatementState::Succeeded),
            None => wait(py, async { session.attach(id).await?.progress().await })?,
        };
        match progress.map(|progress| (progress.state, progress.failure)) {
            Ok((StatementState::Failed, Some(failure))) => Err(to_pyerr(py, &failure)),
            Ok((state, _)) => Ok(state),
            Err(error) => Err(looked_for_in_vain(py, error)),
        }
    }

    /// Waits for the end of a statement that runs by itself; its result, and the most rows that are wanted.
    pub(super) fn await_result(
        &self,
        py: Python<'_>,
        session: &Session,
        id: &str,
    ) -> PyResult<(ExecutedStatement, Option<u64>)> {
        let (executed, row_limit) = match self.get(id) {
            Some(Known::Submitted(submitted, row_limit)) => {
                (wait(py, submitted.await_result())?, row_limit)
            }
            Some(Known::Running(_) | Known::Ended(_)) => {
                let message =
                    "the statement was not submitted, and its result went to whoever waited for it";
                (Err(Error::invalid_argument(message)), None)
            }
            None => {
                let attached = async { session.attach(id).await?.await_result().await };
                (wait(py, attached)?, None)
            }
        };
        let executed = executed.map_err(|error| looked_for_in_vain(py, error))?;
        Ok((executed, row_limit))
    }

    /// As long as the answer lives, the statement of `cursor` can be found.
    pub(super) fn run(&self, cursor: &Bound<'_, PyAny>, control: StatementControl) -> Run<'_> {
        let cursor = key(cursor);
        locked(&self.running).insert(cursor, control);
        Run {
            statements: self,
            cursor,
        }
    }

    /// The statement that runs for `cursor`.
    pub(super) fn of_cursor(&self, cursor: &Bound<'_, PyAny>) -> Option<StatementControl> {
        locked(&self.running).get(&key(cursor)).cloned()
    }
}

/// A statement that runs for a cursor.
pub(super) struct Run<'a> {
    statements: &'a Statements,
    cursor: usize,
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        locked(&self.statements.running).remove(&self.cursor);
    }
}

/// What tells cursors apart while they live.
fn key(cursor: &Bound<'_, PyAny>) -> usize {
    cursor.as_ptr().addr()
}

/// Who ends a statement may come late.
fn unless_gone(py: Python<'_>, ended: Result<()>) -> PyResult<()> {
    match ended {
        Err(error) if error.code() != ErrorCode::NotFound => Err(to_pyerr(py, &error)),
        _ => Ok(()),
    }
}

/// The failure of a question about a statement; of one that the service does not know, as the connector says it.
fn looked_for_in_vain(py: Python<'_>, error: Error) -> PyErr {
    let error = match (error.code(), error.http_status()) {
        (ErrorCode::NotFound, Some(status)) => error.with_context(&format!(
            "Error during request to server. SEA HTTP request failed with status {status}"
        )),
        _ => error,
    };
    to_pyerr(py, &error)
}
