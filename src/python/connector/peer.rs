//! The connector's own classes, of which the backend's answers are made.

use pyo3::exceptions::{PyImportError, PyModuleNotFoundError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use super::backend::KernelDatabricksClient;
use super::result_set::ResultSet;
use crate::client::wire::StatementState;

/// What is known of the connector, once it has been imported.
pub(super) struct Peer {
    session_id_of: Py<PyAny>,
    command_id_of: Py<PyAny>,
    states: Py<PyAny>,
    row: Py<PyType>,
    exceptions: Py<PyAny>,
}

impl Peer {
    /// Imports the connector, and makes our classes the connector's in the eyes of `isinstance`.
    pub(super) fn get(py: Python<'_>) -> PyResult<&'static Self> {
        static PEER: PyOnceLock<Peer> = PyOnceLock::new();
        PEER.get_or_try_init(py, || Self::import(py))
    }

    fn import(py: Python<'_>) -> PyResult<Self> {
        let types = import(py, "databricks.sql.backend.types")?;
        let rows = import(py, "databricks.sql.types")?;
        for (module, base, class) in [
            (
                "databricks.sql.backend.databricks_client",
                "DatabricksClient",
                py.get_type::<KernelDatabricksClient>(),
            ),
            (
                "databricks.sql.result_set",
                "ResultSet",
                py.get_type::<ResultSet>(),
            ),
        ] {
            let base = import(py, module)?.getattr(base)?;
            base.call_method1("register", (class,))?;
        }
        let session_id = types.getattr("SessionId")?;
        let command_id = types.getattr("CommandId")?;
        Ok(Self {
            session_id_of: session_id.getattr("from_sea_session_id")?.unbind(),
            command_id_of: command_id.getattr("from_sea_statement_id")?.unbind(),
            states: types.getattr("CommandState")?.unbind(),
            row: rows.getattr("Row")?.cast_into::<PyType>()?.unbind(),
            exceptions: import(py, "databricks.sql.exc")?.into_any().unbind(),
        })
    }

    /// A `SessionId`.
    pub(super) fn session_id<'py>(&self, py: Python<'py>, id: &str) -> PyResult<Bound<'py, PyAny>> {
        self.session_id_of.bind(py).call1((id,))
    }

    /// A `CommandId`.
    pub(super) fn command_id<'py>(&self, py: Python<'py>, id: &str) -> PyResult<Bound<'py, PyAny>> {
        self.command_id_of.bind(py).call1((id,))
    }

    /// A `CommandState`.
    pub(super) fn state<'py>(
        &self,
        py: Python<'py>,
        state: StatementState,
    ) -> PyResult<Bound<'py, PyAny>> {
        let name = match state {
            StatementState::Pending => "PENDING",
            StatementState::Running => "RUNNING",
            StatementState::Succeeded => "SUCCEEDED",
            StatementState::Canceled => "CANCELLED",
            StatementState::Closed => "CLOSED",
            StatementState::Failed | StatementState::Unknown => "FAILED",
        };
        self.states.bind(py).getattr(name)
    }

    /// The class `Row`.
    pub(super) fn row<'py>(&self, py: Python<'py>) -> &Bound<'py, PyType> {
        self.row.bind(py)
    }

    /// An exception class.
    pub(super) fn exception<'py>(
        &self,
        py: Python<'py>,
        name: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.exceptions.bind(py).getattr(name)
    }
}

/// The id in a `SessionId`.
pub(super) fn session_in(id: &Bound<'_, PyAny>) -> PyResult<String> {
    sea_id(id, "to_sea_session_id", "session")
}

/// The id in a `CommandId`.
pub(super) fn statement_in(id: &Bound<'_, PyAny>) -> PyResult<String> {
    sea_id(id, "to_sea_statement_id", "command")
}

fn sea_id(id: &Bound<'_, PyAny>, method: &str, what: &str) -> PyResult<String> {
    let text: Option<String> = id.call_method0(method)?.extract()?;
    text.ok_or_else(|| PyValueError::new_err(format!("the {what} id is none of this backend's")))
}

/// Imports a module of the connector.
///
/// # Errors
/// `ImportError` that says what to install, where there is no connector.
pub(super) fn import<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyModule>> {
    py.import(name).map_err(|raised| {
        let missing = raised.value(py).getattr("name").ok();
        let missing = missing.and_then(|name| name.extract::<String>().ok());
        let message = match missing.as_deref() {
            _ if !raised.is_instance_of::<PyModuleNotFoundError>(py) => return raised,
            Some("databricks" | "databricks.sql") => {
                "databricks_sql_kernel.connector is the backend of databricks-sql-connector, which is not \
                 installed; install it with: pip install databricks-sql-connector; \
                 databricks_sql_kernel.dbapi works without it"
                    .to_owned()
            }
            Some(module) if module.starts_with("databricks.sql.") => format!(
                "databricks_sql_kernel.connector is a backend for databricks-sql-connector 4.9.0 and newer; \
                 {} has no module {module}; install a newer one with: \
                 pip install --upgrade databricks-sql-connector",
                version(py).unwrap_or_else(|| "this one".to_owned())
            ),
            _ => return raised,
        };
        let error = PyImportError::new_err(message);
        error.set_cause(py, Some(raised));
        error
    })
}

/// The version of the connector, if it tells.
fn version(py: Python<'_>) -> Option<String> {
    let module = py.import("databricks.sql").ok()?;
    module.getattr("__version__").ok()?.extract().ok()
}
