//! Files of volumes: what `PUT`, `GET` and `REMOVE` do once the service has said where, also by streams of the caller's.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyBytes, PyMemoryView, PyString};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::cursor::Cursor;
use super::exceptions::{OperationalError, ProgrammingError, raise, to_pyerr};
use super::progress::{Counted, Reporter, tell};
use crate::client::volume::{
    INPUT_STREAM, Local, OUTPUT_STREAM, Piece, TimeLeft, Upload, VolumeCommand, VolumeOperation,
    check_transfer,
};
use crate::client::{ExecutedStatement, Received, Result, Session, StatementControl};
use crate::python::convert::{call_foreign_method, wrong_type};
use crate::python::runtime::{spawn, wait, wait_and};

/// Bytes that a stream is read by.
const PIECE: usize = 1 << 20;

/// Bytes of a stream that cannot be rewound which are kept in memory; more go to a temporary file.
const KEPT_IN_MEMORY: usize = 8 << 20;

/// Streams that go along with a statement, for the local names that stand for them.
#[derive(Clone, Copy, Default)]
pub(super) struct Streams<'a, 'py> {
    input: Option<&'a Bound<'py, PyAny>>,
    output: Option<&'a Bound<'py, PyAny>>,
}

impl<'a, 'py> Streams<'a, 'py> {
    /// Refuses streams that `sql` has no use for, before anything is sent.
    pub(super) fn new(
        py: Python<'py>,
        sql: &str,
        input: Option<&'a Bound<'py, PyAny>>,
        output: Option<&'a Bound<'py, PyAny>>,
    ) -> PyResult<Self> {
        let given = [
            (
                input,
                "input_stream",
                "read",
                INPUT_STREAM,
                "PUT '__input_stream__' INTO '/Volumes/...'",
            ),
            (
                output,
                "output_stream",
                "write",
                OUTPUT_STREAM,
                "GET '/Volumes/...' TO '__output_stream__'",
            ),
        ];
        for (stream, name, method, stands_for_it, example) in given {
            let Some(stream) = stream else {
                continue;
            };
            let is_bytes = name == "input_stream" && stream.is_instance_of::<PyBytes>();
            if !is_bytes && !stream.hasattr(method)? {
                let what = format!("a binary stream with a method {method}");
                return Err(wrong_type(name, &what, stream));
            }
            if name == "output_stream" && is_of_text(stream)? {
                return Err(PyTypeError::new_err(format!(
                    "{name} must take bytes, and a {} takes text; a file is opened with mode 'wb' for that",
                    stream.get_type().name()?
                )));
            }
            if !sql.contains(stands_for_it) {
                let message = format!(
                    "{name} is of no use to a statement without the name '{stands_for_it}'; that is: {example}"
                );
                return Err(raise::<ProgrammingError>(py, message));
            }
        }
        Ok(Self { input, output })
    }
}

fn is_of_text(stream: &Bound<'_, PyAny>) -> PyResult<bool> {
    let io = stream.py().import("io")?;
    stream.is_instance(&io.getattr("TextIOBase")?)
}

/// The time that a statement has, by when it began.
pub(super) fn time_left(
    statement: Option<std::time::Duration>,
    started: Instant,
) -> Option<TimeLeft> {
    statement.map(|whole| TimeLeft {
        whole,
        left: whole.saturating_sub(started.elapsed()),
    })
}

impl Cursor {
    /// Does what a statement about a file was answered with. There is no result then.
    pub(super) fn move_file(
        &self,
        py: Python<'_>,
        executed: ExecutedStatement,
        (sql, streams): (Option<&str>, Streams<'_, '_>),
        control: &StatementControl,
        (time, mut reporter): (Option<TimeLeft>, Option<Reporter>),
    ) -> PyResult<()> {
        let read = VolumeOperation::read(executed.into_stream(), sql);
        let operation = wait(py, read)?.map_err(|error| to_pyerr(py, &error))?;
        let connection = self.connection.get();
        let session = connection.session(py)?;
        let moved = Arc::<Received>::default();
        if let Some(reporter) = &mut reporter {
            reporter.counts(Counted {
                phase: match operation.command() {
                    VolumeCommand::Put => "uploading",
                    VolumeCommand::Get => "downloading",
                    VolumeCommand::Remove => "running",
                },
                received: Arc::clone(&moved),
                total_rows: None,
            });
        }
        if !operation.is_stream() {
            let told = |py: Python<'_>| tell(py, reporter.as_mut());
            let local = Local::File(&connection.options().local_paths);
            let transfer = session.transfer(&operation, local, control, (time, &moved));
            let done = wait_and(py, told, transfer)?;
            return done.map_err(|error| to_pyerr(py, &error));
        }
        let transfer = Transfer {
            session: session.clone(),
            limits: Limits {
                control: control.clone(),
                time,
                since: Instant::now(),
            },
            moved,
            reporter,
        };
        match operation.command() {
            VolumeCommand::Get => match streams.output {
                Some(stream) => download(py, transfer, operation, stream),
                None => Err(no_stream(py, &operation, "output_stream=open(path, 'wb')")),
            },
            _ => match streams.input {
                Some(stream) => upload(py, transfer, operation, stream),
                None => Err(no_stream(py, &operation, "input_stream=open(path, 'rb')")),
            },
        }
    }
}

