//! The module `databricks_sql_kernel.connector`.

/// The backend of `databricks-sql-connector` in Rust.
///
/// Importing it loads nothing of the connector; its classes do, when they are asked for.
#[pyo3::pymodule]
pub(crate) mod connector {
    use pyo3::exceptions::PyAttributeError;
    use pyo3::prelude::*;
    use pyo3::types::PyType;

    #[pymodule_export]
    use crate::python::connector::install::{install, uninstall};

    use crate::python::connector::backend::KernelDatabricksClient;
    use crate::python::connector::peer::Peer;
    use crate::python::connector::result_set::ResultSet;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.setattr(
            "__all__",
            [
                "KernelDatabricksClient",
                "ResultSet",
                "install",
                "uninstall",
            ],
        )
    }

    /// The classes, which are the connector's in the eyes of `isinstance` once they are known to it.
    #[pyfunction(name = "__getattr__")]
    fn get_attribute<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyType>> {
        let class = match name {
            "KernelDatabricksClient" => py.get_type::<KernelDatabricksClient>(),
            "ResultSet" => py.get_type::<ResultSet>(),
            _ => {
                return Err(PyAttributeError::new_err(format!(
                    "module 'databricks_sql_kernel.connector' has no attribute '{name}'"
                )));
            }
        };
        Peer::get(py)?;
        Ok(class)
    }
}
