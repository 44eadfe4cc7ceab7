//! Transactions of a connection: `autocommit`, `commit`, `rollback`, and what statements do to them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::connection::Connection;
use super::cursor::Cursor;
use super::exceptions::{NotSupportedError, OperationalError, raise};
use crate::client::sql::{TransactionStatement, only_defines, transaction_statement};
use crate::client::{Error, Result};

/// How the connection was asked to treat transactions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TransactionOptions {
    /// The connection begins none: every statement is committed when it ends, whatever `autocommit` is set to.
    pub(super) ignored: bool,
    /// The service is asked for its mode, instead of remembering what it was told.
    pub(super) ask_service: bool,
}

/// What there is to commit or to roll back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Pending {
    #[default]
    Nothing,
    /// Nothing that is lost where the service knows of no transaction: definitions have no part in them.
    Harmless,
    Changes,
}

/// Something that a statement brings about, and that one brings about perhaps whose end nobody heard of.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    certain: bool,
    unheard: u32,
}

impl Known {
    fn sure(certain: bool) -> Self {
        Self {
            certain,
            unheard: 0,
        }
    }

    fn may_be(self) -> bool {
        self.certain || self.unheard > 0
    }
}

/// What has become of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Succeeded,
    Failed,
    /// It may have run, or may still do.
    Unheard,
}

impl Outcome {
    pub(super) fn of<T>(ended: &PyResult<Result<T>>) -> Self {
        match ended {
            Ok(Ok(_)) => Self::Succeeded,
            Ok(Err(error)) => Self::of_error(error),
            // An interrupt.
            Err(_) => Self::Unheard,
        }
    }

    fn of_error(error: &Error) -> Self {
        if error.maybe_executed() {
            Self::Unheard
        } else {
            Self::Failed
        }
    }
}

/// A statement between its start and its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    does: Option<TransactionStatement>,
    /// How many others had started by then.
    started: u64,
}

/// What is known of a session's transactions.
#[derive(Debug)]
pub(super) struct Transactions {
    options: TransactionOptions,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Statements do not commit themselves.
    manual: Known,
    /// A transaction was begun by a statement.
    begun: Known,
    /// Only where a statement has run is there something to end: the service refuses COMMIT without a transaction,
    /// and that refusal must not be hidden, since a transaction that was lost gives the same.
    pending: Pending,
    /// Statements that started, and those of them that nobody has heard the end of.
    started: u64,
    running: u32,
}

impl State {
    fn may_be_open(&self) -> bool {
        self.manual.may_be() || self.begun.may_be()
    }

    /// What is left to end behind an end, or a change of the mode: a statement that ran at the same time may have
    /// come after it.
    fn left_behind(&self, step: Step) -> Pending {
        let alone = self.running == 0 && self.started == step.started;
        if alone || !self.manual.may_be() {
            Pending::Nothing
        } else {
            Pending::Harmless
        }
    }

    fn succeeded(&mut self, step: Step) {
        match step.does {
            Some(TransactionStatement::Begin) => {
                self.begun.certain = true;
                self.pending = self.pending.max(Pending::Harmless);
            }
            Some(TransactionStatement::End) => {
                self.begun = Known::default();
                self.pending = self.left_behind(step);
            }
            // The service refuses it in a transaction.
            Some(TransactionStatement::SetAutocommit(mode)) => {
                self.begun = Known::default();
                self.manual = Known::sure(!mode);
                self.pending = self.left_behind(step);
            }
            Some(TransactionStatement::AskAutocommit) | None => {}
        }
    }

    /// What the end of a statement changes while it is not known.
    fn in_doubt(&mut self, does: Option<TransactionStatement>) -> Option<&mut u32> {
        match does {
            Some(TransactionStatement::Begin) => Some(&mut self.begun.unheard),
            Some(TransactionStatement::SetAutocommit(false)) => Some(&mut self.manual.unheard),
            _ => None,
        }
    }
}

