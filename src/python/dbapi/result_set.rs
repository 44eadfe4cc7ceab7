//! The result of a cursor, which its calls and its Arrow streams read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::datatypes::SchemaRef;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::exceptions::{DataError, raise, to_pyerr};
use super::progress::{Counted, Reporter, tell};
use super::row_factory::RowFactory;
use crate::client::{Error, RepresentedStream, ResultStream, StatementControl};
use crate::python::convert::{ConvertError, ConvertOptions, RowConverter};
use crate::python::fetch::{Rows, Surface};

/// A result that is being read.
pub(super) struct ResultSet {
    /// What no other result of the process has.
    pub(super) id: u64,
    pub(super) rows: Rows<Dbapi>,
    factory: RowFactory,
    /// The Arrow stream that takes the rows, by its number: who has another one would miss some.
    stream_reader: Option<u64>,
}

/// The rows of PEP 249's cursors.
pub(super) struct Dbapi {
    options: ConvertOptions,
    /// Tells the caller how much has come.
    reporter: Option<Reporter>,
}

impl Surface for Dbapi {
    fn converter(&self, py: Python<'_>, schema: &SchemaRef) -> Result<RowConverter, ConvertError> {
        RowConverter::try_new(py, schema, self.options)
    }

    fn error(py: Python<'_>, error: &Error) -> PyErr {
        to_pyerr(py, error)
    }

    fn data_error(py: Python<'_>, message: String) -> PyErr {
        raise::<DataError>(py, message)
    }

    fn tell(&mut self, py: Python<'_>, ended: bool) -> PyResult<()> {
        match &mut self.reporter {
            Some(reporter) if ended => reporter.tell_end(py),
            reporter => tell(py, reporter.as_mut()),
        }
    }
}

impl ResultSet {
    /// A result; `reporter` tells how much has come while rows are waited for.
    pub(super) fn new(
        stream: ResultStream,
        (control, mut reporter): (StatementControl, Option<Reporter>),
        factory: RowFactory,
        maps_as_dicts: bool,
    ) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(1);
        if let Some(reporter) = &mut reporter {
            reporter.counts(Counted {
                phase: "downloading",
                received: Arc::clone(stream.received()),
                total_rows: stream.total_rows(),
            });
        }
        let options = ConvertOptions {
            row_kind: factory.kind(),
            maps_as_dicts,
        };
        let stream = RepresentedStream::new(stream, None);
        let surface = Dbapi { options, reporter };
        Self {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            rows: Rows::new(stream, control, surface),
            factory,
            stream_reader: None,
        }
    }

    /// The next row, if there is one. After an error it is the next row still.
    pub(super) fn one(&mut self, cursor: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>> {
        self.rows
            .one(cursor.py(), |row| self.factory.apply(cursor, row))
    }

    /// At most `most` rows; `None` means all. After an error they come next still.
    pub(super) fn many(
        &mut self,
        cursor: &Bound<'_, PyAny>,
        most: Option<usize>,
    ) -> PyResult<Py<PyList>> {
        self.rows.many(cursor.py(), most, |rows| {
            self.factory.apply_to_list(cursor, rows)
        })
    }

    /// Has an Arrow stream take the rows, unless another one does.
    pub(super) fn be_read_by(&mut self, stream: u64) -> bool {
        *self.stream_reader.get_or_insert(stream) == stream
    }

    /// Whether an Arrow stream has taken rows.
    pub(super) fn is_streamed(&self) -> bool {
        self.stream_reader.is_some()
    }
}
