//! The one interpreter that this driver can be used in.
#![expect(unsafe_code, reason = "only the C API tells interpreters apart")]

use pyo3::{exceptions::PyImportError, ffi, prelude::*};

/// Refuses sub-interpreters: classes, rows and other objects that are kept belong to the main one.
pub(crate) fn refuse_sub_interpreters(_: Python<'_>) -> PyResult<()> {
    // SAFETY: the interpreter is attached, as the first function asks for; the pointers are only compared.
    let is_main = unsafe { ffi::PyInterpreterState_Get() == ffi::PyInterpreterState_Main() };
    if is_main {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "databricks_sql_kernel cannot be used in a sub-interpreter; import it in the main interpreter, \
         or use threads or processes",
    ))
}
