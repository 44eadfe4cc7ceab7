//! A session of a SQL warehouse: open, hand out statements, close.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::auth::TokenSource;
use super::config::{HttpConfig, SessionConfig};
use super::control::{AbandonOnDrop, StatementControl, cancelled_unheard, statement_timed_out};
use super::host::Endpoint;
use super::open_session::OpenSession;
use super::statement::{ExecutedStatement, Statement, run};
use super::transport::Transport;
use super::turns::is_nested;
use super::{Error, ErrorCode, Result};

/// Nobody waits longer, and sums with it do not overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// How long an opening or a statement that is told to stop may take to say how far it was.
const LAST_WORD: Duration = Duration::from_millis(100);

/// An open session. Clones are the same session; when the last one goes it closes in the background.
#[derive(Clone, Debug)]
pub struct Session(Arc<OpenSession>);

impl Session {
    /// Opens a session.
    ///
    /// # Errors
    /// `InvalidArgument` for settings that cannot work, `Unauthenticated` and `PermissionDenied` for
    /// tokens, `NetworkError` when the host cannot be reached.
    pub async fn open(
        endpoint: Endpoint,
        token: Arc<dyn TokenSource>,
        http: HttpConfig,
        config: SessionConfig,
    ) -> Result<Self> {
        let (limit, host) = (http.login_timeout.min(LONGEST), endpoint.authority());
        let end = Instant::now() + limit;
        let within = match http.names.login_timeout {
            Some(option) => format!("the {option} of {limit:?}"),
            None => format!("{limit:?}"),
        };
        // Setting TLS up reads the trust store.
        let signing_in = tokio::spawn(async move {
            let transport = Arc::new(Transport::try_new(endpoint, token, http)?);
            transport.sign_in().await.map(|()| transport)
        });
        let signed_in = timeout_at(end, signing_in).await;
        let transport =
            joined(signed_in.map_err(|_| too_late(format!("no token came within {within}")))?)??;
        let control = StatementControl::default();
        let guard = AbandonOnDrop::new(control.clone());
        // An interrupted opening must still close the session that it got.
        let mut opening = tokio::spawn(OpenSession::create(transport, config, control.signal()));
        let Ok(opened) = timeout_at(end, &mut opening).await else {
            control.abandon();
            let late = format!("{host} opened no session within {within}");
            return last_word(opening, late).await;
        };
        guard.disarm();
        joined(opened)?.map(|inner| Self(Arc::new(inner)))
    }

    /// The session's id; another one after the service lost the session and it was opened again.
    #[must_use]
    pub fn id(&self) -> Arc<str> {
        self.0.id()
    }

    /// Whether this process opened it; a forked child has neither its sockets nor its threads.
    #[must_use]
    pub fn is_of_this_process(&self) -> bool {
        self.0.is_of_this_process()
    }

    /// Whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// A reference that does not keep the session open.
    #[must_use]
    pub fn downgrade(&self) -> WeakSession {
        WeakSession(Arc::downgrade(&self.0))
    }

    /// The settings it was opened with.
    #[must_use]
    pub fn config(&self) -> &SessionConfig {
        self.0.config()
    }

    /// Executes a statement and waits for its end. Dropping the future cancels the statement.
    pub async fn execute(
        &self,
        mut statement: Statement,
        control: &StatementControl,
    ) -> Result<ExecutedStatement> {
        let session = Arc::clone(self.open_session()?);
        statement.is_nested = is_nested();
        let limit = statement.time_left();
        let running = run(Arc::clone(&session), statement, control.clone());
        Awaited::spawn(&session, control, running).end(limit).await
    }

    /// The session, unless it was closed.
    pub(crate) fn open_session(&self) -> Result<&Arc<OpenSession>> {
        if self.is_closed() {
            let message = "the session is closed";
            return Err(Error::new(ErrorCode::InvalidStatementHandle, message));
        }
        Ok(&self.0)
    }

    /// Asks the service to end a statement of the session.
    pub async fn cancel_statement(&self, id: &str) -> Result<()> {
        let asked = self.0.cancel_statement(id).await;
        asked.map_err(|error| error.with_statement_id(id))
    }

    /// Closes the session, once, after the statements that are still being closed. Failures are of no
    /// consequence: the service closes idle sessions by itself.
    pub async fn close(&self) {
        self.0.close().await;
    }
}

/// The sending or the run of a statement that somebody waits for. When that ends early it goes on by itself, to be
/// cancelled: a POST may not be dropped, as its statement could be neither named nor cancelled.
pub(super) struct Awaited<T: Send + 'static> {
    session: Arc<OpenSession>,
    control: StatementControl,
    work: Option<JoinHandle<Result<T>>>,
}

impl<T: Send + 'static> Awaited<T> {
    pub(super) fn spawn(
        session: &Arc<OpenSession>,
        control: &StatementControl,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Self {
        Self {
            session: Arc::clone(session),
            control: control.clone(),
            work: Some(tokio::spawn(work)),
        }
    }

    /// What comes of it, within the time that is left of a whole.
    pub(super) async fn end(mut self, limit: Option<(Duration, Duration)>) -> Result<T> {
        let late = async {
            match limit {
                Some((whole, left)) => {
                    sleep(left).await;
                    statement_timed_out(self.control.statement_id().as_deref(), whole)
                }
                None => std::future::pending().await,
            }
        };
        let work = async {
            match &mut self.work {
                Some(work) => work.await,
                None => std::future::pending().await,
            }
        };
        let given_up = tokio::select! {
            biased;
            ended = work => {
                self.work = None;
                return joined(ended)?;
            }
            () = unheard(&self.control) => cancelled_unheard(),
            error = late => error,
        };
        let error = given_up.with_maybe_executed();
        Err(match self.control.statement_id() {
            Some(id) => error.with_statement_id(id),
            None => error,
        })
    }
}

impl<T: Send + 'static> Drop for Awaited<T> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.control.abandon();
            self.session.leave(work);
        }
    }
}

/// Waits for somebody to want an end before the service has named the statement, and then for its last word: whatever
/// waits to be sent ends at once, while an answer may be held for long.
async fn unheard(control: &StatementControl) {
    control.unwanted().await;
    sleep(LAST_WORD).await;
    if control.statement_id().is_some() {
        std::future::pending::<()>().await;
    }
}

/// What comes of an opening that was told to stop: why it was not done yet, or even a session.
async fn last_word(opening: JoinHandle<Result<OpenSession>>, late: String) -> Result<Session> {
    let Ok(opened) = timeout(LAST_WORD, opening).await else {
        return Err(too_late(late));
    };
    match joined(opened)? {
        Ok(inner) => Ok(Session(Arc::new(inner))),
        Err(last) => Err(too_late(format!("{late}; the last attempt: {last}")).with_source(last)),
    }
}

fn too_late(message: String) -> Error {
    Error::new(ErrorCode::Timeout, message)
        .with_sql_state(Some("08001".into()))
        .with_retryable(true)
}

/// A session that others keep open.
#[derive(Clone, Debug)]
pub struct WeakSession(Weak<OpenSession>);

impl WeakSession {
    /// The session, if it still is.
    #[must_use]
    pub fn upgrade(&self) -> Option<Session> {
        self.0.upgrade().map(Session)
    }
}

/// What a spawned task gave; its panics are ours.
pub(super) fn joined<T>(ended: Result<T, JoinError>) -> Result<T> {
    ended.map_err(|why| match why.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Error::new(ErrorCode::Cancelled, "the driver is shutting down"),
    })
}
