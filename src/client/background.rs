//! Work that nobody waits for, except a process that is about to end.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

static RUNNING: AtomicUsize = AtomicUsize::new(0);
static ENDED: Notify = Notify::const_new();

struct Running;

impl Drop for Running {
    fn drop(&mut self) {
        if RUNNING.fetch_sub(1, Ordering::AcqRel) == 1 {
            ENDED.notify_waiters();
        }
    }
}

/// Counts `work` from now on until it ends or is dropped.
pub(crate) fn counted<F: Future>(work: F) -> impl Future<Output = F::Output> {
    RUNNING.fetch_add(1, Ordering::AcqRel);
    let running = Running;
    async move {
        let _running = running;
        work.await
    }
}

/// Waits until all background work has ended.
pub async fn drain() {
    loop {
        let ended = ENDED.notified();
        if RUNNING.load(Ordering::Acquire) == 0 {
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
