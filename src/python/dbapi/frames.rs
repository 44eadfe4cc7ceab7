//! Data frames of pandas and polars.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::DataType;
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::cursor::Cursor;
use super::exceptions::{DataError, ProgrammingError, raise, to_pyerr};
use crate::python::convert::{ArrowTable, to_pyarrow_or_table};

impl Cursor {
    /// All remaining rows as a frame of pandas, by way of pyarrow.
    pub(super) fn pandas_frame<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let pandas = needed(py, "fetch_df", "pandas")?;
        let pyarrow = needed(py, "fetch_df", "pyarrow")?;
        self.arrow_batches(py, None, |schema, batches| {
            let kinds = Arc::clone(&schema);
            if let Some(field) = kinds.fields().iter().find(|field| repeats_a_name(field.data_type())) {
                let message = format!(
                    "a frame of pandas cannot hold column '{}': a STRUCT in it has two fields of one name; give one \
                     another name",
                    field.name()
                );
                return Err(raise::<DataError>(py, message));
            }
            let table = to_pyarrow_or_table(py, schema, batches)?.into_bound(py);
            // NumPy has no integers that can be null: pyarrow makes them floats, which cannot hold all of them.
            let exactly = PyDict::new(py);
            let nested = |kind| nested_in(kind).any(holds_integers);
            let needed = kinds.fields().iter().any(|field| nested(field.data_type()));
            exactly.set_item("integer_object_nulls", needed)?;
            let frame = table.call_method("to_pandas", (), Some(&exactly))?;
            let is_integer = pyarrow.getattr("types")?.getattr("is_integer")?;
            for (place, column) in table.getattr("columns")?.try_iter()?.enumerate() {
                let column = column?;
                let kind = column.getattr("type")?;
                if loses_a_zone(kinds.field(place).data_type()) {
                    let values = column.call_method0("to_pylist")?;
                    let as_objects = pandas.getattr("Series")?.call1((values,))?;
                    frame.call_method1("isetitem", (place, as_objects))?;
                } else if column.getattr("null_count")?.is_truthy()?
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

/// Whether a STRUCT in it has two fields of one name, of which a dict holds one.
fn repeats_a_name(kind: &DataType) -> bool {
    if let DataType::Struct(fields) = kind {
        let mut names = HashSet::new();
        if !fields.iter().all(|field| names.insert(field.name())) {
            return true;
        }
    }
    nested_in(kind).any(repeats_a_name)
}

fn holds_integers(kind: &DataType) -> bool {
    kind.is_integer() || nested_in(kind).any(holds_integers)
}

/// Whether a list in it holds moments: arrays of them have no zone in pandas.
fn loses_a_zone(kind: &DataType) -> bool {
    let is_list = matches!(kind, DataType::List(_) | DataType::LargeList(_));
    nested_in(kind).any(|inner| {
        is_list && matches!(inner, DataType::Timestamp(_, Some(_))) || loses_a_zone(inner)
    })
}

fn nested_in(kind: &DataType) -> impl Iterator<Item = &DataType> {
    let fields = match kind {
        DataType::List(field) | DataType::LargeList(field) | DataType::Map(field, _) => {
            std::slice::from_ref(field)
        }
        DataType::Struct(fields) => &**fields,
        _ => &[],
    };
    fields.iter().map(|field| field.data_type())
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
