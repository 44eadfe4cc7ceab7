//! The classes of rows: one subclass of `Row` for each list of column names.
#![expect(
    unsafe_code,
    reason = "instances of a subclass of tuple are made through the C API"
)]

use std::{
    collections::HashMap,
    ptr,
    sync::{Mutex, PoisonError},
};

use pyo3::{
    ffi, intern,
    prelude::*,
    types::{PyDict, PyString, PyTuple, PyType},
};

use super::{row::row_base, row_memory};

/// The attribute of row classes that tells the places of columns by name.
pub(super) const PLACES: &str = "__places__";

/// Classes that are kept at most.
const CLASSES_KEPT: usize = 256;

/// The row class for columns of these names. It is made once and kept, until too many others are.
pub(super) fn row_class(py: Python<'_>, names: &[String]) -> PyResult<Py<PyType>> {
    static CLASSES: Mutex<Option<HashMap<Vec<String>, Py<PyType>>>> = Mutex::new(None);
    // The lock is never held while Python code could run.
    let held = {
        let classes = CLASSES.lock().unwrap_or_else(PoisonError::into_inner);
        classes
            .as_ref()
            .and_then(|classes| classes.get(names))
            .map(|class| class.clone_ref(py))
    };
    if let Some(class) = held {
        return Ok(class);
    }
    let class = make_class(py, names)?.unbind();
    let dropped = {
        let mut classes = CLASSES.lock().unwrap_or_else(PoisonError::into_inner);
        let full = classes
            .as_ref()
            .is_some_and(|classes| classes.len() >= CLASSES_KEPT);
        let dropped = if full { classes.take() } else { None };
        classes
            .get_or_insert_default()
            .insert(names.to_vec(), class.clone_ref(py));
        dropped
    };
    drop(dropped);
    Ok(class)
}

/// A subclass of `Row` with an attribute for each column whose name is not one of `Row`'s own.
fn make_class<'py>(py: Python<'py>, names: &[String]) -> PyResult<Bound<'py, PyType>> {
    let base = row_base(py)?;
    let (body, places) = (PyDict::new(py), PyDict::new(py));
    let fields: Vec<_> = names
        .iter()
        .map(|name| PyString::intern(py, name))
        .collect();
    for (place, field) in fields.iter().enumerate() {
        if places.contains(field)? {
            continue;
        }
        places.set_item(field, place)?;
        let reserved = field.to_str()?.starts_with("__") || base.hasattr(field)?;
        if !reserved {
            body.set_item(field, getter(py, place)?)?;
        }
    }
    let fields = PyTuple::new(py, fields)?;
    body.set_item("__slots__", PyTuple::empty(py))?;
    body.set_item("__module__", base.getattr("__module__")?)?;
    body.set_item("__fields__", &fields)?;
    body.set_item("_fields", fields)?;
    body.set_item(PLACES, places)?;
    let class = py
        .get_type::<PyType>()
        .call1((base.name()?, (base,), body))?;
    let class = class.cast_into()?;
    row_memory::own(&class);
    Ok(class)
}

/// A descriptor that gives the item at `place` of a tuple.
fn getter(py: Python<'_>, place: usize) -> PyResult<Bound<'_, PyAny>> {
    let quick = py
        .import("_collections")?
        .getattr_opt(intern!(py, "_tuplegetter"))?;
    if let Some(class) = quick {
        return class.call1((place, py.None()));
    }
    let item = py
        .import("operator")?
        .getattr("itemgetter")?
        .call1((place,))?;
    py.import("builtins")?.getattr("property")?.call1((item,))
}

/// An instance of `class`, which is `Row` or a subclass, with the items of `values`.
pub(super) fn instance<'py>(
    class: &Bound<'py, PyType>,
    values: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    let args = PyTuple::new(py, [values])?;
    // SAFETY: the class is a subclass of tuple, whose own constructor this is; a new reference, or null with an exception
    // set, is returned.
    unsafe {
        let made = match ffi::PyTuple_Type.tp_new {
            Some(new) => new(class.as_type_ptr(), args.as_ptr(), ptr::null_mut()),
            None => ptr::null_mut(),
        };
        Bound::from_owned_ptr_or_err(py, made)
    }
}
