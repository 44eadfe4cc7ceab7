//! Values of other packages' types, told by their names: none of these packages is imported for it.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyInt, PyMemoryView, PyTuple, PyType};

use super::nested::check_depth;
use super::{Label, ParameterError, Reader, Result, scalar, text_of, wrong};
use crate::client::sql::{SqlType, Value};

impl Reader {
    pub(super) fn foreign(
        &self,
        label: Label<'_>,
        value: &Bound<'_, PyAny>,
        depth: usize,
    ) -> Result<Value> {
        let class = value.get_type();
        let (module, name) = (class.module()?, class.name()?);
        let (module, name) = (module.to_str()?, name.to_str()?);
        match (module.split('.').next().unwrap_or_default(), name) {
            ("uuid", "UUID") => Ok(scalar(SqlType::String, text_of(value)?)),
            _ if is_missing(value)? => Ok(Value::NULL),
            ("numpy", _) => self.numpy(label, value, depth),
            _ if value.is_instance_of::<PyMemoryView>() => {
                let bytes = value.call_method0("tobytes")?;
                Ok(Value::Binary(bytes.extract()?))
            }
            _ => Err(unsendable(label, value)?),
        }
    }

    /// An array or a scalar of numpy. Of masked arrays, what is masked is NULL.
    fn numpy(&self, label: Label<'_>, value: &Bound<'_, PyAny>, depth: usize) -> Result<Value> {
        static ARRAY: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        static SCALAR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        check_depth(label, depth)?;
        let py = value.py();
        let is_array = value.is_instance(ARRAY.import(py, "numpy", "ndarray")?)?;
        if !is_array && !value.is_instance(SCALAR.import(py, "numpy", "generic")?)? {
            return Err(unsendable(label, value)?);
        }
        let dtype = value.getattr("dtype")?;
        if !dtype.getattr("names")?.is_none() {
            return wrong(format!(
                "{label} has the fields of a structured dtype, which no parameter holds; pass them one by one"
            ));
        }
        let kind: char = dtype.getattr("kind")?.extract()?;
        let is_time = matches!(kind, 'M' | 'm');
        if !is_array {
            let item = value.call_method0("item")?;
            // Times that datetime does not hold are numbers of some unit.
            if is_time && item.is_instance_of::<PyInt>() {
                return Err(inexact(label, value)?);
            }
            if item.get_type().is(value.get_type()) {
                return Err(unsendable(label, value)?);
            }
            return self.value(label, &item, depth + 1);
        }
        if !is_time {
            return self.value(label, &value.call_method0("tolist")?, depth + 1);
        }
        if value.getattr("ndim")?.extract::<usize>()? == 0 {
            return self.value(label, &value.get_item(PyTuple::empty(py))?, depth + 1);
        }
        self.array(label, value, depth)
    }
}

/// Refuses a time of numpy that Python's types do not hold.
fn inexact(label: Label<'_>, value: &Bound<'_, PyAny>) -> PyResult<ParameterError> {
    let type_name = value.get_type().name()?;
    Ok(ParameterError::Wrong(format!(
        "{label} is {value}, a {type_name} that Python's types do not hold; convert it first, with \
         .astype('{type_name}[us]')"
    )))
}

/// Whether the value stands for a missing one, as those of pandas and numpy do.
pub(super) fn is_missing(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let class = value.get_type();
    let name = class.name()?;
    let package = |package: &str| {
        let module = class.module()?;
        PyResult::Ok(module.to_str()?.split('.').next() == Some(package))
    };
    match name.to_str()? {
        "NAType" | "NaTType" => package("pandas"),
        "MaskedConstant" => package("numpy"),
        _ => Ok(value.is_none()),
    }
}

/// Refuses a value that is no SQL value.
fn unsendable(label: Label<'_>, value: &Bound<'_, PyAny>) -> PyResult<ParameterError> {
    let type_name = value.get_type().name()?;
    let advice = if value.is_instance(&value.py().import("enum")?.getattr("Enum")?)? {
        "pass its .value or its .name".to_owned()
    } else {
        "parameters may be None, bool, int, float, str, bytes, Decimal, date, datetime, timedelta, UUID, lists and \
         dicts of these, and typed parameters"
            .to_owned()
    };
    Ok(ParameterError::Wrong(format!(
        "{label} is of type {type_name}, which is no SQL value; {advice}"
    )))
}
