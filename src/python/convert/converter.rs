//! Rows of record batches.
#![expect(
    unsafe_code,
    reason = "the cyclic collector is paused through the C API"
)]

use std::ops::{Range, RangeInclusive};
use std::sync::{Mutex, PoisonError};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use pyo3::{
    ffi,
    prelude::*,
    types::{PyList, PyString, PyType},
};

use super::{
    assemble::RowMaker,
    error::ConvertError,
    reader::{Cells, Containers, Reader, reader_for},
    row_class::row_class,
    time_slice::TimeSlice,
};

/// How rows are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowKind {
    /// Tuples whose items have names.
    #[default]
    Row,
    /// Tuples.
    Tuple,
    /// Dicts by column name.
    Dict,
}

/// What the user chose about rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConvertOptions {
    /// How rows are made.
    pub row_kind: RowKind,
    /// Whether maps are dicts rather than lists of pairs.
    pub maps_as_dicts: bool,
}

/// A class of rows that is not ours: a subclass of tuple whose instances have the names of their items in
/// `__fields__`.
pub(crate) struct ForeignRows<'a, 'py> {
    /// The class.
    pub(crate) class: &'a Bound<'py, PyType>,
    /// The names.
    pub(crate) fields: &'a Bound<'py, PyAny>,
    /// Whether arrays are those of numpy rather than lists.
    pub(crate) numpy_arrays: bool,
}

/// Makes rows of the batches of one schema.
pub struct RowConverter {
    schema: SchemaRef,
    containers: Containers,
    maker: RowMaker,
    /// Taken out while in use; who finds it gone makes another.
    columns: Mutex<Option<Columns>>,
}

/// The readers of all columns and room for the objects of a block.
struct Columns {
    readers: Vec<Box<dyn Reader>>,
    cells: Vec<Cells>,
    atoms: bool,
}

/// Objects of a block: few enough to be in the cache still when rows are made of them.
const BLOCK_CELLS: usize = 8192;
const BLOCK_ROWS: RangeInclusive<usize> = 64..=1024;

impl RowConverter {
    /// A converter for batches of `schema`.
    pub fn try_new(
        py: Python<'_>,
        schema: &SchemaRef,
        options: ConvertOptions,
    ) -> Result<Self, ConvertError> {
        let names = schema.fields().iter().map(|field| field.name().as_str());
        let maker = match options.row_kind {
            RowKind::Row => RowMaker::Row(row_class(
                py,
                &names.map(str::to_owned).collect::<Vec<_>>(),
            )?),
            RowKind::Tuple => RowMaker::Tuple,
            RowKind::Dict => RowMaker::Dict(
                names
                    .map(|name| PyString::intern(py, name).unbind())
                    .collect(),
            ),
        };
        let containers = Containers {
            maps_as_dicts: options.maps_as_dicts,
            numpy_arrays: false,
        };
        Self::of_parts(py, schema, containers, maker)
    }

    /// A converter whose rows are instances of somebody else's class.
    pub(crate) fn of_foreign_rows(
        py: Python<'_>,
        schema: &SchemaRef,
        rows: &ForeignRows<'_, '_>,
    ) -> Result<Self, ConvertError> {
        let containers = Containers {
            maps_as_dicts: false,
            numpy_arrays: rows.numpy_arrays,
        };
        let class = rows.class.clone().unbind();
        let fields = rows.fields.clone().unbind();
        Self::of_parts(py, schema, containers, RowMaker::Foreign { class, fields })
    }

    fn of_parts(
        py: Python<'_>,
        schema: &SchemaRef,
        containers: Containers,
        maker: RowMaker,
    ) -> Result<Self, ConvertError> {
        let columns = Columns::try_new(py, schema, containers)?;
        Ok(Self {
            schema: SchemaRef::clone(schema),
            containers,
            maker,
            columns: Mutex::new(Some(columns)),
        })
    }

    /// Appends the rows `offset..offset + len` of `batch` to `list`; after an error there are as many as before.
    ///
    /// `first_row` is the number of the first of them in the whole result, for messages; `slice` is that of the call.
    pub fn extend_list(
        &self,
        list: &Bound<'_, PyList>,
        batch: &RecordBatch,
        range: Range<usize>,
        first_row: u64,
        slice: &mut TimeSlice,
    ) -> Result<(), ConvertError> {
        let before = list.len();
        let rows = batch.slice(range.start, range.len());
        let outcome = self.convert(list.py(), &rows, first_row, slice, |row| list.append(row));
        if outcome.is_err() {
            list.del_slice(before, list.len())?;
        }
        outcome
    }

