//! The rows of one result on their way to the user, with those converted ahead.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::exceptions::{DataError, raise, to_pyerr};
use super::progress::{Counted, Reporter, tell};
use crate::client::{Error, ErrorCode, Result, ResultStream, StatementControl};
use crate::python::convert::{
    ConvertError, ConvertOptions, RowConverter, RowKind, TimeSlice, row_base,
};
use crate::python::runtime::{drop_anywhere, wait_and};

/// Rows that `fetchone` has converted at a time.
const BLOCK_ROWS: usize = 1024;

/// What rows are made into.
#[derive(Default)]
pub(super) enum RowFactory {
    #[default]
    Row,
    Tuple,
    Dict,
    /// Called with the cursor and the row as a tuple.
    Callable(Py<PyAny>),
}

impl RowFactory {
    pub(super) fn from_python(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = given.py();
        if given.is(py.get_type::<PyTuple>()) {
            Ok(Self::Tuple)
        } else if given.is(py.get_type::<PyDict>()) {
            Ok(Self::Dict)
        } else if given.is(row_base(py)?) {
            Ok(Self::Row)
        } else if given.is_callable() {
            Ok(Self::Callable(given.clone().unbind()))
        } else {
            Err(PyTypeError::new_err(format!(
                "row_factory must be Row, tuple, dict or a callable, not {}",
                given.get_type().name()?
            )))
        }
    }

    pub(super) fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Row => Self::Row,
            Self::Tuple => Self::Tuple,
            Self::Dict => Self::Dict,
            Self::Callable(factory) => Self::Callable(factory.clone_ref(py)),
        }
    }

    fn kind(&self) -> RowKind {
        match self {
            Self::Row => RowKind::Row,
            Self::Tuple | Self::Callable(_) => RowKind::Tuple,
            Self::Dict => RowKind::Dict,
        }
    }

    /// Passes a row through a callable, where there is one.
    fn apply(&self, cursor: &Bound<'_, PyAny>, row: &Py<PyAny>) -> PyResult<Py<PyAny>> {
        let py = cursor.py();
        match self {
            Self::Callable(factory) => factory.call1(py, (cursor, row)),
            _ => Ok(row.clone_ref(py)),
        }
    }

    /// Passes rows through a callable, where there is one.
    fn apply_to_list<'py>(
        &self,
        cursor: &Bound<'py, PyAny>,
        rows: &Bound<'py, PyList>,
    ) -> PyResult<Bound<'py, PyList>> {
        let Self::Callable(_) = self else {
            return Ok(rows.clone());
        };
        let made = PyList::empty(cursor.py());
        let mut slice = TimeSlice::new();
        for row in rows {
            made.append(self.apply(cursor, &row.unbind())?)?;
            slice.look(cursor.py())?;
        }
        Ok(made)
    }
}

/// A result that is being read.
pub(super) struct ResultSet {
    /// What no other result of the process has.
    id: u64,
    stream: ResultStream,
    control: StatementControl,
    factory: RowFactory,
    maps_as_dicts: bool,
    converter: Option<RowConverter>,
    /// The batch that is being read, and how many of its rows the user has.
    batch: Option<(RecordBatch, usize)>,
    /// The rows of it that come next, converted but not passed through a callable.
    block: VecDeque<Py<PyAny>>,
    /// Such rows of earlier batches, which a call took that failed before it could give them.
    taken: VecDeque<Py<PyAny>>,
    /// How many rows are converted ahead; one, once a value could not be.
    block_rows: usize,
    rows_given: u64,
    /// The Arrow stream that takes the rows, by its number: who has another one would miss some.
    stream_reader: Option<u64>,
    closed: bool,
    /// Tells the caller how much has come.
    reporter: Option<Reporter>,
}

