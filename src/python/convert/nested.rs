//! Readers of lists, structs and maps.
#![expect(unsafe_code, reason = "lists and tuples are filled through the C API")]

use std::{sync::Arc, vec};

use arrow::{
    array::{Array, ArrayRef, MapArray, StructArray, make_array},
    buffer::NullBuffer,
    datatypes::{DataType, Field, Fields},
};
use pyo3::{
    exceptions::PyTypeError,
    ffi,
    prelude::*,
    types::{PyDict, PyString},
};

use super::{
    error::{CellError, ConvertError, ReadError},
    extents::Extents,
    reader::{Cell, Cells, Containers, Reader, fill, mismatch, owned, reader_for, typed},
};

/// Reads lists of all layouts.
pub(super) struct ListReader {
    items: Box<dyn Reader>,
}

impl ListReader {
    pub(super) fn new(items: Box<dyn Reader>) -> Self {
        Self { items }
    }
}

impl Reader for ListReader {
    fn read(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        let (extents, values) = Extents::of_list(array).ok_or_else(|| mismatch(array))?;
        let mut items = Cells::new();
        extents.read_visible(array, |start, len| {
            self.items.read(py, &values.slice(start, len), &mut items)
        })?;
        let mut items = items.into_iter();
        fill(py, array, cells, |at| list(py, &mut items, extents.len(at)))
    }

    fn makes_atoms(&self) -> bool {
        false
    }
}

/// A list of the next `len` items.
fn list(py: Python<'_>, items: &mut vec::IntoIter<Py<PyAny>>, len: usize) -> Cell {
    // SAFETY: the slots of the new list are filled, each once, before anybody sees it; an exhausted iterator leaves them
    // null, which lists allow.
    unsafe {
        let list = owned(py, ffi::PyList_New(len.cast_signed()))?;
        for (at, item) in items.take(len).enumerate() {
            ffi::PyList_SET_ITEM(list.as_ptr(), at.cast_signed(), item.into_ptr());
        }
        Ok(list)
    }
}

/// Reads structs.
pub(super) struct StructReader {
    columns: Vec<(Py<PyString>, Box<dyn Reader>)>,
}

impl StructReader {
    pub(super) fn try_new(
        py: Python<'_>,
        fields: &Fields,
        containers: Containers,
    ) -> Result<Self, ConvertError> {
        if let Some(name) = repeated_name(fields) {
            return Err(ConvertError::Value(format!(
                "a dict cannot hold a STRUCT that has two fields named '{name}': give one another name, or read it as \
                 Arrow"
            )));
        }
        let column = |field: &_| {
            let field: &Field = field;
            let name = PyString::intern(py, field.name()).unbind();
            Ok((name, reader_for(py, field, containers)?))
        };
        let columns = fields
            .iter()
            .map(|field| column(field))
            .collect::<Result<_, ConvertError>>()?;
        Ok(Self { columns })
    }
}

/// A name that two of the fields have.
fn repeated_name(fields: &Fields) -> Option<&str> {
    let mut names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    names.sort_unstable();
    let pair = names.windows(2).find(|pair| pair[0] == pair[1])?;
    Some(pair[0])
}

impl Reader for StructReader {
    fn read(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        let structs = typed::<StructArray>(array)?;
        let mut columns = Vec::with_capacity(self.columns.len());
        for ((name, reader), values) in self.columns.iter_mut().zip(structs.columns()) {
            let mut column = Cells::new();
            reader.read(py, &visible(values, structs.nulls()), &mut column)?;
            columns.push((&*name, column.into_iter()));
        }
        let mut next = |valid: bool| -> Cell {
            let dict = valid.then(|| PyDict::new(py));
            for (name, column) in &mut columns {
                if let (Some(value), Some(dict)) = (column.next(), &dict) {
                    dict.set_item(&**name, value)?;
                }
            }
            Ok(dict.map_or_else(|| py.None(), |dict| dict.into_any().unbind()))
        };
        for at in 0..structs.len() {
            cells.push(next(structs.is_valid(at)).map_err(|error| error.at(at))?);
        }
        Ok(())
    }