fn no_stream(py: Python<'_>, operation: &VolumeOperation, example: &str) -> PyErr {
    let message = format!(
        "{}: there is no stream to use; pass it to execute, as {example}",
        operation.what()
    );
    raise::<ProgrammingError>(py, message)
}

/// What ends a transfer, also while its stream is worked on.
#[derive(Clone)]
struct Limits {
    control: StatementControl,
    /// What was left at `since`.
    time: Option<TimeLeft>,
    since: Instant,
}

impl Limits {
    fn time(&self) -> Option<TimeLeft> {
        self.time.map(|time| TimeLeft {
            left: time.left.saturating_sub(self.since.elapsed()),
            ..time
        })
    }

    fn check(&self, py: Python<'_>, operation: &VolumeOperation) -> PyResult<()> {
        py.check_signals()?;
        check_transfer(operation, &self.control, self.time()).map_err(|error| to_pyerr(py, &error))
    }
}

/// What a transfer needs beside its two ends.
struct Transfer {
    session: Session,
    limits: Limits,
    moved: Arc<Received>,
    reporter: Option<Reporter>,
}

impl Transfer {
    /// Lets it run by itself, while the thread of the caller works on the stream.
    fn start(self, operation: Arc<VolumeOperation>, local: Local<'static>) -> PyResult<Running> {
        let Self {
            session,
            limits,
            moved,
            reporter,
        } = self;
        let task = spawn(async move {
            session
                .transfer(&operation, local, &limits.control, (limits.time(), &moved))
                .await
        })?;
        Ok(Running { task, reporter })
    }
}

/// A transfer that ends when nobody waits for it any more.
struct Running {
    task: JoinHandle<Result<()>>,
    reporter: Option<Reporter>,
}

impl Running {
    /// Waits for something that the transfer does.
    fn wait<T: Send>(
        &mut self,
        py: Python<'_>,
        step: impl Future<Output = T> + Send,
    ) -> PyResult<T> {
        let mut told = |py: Python<'_>| tell(py, self.reporter.as_mut());
        let done = wait_and(py, &mut told, step)?;
        told(py).map(|()| done)
    }