impl Transactions {
    pub(super) fn new(options: TransactionOptions) -> Self {
        Self {
            options,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A statement is about to be sent.
    pub(super) fn starts(&self, sql: &str) -> Step {
        let does = transaction_statement(sql);
        let mut state = self.state();
        if does.is_none() {
            if state.may_be_open() {
                let kind = if only_defines(sql) {
                    Pending::Harmless
                } else {
                    Pending::Changes
                };
                state.pending = state.pending.max(kind);
            }
            state.started += 1;
            state.running += 1;
        }
        Step {
            does,
            started: state.started,
        }
    }

    /// A statement that started has ended, or is left to itself.
    pub(super) fn ends(&self, step: Step, outcome: Outcome) {
        let mut state = self.state();
        if step.does.is_none() {
            state.running -= 1;
        }
        match outcome {
            Outcome::Succeeded => state.succeeded(step),
            Outcome::Failed => {}
            Outcome::Unheard => {
                if let Some(unheard) = state.in_doubt(step.does) {
                    *unheard += 1;
                    state.pending = state.pending.max(Pending::Harmless);
                }
            }
        }
    }

    /// The end of a statement is heard of that was left to itself.
    pub(super) fn is_heard_of(&self, step: Step, outcome: Outcome) {
        if outcome == Outcome::Unheard {
            return;
        }
        let mut state = self.state();
        if let Some(unheard) = state.in_doubt(step.does) {
            *unheard = unheard.saturating_sub(1);
        }
        if outcome == Outcome::Succeeded {
            state.succeeded(step);
        } else if !state.may_be_open() {
            state.pending = Pending::Nothing;
        }
    }

    /// Whether every statement stands for itself, as far as is known without asking.
    pub(super) fn commits_each(&self) -> bool {
        !self.state().may_be_open()
    }

    pub(super) fn autocommit(&self, connection: &Bound<'_, Connection>) -> PyResult<bool> {
        if self.options.ask_service {
            let mode = ask(connection)?;
            self.state().manual = Known::sure(!mode);
        }
        Ok(!self.state().manual.certain)
    }

    pub(super) fn set_autocommit(
        &self,
        connection: &Bound<'_, Connection>,
        mode: bool,
    ) -> PyResult<()> {
        let manual = self.state().manual;
        let same = manual.certain != mode && manual.unheard == 0;
        let asks = self.options.ask_service && !self.options.ignored;
        if same && !asks || self.options.ignored && !mode {
            return Ok(());
        }
        let mode_name = if mode { "TRUE" } else { "FALSE" };
        execute(connection, &format!("SET AUTOCOMMIT = {mode_name}"))?;
        Ok(())
    }

    pub(super) fn commit(&self, connection: &Bound<'_, Connection>) -> PyResult<()> {
        self.end(connection, "COMMIT")
    }

    pub(super) fn rollback(&self, connection: &Bound<'_, Connection>) -> PyResult<()> {
        if self.options.ignored && self.commits_each() {
            return Err(raise::<NotSupportedError>(
                connection.py(),
                "nothing can be rolled back: the connection was opened with ignore_transactions=True, \
                 and no statement began a transaction",
            ));
        }
        self.end(connection, "ROLLBACK")
    }

    fn end(&self, connection: &Bound<'_, Connection>, sql: &str) -> PyResult<()> {
        const NO_TRANSACTION: &str = "25000";
        let pending = self.state().pending;
        if pending == Pending::Nothing {
            return Ok(());
        }
        let step = self.starts(sql);
        match execute(connection, sql) {
            Ok(_) => Ok(()),
            Err(raised)
                if pending == Pending::Harmless
                    && sql_state(connection.py(), &raised)? == NO_TRANSACTION =>
            {
                self.ends(step, Outcome::Succeeded);
                Ok(())
            }
            Err(raised) => Err(raised),
        }
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
