//! The rows of a result as the connector's own.

use arrow::datatypes::SchemaRef;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::exceptions::{raise, to_pyerr};
use super::peer::Peer;
use crate::client::Error;
use crate::python::convert::{ConvertError, ForeignRows, RowConverter};
use crate::python::fetch::{self, Surface};

/// The rows of one result.
pub(super) type Rows = fetch::Rows<ConnectorRows>;

/// What the connector's rows are like.
pub(super) struct ConnectorRows {
    /// Whether arrays are those of numpy rather than lists.
    pub(super) numpy_arrays: bool,
}

impl Surface for ConnectorRows {
    fn converter(&self, py: Python<'_>, schema: &SchemaRef) -> Result<RowConverter, ConvertError> {
        let class = Peer::get(py)?.row(py);
        let names = schema.fields().iter().map(|field| field.name().as_str());
        // The connector's rows have another row, of their names, for `__fields__`.
        let names = PyTuple::new(py, names.collect::<Vec<_>>())?;
        let fields = class.call1(names)?;
        let rows = ForeignRows {
            class,
            fields: &fields,
            numpy_arrays: self.numpy_arrays,
        };
        RowConverter::of_foreign_rows(py, schema, &rows)
    }

    fn error(py: Python<'_>, error: &Error) -> PyErr {
        to_pyerr(py, error)
    }

    fn data_error(py: Python<'_>, message: String) -> PyErr {
        raise(py, "DataError", message)
    }
}
