//! Transactions of a connection: `autocommit`, `commit`, `rollback`.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::connection::Connection;
use super::cursor::Cursor;
use super::exceptions::{NotSupportedError, OperationalError, raise};
use crate::client::sql::only_defines;

/// How the connection was asked to treat transactions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TransactionOptions {
    /// Every statement is committed when it ends, whatever is asked for, as with the official connector.
    pub(super) ignored: bool,
    /// The service is asked for its mode, instead of remembering what it was told.
    pub(super) ask_service: bool,
}

/// What has run since the last commit or rollback.
const NOTHING: u8 = 0;
const DEFINITIONS: u8 = 1;
const CHANGES: u8 = 2;

/// What is known of a session's transaction.
#[derive(Debug)]
pub(super) struct Transactions {
    options: TransactionOptions,
    autocommit: AtomicBool,
    /// Only where a statement has run is there something to end: the service refuses COMMIT without a transaction,
    /// and that refusal must not be hidden, since a transaction that was lost gives the same. Definitions have no part
    /// in transactions, so there it tells of no loss.
    pending: AtomicU8,
}

impl Transactions {
    pub(super) fn new(options: TransactionOptions) -> Self {
        Self {
            options,
            autocommit: AtomicBool::new(true),
            pending: AtomicU8::new(NOTHING),
        }
    }

    /// A statement is about to run.
    pub(super) fn statement_runs(&self, sql: &str) {
        if !self.autocommit.load(Ordering::Acquire) {
            let kind = if only_defines(sql) {
                DEFINITIONS
            } else {
                CHANGES
            };
            self.pending.fetch_max(kind, Ordering::AcqRel);
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
        self.pending.store(NOTHING, Ordering::Release);
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
        const NO_TRANSACTION: &str = "25000";
        let pending = self.pending.load(Ordering::Acquire);
        if pending == NOTHING {
            return Ok(());
        }
        match execute(connection, sql) {
            Err(raised)
                if pending != DEFINITIONS
                    || sql_state(connection.py(), &raised)? != NO_TRANSACTION =>
            {
                return Err(raised);
            }
            _ => self.pending.store(NOTHING, Ordering::Release),
        }
        Ok(())
    }
}

/// The SQLSTATE of an exception; empty where it has none.
fn sql_state(py: Python<'_>, raised: &PyErr) -> PyResult<String> {
    let state = raised.value(py).getattr_opt("sql_state")?;
    Ok(state
        .and_then(|state| state.extract().ok())
        .unwrap_or_default())
}

fn execute<'py>(connection: &Bound<'py, Connection>, sql: &str) -> PyResult<Bound<'py, Cursor>> {
    let py = connection.py();
    let cursor = Connection::plain_cursor(connection)?;
    cursor.run_own(py, sql, cursor.timeout)?;
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
