//! A statement that runs while nobody waits for it: look at it, fetch its result, cancel it, close it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use super::background::counted;
use super::control::StatementControl;
use super::open_session::{OpenSession, OpenStatement};
use super::session::{Awaited, Session};
use super::statement::{
    ExecutedStatement, Statement, cancelled_unseen, changes, in_doubt, look, outcome, poll,
    result_of, submit,
};
use super::turns::{Turn, is_nested};
use super::wire::{StatementResponse, StatementState};
use super::{Error, ErrorCode, Result};

/// How often the service hears of a statement that nobody asks for; it gives those up after 15 minutes.
const KEEP_ALIVE: Duration = Duration::from_secs(600);

/// Between two looks at a statement for whose end others wait.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A statement that the service runs by itself. Clones are the same statement; when the last one and
/// the last result go, the statement is closed in the background.
#[derive(Clone)]
pub struct SubmittedStatement(Arc<Inner>);

struct Inner {
    statement: Arc<OpenStatement>,
    owned: bool,
    /// Whether it may do more than read.
    changes: bool,
    /// The first answer, where the statement had ended by then; the service may know no more of it.
    ended: Option<StatementResponse>,
    /// Wakes those who wait between two looks.
    cancelled: Notify,
}

/// A statement that others keep.
#[derive(Clone)]
pub struct WeakSubmitted(Weak<Inner>);

impl WeakSubmitted {
    /// The statement, if somebody still holds it.
    #[must_use]
    pub fn upgrade(&self) -> Option<SubmittedStatement> {
        self.0.upgrade().map(SubmittedStatement)
    }
}

/// How far a statement is.
#[derive(Debug)]
pub struct Progress {
    /// Its state.
    pub state: StatementState,
    /// Why it failed or ended otherwise.
    pub failure: Option<Error>,
}

impl Session {
    /// Sends a statement and returns as soon as the service has named it. Dropping the future cancels
    /// the statement.
    pub async fn submit(
        &self,
        mut statement: Statement,
        control: &StatementControl,
    ) -> Result<SubmittedStatement> {
        let session = Arc::clone(self.open_session()?);
        statement.is_nested = is_nested();
        let submitting = submit_now(Arc::clone(&session), statement, control.clone());
        Awaited::spawn(&session, control, submitting)
            .end(None)
            .await
    }

    /// A statement that was submitted before, here or elsewhere. It is not closed by us.
    ///
    /// # Errors
    /// `NotFound` when the service does not know the id, or not any more.
    pub async fn attach(&self, statement_id: &str) -> Result<SubmittedStatement> {
        let session = Arc::clone(self.open_session()?);
        if statement_id.is_empty() {
            return Err(Error::invalid_argument("the statement id is empty"));
        }
        let answer = look(&session, statement_id).await;
        answer.map_err(|error| error.with_statement_id(statement_id))?;
        let statement = OpenStatement::borrowed(session, statement_id.to_owned());
        Ok(SubmittedStatement::new(statement, false, true, None))
    }
}

/// Submits a statement. It must be polled to completion.
async fn submit_now(
    session: Arc<OpenSession>,
    statement: Statement,
    control: StatementControl,
) -> Result<SubmittedStatement> {
    let mut signal = control.signal();
    let host = session.transport().endpoint().authority();
    let (response, turn) = loop {
        let turn = session
            .turns()
            .take(&host, &signal, statement.is_nested)
            .await?;
        let answer = submit(&session, &statement, "0s", &signal).await;
        if !had_too_much_company(&turn, &host, &statement.sql, &answer) {
            break (answer?, turn);
        }
        // It did not run; its next turn is its own.
        if let Ok(refused) = answer {
            drop(OpenStatement::new(
                Arc::clone(&session),
                refused.statement_id,
            ));
        }
    };
    let id = response.statement_id.clone();
    if id.is_empty() {
        let message = "the service runs the statement but did not name it";
        return Err(Error::data_loss(message).with_maybe_executed());
    }
    control.known_as(&id);
    let open = OpenStatement::new(Arc::clone(&session), id);
    if *signal.borrow_and_update() != super::control::Stop::No {
        let changes = changes(&statement.sql);
        poll(&session, response, (&control, &mut signal), changes).await?;
        return Err(super::control::cancelled());
    }
    if response.status.state == StatementState::Closed {
        open.forget();
    }
    let ended = outcome(&mut response.status.clone()).is_some();
    let changes = changes(&statement.sql);
    let submitted = SubmittedStatement::new(open, true, changes, ended.then_some(response));
    submitted.watch(Some(turn).filter(|turn| turn.is_alone() && !ended));
    Ok(submitted)
}

fn had_too_much_company(
    turn: &Turn,
    host: &str,
    sql: &str,
    answer: &Result<StatementResponse>,
) -> bool {
    match answer {
        Err(error) => turn.had_too_much_company(host, sql, error),
        Ok(response) => match outcome(&mut response.status.clone()) {
            Some(Err(error)) => turn.had_too_much_company(host, sql, &error),
            _ => false,
        },
    }
}

impl SubmittedStatement {
    fn new(
        statement: OpenStatement,
        owned: bool,
        changes: bool,
        ended: Option<StatementResponse>,
    ) -> Self {
        Self(Arc::new(Inner {
            statement: Arc::new(statement),
            owned,
            changes,
            ended,
            cancelled: Notify::new(),
        }))
    }

