//! The statements of a backend, which the connector knows by their ids only.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::client::{StatementControl, SubmittedStatement};

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
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Statements {
    pub(super) fn get(&self, id: &str) -> Option<Known> {
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

    /// As long as the answer lives, the statement of `cursor` can be found.
    pub(super) fn run(&self, cursor: usize, control: StatementControl) -> Run<'_> {
        locked(&self.running).insert(cursor, control);
        Run {
            statements: self,
            cursor,
        }
    }

    /// The statement that runs for `cursor`.
    pub(super) fn of_cursor(&self, cursor: usize) -> Option<StatementControl> {
        locked(&self.running).get(&cursor).cloned()
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
