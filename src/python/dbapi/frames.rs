//! Data frames of pandas and polars.

use std::collections::HashSet;
use std::sync::Arc;

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

use super::cursor::Cursor;
use super::exceptions::{ProgrammingError, raise, to_pyerr};
use crate::python::convert::{ArrowTable, to_pyarrow_or_table};

impl Cursor {
    /// All remaining rows as a frame of pandas, by way of pyarrow.
    pub(super) fn pandas_frame<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let pandas = needed(py, "fetch_df", "pandas")?;
        let pyarrow = needed(py, "fetch_df", "pyarrow")?;
        self.arrow_batches(py, None, |schema, batches| {
            let table = to_pyarrow_or_table(py, schema, batches)?.into_bound(py);
            let frame = table.call_method0("to_pandas")?;
            // NumPy has no integers that can be null: pyarrow makes them floats, which cannot hold all of them.
            let is_integer = pyarrow.getattr("types")?.getattr("is_integer")?;
            for (place, column) in table.getattr("columns")?.try_iter()?.enumerate() {
                let column = column?;
                let kind = column.getattr("type")?;
                if column.getattr("null_count")?.is_truthy()?
                    && is_integer.call1((&kind,))?.is_truthy()?
                {
                    let name = nullable_name(&kind.str()?.to_string());
                    let exact = pandas.getattr(name)?.call0()?;
                    let values = exact.call_method1("__from_arrow__", (column,))?;
                    frame.call_method1("isetitem", (place, values))?;
                }
            }
            Ok(frame)
        })
    }

    /// All remaining rows as a frame of polars.
    pub(super) fn polars_frame<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let polars = needed(py, "fetch_polars", "polars")?;
        let stream = Self::stream(slf)?;
        let schema = stream.schema();
        let mut names = HashSet::new();
        for field in schema.fields() {
            if !names.insert(field.name()) {
                let message = format!(
                    "columns of polars have different names, but '{}' is there twice: give one \
                     another name with AS",
                    field.name()
                );
                return Err(raise::<ProgrammingError>(py, message));
            }
        }
        slf.get().arrow_batches(py, None, |_, batches| {
            let batches = batches.into_iter().map(|batch| stream.given(batch));
            let batches = batches.collect::<Result<_, _>>();
            let batches = batches.map_err(|error| to_pyerr(py, &error))?;
            let table = Py::new(py, ArrowTable::new(Arc::clone(schema), batches))?;
            polars.call_method1("DataFrame", (table,))
        })
    }
}

/// The type of pandas that holds integers and nulls: `Int64Dtype` for `int64`.
fn nullable_name(arrow: &str) -> String {
    let unsigned = arrow.strip_prefix('u');
    let bits = arrow.trim_start_matches(|c: char| !c.is_ascii_digit());
    format!(
        "{}Int{bits}Dtype",
        if unsigned.is_some() { "U" } else { "" }
    )
}

/// A module that a method cannot do without.
fn needed<'py>(py: Python<'py>, method: &str, name: &str) -> PyResult<Bound<'py, PyModule>> {
    py.import(name).map_err(|raised| {
        if !raised.is_instance_of::<PyImportError>(py) {
            return raised;
        }
        let message =
            format!("{method} needs {name}, which is not installed here: pip install {name}");
        let error = PyImportError::new_err(message);
        error.set_cause(py, Some(raised));
        error
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pandas_has_a_type_for_every_integer() {
        for (arrow, pandas) in [
            ("int8", "Int8Dtype"),
            ("int64", "Int64Dtype"),
            ("uint32", "UInt32Dtype"),
        ] {
            assert_eq!(nullable_name(arrow), pandas);
        }
    }
}
