//! Work that nobody waits for, except a process that is about to end.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::of_process::OfProcess;

#[derive(Default)]
struct Background {
    running: AtomicUsize,
    ended: Notify,
}

static BACKGROUND: OfProcess<Background> = OfProcess::new(Background::default);

/// Some work, until it is dropped.
struct Running(&'static Background);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.ended.notify_waiters();
        }
    }
}

/// Counts `work` from now on until it ends or is dropped.
pub(crate) fn counted<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let running = Running(BACKGROUND.get());
    running.0.running.fetch_add(1, Ordering::AcqRel);
    async move {
        let _running = running;
        work.await
    }
}

/// Waits until all background work has ended.
pub async fn drain() {
    let background = BACKGROUND.get();
    loop {
        let ended = background.ended.notified();
        if background.running.load(Ordering::Acquire) == 0 {
            return;
        }
        ended.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn draining_waits_for_work_that_has_begun() {
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        let work = tokio::spawn(counted(wait));
        let drained = tokio::spawn(drain());
        tokio::task::yield_now().await;
        assert!(!drained.is_finished());
        go.send(()).unwrap();
        work.await.unwrap().unwrap();
        drained.await.unwrap();
    }
}
