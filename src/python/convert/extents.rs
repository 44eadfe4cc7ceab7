//! Where the items of lists lie among the values of an array.

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::ArrowNativeType,
};

use super::error::ReadError;

/// The places of the items of each list of an array.
pub(super) enum Extents<'a> {
    /// Offsets of 32 bits, one more than lists.
    Short(&'a [i32]),
    /// Offsets of 64 bits, one more than lists.
    Long(&'a [i64]),
    /// The number of items of every list.
    Fixed(usize),
}

impl<'a> Extents<'a> {
    /// The places and the values of a list array.
    pub(super) fn of_list(array: &'a dyn Array) -> Option<(Self, &'a ArrayRef)> {
        if let Some(list) = array.as_list_opt::<i32>() {
            Some((Self::Short(list.value_offsets()), list.values()))
        } else if let Some(list) = array.as_list_opt::<i64>() {
            Some((Self::Long(list.value_offsets()), list.values()))
        } else {
            let list = array.as_fixed_size_list_opt()?;
            let size = usize::try_from(list.value_length()).ok()?;
            Some((Self::Fixed(size), list.values()))
        }
    }

    /// How many items the list `at` has.
    #[inline]
    pub(super) fn len(&self, at: usize) -> usize {
        self.start(at + 1) - self.start(at)
    }

    /// Where the items of the list `at` begin.
    #[inline]
    pub(super) fn start(&self, at: usize) -> usize {
        match self {
            Self::Short(offsets) => offsets[at].as_usize(),
            Self::Long(offsets) => offsets[at].as_usize(),
            Self::Fixed(size) => at * size,
        }
    }

    /// Calls `read` with start and length of runs of items, leaving out what null lists hide.
    pub(super) fn read_visible(
        &self,
        lists: &dyn Array,
        mut read: impl FnMut(usize, usize) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let hides = |at: usize| lists.is_null(at) && self.len(at) > 0;
        let mut first = 0;
        for at in 0..=lists.len() {
            if at == lists.len() || hides(at) {
                self.read_run(first, at, &mut read)?;
                first = at + 1;
            }
        }
        Ok(())
    }

    /// Reads the items of the lists from `first` to before `end`, and finds the list of an item that fails.
    fn read_run(
        &self,
        first: usize,
        end: usize,
        read: &mut impl FnMut(usize, usize) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let start = self.start(first);
        read(start, self.start(end) - start).map_err(|error| {
            let item = start + error.at;
            let list = (first..end).find(|at| self.start(at + 1) > item);
            ReadError {
                at: list.unwrap_or(first),
                ..error
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{Int32Array, ListArray},
        buffer::{NullBuffer, OffsetBuffer},
        datatypes::{DataType, Field},
    };
    use std::sync::Arc;

    use super::Extents;
    use crate::python::convert::error::CellError;

    fn lists() -> ListArray {
        let item = Arc::new(Field::new("item", DataType::Int32, true));
        let values = Arc::new(Int32Array::from(vec![1, 2, 3, 4, 5]));
        let nulls = NullBuffer::from(vec![true, false, true, true]);
        let offsets = OffsetBuffer::new(vec![0, 2, 3, 3, 5].into());
        ListArray::new(item, offsets, values, Some(nulls))
    }

    #[test]
    fn items_under_null_lists_are_left_out() {
        let lists = lists();
        let (extents, _) = Extents::of_list(&lists).expect("a list");
        let mut runs = Vec::new();
        let read = extents.read_visible(&lists, |start, len| {
            runs.push((start, len));
            Ok(())
        });
        assert!(read.is_ok());
        assert_eq!(runs, [(0, 2), (3, 2)]);
    }

    #[test]
    fn an_item_that_fails_names_its_list() {
        let lists = lists();
        let lists = lists.slice(2, 2);
        let (extents, _) = Extents::of_list(&lists).expect("a list");
        let read = extents.read_visible(&lists, |_, _| Err(CellError::value("bad").at(1)));
        assert_eq!(read.map_err(|error| error.at), Err(1));
    }
}