    fn makes_atoms(&self) -> bool {
        false
    }
}

/// The values of a struct's column, null where the struct is.
fn visible(values: &ArrayRef, parents: Option<&NullBuffer>) -> ArrayRef {
    match parents.filter(|parents| parents.null_count() > 0) {
        Some(parents) if values.data_type() != &DataType::Null => {
            let nulls = NullBuffer::union(values.logical_nulls().as_ref(), Some(parents));
            let data = values.to_data().into_builder().nulls(nulls);
            data.build().map_or_else(|_| Arc::clone(values), make_array)
        }
        _ => Arc::clone(values),
    }
}

/// Reads maps as lists of pairs or as dicts.
pub(super) struct MapReader {
    keys: Box<dyn Reader>,
    values: Box<dyn Reader>,
    as_dicts: bool,
}

impl MapReader {
    pub(super) fn try_new(
        py: Python<'_>,
        entries: &Field,
        containers: Containers,
    ) -> Result<Self, ConvertError> {
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(ConvertError::Value("a map without entries".to_owned()));
        };
        let [key, value] = &**fields else {
            return Err(ConvertError::Value(
                "a map without keys and values".to_owned(),
            ));
        };
        Ok(Self {
            keys: reader_for(py, key, containers)?,
            values: reader_for(py, value, containers)?,
            as_dicts: containers.maps_as_dicts,
        })
    }
}

impl Reader for MapReader {
    fn read(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        let maps = typed::<MapArray>(array)?;
        let extents = Extents::Short(maps.value_offsets());
        let (mut keys, mut values) = (Cells::new(), Cells::new());
        extents.read_visible(array, |start, len| {
            self.keys
                .read(py, &maps.keys().slice(start, len), &mut keys)?;
            self.values
                .read(py, &maps.values().slice(start, len), &mut values)
        })?;
        let mut entries = keys.into_iter().zip(values);
        let as_dicts = self.as_dicts;
        fill(py, array, cells, |at| {
            let entries = entries.by_ref().take(extents.len(at));
            if as_dicts {
                dict(py, entries, extents.len(at))
            } else {
                pairs(py, entries, extents.len(at))
            }
        })
    }

    fn makes_atoms(&self) -> bool {
        false
    }
}

/// A dict of `len` entries.
fn dict(py: Python<'_>, entries: impl Iterator<Item = (Py<PyAny>, Py<PyAny>)>, len: usize) -> Cell {
    let dict = PyDict::new(py);
    for (key, value) in entries {
        dict.set_item(key, value).map_err(|raised| {
            if raised.is_instance_of::<PyTypeError>(py) {
                CellError::value(format!("a dict cannot hold the map: {}", raised.value(py)))
            } else {
                raised.into()
            }
        })?;
    }
    if dict.len() < len {
        // Moments of a zone that differ by `fold` alone, for one.
        let message = "a dict cannot hold the map: Python takes some of its keys for equal";
        return Err(CellError::value(message.to_owned()));
    }
    Ok(dict.into_any().unbind())
}

/// A list of `len` entries as pairs.
fn pairs(
    py: Python<'_>,
    entries: impl Iterator<Item = (Py<PyAny>, Py<PyAny>)>,
    len: usize,
) -> Cell {
    // SAFETY: all slots of new tuples and of the new list are filled, each once, before anybody sees them; a failure in
    // between leaves slots of the list null, which lists allow.
    unsafe {
        let list = owned(py, ffi::PyList_New(len.cast_signed()))?;
        for (at, (key, value)) in entries.enumerate() {
            let pair = owned(py, ffi::PyTuple_New(2))?.into_ptr();
            ffi::PyTuple_SET_ITEM(pair, 0, key.into_ptr());
            ffi::PyTuple_SET_ITEM(pair, 1, value.into_ptr());
            ffi::PyList_SET_ITEM(list.as_ptr(), at.cast_signed(), pair);
        }
        Ok(list)
    }
}