impl ResultSet {
    pub(super) fn new(
        stream: ResultStream,
        control: StatementControl,
        factory: RowFactory,
        maps_as_dicts: bool,
    ) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(1);
        Self {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            stream,
            control,
            factory,
            maps_as_dicts,
            converter: None,
            batch: None,
            block: VecDeque::new(),
            taken: VecDeque::new(),
            block_rows: BLOCK_ROWS,
            rows_given: 0,
            stream_reader: None,
            closed: false,
            reporter: None,
        }
    }

    /// Has the caller told how much has come while rows are waited for.
    pub(super) fn report_to(&mut self, mut reporter: Reporter) {
        reporter.counts(Counted {
            phase: "downloading",
            received: Arc::clone(self.stream.received()),
            total_rows: self.stream.total_rows(),
        });
        self.reporter = Some(reporter);
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn stream(&self) -> &ResultStream {
        &self.stream
    }

    pub(super) fn rows_given(&self) -> u64 {
        self.rows_given
    }

    /// The next row, if there is one. After an error it is the next row still.
    pub(super) fn one(&mut self, cursor: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>> {
        if let Some(row) = self.taken.front() {
            let row = self.factory.apply(cursor, row)?;
            self.taken.pop_front();
            self.rows_given += 1;
            return Ok(Some(row));
        }
        if self.block.is_empty() {
            self.convert_ahead(cursor.py())?;
        }
        let Some(row) = self.block.front() else {
            return Ok(None);
        };
        let row = self.factory.apply(cursor, row)?;
        self.block.pop_front();
        self.advance(1);
        Ok(Some(row))
    }

    fn convert_ahead(&mut self, py: Python<'_>) -> PyResult<()> {
        let Some((batch, offset)) = self.current(py)? else {
            return Ok(());
        };
        let first = self.rows_given;
        loop {
            let length = self.block_rows.min(batch.num_rows() - offset);
            match self
                .converter(py, &batch)?
                .rows(py, &batch, offset, length, first)
            {
                Ok(rows) => {
                    self.block = rows.into();
                    return Ok(());
                }
                // The rows before the one that cannot be converted must still come.
                Err(ConvertError::Value(_)) if length > 1 => self.block_rows = 1,
                Err(error) => return Err(conversion_error(py, error)),
            }
        }
    }

    /// At most `most` rows; `None` means all. After an error they come next still.
    pub(super) fn many(
        &mut self,
        cursor: &Bound<'_, PyAny>,
        most: Option<usize>,
    ) -> PyResult<Py<PyList>> {
        let rows = PyList::empty(cursor.py());
        let collected = self.collect(&rows, most.unwrap_or(usize::MAX));
        match collected.and_then(|()| self.factory.apply_to_list(cursor, &rows)) {
            Ok(made) => Ok(made.unbind()),
            Err(error) => {
                self.take_back(&rows);
                Err(error)
            }
        }
    }

    /// Appends at most `most` rows to `rows`.
    fn collect(&mut self, rows: &Bound<'_, PyList>, most: usize) -> PyResult<()> {
        let py = rows.py();
        let mut left = most;
        while left > 0
            && let Some(row) = self.taken.pop_front()
        {
            rows.append(row)?;
            self.rows_given += 1;
            left -= 1;
        }
        while left > 0
            && let Some(row) = self.block.pop_front()
        {
            rows.append(row)?;
            self.advance(1);
            left -= 1;
        }
        let mut slice = TimeSlice::new();
        while left > 0 {
            let Some((batch, offset)) = self.current(py)? else {
                break;
            };
            let length = left.min(batch.num_rows() - offset);
            let first = self.rows_given;
            self.converter(py, &batch)?
                .extend_list(rows, &batch, offset..offset + length, first, &mut slice)
                .map_err(|error| conversion_error(py, error))?;
            self.advance(length);
            left -= length;
        }
        Ok(())
    }

    /// Leaves rows that a failed call cannot give to the next one: those of the batch that is being read are made anew
    /// then, those before them are kept.
    fn take_back(&mut self, rows: &Bound<'_, PyList>) {
        if self.closed {
            return;
        }
        self.rows_given -= u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let mut earlier = rows.len();
        if let Some((_, offset)) = &mut self.batch {
            self.block.clear();
            let again = earlier.min(*offset);
            *offset -= again;
            earlier -= again;
        }
        for row in rows.iter().take(earlier).rev() {
            self.taken.push_front(row.unbind());
        }
    }

    /// At most `most` rows as record batches, with their schema; `None` means all.
    pub(super) fn batches(
        &mut self,
        py: Python<'_>,
        most: Option<usize>,
    ) -> PyResult<(SchemaRef, Vec<RecordBatch>)> {
        self.leave_python_rows()
            .map_err(|error| to_pyerr(py, &error))?;
        let mut left = most.unwrap_or(usize::MAX);
        let mut batches = Vec::new();
        while left > 0 {
            let Some((batch, offset)) = self.current(py)? else {
                break;
            };
            let length = left.min(batch.num_rows() - offset);
            batches.push(batch.slice(offset, length));
            self.advance(length);
            left -= length;
        }
        Ok((self.schema(py)?, batches))
    }

    /// The columns; waits for the first rows where there are some.
    pub(super) fn schema(&mut self, py: Python<'_>) -> PyResult<SchemaRef> {
        let tell = |py: Python<'_>| tell(py, self.reporter.as_mut());
        let schema = wait_and(py, tell, self.stream.schema());
        self.waited(schema)?.map_err(|error| to_pyerr(py, &error))
    }

    /// The next rows, as many as have come together. Needs no interpreter; dropping the future loses nothing.
    pub(super) async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        self.leave_python_rows()?;
        loop {
            if let Some((batch, offset)) = self.batch.take()
                && offset < batch.num_rows()
            {
                let rest = batch.slice(offset, batch.num_rows() - offset);
                self.advance(rest.num_rows());
                return Ok(Some(rest));
            }
            match self.stream.next_batch().await? {
                Some(batch) => self.batch = Some((batch, 0)),
                None => return Ok(None),
            }
        }
    }

    /// Has an Arrow stream take the rows, unless another one does.
    pub(super) fn be_read_by(&mut self, stream: u64) -> bool {
        *self.stream_reader.get_or_insert(stream) == stream
    }

    /// Whether an Arrow stream has taken rows.
    pub(super) fn is_streamed(&self) -> bool {
        self.stream_reader.is_some()
    }

    /// Goes on in batches: rows converted ahead are still in theirs.
    fn leave_python_rows(&mut self) -> Result<()> {
        if !self.taken.is_empty() {
            let message = format!(
                "rows that a failed fetch left ({}) are held as Python rows: fetch them as rows, \
                 or execute the statement again",
                self.taken.len()
            );
            // A data exception.
            let state = Some("22000".to_owned());
            return Err(Error::new(ErrorCode::DataLoss, message).with_sql_state(state));
        }
        if !self.block.is_empty() {
            drop_anywhere(std::mem::take(&mut self.block));
        }
        Ok(())
    }

    /// The first value of a row of counts, read ahead of the user.
    pub(super) fn affected_rows(&mut self, py: Python<'_>) -> PyResult<Option<i64>> {
        use arrow::array::AsArray;
        use arrow::datatypes::Int64Type;
        let Some((batch, offset)) = self.current(py)? else {
            return Ok(None);
        };
        let counts = batch.column(0).as_primitive_opt::<Int64Type>();
        Ok(counts.map(|counts| counts.value(offset)))
    }

    /// Stops what still goes on for the result.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.stream.close();
        drop_anywhere((
            std::mem::take(&mut self.taken),
            std::mem::take(&mut self.block),
        ));
        self.batch = None;
    }

    /// The batch with the next row, and that row's place in it.
    fn current(&mut self, py: Python<'_>) -> PyResult<Option<(RecordBatch, usize)>> {
        loop {
            if let Some((batch, offset)) = &self.batch
                && *offset < batch.num_rows()
            {
                return Ok(Some((batch.clone(), *offset)));
            }
            self.batch = None;
            let mut told = |py: Python<'_>| tell(py, self.reporter.as_mut());
            let next = wait_and(py, &mut told, self.stream.next_batch());
            let next = next.and_then(|next| told(py).map(|()| next));
            self.batch = self
                .waited(next)?
                .map_err(|error| to_pyerr(py, &error))?
                .map(|batch| (batch, 0));
            if self.batch.is_none() {
                if let Some(reporter) = &mut self.reporter {
                    reporter.tell_end(py)?;
                }
                return Ok(None);
            }
        }
    }

    /// What was waited for; what a signal's handler raised ends the result.
    fn waited<T>(&mut self, waited: PyResult<T>) -> PyResult<T> {
        if waited.is_err() {
            self.interrupted();
        }
        waited
    }

    /// Ends the result, whose rows nobody waits for any more.
    pub(super) fn interrupted(&mut self) {
        self.control.abandon();
        self.close();
    }

    fn converter(&mut self, py: Python<'_>, batch: &RecordBatch) -> PyResult<&RowConverter> {
        let converter = if let Some(converter) = self.converter.take() {
            converter
        } else {
            let options = ConvertOptions {
                row_kind: self.factory.kind(),
                maps_as_dicts: self.maps_as_dicts,
            };
            RowConverter::try_new(py, &batch.schema(), options)
                .map_err(|error| conversion_error(py, error))?
        };
        Ok(self.converter.insert(converter))
    }

    fn advance(&mut self, rows: usize) {
        if let Some((_, offset)) = &mut self.batch {
            *offset += rows;
        }
        self.rows_given += u64::try_from(rows).unwrap_or(u64::MAX);
    }
}

fn conversion_error(py: Python<'_>, error: ConvertError) -> PyErr {
    match error {
        ConvertError::Python(raised) => raised,
        ConvertError::Value(message) => raise::<DataError>(py, message),
    }
}
