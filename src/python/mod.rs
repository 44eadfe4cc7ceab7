//! Everything that touches an interpreter.

pub mod connector;
pub mod convert;
pub mod dbapi;
mod fetch;
pub mod kernel;
pub mod logging;
mod raised;
pub mod runtime;
mod token_source;
mod token_store;
mod turn;

use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict};

/// The name of the package, under which submodules are imported.
const PACKAGE: &str = "databricks_sql_kernel";

/// Makes `import databricks_sql_kernel.<name>` find a submodule that is an attribute already.
pub(crate) fn register_submodule(module: &Bound<'_, PyModule>, name: &str) -> PyResult<()> {
    let submodule = module.getattr(name)?;
    let full_name = format!("{PACKAGE}.{name}");
    submodule.setattr("__name__", &full_name)?;
    for member in submodule.cast::<PyModule>()?.dict().values() {
        // Functions were made while the module had its short name, and pickle goes by the full one.
        if member.is_instance_of::<PyCFunction>() {
            member.setattr("__module__", &full_name)?;
        }
    }
    let modules = module.py().import("sys")?.getattr("modules")?;
    modules.cast::<PyDict>()?.set_item(full_name, submodule)
}
