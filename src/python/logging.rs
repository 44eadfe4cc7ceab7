//! The driver's log under Python's `logging`: the logger `databricks.sql.kernel`.
//!
//! Threads of the runtime never call Python: they put records into a queue of bounded length, and calls
//! from Python give them to the logger on their way out. No lock is held meanwhile, so that handlers may call the
//! driver; of what that makes happen they are not told, which would have no end.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::subscriber::{Interest, Subscriber};
use tracing::{Event, Level, Metadata};

use super::convert::call_foreign_method;
use crate::client::of_process::OfProcess;

/// The logger of all records.
const LOGGER: &str = "databricks.sql.kernel";

/// Records that wait at most; the oldest give way, and are counted.
const LONGEST_QUEUE: usize = 4096;

static QUEUE: OfProcess<Mutex<VecDeque<Record>>> = OfProcess::new(Mutex::default);
static WAITING: AtomicBool = AtomicBool::new(false);
static LOST: AtomicU64 = AtomicU64::new(0);
/// The least level that the logger takes, as Python numbers them.
static LEAST: AtomicU8 = AtomicU8::new(WARNING);

const DEBUG: u8 = 10;
const INFO: u8 = 20;
const WARNING: u8 = 30;
const ERROR: u8 = 40;

thread_local! {
    /// Whether this thread is giving records to handlers.
    static GIVING: Cell<bool> = const { Cell::new(false) };
}

/// This thread's giving of records, until it is dropped.
struct Giving;

impl Giving {
    fn begin() -> Option<Self> {
        (!GIVING.replace(true)).then_some(Self)
    }
}

impl Drop for Giving {
    fn drop(&mut self) {
        GIVING.set(false);
    }
}

struct Record {
    level: u8,
    file: &'static str,
    line: u32,
    message: String,
}

/// Takes the driver's events.
struct Bridge;

fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => ERROR,
        Level::WARN => WARNING,
        Level::INFO => INFO,
        _ => DEBUG,
    }
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.is_event() && metadata.target().starts_with(env!("CARGO_CRATE_NAME"))
}

impl Subscriber for Bridge {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_ours(metadata) {
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_ours(metadata) && number(*metadata.level()) >= LEAST.load(Ordering::Relaxed)
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut text = Text(String::new());
        event.record(&mut text);
        let path = metadata.file().unwrap_or_default();
        let record = Record {
            level: number(*metadata.level()),
            file: path.rsplit('/').next().unwrap_or(path),
            line: metadata.line().unwrap_or_default(),
            message: text.0,
        };
        let mut queue = QUEUE.lock();
        if queue.len() >= LONGEST_QUEUE {
            queue.pop_front();
            LOST.fetch_add(1, Ordering::Relaxed);
        }
        queue.push_back(record);
        WAITING.store(true, Ordering::Release);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// The message of an event, and its other fields behind it.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = if field.name() == "message" {
            write!(self.0, "{value:?}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, " {}={value}", field.name());
    }
}

/// Begins to take events; the answer tells whether this call did it.
pub(crate) fn install() -> bool {
    tracing::subscriber::set_global_default(Bridge).is_ok()
}

/// Looks up which levels the logger takes. What a signal handler raises meanwhile is raised here.
pub(crate) fn read_level(py: Python<'_>) -> PyResult<()> {
    if !is_imported(py)? {
        return Ok(());
    }
    let level = call_foreign_method(logger(py)?, "getEffectiveLevel", ())?;
    if let Ok(level) = level.extract::<i64>() {
        let level = u8::try_from(level.clamp(1, 255)).unwrap_or(u8::MAX);
        LEAST.store(level, Ordering::Relaxed);
    }
    Ok(())
}

/// Whether anybody uses `logging`; those who do not are spared its import.
fn is_imported(py: Python<'_>) -> PyResult<bool> {
    static IMPORTED: AtomicBool = AtomicBool::new(false);
    if !IMPORTED.load(Ordering::Relaxed) {
        let modules = py.import("sys")?.getattr("modules")?;
        IMPORTED.store(modules.contains("logging")?, Ordering::Relaxed);
    }
    Ok(IMPORTED.load(Ordering::Relaxed))
}

/// Gives what waits to the logger. What is raised meanwhile, by a signal handler for one, is raised here; the records
/// behind it wait on.
pub(crate) fn drain(py: Python<'_>) -> PyResult<()> {
    if !WAITING.swap(false, Ordering::AcqRel) {
        return Ok(());
    }
    let mut records = std::mem::take(&mut *QUEUE.lock());
    let Some(_giving) = Giving::begin() else {
        return Ok(());
    };
    let lost = LOST.swap(0, Ordering::Relaxed);
    if lost > 0 {
        records.push_back(Record {
            level: WARNING,
            file: file!(),
            line: line!(),
            message: format!("{lost} records were dropped: they came faster than they were taken"),
        });
    }
    let logger = logger(py)?;
    while let Some(record) = records.pop_front() {
        if let Err(raised) = handle(logger, &record) {
            if !records.is_empty() {
                let mut queue = QUEUE.lock();
                records.append(&mut queue);
                *queue = records;
                WAITING.store(true, Ordering::Release);
            }
            return Err(raised);
        }
    }
    Ok(())
}

fn handle(logger: &Bound<'_, PyAny>, record: &Record) -> PyResult<()> {
    if !call_foreign_method(logger, "isEnabledFor", (record.level,))?.is_truthy()? {
        return Ok(());
    }
    let none = logger.py().None();
    let made = call_foreign_method(
        logger,
        "makeRecord",
        (
            LOGGER,
            record.level,
            record.file,
            record.line,
            &record.message,
            (),
            none,
        ),
    )?;
    call_foreign_method(logger, "handle", (made,)).map(drop)
}

fn logger(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static FOUND: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    FOUND
        .get_or_try_init(py, || {
            let logging = py.import("logging")?;
            logging
                .call_method1("getLogger", (LOGGER,))
                .map(Bound::unbind)
        })
        .map(|found| found.bind(py))
}

/// Has the driver's log go to Python's `logging`; True if this call did it.
#[pyfunction]
pub(crate) fn init_logging(py: Python<'_>) -> PyResult<bool> {
    let installed = install();
    read_level(py)?;
    Ok(installed)
}

/// Looks up the levels of Python's loggers again.
#[pyfunction]
pub(crate) fn reset_logging(py: Python<'_>) -> PyResult<()> {
    read_level(py)?;
    drain(py)
}
