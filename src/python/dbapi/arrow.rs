//! The rest of a result as an Arrow stream, which reads it as it is read itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use pyo3::exceptions::{PyKeyboardInterrupt, PyStopIteration};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use super::cursor::Cursor;
use super::exceptions::{InterfaceError, ProgrammingError, raise, to_pyerr};
use super::turn::CursorInner;
use crate::client::{Error, ErrorCode, Result};
use crate::python::convert::{
    ArrowTable, MonthsAsText, PyArrowSchema, Requested, attach_again, columns_text, pyarrow,
    schema_capsule, stream_capsule, to_pyarrow_or_table,
};
use crate::python::raised::{interrupt_in, raised_in};
use crate::python::runtime::{drop_anywhere, generation, wait, wait_anywhere};
use crate::python::turn::this_thread;

impl Cursor {
    /// At most `most` rows, `None` means all, as a table: one of pyarrow where that is installed.
    pub(super) fn arrow_table(&self, py: Python<'_>, most: Option<usize>) -> PyResult<Py<PyAny>> {
        self.arrow_batches(py, most, |schema, batches| {
            to_pyarrow_or_table(py, schema, batches)
        })
    }

    /// The same as `give` gives them.
    pub(super) fn arrow_batches<T>(
        &self,
        py: Python<'_>,
        most: Option<usize>,
        give: impl FnOnce(SchemaRef, Vec<RecordBatch>) -> PyResult<T>,
    ) -> PyResult<T> {
        let mut turn = self.turn(py)?;
        self.result(py, &mut turn)?.rows.batches(py, most, give)
    }

    /// The rest of the result; rows that have been fetched are no part of it.
    pub(super) fn stream(slf: &Bound<'_, Self>) -> PyResult<ArrowStream> {
        let (py, this) = (slf.py(), slf.get());
        let mut turn = this.turn(py)?;
        let result = this.result(py, &mut turn)?;
        let schema = result.rows.schema(py)?;
        Ok(ArrowStream {
            inner: Arc::clone(this.inner()),
            result: result.id,
            texts: MonthsAsText::of(schema),
            thread: this_thread(),
            generation: generation(),
            cursor: slf.clone().unbind(),
        })
    }

    /// The same as a reader: one of pyarrow where that is installed, else one of our own.
    pub(super) fn reader(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let pyarrow = pyarrow(py)?;
        let stream = Self::stream(slf)?;
        let Some(pyarrow) = pyarrow else {
            return Ok(Py::new(py, ArrowReader { stream })?.into_any());
        };
        let schema = PyArrowSchema::new(Arc::clone(stream.schema()));
        let object = schema.object(py)?.clone_ref(py);
        let batches = Py::new(py, RecordBatches { stream, schema })?;
        let class = pyarrow.getattr("RecordBatchReader")?;
        let reader = class.call_method1("from_batches", (object, batches))?;
        Ok(reader.unbind())
    }
}

/// The rest of the result of a cursor, which stays open meanwhile.
pub(super) struct ArrowStream {
    inner: Arc<CursorInner>,
    /// The result that was there at first; a cursor may go on to another one.
    result: u64,
    texts: MonthsAsText,
    /// The thread that asked for the stream.
    thread: usize,
    generation: u32,
    cursor: Py<Cursor>,
}

impl ArrowStream {
    /// The columns.
    pub(super) fn schema(&self) -> &SchemaRef {
        self.texts.schema()
    }

    /// A batch of the result as the stream gives it.
    pub(super) fn given(&self, batch: RecordBatch) -> Result<RecordBatch> {
        self.texts.batch(batch).map_err(unwritten)
    }

    fn clone_ref(&self, py: Python<'_>) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            result: self.result,
            texts: self.texts.clone(),
            thread: this_thread(),
            generation: self.generation,
            cursor: self.cursor.clone_ref(py),
        }
    }

    /// The next rows; `capsule` is the number of the capsule whose consumer takes them, if one does, and what it has
    /// asked for. Rows that cannot be given are the next ones still.
    async fn next(
        &self,
        capsule: Option<(u64, &Requested)>,
    ) -> Result<Option<std::result::Result<RecordBatch, ArrowError>>> {
        let mut turn = self.inner.turn_anywhere().await?;
        let result = turn.as_mut().filter(|result| result.id == self.result);
        let Some(result) = result else {
            let message = if self.inner.is_closed() {
                "the cursor was closed before the last row of this stream was read"
            } else {
                "the cursor went on to another statement before the last row of this stream was read; \
                 use a cursor for each"
            };
            return Err(Error::new(ErrorCode::InvalidStatementHandle, message));
        };
        if let Some((number, _)) = capsule
            && !result.be_read_by(number)
        {
            return Err(Error::new(ErrorCode::InvalidStatementHandle, EACH_ROW_ONCE));
        }
        let Some(batch) = result.rows.next_batch().await? else {
            return Ok(None);
        };
        let given = self.texts.batch(batch.clone());
        let given = given.and_then(|given| match capsule {
            Some((_, requested)) => requested.batch(given),
            None => Ok(given),
        });
        if given.is_err() {
            result.rows.put_back([batch]);
        }
        Ok(Some(given))
    }

    /// The next rows for a caller who holds the interpreter and can take exceptions of ours.
    fn next_for_python(&self, py: Python<'_>) -> PyResult<Option<RecordBatch>> {
        self.check_process(py)?;
        let next = wait(py, self.next(None));
        let next = next.inspect_err(|_| self.interrupted())?;
        let next = next.map_err(|error| to_pyerr(py, &error))?;
        let next = next.transpose();
        next.map_err(|why| to_pyerr(py, &unwritten(why)))
    }

    fn check_process(&self, py: Python<'_>) -> PyResult<()> {
        if self.generation == generation() {
            return Ok(());
        }
        Err(raise::<InterfaceError>(py, OTHER_PROCESS))
    }

    /// Nobody will read on: a handler of signals has raised.
    fn interrupted(&self) {
        if let Some(mut result) = self.inner.result.now()
            && let Some(result) = result.as_mut().filter(|it| it.id == self.result)
        {
            result.rows.interrupted();
        }
    }

    /// A capsule for one consumer.
    pub(super) fn capsule<'py>(
        self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let is_streamed = {
            let mut turn = self.inner.turn(py)?;
            turn.as_mut().is_some_and(|result| result.is_streamed())
        };
        if is_streamed {
            // It would miss rows, and who asks again wants all of them.
            return Err(raise::<ProgrammingError>(py, EACH_ROW_ONCE));
        }
        let requested = Requested::of(self.texts.schema(), requested_schema)?;
        let consumed = Consumed {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            stream: Some(self),
            requested,
        };
        stream_capsule(py, Box::new(consumed))
    }
}