    /// The statement's id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.statement.id()
    }

    /// Whether this process submitted it or attached to it.
    #[must_use]
    pub fn is_of_this_process(&self) -> bool {
        self.session().is_of_this_process()
    }

    /// Asks once how far it is.
    pub async fn progress(&self) -> Result<Progress> {
        let mut response = self.look().await?;
        let state = response.status.state;
        let failure = match outcome(&mut response.status) {
            Some(Err(error)) => Some(error.with_statement_id(self.id())),
            _ => None,
        };
        Ok(Progress { state, failure })
    }

    /// Waits for its end; the result can be fetched as often as wanted. Dropping the future changes
    /// nothing.
    pub async fn await_result(&self) -> Result<ExecutedStatement> {
        self.await_result_observed(&StatementControl::default())
            .await
    }

    /// The same; `control` tells how far it is. Who abandons it ends the wait, and not the statement.
    pub async fn await_result_observed(
        &self,
        control: &StatementControl,
    ) -> Result<ExecutedStatement> {
        let response = loop {
            let cancelled = self.0.cancelled.notified();
            let nothing = StatementControl::default();
            let ended = async {
                let response = self.look().await?;
                let how = (control, &mut nothing.signal());
                poll(self.session(), response, how, self.0.changes).await
            };
            tokio::select! {
                ended = ended => {
                    break ended.map_err(|error| self.in_doubt(error))?;
                }
                () = cancelled => {}
                () = control.abandoned() => {
                    return Err(self.in_doubt(cancelled_unseen(self.0.changes)));
                }
            }
        };
        self.result(response, control).await
    }

    /// Its result, if it has ended.
    ///
    /// # Errors
    /// `InvalidArgument` while it runs.
    pub async fn fetch_result(&self) -> Result<ExecutedStatement> {
        let looked = self.look().await;
        let mut response = looked.map_err(|error| self.in_doubt(error))?;
        match outcome(&mut response.status) {
            None => Err(Error::invalid_argument(format!(
                "statement {} has not ended yet (it is {:?}); wait for its result, or look at its \
                 state first",
                self.id(),
                response.status.state
            ))
            .with_statement_id(self.id())),
            Some(Err(error)) => Err(error.with_statement_id(self.id())),
            Some(Ok(())) => self.result(response, &StatementControl::default()).await,
        }
    }

    /// Asks for its end. It may win the race and succeed.
    ///
    /// # Errors
    /// `InvalidArgument` where it was only attached to.
    pub async fn cancel(&self) -> Result<()> {
        if !self.0.owned {
            return Err(Error::invalid_argument(format!(
                "statement {} was only attached to, and cannot be cancelled from here",
                self.id()
            )));
        }
        self.cancel_also_if_attached().await
    }

    /// The same, also where it was only attached to.
    pub async fn cancel_also_if_attached(&self) -> Result<()> {
        let asked = self.session().cancel_statement(self.id()).await;
        self.0.cancelled.notify_waiters();
        asked.map_err(|error| error.with_statement_id(self.id()))
    }

    /// Closes it at the service, once; what was only attached to stays open there.
    pub async fn close(&self) -> Result<()> {
        if !self.0.statement.forget() {
            return Ok(());
        }
        let closed = self.session().close_statement_now(self.id()).await;
        closed.map_err(|error| error.with_statement_id(self.id()))
    }

    /// Leaves the statement and its result at the service when this object goes, and its session when that is closed:
    /// the service ends what runs in a session with it.
    pub fn detach(&self) {
        self.0.statement.forget();
        self.session().leave_open();
    }

    /// The same statement, without the right to end it.
    #[must_use]
    pub fn reader(&self) -> Self {
        let hold = OpenStatement::sharing(&self.0.statement);
        Self::new(hold, false, self.0.changes, self.0.ended.clone())
    }

    /// A reference that does not keep the statement.
    #[must_use]
    pub fn downgrade(&self) -> WeakSubmitted {
        WeakSubmitted(Arc::downgrade(&self.0))
    }

    fn session(&self) -> &Arc<OpenSession> {
        self.0.statement.session()
    }

    fn in_doubt(&self, error: Error) -> Error {
        in_doubt(error.with_statement_id(self.id()), self.0.changes)
    }

    async fn look(&self) -> Result<StatementResponse> {
        if let Some(ended) = &self.0.ended {
            return Ok(ended.clone());
        }
        let answer = look(self.session(), self.id()).await;
        answer.map_err(|error| error.with_statement_id(self.id()))
    }

    async fn result(
        &self,
        response: StatementResponse,
        control: &StatementControl,
    ) -> Result<ExecutedStatement> {
        let hold = OpenStatement::sharing(&self.0.statement);
        let how = (None, self.0.changes);
        result_of(self.session(), response, hold, how, control.signal()).await
    }

    /// Lets the service hear of the statement now and then, until it ends or nobody holds it. Where its turn
    /// is its own, others wait for that end, and it is looked for more often.
    fn watch(&self, turn: Option<Turn>) {
        let statement: Weak<OpenStatement> = Arc::downgrade(&self.0.statement);
        tokio::spawn(async move {
            let mut pause = turn.as_ref().map_or(KEEP_ALIVE, |_| FIRST_PAUSE);
            loop {
                tokio::time::sleep(pause).await;
                let Some(statement) = statement.upgrade() else {
                    return;
                };
                let seen = counted(look(statement.session(), statement.id())).await;
                let runs =
                    |state| matches!(state, StatementState::Pending | StatementState::Running);
                match seen {
                    Ok(response) if runs(response.status.state) => {}
                    Err(error) if turn.is_none() && error.code() != ErrorCode::NotFound => {}
                    _ => return,
                }
                if turn.is_some() {
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        });
    }
}
