//! A DB-API 2.0 driver for Databricks SQL: a pure asynchronous core and the Python surfaces over it.

#![warn(clippy::panic, clippy::todo, clippy::unimplemented)]

pub mod client;
#[cfg(feature = "python")]
pub mod python;

/// Databricks SQL through the Statement Execution API.
#[cfg(feature = "python")]
#[pyo3::pymodule(gil_used = false)]
mod databricks_sql_kernel {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::python::connector::module::connector;
    #[pymodule_export]
    use crate::python::dbapi::module::dbapi;
    #[pymodule_export]
    use crate::python::kernel::{
        ExecutedAsyncStatement, ExecutedStatement, KernelError, Metadata, ResultStream, Session,
        Statement, StatementCanceller,
    };
    #[pymodule_export]
    use crate::python::logging::{init_logging, reset_logging};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::python::convert::refuse_sub_interpreters(module.py())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        crate::python::logging::install();
        crate::python::register_submodule(module, "connector")?;
        crate::python::register_submodule(module, "dbapi")
    }
}
