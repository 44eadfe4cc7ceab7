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

/// Rows that `fetchone` has converted at a time: few at first, for nobody knows whether the user wants more of them.
const FIRST_ROWS: usize = 16;
const MOST_ROWS: usize = 1024;

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
    /// The batches that come next, of which the first is being read.
    batches: VecDeque<RecordBatch>,
    /// How many rows of the first one the user has.
    offset: usize,
    /// The rows of it that come next, converted.
    block: VecDeque<Py<PyAny>>,
    /// Rows of earlier batches, which a call took that failed before it could give them.
    taken: VecDeque<Py<PyAny>>,
    /// How many rows are converted ahead the next time.
    ahead: usize,
    given: u64,
    /// Whether all batches have been read.
    ended: bool,
    /// Whether it was closed before the last row was given.
    closed: bool,
}

impl<S: Surface> Rows<S> {
    pub(crate) fn new(stream: RepresentedStream, control: StatementControl, surface: S) -> Self {
        Self {
            stream,
            control,
            surface,
            converter: None,
            batches: VecDeque::new(),
            offset: 0,
            block: VecDeque::new(),
            taken: VecDeque::new(),
            ahead: FIRST_ROWS,
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
        self.ended && self.taken.is_empty() && self.batches.is_empty()
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
                    self.ahead = self.ahead.saturating_mul(2).min(MOST_ROWS);
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
        self.given -= u64::try_from(rows.len()).unwrap_or(u64::MAX);
        if self.closed {
            return;
        }
        let mut earlier = rows.len();
        if !self.batches.is_empty() {
            self.block.clear();
            let again = earlier.min(self.offset);
            self.offset -= again;
            earlier -= again;
        }
        for row in rows.iter().take(earlier).rev() {
            self.taken.push_front(row.unbind());
        }
    }

    /// At most `most` rows as `give` gives them, which has them as record batches with their schema; `None` means all.
    /// After an error they come next still.
    pub(crate) fn batches<T>(
        &mut self,
        py: Python<'_>,
        most: Option<usize>,
        give: impl FnOnce(SchemaRef, Vec<RecordBatch>) -> PyResult<T>,
    ) -> PyResult<T> {
        if most.is_none() {
            self.stream().collect_whole();
        }
        self.leave_python_rows()
            .map_err(|error| S::error(py, &error))?;
        let mut batches = Vec::new();
        let given = self
            .gather(py, most.unwrap_or(usize::MAX), &mut batches)
            .and_then(|()| self.schema(py))
            .and_then(|schema| give(schema, batches.clone()));
        if given.is_err() {
            self.put_back(batches);
        }
        given
    }

    /// Appends at most `most` rows to `batches`.
    fn gather(
        &mut self,
        py: Python<'_>,
        most: usize,
        batches: &mut Vec<RecordBatch>,
    ) -> PyResult<()> {
        let mut left = most;
        while left > 0 {
            let Some((batch, offset)) = self.current(py)? else {
                break;
            };
            let length = left.min(batch.num_rows() - offset);
            batches.push(batch.slice(offset, length));
            self.advance(length);
            left -= length;
        }
        Ok(())
    }

    /// Leaves batches that a failed call cannot give to the next one.
    pub(crate) fn put_back(&mut self, batches: impl Into<VecDeque<RecordBatch>>) {
        let batches = batches.into();
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        self.given -= u64::try_from(rows).unwrap_or(u64::MAX);
        if self.closed {
            return;
        }
        if let Some(first) = self.batches.front_mut() {
            *first = first.slice(self.offset, first.num_rows() - self.offset);
        }
        self.offset = 0;
        for batch in batches.into_iter().rev() {
            self.batches.push_front(batch);
        }
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
            if let Some(batch) = self.batches.pop_front() {
                let offset = std::mem::take(&mut self.offset);
                let rest = batch.slice(offset, batch.num_rows() - offset);
                if rest.num_rows() > 0 {
                    self.given += u64::try_from(rest.num_rows()).unwrap_or(u64::MAX);
                    return Ok(Some(rest));
                }
                continue;
            }
            self.check()?;
            if self.ended {
                return Ok(None);
            }
            match self.stream.next_batch().await? {
                Some(batch) => self.batches.push_back(batch),
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
            self.ahead = FIRST_ROWS;
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
        self.closed |= !self.ended || !self.taken.is_empty() || !self.batches.is_empty();
        self.stream.close();
        drop_anywhere((
            std::mem::take(&mut self.taken),
            std::mem::take(&mut self.block),
        ));
        self.batches.clear();
        self.offset = 0;
    }

    /// Ends the result, whose rows nobody waits for any more.
    pub(crate) fn interrupted(&mut self) {
        self.control.abandon();
        self.close();
    }

    /// Rows that do not come must not look like the end.
    fn check(&self) -> Result<()> {
        if !self.closed {
            return Ok(());
        }
        let message = "the result was closed before its last row";
        let error = Error::new(ErrorCode::InvalidStatementHandle, message);
        Err(error.with_statement_id(self.stream().statement_id()))
    }

    /// The batch with the next row, and that row's place in it.
    fn current(&mut self, py: Python<'_>) -> PyResult<Option<(RecordBatch, usize)>> {
        loop {
            if let Some(batch) = self.batches.front() {
                if self.offset < batch.num_rows() {
                    return Ok(Some((batch.clone(), self.offset)));
                }
                self.batches.pop_front();
                self.offset = 0;
                continue;
            }
            self.check().map_err(|error| S::error(py, &error))?;
            if self.ended {
                return Ok(None);
            }
            let surface = &mut self.surface;
            let next = wait_and(py, |py| surface.tell(py, false), self.stream.next_batch());
            let next = next.and_then(|next| surface.tell(py, false).map(|()| next));
            let next = self.waited(next)?.map_err(|error| S::error(py, &error))?;
            if let Some(batch) = next {
                self.batches.push_back(batch);
            } else {
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
        self.offset += rows;
        self.given += u64::try_from(rows).unwrap_or(u64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};
    use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError};

    use super::*;
    use crate::client::metadata::Table;
    use crate::python::convert::{ConvertOptions, RowKind};

    /// Fails when it has told so often, or once at the end.
    struct Telling {
        before: usize,
        fails_at_end: bool,
    }

    impl Surface for Telling {
        fn converter(&self, py: Python<'_>, of: &SchemaRef) -> Result<RowConverter, ConvertError> {
            let options = ConvertOptions {
                row_kind: RowKind::Tuple,
                maps_as_dicts: false,
            };
            RowConverter::try_new(py, of, options)
        }

        fn error(_: Python<'_>, error: &Error) -> PyErr {
            PyRuntimeError::new_err(error.message().to_owned())
        }

        fn data_error(_: Python<'_>, message: String) -> PyErr {
            PyRuntimeError::new_err(message)
        }

        fn tell(&mut self, _: Python<'_>, ended: bool) -> PyResult<()> {
            if ended {
                let fails = std::mem::take(&mut self.fails_at_end);
                return if fails {
                    Err(PyRuntimeError::new_err("told"))
                } else {
                    Ok(())
                };
            }
            self.before = self
                .before
                .checked_sub(1)
                .ok_or_else(|| PyKeyboardInterrupt::new_err("told"))?;
            Ok(())
        }
    }

    /// Two batches of two rows.
    fn rows(before: usize, fails_at_end: bool) -> Rows<Telling> {
        let batch = |from: i64| {
            let column: ArrayRef = Arc::new(Int64Array::from(vec![from, from + 1]));
            RecordBatch::try_from_iter([("n", column)]).unwrap()
        };
        let batches = vec![batch(0), batch(2)];
        let schema = batches[0].schema();
        let stream = RepresentedStream::new(Table { schema, batches }.into_stream(), None);
        let surface = Telling {
            before,
            fails_at_end,
        };
        Rows::new(stream, StatementControl::default(), surface)
    }

    /// `count` rows of one batch.
    fn many_rows(count: i64) -> Rows<Telling> {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
        let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
        let (schema, batches) = (batch.schema(), vec![batch]);
        let stream = RepresentedStream::new(Table { schema, batches }.into_stream(), None);
        let surface = Telling {
            before: 9,
            fails_at_end: false,
        };
        Rows::new(stream, StatementControl::default(), surface)
    }

    fn all(py: Python<'_>, rows: &mut Rows<Telling>) -> PyResult<usize> {
        let rows = rows.many(py, None, |rows| Ok(rows.clone()))?;
        Ok(rows.bind(py).len())
    }

    #[test]
    fn what_an_interrupt_took_does_not_look_like_the_end() {
        Python::initialize();
        Python::attach(|py| {
            for before in 0..3 {
                let mut rows = rows(before, false);
                let interrupt = all(py, &mut rows).unwrap_err();
                assert!(interrupt.is_instance_of::<PyKeyboardInterrupt>(py));
                rows.surface.before = 9;
                for _ in 0..2 {
                    let closed = all(py, &mut rows).unwrap_err();
                    assert!(closed.to_string().contains("closed before its last row"));
                }
                assert_eq!(rows.given(), 0);
            }
            assert_eq!(all(py, &mut rows(3, false)).unwrap(), 4);
        });
    }

    #[test]
    fn rows_of_a_call_that_failed_come_next() {
        Python::initialize();
        Python::attach(|py| {
            let mut rows = rows(9, true);
            assert!(rows.one(py, |row| Ok(row.clone_ref(py))).unwrap().is_some());
            assert!(all(py, &mut rows).is_err());
            assert_eq!(rows.given(), 1);
            assert!(
                rows.one(py, |_| Err(PyRuntimeError::new_err("no")))
                    .is_err()
            );
            assert_eq!(all(py, &mut rows).unwrap(), 3);
            assert_eq!(all(py, &mut rows).unwrap(), 0);
            rows.close();
            assert_eq!(all(py, &mut rows).unwrap(), 0);
        });
    }

    #[test]
    fn batches_of_a_call_that_failed_come_next() {
        Python::initialize();
        Python::attach(|py| {
            let mut rows = rows(9, true);
            assert!(rows.one(py, |row| Ok(row.clone_ref(py))).unwrap().is_some());
            let count = |_, batches: Vec<RecordBatch>| {
                Ok(batches.iter().map(RecordBatch::num_rows).sum::<usize>())
            };
            assert!(rows.batches(py, None, count).is_err());
            assert_eq!(rows.given(), 1);
            assert!(!rows.has_ended());
            let refused = rows.batches(py, Some(2), |_, _| -> PyResult<()> {
                Err(PyRuntimeError::new_err("no"))
            });
            assert!(refused.is_err());
            assert!(rows.one(py, |row| Ok(row.clone_ref(py))).unwrap().is_some());
            assert_eq!(rows.batches(py, None, count).unwrap(), 2);
            assert_eq!(all(py, &mut rows).unwrap(), 0);
            assert!(rows.has_ended());
        });
    }

    #[test]
    fn more_rows_are_converted_ahead_the_longer_single_ones_are_wanted() {
        Python::initialize();
        Python::attach(|py| {
            let one = |rows: &mut Rows<Telling>| {
                rows.one(py, |row| Ok(row.clone_ref(py))).unwrap().unwrap();
            };
            let mut rows = many_rows(100_000);
            for expected in [16, 32, 64, 128, 256, 512, 1024, 1024] {
                one(&mut rows);
                assert_eq!(rows.block.len() + 1, expected);
                (1..expected).for_each(|_| one(&mut rows));
            }
            one(&mut rows);
            rows.batches(py, Some(1), |_, _| Ok(())).unwrap();
            one(&mut rows);
            assert_eq!(rows.block.len() + 1, FIRST_ROWS);
        });
    }
}
