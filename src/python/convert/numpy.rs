//! Readers of lists as arrays of numpy.

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{DataType, Field},
};
use pyo3::{
    prelude::*,
    types::{PyByteArray, PySlice},
};

use super::{
    error::{CellError, ConvertError, ReadError},
    extents::Extents,
    reader::{Cell, Cells, Reader, fill, mismatch},
};

/// Reads lists of all layouts as one-dimensional arrays of numpy, whose items are numbers where all of them are, and
/// objects otherwise.
///
/// The arrays of a block are views of one array, each of a part of its own.
pub(super) struct ArrayReader {
    items: Box<dyn Reader>,
    /// What items of numbers are called, and how many bytes each has.
    number: Option<(&'static str, usize)>,
    empty: Py<PyAny>,
    from_buffer: Py<PyAny>,
}

impl ArrayReader {
    pub(super) fn try_new(
        py: Python<'_>,
        item: &Field,
        items: Box<dyn Reader>,
    ) -> Result<Self, ConvertError> {
        let numpy = py.import("numpy")?;
        let number = match item.data_type() {
            DataType::Boolean => Some(("bool", 1)),
            DataType::Int8 => Some(("int8", 1)),
            DataType::Int16 => Some(("int16", 2)),
            DataType::Int32 => Some(("int32", 4)),
            DataType::Int64 => Some(("int64", 8)),
            DataType::Float32 => Some(("float32", 4)),
            DataType::Float64 => Some(("float64", 8)),
            _ => None,
        };
        Ok(Self {
            items,
            number,
            empty: numpy.getattr("empty")?.unbind(),
            from_buffer: numpy.getattr("frombuffer")?.unbind(),
        })
    }

    /// An array of objects.
    fn objects<'py>(&self, py: Python<'py>, items: Cells) -> PyResult<Bound<'py, PyAny>> {
        let array = self.empty.bind(py).call1((items.len(), "object"))?;
        for (at, item) in items.into_iter().enumerate() {
            array.set_item(at, item)?;
        }
        Ok(array)
    }

    /// An array of all numbers, whatever stands where there is none.
    fn numbers<'py>(
        &self,
        py: Python<'py>,
        values: &ArrayRef,
        (name, width): (&str, usize),
    ) -> PyResult<Bound<'py, PyAny>> {
        let bytes = if let Some(values) = values.as_boolean_opt() {
            let bytes: Vec<u8> = values.values().iter().map(u8::from).collect();
            PyByteArray::new(py, &bytes)
        } else {
            let data = values.to_data();
            let (start, len) = (data.offset() * width, data.len() * width);
            let buffer = data.buffers().first().map_or(&[][..], |all| all.as_slice());
            PyByteArray::new(py, buffer.get(start..start + len).unwrap_or_default())
        };
        if bytes.is_empty() {
            return self.empty.bind(py).call1((0, name));
        }
        self.from_buffer.bind(py).call1((bytes, name))
    }
}

/// The items from `start` on, `len` of them.
fn view(array: &Bound<'_, PyAny>, start: usize, len: usize) -> Cell {
    let slice = PySlice::new(
        array.py(),
        start.cast_signed(),
        (start + len).cast_signed(),
        1,
    );
    Ok(array.get_item(slice)?.unbind())
}

impl Reader for ArrayReader {
    fn read(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        let (extents, values) = Extents::of_list(array).ok_or_else(|| mismatch(array))?;
        let Some(number) = self.number else {
            let mut items = Cells::new();
            extents.read_visible(array, |start, len| {
                self.items.read(py, &values.slice(start, len), &mut items)
            })?;
            let all = self
                .objects(py, items)
                .map_err(|raised| CellError::from(raised).at(0))?;
            let mut next = 0;
            return fill(py, array, cells, |at| {
                let (start, len) = (next, extents.len(at));
                next += len;
                view(&all, start, len)
            });
        };
        // Of all values those of these lists, which may be few of them.
        let first = extents.start(0);
        let values = &values.slice(first, extents.start(array.len()) - first);
        let all = self
            .numbers(py, values, number)
            .map_err(|raised| CellError::from(raised).at(0))?;
        fill(py, array, cells, |at| {
            let (start, len) = (extents.start(at) - first, extents.len(at));
            let nulls = values
                .nulls()
                .map_or(0, |nulls| nulls.slice(start, len).null_count());
            if nulls == 0 {
                return view(&all, start, len);
            }
            let mut items = Cells::new();
            self.items
                .read(py, &values.slice(start, len), &mut items)
                .map_err(|error| error.error)?;
            Ok(self.objects(py, items)?.unbind())
        })
    }

    fn makes_atoms(&self) -> bool {
        false
    }
}
