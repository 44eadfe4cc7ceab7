//! Readers of booleans, numbers and bytes.
#![expect(unsafe_code, reason = "objects come from the C API")]

use std::marker::PhantomData;

use arrow::{
    array::{Array, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray},
    datatypes::{
        DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
        UInt16Type, UInt32Type, UInt64Type,
    },
};
use pyo3::{ffi, prelude::*, types::PyBool};

use super::{
    error::ReadError,
    reader::{Cell, Cells, Reader, fill, mismatch, owned, typed},
};

/// Reads columns without any value.
pub(super) struct NullReader;

impl Reader for NullReader {
    fn read(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        cells.extend((0..array.len()).map(|_| py.None()));
        Ok(())
    }
}

/// Reads truth values.
pub(super) struct BooleanReader;

impl Reader for BooleanReader {
    fn read(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        let array = typed::<BooleanArray>(array)?;
        fill(py, array, cells, |at| {
            Ok(PyBool::new(py, array.value(at))
                .to_owned()
                .into_any()
                .unbind())
        })
    }
}

/// A number as an object.
trait Number: Copy {
    fn object(self, py: Python<'_>) -> Cell;
}

macro_rules! number {
    ($make:path: $($from:ty),+ => $to:ty) => {$(
        impl Number for $from {
            #[inline]
            fn object(self, py: Python<'_>) -> Cell {
                // SAFETY: the function returns a new reference or null with an exception set.
                unsafe { owned(py, $make(<$to>::from(self))) }
            }
        }
    )+};
}

number!(ffi::PyLong_FromLong: i8, i16, i32 => std::ffi::c_long);
number!(ffi::PyLong_FromLongLong: i64, u8, u16, u32 => i64);
number!(ffi::PyLong_FromUnsignedLongLong: u64 => u64);
number!(ffi::PyFloat_FromDouble: f32, f64 => f64);

/// Reads numbers of one width.
struct NumberReader<T>(PhantomData<fn() -> T>);

impl<T: ArrowPrimitiveType<Native: Number>> Reader for NumberReader<T> {
    fn read(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        let array = typed::<PrimitiveArray<T>>(array)?;
        let values = array.values();
        fill(py, array, cells, |at| values[at].object(py))
    }
}

/// The reader for numbers of `data_type`, when it is one of numbers.
pub(super) fn number_reader(data_type: &DataType) -> Option<Box<dyn Reader>> {
    fn reader<T: ArrowPrimitiveType<Native: Number>>() -> Box<dyn Reader> {
        Box::new(NumberReader::<T>(PhantomData))
    }
    Some(match data_type {
        DataType::Int8 => reader::<Int8Type>(),
        DataType::Int16 => reader::<Int16Type>(),
        DataType::Int32 => reader::<Int32Type>(),
        DataType::Int64 => reader::<Int64Type>(),
        DataType::UInt8 => reader::<UInt8Type>(),
        DataType::UInt16 => reader::<UInt16Type>(),
        DataType::UInt32 => reader::<UInt32Type>(),
        DataType::UInt64 => reader::<UInt64Type>(),
        DataType::Float32 => reader::<Float32Type>(),
        DataType::Float64 => reader::<Float64Type>(),
        _ => return None,
    })
}

/// Reads bytes of all layouts.
pub(super) struct BinaryReader;

impl Reader for BinaryReader {
    fn read(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        if let Some(array) = array.as_binary_opt::<i32>() {
            fill(py, array, cells, |at| bytes(py, array.value(at)))
        } else if let Some(array) = array.as_binary_opt::<i64>() {
            fill(py, array, cells, |at| bytes(py, array.value(at)))
        } else if let Some(array) = array.as_binary_view_opt() {
            fill(py, array, cells, |at| bytes(py, array.value(at)))
        } else if let Some(array) = array.as_fixed_size_binary_opt() {
            fill(py, array, cells, |at| bytes(py, array.value(at)))
        } else {
            Err(mismatch(array))
        }
    }
}

/// A `bytes` object.
#[inline]
fn bytes(py: Python<'_>, value: &[u8]) -> Cell {
    let size = value.len().cast_signed();
    // SAFETY: `value` has `size` bytes; the function copies them and returns a new reference or null with an exception.
    unsafe {
        owned(
            py,
            ffi::PyBytes_FromStringAndSize(value.as_ptr().cast(), size),
        )
    }
}
