//! What steers one execution of a `Statement`, before and after it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

use super::error::closed;
use crate::client::StatementControl;

/// The control of the execution that runs or comes next.
#[derive(Default)]
pub(super) struct Slot(Mutex<Next>);

#[derive(Default)]
struct Next {
    control: StatementControl,
    used: bool,
}

impl Slot {
    fn next(&self) -> MutexGuard<'_, Next> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn control(&self) -> StatementControl {
        self.next().control.clone()
    }

    /// The control for an execution that begins now: one that was asked to cancel before then, too.
    pub(super) fn begin(&self) -> StatementControl {
        let mut next = self.next();
        if next.used {
            next.control = StatementControl::default();
        }
        next.used = true;
        next.control.clone()
    }
}

/// Whether what came of an execution may still be steered: not after the next, nor after `close`.
pub(super) struct Life {
    control: StatementControl,
    ended: AtomicBool,
}

impl Life {
    pub(super) fn new(control: StatementControl) -> Arc<Self> {
        Arc::new(Self {
            control,
            ended: AtomicBool::new(false),
        })
    }

    pub(super) fn control(&self) -> &StatementControl {
        &self.control
    }

    pub(super) fn check(&self, py: Python<'_>) -> PyResult<()> {
        if self.ended.load(Ordering::Acquire) {
            return Err(closed(
                py,
                "the handle was invalidated: its Statement was executed again or closed",
            ));
        }
        Ok(())
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }
}