const EACH_ROW_ONCE: &str = "an Arrow stream has taken rows of this result already, and each row comes \
    once: execute the statement again, or keep the result with fetchall_arrow()";

const OTHER_PROCESS: &str = "the result belongs to the process that this one was forked from; \
    execute the statement here, on a connection of this process";

/// A stream that is read through a capsule, by code that knows nothing of Python's exceptions.
struct Consumed {
    /// What no other capsule of the process has.
    number: u64,
    /// There until it is dropped.
    stream: Option<ArrowStream>,
    requested: Requested,
}

impl Iterator for Consumed {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let stream = self.stream.as_ref()?;
        if stream.generation != generation() {
            return Some(Err(failure(OTHER_PROCESS)));
        }
        // Another thread may be waited for by one that takes the signals.
        let looks_for_signals = this_thread() == stream.thread;
        let next = stream.next(Some((self.number, &self.requested)));
        match wait_anywhere(looks_for_signals, next) {
            Ok(Ok(next)) => next,
            Ok(Err(error)) => {
                let has_raised = raised_in(&error).is_some();
                let interrupt = has_raised.then(|| attach_again(|py| interrupt_in(py, &error)));
                let interrupt = interrupt.flatten().map(raise_later);
                let failed = failure(&interrupt.unwrap_or_else(|| error.to_string()));
                drop_anywhere(error);
                Some(Err(failed))
            }
            Err(raised) => {
                stream.interrupted();
                Some(Err(failure(&raise_later(raised))))
            }
        }
    }
}

impl Drop for Consumed {
    fn drop(&mut self) {
        drop_anywhere(self.stream.take());
    }
}

impl RecordBatchReader for Consumed {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.requested.schema())
    }
}

fn unwritten(why: ArrowError) -> Error {
    Error::data_loss("an interval of months cannot be written").with_source(why)
}

fn failure(message: &str) -> ArrowError {
    let source = std::io::Error::other(message);
    ArrowError::IoError(message.to_owned(), source)
}

/// What a handler of signals raised, as a text; Ctrl-C is raised again when the consumer has returned.
fn raise_later(raised: PyErr) -> String {
    attach_again(|py| {
        let text = raised.to_string();
        if raised.is_instance_of::<PyKeyboardInterrupt>(py)
            && let Ok(thread) = py.import("_thread")
        {
            // Last, for whatever runs Python code would take it.
            drop(thread.call_method0("interrupt_main"));
        }
        drop(raised);
        text
    })
}

/// What a reader of pyarrow takes its batches from; exceptions pass it unchanged.
#[pyclass(frozen, module = "databricks_sql_kernel.dbapi")]
struct RecordBatches {
    stream: ArrowStream,
    schema: PyArrowSchema,
}

#[pymethods]
impl RecordBatches {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "a reader of pyarrow lets go of its iterator at the end, also while another thread is in it"
    )]
    fn __next__(slf: Py<Self>, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let batches = slf.get();
        let batch = batches.stream.next_for_python(py)?;
        let given = batch.map(|batch| batches.schema.batch(py, batch));
        // Rows that could not be given are gone, which must not look like fewer rows.
        given
            .transpose()
            .inspect_err(|_| batches.stream.interrupted())
    }
}

/// A result that is read batch by batch, for those who can read Arrow but have no pyarrow.
#[pyclass(frozen, module = "databricks_sql_kernel.dbapi")]
pub(crate) struct ArrowReader {
    stream: ArrowStream,
}

#[pymethods]
impl ArrowReader {
    /// The rows that are left as a capsule of an Arrow array stream, once.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        self.stream.clone_ref(py).capsule(py, requested_schema)
    }

    /// The columns as a capsule of an Arrow schema.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, self.stream.schema())
    }

    /// The next rows as a table; `StopIteration` after the last.
    fn read_next_batch(&self, py: Python<'_>) -> PyResult<ArrowTable> {
        let batch = self.stream.next_for_python(py)?;
        let batch = batch.ok_or_else(|| PyStopIteration::new_err(()))?;
        Ok(ArrowTable::new(batch.schema(), vec![batch]))
    }

    /// The rows that are left as a table.
    fn read_all(&self, py: Python<'_>) -> PyResult<ArrowTable> {
        let mut batches = Vec::new();
        while let Some(batch) = self.stream.next_for_python(py)? {
            batches.push(batch);
        }
        let schema = Arc::clone(self.stream.schema());
        Ok(ArrowTable::new(schema, batches))
    }

    /// The names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        let fields = self.stream.schema().fields().iter();
        fields.map(|field| field.name().clone()).collect()
    }

    fn __repr__(&self) -> String {
        format!("<ArrowReader: {}>", columns_text(self.stream.schema()))
    }
}
