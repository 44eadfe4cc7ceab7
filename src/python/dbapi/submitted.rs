//! Statements that run by themselves: submitted now, looked at and fetched later.

use std::time::Instant;

use pyo3::prelude::*;

use super::cursor::Cursor;
use super::exceptions::{ProgrammingError, raise, to_pyerr};
use super::progress::tell;
use super::transaction::Outcome;
use super::volume::{Streams, time_left};
use crate::client::wire::StatementState;
use crate::client::{Error, ErrorCode, Statement, StatementControl, SubmittedStatement};
use crate::python::runtime::{wait, wait_and};

impl Cursor {
    /// Has the service run a statement, and does not wait for its end.
    pub(super) fn submit(
        &self,
        py: Python<'_>,
        statement: Statement,
        detach: bool,
    ) -> PyResult<()> {
        let mut turn = self.turn(py)?;
        let control = StatementControl::default();
        self.begin(py, &mut turn, &control)?;
        let session = self.connection.get().session(py)?;
        let transactions = self.connection.get().transactions();
        let step = transactions.starts(&statement.sql);
        let submitted = wait(py, session.submit(statement, &control));
        transactions.ends(
            step,
            match Outcome::of(&submitted) {
                Outcome::Succeeded => Outcome::Unheard,
                other => other,
            },
        );
        self.inner().about().query_id = control.statement_id();
        let submitted = submitted?.map_err(|error| to_pyerr(py, &error))?;
        if detach {
            submitted.detach();
        }
        let mut about = self.inner().about();
        about.submitted = Some(submitted);
        about.step = Some(step);
        Ok(())
    }

    /// Finds a statement that was submitted before, here or elsewhere.
    pub(super) fn find(&self, py: Python<'_>, query_id: &str) -> PyResult<()> {
        let mut turn = self.turn(py)?;
        self.begin(py, &mut turn, &StatementControl::default())?;
        let session = self.connection.get().session(py)?;
        let found = wait(py, session.attach(query_id))?.map_err(|error| to_pyerr(py, &error))?;
        let mut about = self.inner().about();
        about.query_id = Some(query_id.to_owned());
        about.submitted = Some(found);
        Ok(())
    }

    fn submitted(&self, py: Python<'_>) -> PyResult<SubmittedStatement> {
        self.check_open(py)?;
        let submitted = self.inner().about().submitted.clone();
        submitted.ok_or_else(|| {
            raise::<ProgrammingError>(
                py,
                "no statement was submitted: call execute_async or attach first",
            )
        })
    }

    /// The state of the statement that was submitted.
    pub(super) fn state(&self, py: Python<'_>) -> PyResult<StatementState> {
        let submitted = self.submitted(py)?;
        let progress = wait(py, async move { submitted.progress().await })?;
        let state = progress.map_err(|error| to_pyerr(py, &error))?.state;
        match state {
            StatementState::Succeeded | StatementState::Closed => {
                self.is_heard_of(Outcome::Succeeded);
            }
            StatementState::Failed | StatementState::Canceled => self.is_heard_of(Outcome::Failed),
            StatementState::Pending | StatementState::Running | StatementState::Unknown => {}
        }
        Ok(state)
    }

    /// Tells the transactions what has become of the statement that was submitted, once.
    fn is_heard_of(&self, outcome: Outcome) {
        if outcome == Outcome::Unheard {
            return;
        }
        let step = self.inner().about().step.take();
        if let Some(step) = step {
            let transactions = self.connection.get().transactions();
            transactions.is_heard_of(step, outcome);
        }
    }

    /// Waits for the end of the statement that was submitted; its result becomes that of the cursor.
    pub(super) fn collect(&self, py: Python<'_>) -> PyResult<()> {
        let submitted = self.submitted(py)?;
        let started = Instant::now();
        let limit = self.timeout(None)?;
        let mut turn = self.turn(py)?;
        *turn = None;
        let (control, mut reporter) = self.watched(py, None)?;
        self.inner().about().control = control.clone();
        let told = |py: Python<'_>| tell(py, reporter.as_mut());
        let executed = wait_and(py, told, async {
            let result = submitted.await_result_observed(&control);
            match limit {
                None => result.await,
                Some(limit) => tokio::time::timeout(limit, result)
                    .await
                    .unwrap_or_else(|_| {
                        let message = format!(
                            "statement {} did not end within {limit:?}; it still runs",
                            submitted.id()
                        );
                        Err(Error::new(ErrorCode::Timeout, message)
                            .with_statement_id(submitted.id()))
                    }),
            }
        });
        self.is_heard_of(match &executed {
            Ok(Err(error)) if error.code() == ErrorCode::Timeout => Outcome::Unheard,
            other => Outcome::of(other),
        });
        let executed = executed?.map_err(|error| to_pyerr(py, &error))?;
        if executed.is_volume_operation() {
            let control = self.inner().about().control.clone();
            let time = time_left(limit, started);
            let with = (None, Streams::default());
            return self.move_file(py, executed, with, &control, (time, reporter));
        }
        self.keep_executed(py, &mut turn, executed, (control, reporter))
    }

    /// Cancels the statement that was submitted, if there is one.
    pub(super) fn cancel_submitted(&self, py: Python<'_>) -> PyResult<()> {
        let submitted = self.inner().about().submitted.clone();
        let Some(submitted) = submitted else {
            return Ok(());
        };
        let cancelled = wait(py, async move { submitted.cancel_also_if_attached().await })?;
        match cancelled {
            // It is gone, or was never there: nothing of it runs.
            Err(error) if error.code() != ErrorCode::NotFound => Err(to_pyerr(py, &error)),
            _ => Ok(()),
        }
    }
}

/// The state's name, as the official connector spells it.
pub(super) fn state_name(state: StatementState) -> &'static str {
    match state {
        StatementState::Pending => "PENDING",
        StatementState::Running => "RUNNING",
        StatementState::Succeeded => "SUCCEEDED",
        StatementState::Failed => "FAILED",
        StatementState::Canceled => "CANCELLED",
        StatementState::Closed => "CLOSED",
        StatementState::Unknown => "UNKNOWN",
    }
}
