//! Statements of one session run side by side, unless the host has shown that it cannot do that: then
//! they take turns.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use super::control::{Stop, StopSignal, cancelled};
use super::of_process::OfProcess;
use super::sql::may_run_in_part;
use super::{Error, Result};

/// The turns of one session. Who asks first comes first.
#[derive(Debug, Default)]
pub(crate) struct Turns(Arc<RwLock<()>>);

/// The right to run a statement; dropping it ends the turn.
pub(crate) enum Turn {
    /// Beside others.
    Beside(
        #[expect(dead_code, reason = "it is held until it is dropped")] OwnedRwLockReadGuard<()>,
    ),
    /// With no other of the session.
    Alone(
        #[expect(dead_code, reason = "it is held until it is dropped")] OwnedRwLockWriteGuard<()>,
    ),
}

impl Turns {
    /// Waits for a turn on `host`, unless somebody wants the statement to end. A nested one does not wait for
    /// another that may be waiting for it.
    pub(crate) async fn take(
        &self,
        host: &str,
        stop: &StopSignal,
        is_nested: bool,
    ) -> Result<Turn> {
        if is_nested && ONE_AT_A_TIME.lock().contains(host) {
            let turn = Arc::clone(&self.0).try_write_owned();
            return turn.map(Turn::Alone).map_err(|_| {
                Error::invalid_argument(format!(
                    "{host} runs one statement of a session at a time, and this one comes from within a call \
                     that waits for another; use a connection of its own"
                ))
            });
        }
        let mut stop = stop.clone();
        tokio::select! {
            biased;
            turn = self.turn(host) => Ok(turn),
            _ = stop.wait_for(|wish| *wish != Stop::No) => Err(cancelled()),
        }
    }

    async fn turn(&self, host: &str) -> Turn {
        if ONE_AT_A_TIME.lock().contains(host) {
            Turn::Alone(Arc::clone(&self.0).write_owned().await)
        } else {
            Turn::Beside(Arc::clone(&self.0).read_owned().await)
        }
    }
}

impl Turn {
    pub(crate) fn is_alone(&self) -> bool {
        matches!(self, Self::Alone(_))
    }

    /// Notes what became of a statement; whether nothing of it ran because of its company.
    pub(crate) fn had_too_much_company(&self, host: &str, sql: &str, error: &Error) -> bool {
        // Whoever could not say more than that it is unknown what became of a statement has refused nothing.
        let too_much = matches!(self, Self::Beside(_))
            && !error.maybe_executed()
            && error
                .message()
                .to_ascii_lowercase()
                .contains("sparksession is null");
        if too_much {
            ONE_AT_A_TIME.lock().insert(host.to_owned());
        }
        too_much && !may_run_in_part(sql)
    }
}

thread_local! {
    /// How many calls on this thread wait for a statement, and have called others meanwhile.
    static WAITING: Cell<usize> = const { Cell::new(0) };
}

/// Does what is to be done between two looks at a statement that this thread waits for.
pub fn while_waiting<T>(work: impl FnOnce() -> T) -> T {
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            WAITING.set(WAITING.get() - 1);
        }
    }
    WAITING.set(WAITING.get() + 1);
    let _end = End;
    work()
}

/// Whether a statement that this thread sends now is nested in the wait for another.
pub(crate) fn is_nested() -> bool {
    WAITING.get() > 0
}

/// Hosts that run one statement of a session at a time.
static ONE_AT_A_TIME: OfProcess<Mutex<HashSet<String>>> = OfProcess::new(Mutex::default);
