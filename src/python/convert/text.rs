//! Readers of texts.
#![expect(unsafe_code, reason = "strings are filled through the C API")]

use std::ptr;

use arrow::{
    array::{
        Array, ArrayAccessor, AsArray, GenericStringArray, IntervalYearMonthArray, OffsetSizeTrait,
    },
    buffer::OffsetBuffer,
};
use pyo3::{ffi, prelude::*};

use super::{
    error::ReadError,
    month_interval,
    reader::{Cell, Cells, Reader, fill, mismatch, owned, typed},
    repeats::Trial,
};

/// Reads texts of all layouts.
#[derive(Default)]
pub(super) struct TextReader {
    repeats: TextRepeats,
}

impl Reader for TextReader {
    fn read(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        if let Some(array) = array.as_string_opt::<i32>() {
            self.read_texts(py, array, is_ascii(array), cells)
        } else if let Some(array) = array.as_string_opt::<i64>() {
            self.read_texts(py, array, is_ascii(array), cells)
        } else if let Some(array) = array.as_string_view_opt() {
            self.read_texts(py, array, false, cells)
        } else {
            Err(mismatch(array))
        }
    }
}

impl TextReader {
    /// Reads texts that are all of ASCII where `ascii` says so.
    fn read_texts<'a>(
        &mut self,
        py: Python<'_>,
        array: impl ArrayAccessor<Item = &'a str>,
        ascii: bool,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        let repeats = &mut self.repeats;
        fill(py, &array, cells, |at| {
            let text = array.value(at);
            repeats.get(py, text, || {
                if ascii || text.is_ascii() {
                    ascii_text(py, text)
                } else {
                    wide_text(py, text)
                }
            })
        })
    }
}

/// Whether the texts of `array` have no other characters than ASCII's.
fn is_ascii<O: OffsetSizeTrait>(array: &GenericStringArray<O>) -> bool {
    let offsets: &OffsetBuffer<O> = array.offsets();
    let (start, end) = (offsets[0].as_usize(), offsets[array.len()].as_usize());
    array.value_data()[start..end].is_ascii()
}

/// A `str` of ASCII characters.
#[inline]
fn ascii_text(py: Python<'_>, text: &str) -> Cell {
    debug_assert!(text.is_ascii());
    // SAFETY: the new string has room for `len` characters of one byte, and is seen by nobody else yet.
    unsafe {
        let object = ffi::PyUnicode_New(text.len().cast_signed(), 0x7F);
        if !object.is_null() && !text.is_empty() {
            ptr::copy_nonoverlapping(text.as_ptr(), ffi::PyUnicode_1BYTE_DATA(object), text.len());
        }
        owned(py, object)
    }
}

/// A `str` with characters beyond ASCII, as narrow as its widest character allows.
fn wide_text(py: Python<'_>, text: &str) -> Cell {
    // Only the first bytes of characters are this large, and they grow with the code points.
    match text.bytes().max().unwrap_or_default() {
        ..=0xC3 => text_of(py, text, 0xFF, ffi::PyUnicode_1BYTE_DATA),
        0xC4..=0xEF => text_of(py, text, 0xFFFF, ffi::PyUnicode_2BYTE_DATA),
        _ => text_of(py, text, 0x10_FFFF, ffi::PyUnicode_4BYTE_DATA),
    }
}

/// A `str` whose characters are `T`s: those that go up to `largest`.
#[inline]
fn text_of<T: Unit>(
    py: Python<'_>,
    text: &str,
    largest: ffi::Py_UCS4,
    data: unsafe fn(*mut ffi::PyObject) -> *mut T,
) -> Cell {
    let count = text
        .bytes()
        .filter(|byte| byte.cast_signed() >= -0x40)
        .count();
    // SAFETY: the new string has `count` characters of the width of a `T`, is seen by nobody else yet, and as many
    // characters are written as there are leading bytes.
    unsafe {
        let object = owned(py, ffi::PyUnicode_New(count.cast_signed(), largest))?;
        let mut data = data(object.as_ptr());
        for character in text.chars() {
            data.write(T::of(character));
            data = data.add(1);
        }
        Ok(object)
    }
}

/// The place of a character in a string.
trait Unit {
    /// What stands for `character`, which fits.
    fn of(character: char) -> Self;
}

macro_rules! unit {
    ($($unit:ty),+) => {$(
        impl Unit for $unit {
            #[inline]
            #[allow(
                clippy::cast_possible_truncation,
                clippy::allow_attributes,
                reason = "strings are as wide as their widest character; one of these does not truncate"
            )]
            fn of(character: char) -> Self {
                u32::from(character) as Self
            }
        }
    )+};
}

unit!(u8, u16, u32);

/// Reads month intervals as texts.
pub(super) struct MonthIntervalReader;

impl Reader for MonthIntervalReader {
    fn read(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        let array = typed::<IntervalYearMonthArray>(array)?;
        fill(py, array, cells, |at| {
            ascii_text(py, &month_interval::text(array.value(at)))
        })
    }
}

/// The longest text that is kept for repetition, in bytes.
const KEPT: usize = 23;
const SLOT_BITS: u32 = 9;

/// A short text and its object.
struct KeptText {
    len: u8,
    bytes: [u8; KEPT],
    object: Option<Py<PyAny>>,
}

/// A direct-mapped cache of short texts, which rests while texts do not repeat.
#[derive(Default)]
struct TextRepeats {
    slots: Vec<KeptText>,
    trial: Trial,
}

impl TextRepeats {
    /// The object for `text`, made unless it is at hand.
    #[inline]
    fn get(&mut self, py: Python<'_>, text: &str, make: impl FnOnce() -> Cell) -> Cell {
        match u8::try_from(text.len()) {
            Ok(len) if text.len() <= KEPT && self.trial.looks() => {
                self.look_up(py, text.as_bytes(), len, make)
            }
            _ => make(),
        }
    }

    #[inline]
    fn look_up(
        &mut self,
        py: Python<'_>,
        text: &[u8],
        len: u8,
        make: impl FnOnce() -> Cell,
    ) -> Cell {
        if self.slots.is_empty() {
            let empty = || KeptText {
                len: 0,
                bytes: [0; KEPT],
                object: None,
            };
            self.slots.resize_with(1 << SLOT_BITS, empty);
        }
        let slot = &mut self.slots[slot_of(text)];
        let hit = slot.len == len && &slot.bytes[..text.len()] == text;
        let object = match &slot.object {
            Some(object) if hit => object.clone_ref(py),
            _ => {
                let object = make()?;
                slot.len = len;
                slot.bytes[..text.len()].copy_from_slice(text);
                slot.object = Some(object.clone_ref(py));
                object
            }
        };
        if !self.trial.pays(hit) {
            self.slots = Vec::new();
        }
        Ok(object)
    }
}

/// The slot of a text: by its length, its first and its last bytes.
#[inline]
fn slot_of(text: &[u8]) -> usize {
    const MIX: u64 = 0x9E37_79B9_7F4A_7C15;
    let (first, last) = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
            (Some(first), Some(last)) => (
                u32::from_le_bytes(*first).into(),
                u32::from_le_bytes(*last).into(),
            ),
            _ => text
                .iter()
                .fold((0, 0), |(all, _), byte| (all << 8 | u64::from(*byte), 0)),
        },
    };
    let mixed = (first ^ last.rotate_left(29)).wrapping_mul(MIX) ^ (text.len() as u64);
    usize::try_from(mixed.wrapping_mul(MIX) >> (u64::BITS - SLOT_BITS)).unwrap_or_default()
}
