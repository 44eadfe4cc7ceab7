//! The rows of one result on their way to the connector, with those converted ahead.

use std::collections::VecDeque;

use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, SchemaRef};
use arrow::record_batch::RecordBatch;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::exceptions::{conversion_error, raise, to_pyerr};
use super::peer::Peer;
use crate::client::represent::Represented;
use crate::client::{Representation, Result, ResultStream, StatementControl};
use crate::python::convert::{ConvertError, ForeignRows, RowConverter, TimeSlice};
use crate::python::runtime::wait;

/// Rows that `fetchone` has converted at a time.
const BLOCK_ROWS: usize = 1024;

/// A result that is being read.
pub(super) struct Rows {
    source: Source,
    control: StatementControl,
    /// Whether arrays are those of numpy rather than lists.
    numpy_arrays: bool,
    converter: Option<RowConverter>,
    /// The batch that is being read, and how many of its rows were given.
    batch: Option<(RecordBatch, usize)>,
    /// The rows of it that come next, converted.
    block: VecDeque<Py<PyAny>>,
    /// Rows that a call took which failed before it could give them.
    taken: VecDeque<Py<PyAny>>,
    /// How many rows are converted ahead; one, once a value could not be.
    ahead: usize,
    given: u64,
    ended: bool,
}

/// The batches in the types that were asked for.
struct Source {
    stream: ResultStream,
    wish: Representation,
    represented: Option<Represented>,
    /// No row is wanted.
    empty: bool,
}

impl Source {
    async fn represented(&mut self) -> Result<&Represented> {
        if self.represented.is_none() {
            let schema = self.stream.schema().await?;
            self.represented = Some(self.wish.of(&schema));
        }
        Ok(self.represented.as_ref().expect("it was made just now"))
    }

    async fn schema(&mut self) -> Result<SchemaRef> {
        Ok(SchemaRef::clone(self.represented().await?.schema()))
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        if self.empty {
            return Ok(None);
        }
        match self.stream.next_batch().await? {
            Some(batch) => self.represented().await?.batch(batch).map(Some),
            None => Ok(None),
        }
    }
}

impl Rows {
    pub(super) fn new(
        stream: ResultStream,
        wish: Representation,
        control: StatementControl,
        empty: bool,
        numpy_arrays: bool,
    ) -> Self {
        Self {
            source: Source {
                stream,
                wish,
                represented: None,
                empty,
            },
            control,
            numpy_arrays,
            converter: None,
            batch: None,
            block: VecDeque::new(),
            taken: VecDeque::new(),
            ahead: BLOCK_ROWS,
            given: 0,
            ended: false,
        }
    }

    pub(super) fn rows_given(&self) -> u64 {
        self.given
    }

    pub(super) fn has_more(&self) -> bool {
        !self.ended
    }

    /// The next row, if there is one. After an error it is the next row still.
    pub(super) fn one(&mut self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        if let Some(row) = self.taken.pop_front() {
            self.given += 1;
            return Ok(Some(row));
        }
        if self.block.is_empty() {
            self.convert_ahead(py)?;
        }
        let row = self.block.pop_front();
        if row.is_some() {
            self.advance(1);
        }
        Ok(row)
    }

    fn convert_ahead(&mut self, py: Python<'_>) -> PyResult<()> {
        let Some((batch, offset)) = self.current(py)? else {
            return Ok(());
        };
        let first = self.given;
        loop {
            let length = self.ahead.min(batch.num_rows() - offset);
            let converter = self.converter(py, &batch)?;
            match converter.rows(py, &batch, offset, length, first) {
                Ok(rows) => {
                    self.block = rows.into();
                    return Ok(());
                }
                // The rows before the one that cannot be converted must still come.
                Err(ConvertError::Value(_)) if length > 1 => self.ahead = 1,
                Err(error) => return Err(conversion_error(py, error)),
            }
        }
    }

    /// At most `most` rows; `None` means all. After an error they come next still.
    pub(super) fn many(&mut self, py: Python<'_>, most: Option<usize>) -> PyResult<Py<PyList>> {
        if most.is_none() {
            self.source.stream.read_whole();
        }
        let rows = PyList::empty(py);
        match self.collect(&rows, most.unwrap_or(usize::MAX)) {
            Ok(()) => Ok(rows.unbind()),
            Err(error) => {
                self.given -= u64::try_from(rows.len()).unwrap_or(u64::MAX);
                self.taken.extend(rows.iter().map(Bound::unbind));
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
                .map_err(|error| conversion_error(py, error))?;
            self.advance(length);
            left -= length;
        }
        Ok(())
    }

    /// At most `most` rows as record batches, with their schema; `None` means all.
    pub(super) fn batches(
        &mut self,
        py: Python<'_>,
        most: Option<usize>,
    ) -> PyResult<(SchemaRef, Vec<RecordBatch>)> {
        if !self.taken.is_empty() {
            let message = format!(
                "rows that a failed fetch left ({}) are held as Python rows: fetch them as rows, \
                 or execute the statement again",
                self.taken.len()
            );
            return Err(raise(py, "DataError", message));
        }
        self.block.clear();
        if most.is_none() {
            self.source.stream.collect_whole();
        }
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
        let schema = wait(py, self.source.schema())?.map_err(|error| to_pyerr(py, &error))?;
        Ok((schema, batches))
    }

    /// The first value of a row of counts, read ahead of the connector.
    pub(super) fn modified_rows(&mut self, py: Python<'_>) -> PyResult<Option<i64>> {
        let Some((batch, offset)) = self.current(py)? else {
            return Ok(None);
        };
        let counts = batch.column(0).as_primitive_opt::<Int64Type>();
        Ok(counts.map(|counts| counts.value(offset)))
    }

    /// Stops what still goes on for the result.
    pub(super) fn close(&mut self) {
        self.source.stream.close();
        self.taken.clear();
        self.block.clear();
        self.batch = None;
        self.ended = true;
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
            let next = match wait(py, self.source.next()) {
                Ok(next) => next.map_err(|error| to_pyerr(py, &error))?,
                Err(interrupt) => {
                    self.control.abandon();
                    self.source.stream.close();
                    return Err(interrupt);
                }
            };
            let Some(batch) = next else {
                self.ended = true;
                return Ok(None);
            };
            self.batch = Some((batch, 0));
        }
    }

    fn converter(&mut self, py: Python<'_>, batch: &RecordBatch) -> PyResult<&RowConverter> {
        if self.converter.is_none() {
            let class = Peer::get(py)?.row(py);
            let schema = batch.schema();
            let names = schema.fields().iter().map(|field| field.name().as_str());
            // The connector's rows have another row, of their names, for `__fields__`.
            let names = PyTuple::new(py, names.collect::<Vec<_>>())?;
            let fields = class.call1(names)?;
            let rows = ForeignRows {
                class,
                fields: &fields,
                numpy_arrays: self.numpy_arrays,
            };
            let converter = RowConverter::of_foreign_rows(py, &schema, &rows)
                .map_err(|error| conversion_error(py, error))?;
            self.converter = Some(converter);
        }
        Ok(self.converter.as_ref().expect("it was made just now"))
    }

    fn advance(&mut self, rows: usize) {
        if let Some((_, offset)) = &mut self.batch {
            *offset += rows;
        }
        self.given += u64::try_from(rows).unwrap_or(u64::MAX);
    }
}
