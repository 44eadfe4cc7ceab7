//! One reader a column, chosen by its Arrow type.
#![expect(unsafe_code, reason = "objects come from the C API")]

use arrow::{
    array::{Array, ArrayRef, AsArray},
    compute::take,
    datatypes::{DataType, Field, IntervalUnit},
};
use pyo3::{ffi, prelude::*};

use super::{
    error::{CellError, ConvertError, ReadError},
    {decimal, nested, numpy, scalar, temporal, text},
};

/// Objects of one column, in order.
pub(super) type Cells = Vec<Py<PyAny>>;
/// One object, or why there is none.
pub(super) type Cell = Result<Py<PyAny>, CellError>;

/// Makes Python objects of the values of arrays of one type.
pub(super) trait Reader: Send {
    /// Appends one object for each value of `array`. After an error those before it may have been appended.
    fn read(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError>;

    /// Whether the objects are atoms, which can be part of no reference cycle.
    fn makes_atoms(&self) -> bool {
        true
    }
}

/// Which Python objects stand for nested values.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Containers {
    /// Maps are dicts rather than lists of pairs.
    pub(super) maps_as_dicts: bool,
    /// Arrays are those of numpy rather than lists.
    pub(super) numpy_arrays: bool,
}

/// The reader for the values of `field`.
pub(super) fn reader_for(
    py: Python<'_>,
    field: &Field,
    containers: Containers,
) -> Result<Box<dyn Reader>, ConvertError> {
    let data_type = field.data_type();
    Ok(match data_type {
        DataType::Null => Box::new(scalar::NullReader),
        DataType::Boolean => Box::new(scalar::BooleanReader),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            Box::new(text::TextReader::default())
        }
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => Box::new(scalar::BinaryReader),
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => Box::new(decimal::DecimalReader::try_new(py, *scale)?),
        DataType::Date32 | DataType::Date64 => Box::new(temporal::DateReader::try_new(py)?),
        DataType::Time32(_) | DataType::Time64(_) => Box::new(temporal::TimeReader::try_new(py)?),
        DataType::Timestamp(unit, zone) => Box::new(temporal::TimestampReader::try_new(
            py,
            *unit,
            zone.as_deref(),
        )?),
        DataType::Duration(unit) => Box::new(temporal::DurationReader::try_new(py, *unit)?),
        DataType::Interval(IntervalUnit::YearMonth) => Box::new(text::MonthIntervalReader),
        DataType::Interval(_) => Box::new(temporal::DayIntervalReader::try_new(py)?),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            let items = reader_for(py, item, containers)?;
            if containers.numpy_arrays {
                Box::new(numpy::ArrayReader::try_new(py, item, items)?)
            } else {
                Box::new(nested::ListReader::new(items))
            }
        }
        DataType::Struct(fields) => {
            Box::new(nested::StructReader::try_new(py, fields, containers)?)
        }
        DataType::Map(entries, _) => Box::new(nested::MapReader::try_new(py, entries, containers)?),
        DataType::Dictionary(_, values) => {
            let field = Field::new(field.name(), values.as_ref().clone(), true);
            Box::new(DictionaryReader {
                values: reader_for(py, &field, containers)?,
            })
        }
        _ => scalar::number_reader(data_type).ok_or_else(|| {
            ConvertError::Value(format!(
                "there are no Python objects for Arrow's {data_type}"
            ))
        })?,
    })
}

/// Appends `make(place)` for every value of `array`, None for nulls.
#[inline]
pub(super) fn fill(
    py: Python<'_>,
    array: &dyn Array,
    cells: &mut Cells,
    mut make: impl FnMut(usize) -> Cell,
) -> Result<(), ReadError> {
    let count = array.len();
    cells.reserve(count);
    match array.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
        None => {
            for at in 0..count {
                cells.push(make(at).map_err(|error| error.at(at))?);
            }
        }
        Some(nulls) => {
            for (at, valid) in nulls.iter().enumerate() {
                cells.push(if valid {
                    make(at).map_err(|error| error.at(at))?
                } else {
                    py.None()
                });
            }
        }
    }
    Ok(())
}

/// Takes over the new reference `object`; null stands for the exception that is set.
///
/// # Safety
/// `object` is null with an exception set, or a reference that is given away.
#[inline]
pub(super) unsafe fn owned(py: Python<'_>, object: *mut ffi::PyObject) -> Cell {
    // SAFETY: as promised by the caller.
    match unsafe { Bound::from_owned_ptr_or_opt(py, object) } {
        Some(object) => Ok(object.unbind()),
        None => Err(CellError::fetch(py)),
    }
}

/// `array` as the concrete type its reader was chosen for.
pub(super) fn typed<T: 'static>(array: &dyn Array) -> Result<&T, ReadError> {
    array
        .as_any()
        .downcast_ref::<T>()
        .ok_or_else(|| mismatch(array))
}

/// The error for an array whose type is not the schema's.
#[cold]
pub(super) fn mismatch(array: &dyn Array) -> ReadError {
    let message = format!(
        "the data are {}, not of the schema's type",
        array.data_type()
    );
    CellError::value(message).at(0)
}

/// Reads values through their keys.
struct DictionaryReader {
    values: Box<dyn Reader>,
}

impl Reader for DictionaryReader {
    fn read(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        let values = resolve(array).ok_or_else(|| mismatch(array))?;
        self.values.read(py, &values, cells)
    }

    fn makes_atoms(&self) -> bool {
        self.values.makes_atoms()
    }
}

/// The values of a dictionary array, one for each key.
fn resolve(array: &dyn Array) -> Option<ArrayRef> {
    let dictionary = array.as_any_dictionary_opt()?;
    take(dictionary.values(), dictionary.keys(), None).ok()
}
