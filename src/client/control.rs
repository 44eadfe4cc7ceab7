//! Ending a statement early: the wish, its way to whoever waits, and the errors that come of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::{Error, ErrorCode};

/// How much somebody wants a statement to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) enum Stop {
    No,
    /// Cancel it and wait for what comes of that.
    Cancel,
    /// Nobody waits for it any more.
    Abandon,
}

/// Says to the attempts and waits of a statement that it shall stop.
pub(crate) type StopSignal = watch::Receiver<Stop>;

/// Cancels a statement from anywhere, in every phase.
#[derive(Clone, Debug)]
pub struct StatementControl(Arc<ControlInner>);

#[derive(Debug)]
struct ControlInner {
    stop: watch::Sender<Stop>,
    statement_id: watch::Sender<Option<String>>,
    phase: AtomicU8,
    /// Whether somebody looks at the phase, which may cost a request.
    observed: AtomicBool,
}

/// How far a statement is before it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// It waits for its turn.
    Queued,
    /// It waits for the warehouse, which starts.
    StartingWarehouse,
    /// It runs.
    Running,
}

impl Default for StatementControl {
    fn default() -> Self {
        let (stop, _) = watch::channel(Stop::No);
        let (statement_id, _) = watch::channel(None);
        Self(Arc::new(ControlInner {
            stop,
            statement_id,
            phase: AtomicU8::new(Phase::Queued as u8),
            observed: AtomicBool::new(false),
        }))
    }
}

impl StatementControl {
    /// Asks for the statement's end. Before its id is known the wish is remembered, and sent as soon
    /// as it is. The statement may win the race and succeed.
    pub fn cancel(&self) {
        self.raise(Stop::Cancel);
    }

    /// Cancels the statement without waiting for what comes of it.
    pub fn abandon(&self) {
        self.raise(Stop::Abandon);
    }

    /// The statement's id, once the service has given it.
    #[must_use]
    pub fn statement_id(&self) -> Option<String> {
        self.0.statement_id.borrow().clone()
    }

    /// Waits until somebody wants its end.
    pub(crate) async fn unwanted(&self) {
        let mut stop = self.signal();
        // The sender lives as long as `self`.
        let _ = stop.wait_for(|wish| *wish != Stop::No).await;
    }

    /// Waits until nobody waits for it any more.
    pub(crate) async fn abandoned(&self) {
        let mut stop = self.signal();
        // The sender lives as long as `self`.
        let _ = stop.wait_for(|wish| *wish == Stop::Abandon).await;
    }

    /// Waits until the service has given the statement's id.
    pub async fn named(&self) -> String {
        let mut id = self.0.statement_id.subscribe();
        let named = id.wait_for(Option::is_some).await.ok();
        match named.and_then(|id| id.clone()) {
            Some(id) => id,
            // The sender lives as long as `self`.
            None => std::future::pending().await,
        }
    }

    /// The same, for a statement whose phase will be looked at.
    #[must_use]
    pub fn observed() -> Self {
        let control = Self::default();
        control.0.observed.store(true, Ordering::Relaxed);
        control
    }

    pub(crate) fn is_observed(&self) -> bool {
        self.0.observed.load(Ordering::Relaxed)
    }

    /// How far the statement was when the service last told.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.0.phase.load(Ordering::Relaxed) {
            phase if phase == Phase::Running as u8 => Phase::Running,
            phase if phase == Phase::StartingWarehouse as u8 => Phase::StartingWarehouse,
            _ => Phase::Queued,
        }
    }

    pub(crate) fn is_in(&self, phase: Phase) {
        self.0.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// From here on it is about another statement of the same call; a wish to end stays.
    pub(crate) fn turn_to_next(&self) {
        self.unknown();
        self.is_in(Phase::Queued);
    }

    /// Whether somebody wants an end.
    pub(crate) fn is_unwanted(&self) -> bool {
        *self.0.stop.borrow() != Stop::No
    }

    fn raise(&self, wish: Stop) {
        self.0.stop.send_if_modified(|stop| {
            let stronger = wish > *stop;
            if stronger {
                *stop = wish;
            }
            stronger
        });
    }

    pub(crate) fn signal(&self) -> StopSignal {
        self.0.stop.subscribe()
    }

    /// Forgets the id of a sending of which nothing ran.
    pub(crate) fn unknown(&self) {
        self.0.statement_id.send_replace(None);
    }

    pub(crate) fn known_as(&self, id: &str) {
        self.0.statement_id.send_replace(Some(id.to_owned()));
    }
}

/// Abandons a statement that nobody waits for any more.
pub(crate) struct AbandonOnDrop(Option<StatementControl>);

impl AbandonOnDrop {
    pub(crate) fn new(control: StatementControl) -> Self {
        Self(Some(control))
    }

    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        if let Some(control) = &self.0 {
            control.abandon();
        }
    }
}

pub(crate) fn cancelled() -> Error {
    Error::new(ErrorCode::Cancelled, "the statement was cancelled")
        .with_sql_state(Some("HY008".into()))
}

/// A statement that the service has not named cannot be cancelled there yet.
pub(crate) fn cancelled_unheard() -> Error {
    Error::new(
        ErrorCode::Cancelled,
        "the statement was cancelled before the service had named it; the service is asked to end it as soon as it \
         names it, and it may have run by then",
    )
    .with_sql_state(Some("HY008".into()))
}

pub(crate) fn timed_out(timeout: Duration) -> Error {
    late("the statement", timeout)
}

/// The same, naming the statement where the service has.
pub(crate) fn statement_timed_out(id: Option<&str>, timeout: Duration) -> Error {
    match id {
        Some(id) => late(&format!("statement {id}"), timeout),
        None => timed_out(timeout),
    }
}

fn late(what: &str, timeout: Duration) -> Error {
    let message =
        format!("{what} did not end within its time-out of {timeout:?} and was cancelled");
    Error::new(ErrorCode::Timeout, message).with_sql_state(Some("HYT00".into()))
}