    fn end(mut self, py: Python<'_>) -> PyResult<()> {
        let told = |py: Python<'_>| tell(py, self.reporter.as_mut());
        let ended = wait_and(py, told, &mut self.task)?;
        let ended = ended.map_err(|why| raise::<OperationalError>(py, why.to_string()))?;
        ended.map_err(|error| to_pyerr(py, &error))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sends what a stream gives from where it stands. Storage wants to know its length, and another attempt all of it again:
/// what cannot be rewound goes through a temporary file.
fn upload(
    py: Python<'_>,
    transfer: Transfer,
    operation: VolumeOperation,
    stream: &Bound<'_, PyAny>,
) -> PyResult<()> {
    if stream.is_instance_of::<PyBytes>() {
        let stream = py.import("io")?.call_method1("BytesIO", (stream,))?;
        return send(py, transfer, operation, &stream);
    }
    let seekable = stream.getattr_opt("seekable")?;
    if seekable.is_some_and(|seekable| {
        seekable
            .call0()
            .is_ok_and(|it| it.is_truthy().unwrap_or(false))
    }) {
        return send(py, transfer, operation, stream);
    }
    let size = [("max_size", KEPT_IN_MEMORY)].into_py_dict(py)?;
    let temporary = py
        .import("tempfile")?
        .call_method("SpooledTemporaryFile", (), Some(&size))?;
    let copied = copy(stream, &temporary, |py| {
        transfer.limits.check(py, &operation)
    });
    let sent = copied.and_then(|()| send(py, transfer, operation, &temporary));
    temporary.call_method0("close")?;
    sent
}

fn copy(
    stream: &Bound<'_, PyAny>,
    temporary: &Bound<'_, PyAny>,
    check: impl Fn(Python<'_>) -> PyResult<()>,
) -> PyResult<()> {
    let py = stream.py();
    while let Some(piece) = read(stream)? {
        temporary.call_method1("write", (PyBytes::new(py, &piece),))?;
        check(py)?;
    }
    temporary.call_method1("seek", (0,)).map(drop)
}

fn send(
    py: Python<'_>,
    transfer: Transfer,
    operation: VolumeOperation,
    stream: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let start: u64 = stream.call_method0("tell")?.extract()?;
    let end: u64 = stream.call_method1("seek", (0, 2))?.extract()?;
    stream.call_method1("seek", (start,))?;
    let (upload, mut attempts) = Upload::new(end.saturating_sub(start));
    let mut running = transfer.start(Arc::new(operation), Local::Upload(upload))?;
    let mut is_at_start = true;
    while let Some(pieces) = running.wait(py, attempts.recv())? {
        if !std::mem::take(&mut is_at_start) {
            stream.call_method1("seek", (start,))?;
        }
        while let Some(piece) = read(stream)? {
            if running.wait(py, pieces.send(Ok(piece)))?.is_err() {
                break;
            }
        }
    }
    running.end(py)
}

/// The next bytes of a stream, until there are none.
fn read(stream: &Bound<'_, PyAny>) -> PyResult<Option<Bytes>> {
    let given = call_foreign_method(stream, "read", (PIECE,))?;
    if given.is_instance_of::<PyString>() || given.is_none() {
        return Err(PyTypeError::new_err(format!(
            "input_stream must give bytes, and gave {}; a file is opened with mode 'rb' for that",
            given.get_type().name()?
        )));
    }
    let given = if given.is_instance_of::<PyBytes>() {
        given
    } else {
        let view = PyMemoryView::from(&given)?;
        stream.py().get_type::<PyBytes>().call1((view,))?
    };
    let given = given.cast_into::<PyBytes>()?;
    let bytes = given.as_bytes();
    Ok((!bytes.is_empty()).then(|| Bytes::copy_from_slice(bytes)))
}

/// Writes a file into a stream.
fn download(
    py: Python<'_>,
    transfer: Transfer,
    operation: VolumeOperation,
    stream: &Bound<'_, PyAny>,
) -> PyResult<()> {
    const AHEAD: usize = 16;
    let (pieces, mut given) = mpsc::channel(AHEAD);
    let operation = Arc::new(operation);
    let limits = transfer.limits.clone();
    let start = stream.call_method0("tell").ok();
    let mut running = transfer.start(Arc::clone(&operation), Local::Download(pieces))?;
    while let Some(piece) = running.wait(py, given.recv())? {
        limits.check(py, &operation)?;
        match piece {
            Piece::Bytes(bytes) => write(stream, &bytes)?,
            Piece::Restart => {
                let rewound = start.as_ref().and_then(|start| {
                    stream.call_method1("seek", (start,)).ok()?;
                    stream.call_method0("truncate").ok()
                });
                if rewound.is_none() {
                    let message = format!(
                        "{}: the file broke off and had to come once more, for which output_stream \
                         cannot be rewound; what it has of the file is not whole",
                        operation.what()
                    );
                    return Err(raise::<OperationalError>(py, message));
                }
            }
        }
    }
    running.end(py)
}

/// Writes all of some bytes, also where the stream takes a part at a time.
fn write(stream: &Bound<'_, PyAny>, bytes: &[u8]) -> PyResult<()> {
    let py = stream.py();
    let bytes = PyBytes::new(py, bytes);
    let length = bytes.as_bytes().len();
    let mut done = 0;
    while done < length {
        let rest = if done == 0 {
            bytes.clone().into_any()
        } else {
            PyMemoryView::from(&bytes)?.get_item(pyo3::types::PySlice::new(
                py,
                done.try_into()?,
                length.try_into()?,
                1,
            ))?
        };
        // A stream that does not tell takes all.
        done += match call_foreign_method(stream, "write", (rest,))?.extract::<usize>() {
            Ok(0) | Err(_) => length - done,
            Ok(taken) => taken,
        };
    }
    Ok(())
}
