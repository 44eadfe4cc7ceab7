//! What the downloads of a result and its reader know of one another.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

/// No chunk is being waited for.
const NOBODY: u64 = u64::MAX;

/// How far a result has come.
#[derive(Debug)]
pub(crate) struct Progress {
    /// The chunk that the reader waits for, or none.
    awaited: AtomicU64,
    /// Whether the reader does nothing before it has all rows.
    for_all: AtomicBool,
    /// Whether every chunk is on its way.
    asked: AtomicBool,
    /// Grows with everything that arrives or gets done.
    steps: AtomicU64,
    begun: AtomicBool,
    first: Notify,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            awaited: AtomicU64::new(NOBODY),
            for_all: AtomicBool::new(false),
            asked: AtomicBool::new(false),
            steps: AtomicU64::new(0),
            begun: AtomicBool::new(false),
            first: Notify::new(),
        }
    }
}

impl Progress {
    /// The reader waits for rows of this chunk.
    pub(crate) fn wait_for(&self, index: u64) {
        self.awaited.store(index, Ordering::Relaxed);
    }

    /// The reader has what it waited for.
    pub(crate) fn wait_no_longer(&self) {
        self.awaited.store(NOBODY, Ordering::Relaxed);
    }

    /// The reader waits for all rows.
    pub(crate) fn wait_for_all(&self) {
        self.for_all.store(true, Ordering::Relaxed);
    }

    pub(crate) fn waits_for_all(&self) -> bool {
        self.for_all.load(Ordering::Relaxed)
    }

    /// Whether rows of this chunk are of use before it is there whole. The very first ones tell how all are to be
    /// placed.
    pub(crate) fn wants_early(&self, index: u64) -> bool {
        let is_awaited = self.awaited.load(Ordering::Relaxed) == index;
        is_awaited && (!self.has_begun() || !self.waits_for_all())
    }

    /// No other chunk will be asked for.
    pub(crate) fn all_are_asked_for(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Whether no other chunk will want a connection.
    pub(crate) fn is_at_its_end(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Something has come or has been done.
    pub(crate) fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// A number that differs from an earlier one when something has happened since.
    pub(crate) fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// The first rows are there.
    pub(crate) fn begin(&self) {
        if !self.begun.swap(true, Ordering::Relaxed) {
            self.first.notify_one();
        }
    }

    /// Waits for the first rows.
    pub(crate) async fn first(&self) {
        self.first.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_awaited_chunk_are_wanted_early() {
        let progress = Progress::default();
        assert!(!progress.wants_early(0));
        progress.wait_for(1);
        assert!(progress.wants_early(1));
        assert!(!progress.wants_early(0) && !progress.wants_early(2));
    }

    #[test]
    fn who_wants_everything_wants_the_very_first_rows_alone_early() {
        let progress = Progress::default();
        progress.wait_for_all();
        progress.wait_for(0);
        assert!(progress.wants_early(0));
        progress.begin();
        assert!(!progress.wants_early(0));
        progress.wait_for(1);
        assert!(!progress.wants_early(1));
    }
}
