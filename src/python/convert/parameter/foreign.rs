//! Values of other packages' types, told by their names: none of these packages is imported for it.

use pyo3::prelude::*;
use pyo3::types::{PyInt, PyMemoryView};

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
            ("pandas", "NAType" | "NaTType") => Ok(Value::NULL),
            ("numpy", "ndarray") => {
                check_depth(label, depth)?;
                self.value(label, &value.call_method0("tolist")?, depth + 1)
            }
            ("numpy", _) if value.hasattr("item")? => {
                check_depth(label, depth)?;
                let item = value.call_method0("item")?;
                if name.ends_with("64") && name.contains("time") && item.is_instance_of::<PyInt>() {
                    return wrong(format!(
                        "{label} is a {name} that Python's types do not hold; convert it first, with \
                         .astype('{name}[us]')"
                    ));
                }
                if item.get_type().is(&class) {
                    return Err(unsendable(label, value)?);
                }
                self.value(label, &item, depth + 1)
            }
            _ if value.is_instance_of::<PyMemoryView>() => {
                let bytes = value.call_method0("tobytes")?;
                Ok(Value::Binary(bytes.extract()?))
            }
            _ => Err(unsendable(label, value)?),
        }
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
