//! How many bytes of a result may be held ahead of its reader.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Bytes that are held, and how many may be.
#[derive(Debug)]
pub(crate) struct Budget {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    used: usize,
    limit: usize,
}

impl State {
    fn admits(&self, bytes: usize) -> bool {
        self.used == 0 || self.used.saturating_add(bytes) <= self.limit
    }
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State { used: 0, limit }),
            freed: Notify::new(),
        })
    }

    /// Lets more be held.
    pub(crate) fn raise_limit(&self, limit: usize) {
        let mut state = self.state();
        state.limit = state.limit.max(limit);
        drop(state);
        self.freed.notify_one();
    }

    /// Waits for room, in the order of the chunks: one caller at a time. Whoever would be alone is
    /// always let in, so that a chunk larger than the limit still comes.
    pub(crate) async fn reserve(self: &Arc<Self>, bytes: usize) -> Reservation {
        loop {
            {
                let mut state = self.state();
                if state.admits(bytes) {
                    state.used += bytes.max(1);
                    return Reservation {
                        budget: Arc::clone(self),
                        bytes: AtomicUsize::new(bytes.max(1)),
                    };
                }
            }
            self.freed.notified().await;
        }
    }

    /// Whether there is room.
    pub(crate) fn has(&self, bytes: usize) -> bool {
        self.state().admits(bytes)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that somebody holds, until it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    bytes: AtomicUsize,
}

impl Reservation {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Corrects an estimate.
    pub(crate) fn resize(&self, bytes: usize) {
        let bytes = bytes.max(1);
        let mut state = self.budget.state();
        let before = self.bytes.swap(bytes, Ordering::Relaxed);
        state.used = state.used - before + bytes;
        drop(state);
        self.budget.freed.notify_one();
    }

    /// Gives a part of it back.
    pub(crate) fn shrink(&self, bytes: usize) {
        let before = self.bytes();
        self.resize(before.saturating_sub(bytes));
    }

    /// Another one of the same budget, if there is room.
    pub(crate) fn beside(&self, bytes: usize) -> Option<Self> {
        let mut state = self.budget.state();
        if bytes > 0 && state.used.saturating_add(bytes) > state.limit {
            return None;
        }
        state.used += bytes;
        Some(Self {
            budget: Arc::clone(&self.budget),
            bytes: AtomicUsize::new(bytes),
        })
    }

    /// Corrects an estimate that was too low.
    pub(crate) fn grow(&self, bytes: usize) {
        if bytes > self.bytes() {
            self.resize(bytes);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.state().used -= *self.bytes.get_mut();
        self.budget.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    fn assert_pending<T>(future: impl Future<Output = T>) {
        let mut context = Context::from_waker(Waker::noop());
        assert!(pin!(future).poll(&mut context).is_pending());
    }

    #[tokio::test]
    async fn room_is_given_up_to_the_limit_and_again_when_freed() {
        let budget = Budget::new(100);
        let first = budget.reserve(60).await;
        let _second = budget.reserve(40).await;
        assert_pending(budget.reserve(1));
        drop(first);
        drop(budget.reserve(60).await);
    }

    #[tokio::test]
    async fn a_chunk_larger_than_the_limit_comes_alone() {
        let budget = Budget::new(100);
        let large = budget.reserve(1000).await;
        assert_pending(budget.reserve(1));
        drop(large);
        drop(budget.reserve(1).await);
    }

    #[tokio::test]
    async fn corrected_estimates_count() {
        let budget = Budget::new(100);
        let first = budget.reserve(10).await;
        first.resize(100);
        assert_pending(budget.reserve(10));
        first.resize(20);
        drop(budget.reserve(80).await);
    }

    #[tokio::test]
    async fn more_is_taken_where_there_is_room() {
        let budget = Budget::new(100);
        let first = budget.reserve(60).await;
        assert!(first.beside(41).is_none());
        let second = first.beside(40).unwrap();
        assert_pending(budget.reserve(1));
        drop(first);
        drop(budget.reserve(60).await);
        drop(second);
        drop(budget.reserve(100).await);
    }

    #[tokio::test]
    async fn a_raised_limit_lets_more_in() {
        let budget = Budget::new(100);
        let _first = budget.reserve(100).await;
        assert_pending(budget.reserve(50));
        budget.raise_limit(150);
        drop(budget.reserve(50).await);
    }
}
