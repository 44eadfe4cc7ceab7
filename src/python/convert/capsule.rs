//! Capsules of the Arrow C data interface.

use std::ffi::CStr;

use arrow::{
    array::RecordBatchReader,
    datatypes::{Schema, SchemaRef},
    ffi::FFI_ArrowSchema,
    ffi_stream::FFI_ArrowArrayStream,
};
use pyo3::{prelude::*, types::PyCapsule};

use super::{arrow::value_error, error::wrong_type};

/// The names of capsules that the interface fixes.
const SCHEMA_CAPSULE: &CStr = c"arrow_schema";
const STREAM_CAPSULE: &CStr = c"arrow_array_stream";

/// A capsule of an Arrow schema.
pub(crate) fn schema_capsule<'py>(
    py: Python<'py>,
    schema: &SchemaRef,
) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(&**schema).map_err(value_error)?;
    PyCapsule::new_with_value(py, schema, SCHEMA_CAPSULE)
}

/// A capsule of an Arrow array stream.
pub(crate) fn stream_capsule(
    py: Python<'_>,
    reader: Box<dyn RecordBatchReader + Send>,
) -> PyResult<Bound<'_, PyCapsule>> {
    PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(reader), STREAM_CAPSULE)
}

/// The schema in a capsule, which keeps it.
pub(super) fn schema_in(capsule: &Bound<'_, PyAny>) -> PyResult<Schema> {
    let Ok(capsule) = capsule.cast::<PyCapsule>() else {
        let what = "a capsule of an Arrow schema";
        return Err(wrong_type("requested_schema", what, capsule));
    };
    let pointer = capsule.pointer_checked(Some(SCHEMA_CAPSULE))?;
    // SAFETY: a capsule of this name holds an ArrowSchema, which lives as long as the capsule does.
    #[expect(unsafe_code, reason = "the interface passes a pointer")]
    let schema = unsafe { pointer.cast::<FFI_ArrowSchema>().as_ref() };
    Schema::try_from(schema).map_err(value_error)
}
