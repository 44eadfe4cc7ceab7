//! The module `databricks_sql_kernel.dbapi`: its globals and names.

use pyo3::prelude::*;

/// A DB-API 2.0 (PEP 249) driver for Databricks SQL.
#[pymodule(gil_used = false)]
pub mod dbapi {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::super::arrow::ArrowReader;
    #[pymodule_export]
    use super::super::connect::connect;
    #[pymodule_export]
    use super::super::connection::Connection;
    #[pymodule_export]
    use super::super::cursor::Cursor;
    #[pymodule_export]
    use super::super::exceptions::{
        CursorAlreadyClosedError, DataError, DatabaseError, Error, IntegrityError, InterfaceError,
        InternalError, InvalidServerResponseError, MaxRetryDurationError,
        NonRecoverableNetworkError, NotSupportedError, OperationalError, ProgrammingError,
        SessionAlreadyClosedError, UnsafeToRetryError, Warning,
    };
    #[pymodule_export]
    use super::super::progress::Progress;
    #[pymodule_export]
    use super::super::types::{
        DBAPITypeObject, binary, date, date_from_ticks, time, time_from_ticks, timestamp,
        timestamp_from_ticks,
    };
    #[pymodule_export]
    use crate::python::convert::ArrowTable;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        module.add("apilevel", "2.0")?;
        module.add("threadsafety", 2)?;
        module.add("paramstyle", "named")?;
        crate::python::convert::parameter::add_classes(module)?;
        module.add("Row", crate::python::convert::row_base(py)?)?;
        for object in super::super::types::TYPE_OBJECTS {
            module.add(object.name(), object)?;
        }
        module.add(
            "TRANSACTION_ISOLATION_LEVEL_REPEATABLE_READ",
            super::super::connection::REPEATABLE_READ,
        )?;
        module.setattr("__version__", env!("CARGO_PKG_VERSION"))?;
        // Its exceptions are in a module of their own, too.
        module.add("exc", module)?;
        // The official connector's names, for those who catch them.
        module.add("ServerOperationError", py.get_type::<DatabaseError>())?;
        module.add("TransactionError", py.get_type::<DatabaseError>())?;
        module.add("RequestError", py.get_type::<OperationalError>())
    }
}
