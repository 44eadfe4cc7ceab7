//! Transactions of a connection: `autocommit`, `commit`, `rollback`.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::connection::Connection;
use super::cursor::Cursor;
use super::exceptions::{NotSupportedError, OperationalError, raise};

/// How the connection was asked to treat transactions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TransactionOptions {
    /// Every statement is committed when it ends, whatever is asked for, as with the official connector.
    pub(super) ignored: bool,
    /// The service is asked for its mode, instead of remembering what it was told.
    pub(super) ask_service: bool,
}

/// What is known of a session's transaction.
#[derive(Debug)]
pub(super) struct Transactions {
    options: TransactionOptions,
    autocommit: AtomicBool,
    /// Whether a statement has run since the last commit or rollback. Only then is there something to end: the
    /// service refuses COMMIT without a transaction, and that refusal must not be hidden, since a transaction
    /// that was lost gives the same.
    pending: AtomicBool,
}

impl Transactions {
    pub(super) fn new(options: TransactionOptions) -> Self {
        Self {
            options,
            autocommit: AtomicBool::new(true),
            pending: AtomicBool::new(false),
        }
    }

    /// A statement is about to run.
    pub(super) fn statement_runs(&self) {
        if !self.autocommit.load(Ordering::Acquire) {
            self.pending.store(true, Ordering::Release);
        }
    }

    /// Whether every statement stands for itself, as far as is known without asking.
    pub(super) fn commits_each(&self) -> bool {
        self.autocommit.load(Ordering::Acquire)
    }

    pub(super) fn autocommit(&self, connection: &Bound<'_, Connection>) -> PyResult<bool> {
        if self.options.ask_service {
            let mode = ask(connection)?;
            self.autocommit.store(mode, Ordering::Release);
        }
        Ok(self.autocommit.load(Ordering::Acquire))
    }

    pub(super) fn set_autocommit(
        &self,
        connection: &Bound<'_, Connection>,
        mode: bool,
    ) -> PyResult<()> {
        let same = self.autocommit.load(Ordering::Acquire) == mode;
        if self.options.ignored || (same && !self.options.ask_service) {
            return Ok(());
        }
        let mode_name = if mode { "TRUE" } else { "FALSE" };
        execute(connection, &format!("SET AUTOCOMMIT = {mode_name}"))?;
        self.autocommit.store(mode, Ordering::Release);
        self.pending.store(false, Ordering::Release);
        Ok(())
    }

    pub(super) fn commit(&self, connection: &Bound<'_, Connection>) -> PyResult<()> {
        self.end(connection, "COMMIT")
    }

    pub(super) fn rollback(&self, connection: &Bound<'_, Connection>) -> PyResult<()> {
        if self.options.ignored {
            return Err(raise::<NotSupportedError>(
                connection.py(),
                "nothing can be rolled back: the connection was opened with ignore_transactions=True",
            ));
        }
        self.end(connection, "ROLLBACK")
    }

    fn end(&self, connection: &Bound<'_, Connection>, sql: &str) -> PyResult<()> {
        if self.pending.load(Ordering::Acquire) {
            execute(connection, sql)?;
            self.pending.store(false, Ordering::Release);
        }
        Ok(())
    }
}

fn execute<'py>(connection: &Bound<'py, Connection>, sql: &str) -> PyResult<Bound<'py, Cursor>> {
    let py = connection.py();
    let cursor = Connection::plain_cursor(connection)?;
    cursor.run_own(py, sql)?;
    Bound::new(py, cursor)
}

/// The mode that the service has the session in; it answers with a word, alone or behind the setting's name.
fn ask(connection: &Bound<'_, Connection>) -> PyResult<bool> {
    let row = execute(connection, "SET AUTOCOMMIT")?.call_method0("fetchone")?;
    let words: Vec<String> = match row.cast::<PyTuple>() {
        Ok(row) => row
            .iter()
            .map(|value| value.str()?.to_str().map(str::to_ascii_lowercase))
            .collect::<PyResult<_>>()?,
        Err(_) => Vec::new(),
    };
    words
        .iter()
        .rev()
        .find_map(|word| word.parse().ok())
        .ok_or_else(|| {
            let message =
                format!("SET AUTOCOMMIT was answered by {words:?}, and neither true nor false");
            raise::<OperationalError>(connection.py(), message)
        })
}
