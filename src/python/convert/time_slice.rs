//! Work under the GIL that leaves others their share of it.

use std::time::{Duration, Instant};

use pyo3::prelude::*;

/// How long other threads wait for the interpreter at most: as long as Python code makes them wait.
const LENGTH: Duration = Duration::from_millis(5);

/// How long a call has kept the interpreter to itself, across all batches that it works on.
pub struct TimeSlice {
    begun: Instant,
}

impl TimeSlice {
    /// One that begins now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            begun: Instant::now(),
        }
    }

    /// Whether it is time to give way.
    pub(super) fn is_over(&self) -> bool {
        self.begun.elapsed() > LENGTH
    }

    /// Lets signal handlers and other threads run; the error is that of a handler, such as Ctrl-C's.
    pub(super) fn give_way(&mut self, py: Python<'_>) -> PyResult<()> {
        py.check_signals()?;
        py.detach(std::thread::yield_now);
        *self = Self::new();
        Ok(())
    }

    /// Gives way if it is time to.
    pub(crate) fn look(&mut self, py: Python<'_>) -> PyResult<()> {
        if self.is_over() {
            self.give_way(py)?;
        }
        Ok(())
    }
}

impl Default for TimeSlice {
    fn default() -> Self {
        Self::new()
    }
}
