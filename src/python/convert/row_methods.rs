//! What the methods of `Row` do.
//!
//! An instance of a subclass has the names of its class. An instance of `Row` itself has none; called, it makes rows that
//! have its items for names.

use pyo3::{
    exceptions::{PyKeyError, PyTypeError, PyValueError},
    intern,
    prelude::*,
    types::{PyDict, PyList, PyString, PyTuple, PyType},
};

use super::{
    row::row_base,
    row_class::{PLACES, instance, row_class},
};

/// `Row(a=1, b=2)`, `Row("a", "b")`, or a row of a class with names.
pub(super) fn new<'py>(
    class: &Bound<'py, PyType>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    match kwargs.filter(|kwargs| !kwargs.is_empty()) {
        Some(_) if !args.is_empty() => Err(PyValueError::new_err(
            "a Row takes values or named values, not both",
        )),
        Some(kwargs) => named(&kwargs.keys(), kwargs.values().to_tuple().as_any()),
        None => {
            if !fields(class.as_any())?.is_empty() {
                check_count(&fields(class.as_any())?, args.len())?;
            }
            instance(class, args.as_any())
        }
    }
}

/// A row of the names that the items of `row` are.
pub(super) fn call<'py>(
    row: &Bound<'py, PyTuple>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    if has_fields(row)? || kwargs.is_some_and(|kwargs| !kwargs.is_empty()) {
        return Err(PyTypeError::new_err(
            "only a Row of names can be called, with values",
        ));
    }
    named(&row.to_list(), args.as_any())
}

/// `Row._make(names, values)`.
pub(super) fn make<'py>(args: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
    let (names, values): (Bound<'py, PyAny>, Bound<'py, PyAny>) = args.extract()?;
    named(
        &PyList::new(args.py(), names.try_iter()?.collect::<PyResult<Vec<_>>>()?)?,
        &values,
    )
}

/// A row of a class for `names`.
fn named<'py>(
    names: &Bound<'py, PyList>,
    values: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = names.py();
    let class = row_class(py, &names.extract::<Vec<String>>()?)?;
    let class = class.bind(py);
    check_count(&fields(class.as_any())?, values.len()?)?;
    instance(class, values)
}

fn check_count(fields: &Bound<'_, PyTuple>, count: usize) -> PyResult<()> {
    if fields.len() == count {
        return Ok(());
    }
    let message = format!(
        "a Row of {} columns cannot have {count} values",
        fields.len()
    );
    Err(PyValueError::new_err(message))
}

/// `row["name"]`.
pub(super) fn item<'py>(
    row: &Bound<'py, PyTuple>,
    name: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyAny>> {
    match places(row)?.get_item(name)? {
        Some(place) => row.get_item(place.extract()?),
        None => Err(PyKeyError::new_err(name.clone().unbind())),
    }
}

/// `name in row`; without names, whether it is one of the items.
pub(super) fn contains(row: &Bound<'_, PyTuple>, item: &Bound<'_, PyAny>) -> PyResult<bool> {
    if !has_fields(row)? {
        return row.to_list().contains(item);
    }
    match item.cast::<PyString>() {
        Ok(name) => places(row)?.contains(name),
        Err(_) => Ok(false),
    }
}

/// `row.asDict(recursive=False)`.
pub(super) fn as_dict<'py>(
    row: &Bound<'py, PyTuple>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = row.py();
    let keyword = kwargs
        .map(|kwargs| kwargs.get_item(intern!(py, "recursive")))
        .transpose()?;
    let given = args.len() + kwargs.map_or(0, |kwargs| kwargs.len());
    let recursive = match (args.iter().next(), keyword.flatten()) {
        (None, None) if given == 0 => false,
        (Some(recursive), None) | (None, Some(recursive)) if given == 1 => recursive.is_truthy()?,
        _ => {
            return Err(PyTypeError::new_err(
                "asDict() takes one argument at most: recursive",
            ));
        }
    };
    if !has_fields(row)? {
        return Err(PyTypeError::new_err("a Row without names has no dict"));
    }
    dict_of(row, recursive)
}

fn dict_of<'py>(row: &Bound<'py, PyTuple>, recursive: bool) -> PyResult<Bound<'py, PyAny>> {
    let dict = PyDict::new(row.py());
    for (name, value) in fields(row.get_type().as_any())?.iter().zip(row) {
        dict.set_item(name, if recursive { plain(value)? } else { value })?;
    }
    Ok(dict.into_any())
}

/// `value` with dicts for the rows in it.
fn plain(value: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    let py = value.py();
    if let Ok(list) = value.cast_exact::<PyList>() {
        let items = list.iter().map(plain).collect::<PyResult<Vec<_>>>()?;
        return Ok(PyList::new(py, items)?.into_any());
    }
    if let Ok(dict) = value.cast_exact::<PyDict>() {
        let copy = PyDict::new(py);
        for (key, value) in dict {
            copy.set_item(key, plain(value)?)?;
        }
        return Ok(copy.into_any());
    }
    match value.cast::<PyTuple>() {
        Ok(row) if value.is_instance(row_base(py)?)? && has_fields(row)? => dict_of(row, true),
        _ => Ok(value),
    }
}

/// `Row(a=1, b='x')`; a row without names as one that can be called.
pub(super) fn repr<'py>(row: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
    let py = row.py();
    let named = has_fields(row)?;
    let fields = fields(row.get_type().as_any())?;
    let mut items = Vec::with_capacity(row.len());
    for (at, value) in row.iter().enumerate() {
        let value = value.repr()?.to_cow()?.into_owned();
        items.push(if named {
            format!("{}={value}", fields.get_item(at)?)
        } else {
            value
        });
    }
    let items = items.join(", ");
    let text = if named {
        format!("Row({items})")
    } else {
        format!("<Row({items})>")
    };
    Ok(PyString::new(py, &text).into_any())
}

/// What pickle and copy make the row from.
pub(super) fn reduce<'py>(row: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
    let py = row.py();
    let base = row_base(py)?;
    let values = row.to_list().to_tuple();
    let reduced = if has_fields(row)? {
        let names = fields(row.get_type().as_any())?;
        (
            base.getattr(intern!(py, "_make"))?,
            PyTuple::new(py, [names, values])?,
        )
    } else {
        (base.clone().into_any(), values)
    };
    Ok(reduced.into_pyobject(py)?.into_any())
}

/// The names that a row class has.
fn fields<'py>(class: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
    Ok(class.getattr(intern!(class.py(), "_fields"))?.cast_into()?)
}

/// Whether a row has names.
fn has_fields(row: &Bound<'_, PyTuple>) -> PyResult<bool> {
    Ok(!fields(row.get_type().as_any())?.is_empty())
}

/// The places of columns by name.
fn places<'py>(row: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyDict>> {
    Ok(row
        .get_type()
        .getattr(intern!(row.py(), PLACES))?
        .cast_into()?)
}
