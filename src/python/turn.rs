//! What the calls of one object take turns with, on whatever threads they are.

use std::ops::{Deref, DerefMut};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;
use tokio::sync::{Mutex, MutexGuard};

use super::runtime::wait;

/// A value that one call at a time has. Nobody waits for it while holding the GIL.
pub(crate) struct Shared<T> {
    value: Arc<Mutex<T>>,
    /// The thread whose call has it; zero when no call has.
    holder: AtomicUsize,
    process: u32,
}

impl<T: Default + Send> Default for Shared<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // Where it came through a fork, another thread of the parent may have held any lock in it.
        if self.process != process::id() {
            std::mem::forget(Arc::clone(&self.value));
        }
    }
}

/// A call was made from within another one.
pub(crate) struct InUse;

impl InUse {
    pub(crate) fn of(self, what: &str) -> String {
        format!("the {what} is in use by the very call that this one was made from")
    }
}

impl<T: Send> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            value: Arc::new(Mutex::new(value)),
            holder: AtomicUsize::new(0),
            process: process::id(),
        }
    }

    /// Waits until no other thread is in a call.
    pub(crate) fn turn(&self, py: Python<'_>) -> PyResult<Result<Turn<'_, T>, InUse>> {
        match self.try_turn() {
            Some(turn) => Ok(turn),
            None => wait(py, self.later_turn()).map(Ok),
        }
    }

    /// The same where the interpreter may not be held.
    pub(crate) async fn turn_anywhere(&self) -> Result<Turn<'_, T>, InUse> {
        match self.try_turn() {
            Some(turn) => turn,
            None => Ok(self.later_turn().await),
        }
    }

    /// The turn, unless another thread has it.
    fn try_turn(&self) -> Option<Result<Turn<'_, T>, InUse>> {
        match self.value.try_lock() {
            Ok(value) => Some(Ok(self.taken(value))),
            Err(_) if self.holder.load(Ordering::Acquire) == this_thread() => Some(Err(InUse)),
            Err(_) => None,
        }
    }

    async fn later_turn(&self) -> Turn<'_, T> {
        self.taken(self.value.lock().await)
    }

    fn taken<'a>(&'a self, value: MutexGuard<'a, T>) -> Turn<'a, T> {
        self.holder.store(this_thread(), Ordering::Release);
        Turn {
            holder: &self.holder,
            value,
        }
    }

    /// The value, unless a call has it.
    pub(crate) fn now(&self) -> Option<MutexGuard<'_, T>> {
        self.value.try_lock().ok()
    }
}

/// A call's turn.
pub(crate) struct Turn<'a, T> {
    holder: &'a AtomicUsize,
    value: MutexGuard<'a, T>,
}

impl<T> Deref for Turn<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Turn<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.holder.store(0, Ordering::Release);
    }
}

/// A number that tells threads apart while they live.
pub(crate) fn this_thread() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|mark| std::ptr::from_ref(mark).addr())
}
