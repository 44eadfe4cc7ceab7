//! The rows of one result on their way to the user, with those converted ahead: what every cursor fetches from.

use std::collections::VecDeque;

use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, SchemaRef};
use arrow::record_batch::RecordBatch;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::convert::{ConvertError, RowConverter, TimeSlice};
use super::runtime::{drop_anywhere, wait_and};
use crate::client::{Error, ErrorCode, RepresentedStream, Result, ResultStream, StatementControl};

/// Rows that `fetchone` has converted at a time.
const BLOCK_ROWS: usize = 1024;

/// What each surface does in its own way.
pub(crate) trait Surface: Send {
    /// What makes rows of the batches of `schema`.
    fn converter(&self, py: Python<'_>, schema: &SchemaRef) -> Result<RowConverter, ConvertError>;

    /// The exception of a failure of the core.
    fn error(py: Python<'_>, error: &Error) -> PyErr;

    /// The exception of a value that Python cannot hold.
    fn data_error(py: Python<'_>, message: String) -> PyErr;

    /// Is called now and then while rows are waited for, when they have come, and after the last one.
    fn tell(&mut self, py: Python<'_>, ended: bool) -> PyResult<()> {
        let _ = (py, ended);
        Ok(())
    }
}

/// The rows of a result that is being read.
pub(crate) struct Rows<S> {
    stream: RepresentedStream,
    control: StatementControl,
    surface: S,
    converter: Option<RowConverter>,
    /// The batch that is being read, and how many of its rows the user has.
    batch: Option<(RecordBatch, usize)>,
    /// The rows of it that come next, converted.
    block: VecDeque<Py<PyAny>>,
    /// Rows of earlier batches, which a call took that failed before it could give them.
    taken: VecDeque<Py<PyAny>>,
    /// How many rows are converted ahead; one, once a value could not be.
    ahead: usize,
    given: u64,
    /// Whether all batches have been read.
    ended: bool,
    closed: bool,
}

impl<S: Surface> Rows<S> {
    pub(crate) fn new(stream: RepresentedStream, control: StatementControl, surface: S) -> Self {
        Self {
            stream,
            control,
            surface,
            converter: None,
            batch: None,
            block: VecDeque::new(),
            taken: VecDeque::new(),
            ahead: BLOCK_ROWS,
            given: 0,
            ended: false,
            closed: false,
        }
    }

    /// The columns alone.
    pub(crate) fn without_rows(mut self) -> Self {
        self.ended = true;
        self
    }

    pub(crate) fn stream(&self) -> &ResultStream {
        self.stream.stream()
    }

    /// How many rows the user has.
    pub(crate) fn given(&self) -> u64 {
        self.given
    }

    /// Whether the last row has been read.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The next row as `give` gives it, if there is one. After an error it is the next row still.
    pub(crate) fn one(
        &mut self,
        py: Python<'_>,
        give: impl FnOnce(&Py<PyAny>) -> PyResult<Py<PyAny>>,
    ) -> PyResult<Option<Py<PyAny>>> {
        if let Some(row) = self.taken.front() {
            let row = give(row)?;
            self.taken.pop_front();
            self.given += 1;
            return Ok(Some(row));
        }
        if self.block.is_empty() {
            self.convert_ahead(py)?;
        }
        let Some(row) = self.block.front() else {
            return Ok(None);
        };
        let row = give(row)?;
        self.block.pop_front();
        self.advance(1);
        Ok(Some(row))
    }

    fn convert_ahead(&mut self, py: Python<'_>) -> PyResult<()> {
        let Some((batch, offset)) = self.current(py)? else {
            return Ok(());
        };
        let first = self.given;
        loop {
            let length = self.ahead.min(batch.num_rows() - offset);
            match self
                .converter(py, &batch)?
                .rows(py, &batch, offset, length, first)
            {
                Ok(rows) => {
                    self.block = rows.into();
                    return Ok(());
                }
                // The rows before the one that cannot be converted must still come.
                Err(ConvertError::Value(_)) if length > 1 => self.ahead = 1,
                Err(error) => return Err(Self::conversion_error(py, error)),
            }
        }
    }

    /// At most `most` rows as `give` gives them; `None` means all. After an error they come next still.
    pub(crate) fn many<'py>(
        &mut self,
        py: Python<'py>,
        most: Option<usize>,
        give: impl FnOnce(&Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>>,
    ) -> PyResult<Py<PyList>> {
        if most.is_none() {
            self.stream().read_whole();
        }
        let rows = PyList::empty(py);
        let collected = self.collect(&rows, most.unwrap_or(usize::MAX));
        match collected.and_then(|()| give(&rows)) {
            Ok(given) => Ok(given.unbind()),
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
            self.given += 1;
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
            let first = self.given;
            self.converter(py, &batch)?
                .extend_list(rows, &batch, offset..offset + length, first, &mut slice)
                .map_err(|error| Self::conversion_error(py, error))?;
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
        self.given -= u64::try_from(rows.len()).unwrap_or(u64::MAX);
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
    pub(crate) fn batches(
        &mut self,
        py: Python<'_>,
        most: Option<usize>,
    ) -> PyResult<(SchemaRef, Vec<RecordBatch>)> {
        if most.is_none() {
            self.stream().collect_whole();
        }
        self.leave_python_rows()
            .map_err(|error| S::error(py, &error))?;
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
    pub(crate) fn schema(&mut self, py: Python<'_>) -> PyResult<SchemaRef> {
        let surface = &mut self.surface;
        let schema = wait_and(py, |py| surface.tell(py, false), self.stream.schema());
        self.waited(schema)?.map_err(|error| S::error(py, &error))
    }

    /// The next rows, as many as have come together. Needs no interpreter; dropping the future loses nothing.
    pub(crate) async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        self.leave_python_rows()?;
        loop {
            if let Some((batch, offset)) = self.batch.take()
                && offset < batch.num_rows()
            {
                let rest = batch.slice(offset, batch.num_rows() - offset);
                self.advance(rest.num_rows());
                return Ok(Some(rest));
            }
            if self.ended {
                return Ok(None);
            }
            match self.stream.next_batch().await? {
                Some(batch) => self.batch = Some((batch, 0)),
                None => self.ended = true,
            }
        }
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
    pub(crate) fn affected_rows(&mut self, py: Python<'_>) -> PyResult<Option<i64>> {
        let Some((batch, offset)) = self.current(py)? else {
            return Ok(None);
        };
        let counts = batch.column(0).as_primitive_opt::<Int64Type>();
        Ok(counts.map(|counts| counts.value(offset)))
    }

    /// Stops what still goes on for the result.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.stream.close();
        drop_anywhere((
            std::mem::take(&mut self.taken),
            std::mem::take(&mut self.block),
        ));
        self.batch = None;
    }

    /// Ends the result, whose rows nobody waits for any more.
    pub(crate) fn interrupted(&mut self) {
        self.control.abandon();
        self.close();
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
            if self.ended {
                return Ok(None);
            }
            let surface = &mut self.surface;
            let next = wait_and(py, |py| surface.tell(py, false), self.stream.next_batch());
            let next = next.and_then(|next| surface.tell(py, false).map(|()| next));
            let next = self.waited(next)?.map_err(|error| S::error(py, &error))?;
            self.batch = next.map(|batch| (batch, 0));
            if self.batch.is_none() {
                self.ended = true;
                self.surface.tell(py, true)?;
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

    fn converter(&mut self, py: Python<'_>, batch: &RecordBatch) -> PyResult<&RowConverter> {
        let converter = match self.converter.take() {
            Some(converter) => converter,
            None => self
                .surface
                .converter(py, &batch.schema())
                .map_err(|error| Self::conversion_error(py, error))?,
        };
        Ok(self.converter.insert(converter))
    }

    fn conversion_error(py: Python<'_>, error: ConvertError) -> PyErr {
        match error {
            ConvertError::Python(raised) => raised,
            ConvertError::Value(message) => S::data_error(py, message),
        }
    }

    fn advance(&mut self, rows: usize) {
        if let Some((_, offset)) = &mut self.batch {
            *offset += rows;
        }
        self.given += u64::try_from(rows).unwrap_or(u64::MAX);
    }
}
