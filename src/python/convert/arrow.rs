//! Results as objects of pyarrow, where that is installed.

use std::sync::Arc;

use arrow::{
    array::{Array, RecordBatch, RecordBatchIterator, RecordBatchReader, StructArray},
    datatypes::SchemaRef,
    error::ArrowError,
    ffi::FFI_ArrowArray,
};
use arrow_pyarrow::{IntoPyArrow, Table, ToPyArrow};
use pyo3::{
    exceptions::{PyImportError, PyValueError},
    prelude::*,
    sync::PyOnceLock,
};

use super::arrow_table::ArrowTable;
use super::month_interval::MonthsAsText;

/// A schema as pyarrow has it, and batches of it: as they are, month intervals included.
pub(crate) struct PyArrowSchema {
    schema: SchemaRef,
    object: PyOnceLock<Py<PyAny>>,
}

impl PyArrowSchema {
    pub(crate) fn new(schema: SchemaRef) -> Self {
        Self {
            schema,
            object: PyOnceLock::new(),
        }
    }

    /// The `pyarrow.Schema`.
    pub(crate) fn object(&self, py: Python<'_>) -> PyResult<&Py<PyAny>> {
        self.object.get_or_try_init(py, || {
            let schema = self.schema.as_ref().to_pyarrow(py)?;
            Ok(schema.unbind())
        })
    }

    /// One batch as a `pyarrow.RecordBatch`. The schema is made once, not with every batch.
    pub(crate) fn batch(&self, py: Python<'_>, batch: RecordBatch) -> PyResult<Py<PyAny>> {
        static RECORD_BATCH: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let schema = self.object(py)?;
        let import = RECORD_BATCH.get_or_try_init(py, || {
            let class = py.import("pyarrow")?.getattr("RecordBatch")?;
            class.getattr("_import_from_c").map(Bound::unbind)
        })?;
        let mut array = FFI_ArrowArray::new(&StructArray::from(batch).into_data());
        // pyarrow takes the content; what is left needs no release.
        let place = std::ptr::from_mut(&mut array).addr();
        import.call1(py, (place, schema))
    }

    /// Batches as a `pyarrow.Table`.
    pub(crate) fn table(&self, py: Python<'_>, batches: Vec<RecordBatch>) -> PyResult<Py<PyAny>> {
        let batches = batches.into_iter().map(Ok::<_, ArrowError>);
        let reader: Box<dyn RecordBatchReader + Send> = Box::new(RecordBatchIterator::new(
            batches.collect::<Vec<_>>(),
            SchemaRef::clone(&self.schema),
        ));
        let reader = reader.into_pyarrow(py)?;
        reader.call_method0("read_all").map(Bound::unbind)
    }
}

/// A `pyarrow.Table` where pyarrow is installed, else an [`ArrowTable`].
pub(crate) fn to_pyarrow_or_table(
    py: Python<'_>,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
) -> PyResult<Py<PyAny>> {
    let texts = MonthsAsText::of(schema);
    let batches = batches.into_iter().map(|batch| texts.batch(batch));
    let batches = batches
        .collect::<Result<Vec<_>, _>>()
        .map_err(value_error)?;
    let schema = Arc::clone(texts.schema());
    if pyarrow(py)?.is_some() {
        let table = Table::try_new(batches, schema).map_err(value_error)?;
        let (batches, schema) = table.into_inner();
        PyArrowSchema::new(schema).table(py, batches)
    } else {
        Ok(Py::new(py, ArrowTable::new(schema, batches))?.into_any())
    }
}

/// The module, if it is installed.
pub(crate) fn pyarrow(py: Python<'_>) -> PyResult<Option<Bound<'_, PyModule>>> {
    match py.import("pyarrow") {
        Ok(pyarrow) => Ok(Some(pyarrow)),
        Err(raised) if raised.is_instance_of::<PyImportError>(py) => Ok(None),
        Err(raised) => Err(raised),
    }
}

pub(super) fn value_error(error: ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