    /// The rows `offset..offset + len` of `batch`; `first_row` as in [`Self::extend_list`].
    pub(crate) fn rows(
        &self,
        py: Python<'_>,
        batch: &RecordBatch,
        offset: usize,
        len: usize,
        first_row: u64,
    ) -> Result<Vec<Py<PyAny>>, ConvertError> {
        let mut rows = Vec::with_capacity(len);
        let slice = &mut TimeSlice::new();
        self.convert(py, &batch.slice(offset, len), first_row, slice, |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Hands the rows of `batch` to `keep`.
    fn convert(
        &self,
        py: Python<'_>,
        batch: &RecordBatch,
        first_row: u64,
        slice: &mut TimeSlice,
        mut keep: impl FnMut(Py<PyAny>) -> PyResult<()>,
    ) -> Result<(), ConvertError> {
        let idle = self
            .columns
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let mut columns = match idle {
            Some(columns) => columns,
            None => Columns::try_new(py, &self.schema, self.containers)?,
        };
        let outcome = self.convert_blocks(py, &mut columns, batch, first_row, slice, &mut keep);
        columns.cells.iter_mut().for_each(Vec::clear);
        let replaced = self
            .columns
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(columns);
        drop(replaced);
        outcome
    }

    fn convert_blocks(
        &self,
        py: Python<'_>,
        columns: &mut Columns,
        batch: &RecordBatch,
        first_row: u64,
        slice: &mut TimeSlice,
        keep: &mut impl FnMut(Py<PyAny>) -> PyResult<()>,
    ) -> Result<(), ConvertError> {
        let mut pause = CollectorPause::new();
        let width = columns.readers.len();
        let most = (BLOCK_CELLS / width.max(1)).clamp(*BLOCK_ROWS.start(), *BLOCK_ROWS.end());
        let mut at = 0;
        while at < batch.num_rows() {
            let block = batch.slice(at, most.min(batch.num_rows() - at));
            columns.read(py, &block, first_row + at as u64)?;
            self.maker.assemble(
                py,
                &mut columns.cells,
                block.num_rows(),
                columns.atoms,
                &mut *keep,
            )?;
            at += block.num_rows();
            if slice.is_over() {
                drop(pause);
                slice.give_way(py)?;
                pause = CollectorPause::new();
            }
        }
        drop(pause);
        Ok(())
    }
}

impl Columns {
    fn try_new(
        py: Python<'_>,
        schema: &SchemaRef,
        containers: Containers,
    ) -> Result<Self, ConvertError> {
        let fields = schema.fields().iter();
        let readers = fields
            .map(|field| {
                reader_for(py, field, containers).map_err(|error| error.of_column(field.name()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let cells = readers.iter().map(|_| Cells::new()).collect();
        let atoms = readers.iter().all(|reader| reader.makes_atoms());
        Ok(Self {
            readers,
            cells,
            atoms,
        })
    }

    /// Reads all columns of a block.
    fn read(&mut self, py: Python<'_>, block: &RecordBatch, row: u64) -> Result<(), ConvertError> {
        if block.num_columns() != self.readers.len() {
            return Err(ConvertError::Value(format!(
                "a batch of {} columns among batches of {}",
                block.num_columns(),
                self.readers.len()
            )));
        }
        for (at, (reader, cells)) in self.readers.iter_mut().zip(&mut self.cells).enumerate() {
            reader.read(py, block.column(at), cells).map_err(|failed| {
                let name = block.schema_ref().field(at).name().clone();
                failed.error.locate(&name, row + failed.at as u64)
            })?;
        }
        Ok(())
    }
}

/// Keeps the cyclic collector from running; what was off before stays off after.
struct CollectorPause {
    was_on: bool,
}

impl CollectorPause {
    fn new() -> Self {
        // SAFETY: the interpreter is attached; the function only clears a flag.
        let was_on = unsafe { ffi::PyGC_Disable() } != 0;
        Self { was_on }
    }
}

impl Drop for CollectorPause {
    fn drop(&mut self) {
        if self.was_on {
            // SAFETY: the interpreter is attached; the function only sets a flag.
            unsafe { ffi::PyGC_Enable() };
        }
    }
}
