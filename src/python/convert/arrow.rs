//! Results as Arrow objects of Python.

use std::ffi::CStr;

use arrow::{
    array::{Array, RecordBatch, RecordBatchIterator, RecordBatchReader, StructArray},
    datatypes::SchemaRef,
    error::ArrowError,
    ffi::{FFI_ArrowArray, FFI_ArrowSchema},
    ffi_stream::FFI_ArrowArrayStream,
};
use arrow_pyarrow::{IntoPyArrow, Table, ToPyArrow};
use pyo3::{
    exceptions::{PyImportError, PyValueError},
    prelude::*,
    sync::PyOnceLock,
    types::PyCapsule,
};

use super::month_interval::without_month_intervals;

/// The names of capsules that the Arrow C data interface fixes.
const SCHEMA_CAPSULE: &CStr = c"arrow_schema";
const STREAM_CAPSULE: &CStr = c"arrow_array_stream";

/// A result in memory, for those who can read Arrow but have no pyarrow.
#[pyclass(frozen, module = "databricks_sql_kernel.dbapi")]
pub(crate) struct ArrowTable {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl ArrowTable {
    /// A table of `batches`, all of `schema`.
    pub(crate) fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches }
    }

    fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

#[pymethods]
impl ArrowTable {
    /// The rows as a capsule of an Arrow array stream.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // Consumers must cope with another schema than the one they ask for.
        let _ = requested_schema;
        let batches: Vec<_> = self
            .batches
            .iter()
            .cloned()
            .map(Ok::<_, ArrowError>)
            .collect();
        let reader = RecordBatchIterator::new(batches, SchemaRef::clone(&self.schema));
        let stream = FFI_ArrowArrayStream::new(Box::new(reader));
        PyCapsule::new_with_value(py, stream, STREAM_CAPSULE)
    }

    /// The columns as a capsule of an Arrow schema.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.schema)
    }

    fn __len__(&self) -> usize {
        self.rows()
    }

    fn __repr__(&self) -> String {
        let columns: Vec<String> = self
            .schema
            .fields()
            .iter()
            .map(|field| format!("{}: {}", field.name(), field.data_type()))
            .collect();
        format!(
            "<ArrowTable of {} rows: {}>",
            self.rows(),
            columns.join(", ")
        )
    }

    /// The number of rows.
    #[getter]
    fn num_rows(&self) -> usize {
        self.rows()
    }

    /// The number of columns.
    #[getter]
    fn num_columns(&self) -> usize {
        self.schema.fields().len()
    }

    /// The names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<&str> {
        self.schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect()
    }
}

/// A capsule of an Arrow schema.
pub(crate) fn schema_capsule<'py>(
    py: Python<'py>,
    schema: &SchemaRef,
) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(&**schema).map_err(value_error)?;
    PyCapsule::new_with_value(py, schema, SCHEMA_CAPSULE)
}

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
    let (schema, batches) = without_month_intervals(schema, batches).map_err(value_error)?;
    match py.import("pyarrow") {
        Ok(_) => {
            let table = Table::try_new(batches, schema).map_err(value_error)?;
            Ok(table.into_pyarrow(py)?.unbind())
        }
        Err(raised) if raised.is_instance_of::<PyImportError>(py) => {
            Ok(Py::new(py, ArrowTable::new(schema, batches))?.into_any())
        }
        Err(raised) => Err(raised),
    }
}

fn value_error(error: ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
