//! What a cursor's calls share: the result, which they take turns with, and what can always be asked.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::exceptions::{ProgrammingError, raise};
use super::result_set::ResultSet;
use super::transaction::Step;
use crate::client::{Error, Result, StatementControl, SubmittedStatement};
use crate::python::turn::{self, Shared};

/// What the connection sees of a cursor, and what its calls take turns with.
///
/// Lock order: `result` before `about`.
#[derive(Default)]
pub(super) struct CursorInner {
    closed: AtomicBool,
    pub(super) result: Shared<Option<ResultSet>>,
    about: Mutex<About>,
}

/// What can be asked of a cursor at any time, also while a call goes on.
#[derive(Default)]
pub(super) struct About {
    pub(super) control: StatementControl,
    pub(super) query_id: Option<String>,
    pub(super) description: Option<Py<PyList>>,
    pub(super) rowcount: Option<i64>,
    pub(super) rownumber: Option<u64>,
    pub(super) truncated: bool,
    /// What runs by itself.
    pub(super) submitted: Option<SubmittedStatement>,
    /// The same to the transactions, until its end is heard of.
    pub(super) step: Option<Step>,
}

impl CursorInner {
    /// Ends everything, whatever other threads are doing.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let (control, submitted) = {
            let mut about = self.about();
            (about.control.clone(), about.submitted.take())
        };
        drop(submitted);
        match self.result.now() {
            Some(mut result) => *result = None,
            None => control.abandon(),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Waits until no other thread is in a call on the cursor.
    pub(super) fn turn(&self, py: Python<'_>) -> PyResult<Turn<'_>> {
        let turn = self.result.turn(py)?;
        turn.map(|result| self.taken(result))
            .map_err(|in_use| raise::<ProgrammingError>(py, in_use.of("cursor")))
    }

    /// The same where the interpreter may not be held.
    pub(super) async fn turn_anywhere(&self) -> Result<Turn<'_>> {
        let turn = self.result.turn_anywhere().await;
        turn.map(|result| self.taken(result))
            .map_err(|in_use| Error::invalid_argument(in_use.of("cursor")))
    }

    fn taken<'a>(&'a self, result: turn::Turn<'a, Option<ResultSet>>) -> Turn<'a> {
        Turn {
            inner: self,
            result,
        }
    }

    pub(super) fn about(&self) -> MutexGuard<'_, About> {
        self.about.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call's turn at the result of a cursor.
pub(super) struct Turn<'a> {
    inner: &'a CursorInner,
    result: turn::Turn<'a, Option<ResultSet>>,
}

impl Deref for Turn<'_> {
    type Target = Option<ResultSet>;
    fn deref(&self) -> &Self::Target {
        &self.result
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.result
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(result) = self.result.as_mut() {
            self.inner.about().rownumber = Some(result.rows.given());
            if self.inner.is_closed() {
                result.rows.close();
            }
        }
    }
}
