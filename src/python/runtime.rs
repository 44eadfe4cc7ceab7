//! The process's asynchronous runtime, and the one bridge from Python's threads to it.

use std::num::NonZero;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::IntoPyDict;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use super::convert::{attach_again, is_attached};
use super::logging;
use crate::client::of_process::OfProcess;
use crate::client::{Session, WeakSession, background, while_waiting};

/// How often a waiting thread looks for signals such as Ctrl-C.
const SIGNAL_POLL: Duration = Duration::from_millis(50);

/// Longest time that the end of the interpreter waits for sessions to close.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);

/// The runtime of this process. Its threads do not survive a fork, so a child makes its own.
fn runtime() -> PyResult<&'static Runtime> {
    static RUNTIME: OfProcess<Mutex<Option<&'static Runtime>>> = OfProcess::new(Mutex::default);
    let mut slot = RUNTIME.lock();
    if let Some(runtime) = *slot {
        return Ok(runtime);
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers(available_parallelism().map_or(1, NonZero::get)))
        .enable_all()
        .thread_name("databricks-sql")
        .build()
        .map_err(|why| PyRuntimeError::new_err(format!("no threads for the driver: {why}")))?;
    let runtime: &'static Runtime = Box::leak(Box::new(runtime));
    *slot = Some(runtime);
    Ok(runtime)
}

/// How many threads read and write: each that waits for work is woken when there is some, whether it is needed or
/// not. The threads that decode and Python's need the other processors.
fn workers(processors: usize) -> usize {
    (processors / 2).max(1)
}

/// Waits for `future` without the GIL. A signal handler that raises, as that of Ctrl-C does, ends the
/// waiting at once and drops the future: futures of the core take that well.
pub(crate) fn wait<F>(py: Python<'_>, future: F) -> PyResult<F::Output>
where
    F: Future<Output: Send> + Send,
{
    wait_and(py, |_| Ok(()), future)
}

/// The same; `tell` is called with the interpreter now and then, and ends the waiting as a signal does when it fails.
pub(crate) fn wait_and<F>(
    py: Python<'_>,
    mut tell: impl FnMut(Python<'_>) -> PyResult<()> + Send,
    future: F,
) -> PyResult<F::Output>
where
    F: Future<Output: Send> + Send,
{
    logging::read_level(py)?;
    let mut look = |py: Python<'_>| {
        py.check_signals()?;
        tell(py)
    };
    let ended = py.detach(|| block(future, Some(|| Python::try_attach(&mut look))));
    let logged = logging::drain(py);
    let ended = ended?;
    logged.map(|()| ended)
}

/// Lets `work` go on by itself, while the caller's thread does its part.
pub(crate) fn spawn<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> PyResult<JoinHandle<T>> {
    Ok(runtime()?.spawn(work))
}

/// Waits for `future` where code of others calls from, which may have let go of the interpreter, on threads that Python
/// knows or not. Signals are looked for if `looks_for_signals`, on threads of Python only.
pub(crate) fn wait_anywhere<F>(looks_for_signals: bool, future: F) -> PyResult<F::Output>
where
    F: Future<Output: Send> + Send,
{
    if is_attached() {
        return Python::attach(|py| wait(py, future));
    }
    let check = || Some(attach_again(|py| py.check_signals()));
    block(future, looks_for_signals.then_some(check))
}

/// Drops what may hold Python objects, also where code of others has let go of the interpreter.
///
/// `PyO3` counts its own calls alone, and takes a thread for one that holds the interpreter when such code, called from
/// a call of ours, calls again. Threads of the runtime are never taken for that.
pub(crate) fn drop_anywhere<T: Send + 'static>(value: T) {
    if is_attached() {
        drop(value);
        return;
    }
    match runtime() {
        Ok(runtime) => drop(runtime.spawn(async move { drop(value) })),
        Err(_) => std::mem::forget(value),
    }
}

/// Waits on this thread, which does not hold the interpreter. `check` looks for signals; `None` of it says that the
/// interpreter has ended.
fn block<F: Future>(
    future: F,
    mut check: Option<impl FnMut() -> Option<PyResult<()>>>,
) -> PyResult<F::Output> {
    let runtime = runtime()?;
    let mut future = pin!(future);
    loop {
        let poll = async {
            tokio::select! {
                biased;
                output = &mut future => Some(output),
                () = tokio::time::sleep(SIGNAL_POLL), if check.is_some() => None,
            }
        };
        // Handlers run outside of the runtime, so that they may call the driver, too.
        if let Some(output) = runtime.block_on(poll) {
            return Ok(output);
        }
        match check.as_mut().and_then(while_waiting) {
            Some(checked) => checked?,
            // This daemon thread waited meanwhile, and cannot go back to an interpreter that is gone.
            None => loop {
                std::thread::park();
            },
        }
    }
}

/// How many forks lie between this process and the one that loaded the driver.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// What tells this process from those that it was forked from, since the first session was opened. The system's own
/// number would take a system call for each fetched row.
pub(crate) fn generation() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

#[pyfunction]
fn note_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

static OPEN_SESSIONS: OfProcess<Mutex<Vec<WeakSession>>> = OfProcess::new(Mutex::default);

/// Has a session closed when the interpreter ends, if it still is open then, and forks counted.
pub(crate) fn close_at_exit(py: Python<'_>, session: &Session) -> PyResult<()> {
    static HOOK: PyOnceLock<()> = PyOnceLock::new();
    HOOK.get_or_try_init(py, || -> PyResult<()> {
        let close = wrap_pyfunction!(close_open_sessions, py)?;
        py.import("atexit")?.call_method1("register", (close,))?;
        if let Some(register) = py.import("os")?.getattr_opt("register_at_fork")? {
            let hook = [("after_in_child", wrap_pyfunction!(note_fork, py)?)].into_py_dict(py)?;
            register.call((), Some(&hook))?;
        }
        Ok(())
    })?;
    let mut sessions = OPEN_SESSIONS.lock();
    sessions.retain(|session| session.upgrade().is_some());
    sessions.push(session.downgrade());
    Ok(())
}

#[pyfunction]
fn close_open_sessions(py: Python<'_>) -> PyResult<()> {
    let sessions = {
        let mut sessions = OPEN_SESSIONS.lock();
        std::mem::take(&mut *sessions)
    };
    wait(py, async {
        let all = async {
            let closings: Vec<_> = sessions
                .iter()
                .filter_map(WeakSession::upgrade)
                .map(|session| tokio::spawn(async move { session.close().await }))
                .collect();
            for closing in closings {
                drop(closing.await);
            }
            background::drain().await;
        };
        drop(tokio::time::timeout(EXIT_TIMEOUT, all).await);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_processors_read_and_write() {
        assert_eq!([1, 2, 3, 4, 64].map(workers), [1, 1, 1, 2, 32]);
    }
}
