//! What a cursor's calls share: the result, which they take turns with, and what can always be asked.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyList;
use tokio::sync::OwnedMutexGuard;

use super::exceptions::{ProgrammingError, raise};
use super::fetch::ResultSet;
use crate::client::{Error, Result, StatementControl, SubmittedStatement};
use crate::python::runtime::wait;

/// What the connection sees of a cursor, and what its calls take turns with.
///
/// Lock order: `result` before `about`. Nobody waits for `result` while holding the GIL.
#[derive(Default)]
pub(super) struct CursorInner {
    closed: AtomicBool,
    result: Arc<tokio::sync::Mutex<Option<ResultSet>>>,
    /// The thread whose call has `result`; zero when no call has.
    holder: AtomicUsize,
    about: Mutex<About>,
}

/// What can be asked of a cursor at any time, also while a call goes on.
#[derive(Default)]
pub(super) struct About {
    pub(super) control: StatementControl,
    pub(super) query_id: Option<String>,
    pub(super) description: Option<Py<PyList>>,
    pub(super) rowcount: Option<i64>,
    pub(super) rownumber: Option<u64>,
    pub(super) truncated: bool,
    /// What runs by itself.
    pub(super) submitted: Option<SubmittedStatement>,
}

impl CursorInner {
    /// Ends everything, whatever other threads are doing.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let (control, submitted) = {
            let mut about = self.about();
            (about.control.clone(), about.submitted.take())
        };
        drop(submitted);
        match self.result.try_lock() {
            Ok(mut result) => *result = None,
            Err(_) => control.abandon(),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Waits until no other thread is in a call on the cursor.
    pub(super) fn turn(&self, py: Python<'_>) -> PyResult<Turn<'_>> {
        let turn = match self.try_turn() {
            Some(turn) => turn,
            None => wait(py, self.later_turn()).map(Ok)?,
        };
        turn.map_err(|InUse| raise::<ProgrammingError>(py, IN_USE))
    }

    /// The same where the interpreter may not be held.
    pub(super) async fn turn_anywhere(&self) -> Result<Turn<'_>> {
        let turn = match self.try_turn() {
            Some(turn) => turn,
            None => Ok(self.later_turn().await),
        };
        turn.map_err(|InUse| Error::invalid_argument(IN_USE))
    }

    /// The turn, unless another thread has it.
    fn try_turn(&self) -> Option<std::result::Result<Turn<'_>, InUse>> {
        match Arc::clone(&self.result).try_lock_owned() {
            Ok(result) => Some(Ok(self.taken(result))),
            Err(_) if self.holder.load(Ordering::Acquire) == this_thread() => Some(Err(InUse)),
            Err(_) => None,
        }
    }

    async fn later_turn(&self) -> Turn<'_> {
        self.taken(Arc::clone(&self.result).lock_owned().await)
    }

    /// The result, unless a call has it.
    pub(super) fn result_now(&self) -> Option<OwnedMutexGuard<Option<ResultSet>>> {
        Arc::clone(&self.result).try_lock_owned().ok()
    }

    fn taken(&self, result: OwnedMutexGuard<Option<ResultSet>>) -> Turn<'_> {
        self.holder.store(this_thread(), Ordering::Release);
        Turn {
            inner: self,
            result,
        }
    }

    pub(super) fn about(&self) -> MutexGuard<'_, About> {
        self.about.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call was made from within another one.
struct InUse;

const IN_USE: &str = "the cursor is in use by the very call that this one was made from";

/// A call's turn at the result of a cursor.
pub(super) struct Turn<'a> {
    inner: &'a CursorInner,
    result: OwnedMutexGuard<Option<ResultSet>>,
}

impl Deref for Turn<'_> {
    type Target = Option<ResultSet>;
    fn deref(&self) -> &Self::Target {
        &self.result
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.result
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(result) = self.result.as_mut() {
            self.inner.about().rownumber = Some(result.rows_given());
            if self.inner.is_closed() {
                result.close();
            }
        }
        self.inner.holder.store(0, Ordering::Release);
    }
}

/// A number that tells threads apart while they live.
pub(super) fn this_thread() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|mark| std::ptr::from_ref(mark).addr())
}
