//! Reader of decimal numbers.
#![expect(unsafe_code, reason = "the type's own slots are called")]

use std::convert::Infallible;

use arrow::{
    array::{Array, AsArray},
    datatypes::{Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type},
};
use pyo3::{
    ffi,
    prelude::*,
    types::{IntoPyDict, PyInt, PyString},
};

use super::{
    error::{CellError, ReadError},
    reader::{Cell, Cells, Reader, fill, mismatch, owned},
    repeats::Repeats,
};

/// Reads decimal numbers of one scale.
///
/// They are made as the product of an int and the unit of the scale, which is much cheaper than from a text, and exact
/// under a context of this reader's own. Only numbers of 256 bits are made from texts.
pub(super) struct DecimalReader {
    class: Py<PyAny>,
    /// Ten to the power of minus the scale.
    unit: Py<PyAny>,
    context: Py<PyAny>,
    scale: i8,
    repeats: Repeats<i64>,
}

impl DecimalReader {
    pub(super) fn try_new(py: Python<'_>, scale: i8) -> PyResult<Self> {
        let module = py.import("decimal")?;
        let class = module.getattr("Decimal")?;
        let unit = class.call1((format!("1E{}", -i32::from(scale)),))?;
        let options = [("prec", 100)].into_py_dict(py)?;
        options.set_item("traps", Vec::<Py<PyAny>>::new())?;
        let context = module.call_method("Context", (), Some(&options))?;
        Ok(Self {
            class: class.unbind(),
            unit: unit.unbind(),
            context: context.unbind(),
            scale,
            repeats: Repeats::default(),
        })
    }

    /// Reads numbers of up to 128 bits.
    fn read_numbers(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        number: impl Fn(usize) -> i128,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        let Self {
            unit,
            context,
            repeats,
            ..
        } = self;
        let _exact =
            OwnContext::enter(py, context).map_err(|raised| CellError::from(raised).at(0))?;
        fill(py, array, cells, |at| {
            let number = number(at);
            match i64::try_from(number) {
                Ok(short) => repeats.get(py, short, || product(py, short, unit)),
                Err(_) => product(py, number, unit),
            }
        })
    }
}

impl Reader for DecimalReader {
    fn read(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        if let Some(array) = array.as_primitive_opt::<Decimal128Type>() {
            self.read_numbers(py, array, |at| array.value(at), cells)
        } else if let Some(array) = array.as_primitive_opt::<Decimal64Type>() {
            self.read_numbers(py, array, |at| array.value(at).into(), cells)
        } else if let Some(array) = array.as_primitive_opt::<Decimal32Type>() {
            self.read_numbers(py, array, |at| array.value(at).into(), cells)
        } else if let Some(array) = array.as_primitive_opt::<Decimal256Type>() {
            let exponent = -i32::from(self.scale);
            fill(py, array, cells, |at| {
                parsed(
                    py,
                    &self.class,
                    format!("{}E{exponent}", array.value(at)).as_bytes(),
                )
            })
        } else {
            Err(mismatch(array))
        }
    }
}

/// The product of `number` and `unit` as the Decimal type's own multiplication gives it.
#[inline]
fn product<'py>(
    py: Python<'py>,
    number: impl IntoPyObject<'py, Target = PyInt, Output = Bound<'py, PyInt>, Error = Infallible>,
    unit: &Py<PyAny>,
) -> Cell {
    let Ok(number) = number.into_pyobject(py);
    // SAFETY: both operands are live objects; the function returns a new reference or null with an exception set.
    unsafe { owned(py, ffi::PyNumber_Multiply(number.as_ptr(), unit.as_ptr())) }
}

/// The Decimal that `text` says.
fn parsed(py: Python<'_>, class: &Py<PyAny>, text: &[u8]) -> Cell {
    let text = PyString::from_bytes(py, text)?;
    Ok(class.bind(py).call1((text,))?.unbind())
}

/// The reader's own decimal context as the thread's current one, until dropped.
struct OwnContext<'py> {
    setter: Bound<'py, PyAny>,
    before: Bound<'py, PyAny>,
}

impl<'py> OwnContext<'py> {
    fn enter(py: Python<'py>, context: &Py<PyAny>) -> PyResult<Self> {
        let module = py.import("decimal")?;
        let before = module.getattr("getcontext")?.call0()?;
        let setter = module.getattr("setcontext")?;
        setter.call1((context,))?;
        Ok(Self { setter, before })
    }
}

impl Drop for OwnContext<'_> {
    fn drop(&mut self) {
        if let Err(raised) = self.setter.call1((&self.before,)) {
            raised.write_unraisable(self.setter.py(), Some(&self.setter));
        }
    }
}
