//! Paused time that moves by order only.

use std::sync::mpsc;
use std::time::Duration;

use tokio::task::{spawn_blocking, yield_now};
use tokio::time::Instant;

/// Holds the paused clock. By itself that jumps to the next timer whenever nothing can run, and so
/// past all time-outs while an answer is still on its way through a socket; it does not while a
/// blocking task is outstanding.
#[derive(Debug)]
pub(crate) struct Clock {
    _parked: mpsc::Sender<()>,
}

impl Clock {
    pub(crate) fn hold() -> Self {
        let (parked, wait) = mpsc::channel();
        drop(spawn_blocking(move || wait.recv()));
        Self { _parked: parked }
    }

    /// Moves the clock, and lets everything happen that this sets going.
    pub(crate) async fn advance(&self, by: Duration) {
        settle().await;
        tokio::time::advance(by).await;
        settle().await;
    }

    /// Moves the clock in steps until `work` is done; also how long that took by the clock.
    pub(crate) async fn run<T>(
        &self,
        step: Duration,
        work: impl Future<Output = T>,
    ) -> (T, Duration) {
        let started = Instant::now();
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return (done, started.elapsed()),
                () = settle() => tokio::time::advance(step).await,
            }
        }
    }
}

/// Lets everything happen that can without time going on. Each turn looks at the sockets.
pub(crate) async fn settle() {
    for _ in 0..100 {
        yield_now().await;
    }
}
