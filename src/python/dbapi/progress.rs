//! Telling the caller how far a statement is, on the caller's own thread, while it waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::client::{Phase, Received, StatementControl};
use crate::python::convert::{call_foreign, wrong_type};

/// How far a statement is.
#[pyclass(frozen, module = "databricks.sql_kernel")]
pub(crate) struct Progress {
    /// "queued", "starting warehouse", "running", "downloading" or "uploading".
    #[pyo3(get)]
    phase: &'static str,
    /// Seconds since the call began that sent the statement.
    #[pyo3(get)]
    elapsed: f64,
    /// Rows of the result that have come.
    #[pyo3(get)]
    rows: u64,
    /// Rows that the result has; None while that is unknown.
    #[pyo3(get)]
    total_rows: Option<u64>,
    /// Bytes of the result, or of the file, that have come or gone.
    #[pyo3(get)]
    bytes: u64,
    /// The statement's id; None while it is unknown.
    #[pyo3(get)]
    query_id: Option<String>,
}

#[pymethods]
impl Progress {
    fn __str__(&self) -> String {
        let rows = match self.total_rows {
            Some(total) => format!(", {} of {total} rows", self.rows),
            None if self.rows > 0 => format!(", {} rows", self.rows),
            None => String::new(),
        };
        let tenths = self.bytes / 100_000;
        let bytes = match self.bytes {
            0 => String::new(),
            _ => format!(", {}.{} MB", tenths / 10, tenths % 10),
        };
        format!("{}, {:.1} s{rows}{bytes}", self.phase, self.elapsed)
    }

    fn __repr__(&self) -> String {
        format!("<Progress {}>", self.__str__())
    }
}

/// What is called, if it can be.
pub(super) fn callback(name: &str, given: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    if given.is_callable() {
        return Ok(given.clone().unbind());
    }
    Err(wrong_type(name, "callable, as print is", given))
}

/// What a transfer or a result counts.
#[derive(Clone)]
pub(super) struct Counted {
    pub(super) phase: &'static str,
    pub(super) received: Arc<Received>,
    pub(super) total_rows: Option<u64>,
}

/// Calls the caller's function now and then.
pub(super) struct Reporter {
    callback: Py<PyAny>,
    control: StatementControl,
    started: Instant,
    counted: Option<Counted>,
    told: Option<(&'static str, Instant)>,
}

/// At least so long between two calls in one phase.
const PAUSE: Duration = Duration::from_millis(450);

/// What takes no longer is not told of.
const FIRST: Duration = Duration::from_millis(50);

impl Reporter {
    pub(super) fn new(callback: Py<PyAny>, control: StatementControl) -> Self {
        Self {
            callback,
            control,
            started: Instant::now(),
            counted: None,
            told: None,
        }
    }

    /// From now on it is about something that is counted.
    pub(super) fn counts(&mut self, counted: Counted) {
        self.counted = Some(counted);
    }

    /// Tells of a new phase at once, and of the same one again after a while.
    pub(super) fn tell(&mut self, py: Python<'_>) -> PyResult<()> {
        match self.told {
            None if self.started.elapsed() < FIRST => Ok(()),
            Some((last, at)) if last == self.phase() && at.elapsed() < PAUSE => Ok(()),
            _ => self.tell_now(py),
        }
    }

    /// Tells of the end, where it has told of what went before.
    pub(super) fn tell_end(&mut self, py: Python<'_>) -> PyResult<()> {
        if self.told.is_none_or(|(last, _)| last != self.phase()) {
            return Ok(());
        }
        let told = self.tell_now(py);
        self.told = None;
        told
    }

    fn tell_now(&mut self, py: Python<'_>) -> PyResult<()> {
        let phase = self.phase();
        self.told = Some((phase, Instant::now()));
        let counted = self.counted.as_ref();
        let progress = Progress {
            phase,
            elapsed: self.started.elapsed().as_secs_f64(),
            rows: counted.map_or(0, |counted| counted.received.rows()),
            total_rows: counted.and_then(|counted| counted.total_rows),
            bytes: counted.map_or(0, |counted| counted.received.bytes()),
            query_id: self.control.statement_id(),
        };
        call_foreign(self.callback.bind(py), (progress,)).map(drop)
    }

    fn phase(&self) -> &'static str {
        if let Some(counted) = &self.counted {
            return counted.phase;
        }
        match self.control.phase() {
            Phase::Queued => "queued",
            Phase::StartingWarehouse => "starting warehouse",
            Phase::Running => "running",
        }
    }
}

/// Tells whoever wants to know.
pub(super) fn tell(py: Python<'_>, reporter: Option<&mut Reporter>) -> PyResult<()> {
    reporter.map_or(Ok(()), |reporter| reporter.tell(py))
}
