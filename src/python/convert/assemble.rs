//! Rows out of the objects of their columns.
#![expect(unsafe_code, reason = "rows are filled through the C API")]

use std::{marker::PhantomData, ops::Range, ptr};

use pyo3::{
    ffi, intern,
    prelude::*,
    types::{PyDict, PyString, PyType},
};

use super::{
    reader::Cells,
    row_memory::{forget_hash, new_instance},
};

/// Makes rows of one kind, for one list of columns.
pub(super) enum RowMaker {
    /// Instances of a subclass of tuple.
    Row(Py<PyType>),
    /// Tuples.
    Tuple,
    /// Instances of a subclass of tuple that is not ours, each with the names of its items in `__fields__`.
    Foreign {
        /// The class.
        class: Py<PyType>,
        /// The names.
        fields: Py<PyAny>,
    },
    /// Dicts by column name, in which the last of equal names wins.
    Dict(Vec<Py<PyString>>),
}

impl RowMaker {
    /// Hands the `count` rows that `columns` make to `keep`, and empties the columns, each of which holds `count`
    /// objects. Rows of nothing but atoms are taken out of the cyclic collector's care.
    pub(super) fn assemble(
        &self,
        py: Python<'_>,
        columns: &mut [Cells],
        count: usize,
        atoms: bool,
        mut keep: impl FnMut(Py<PyAny>) -> PyResult<()>,
    ) -> PyResult<()> {
        let mut block = Block::new(columns, count);
        while !block.rows.is_empty() {
            keep(match self {
                Self::Row(class) => block.next_tuple(py, Some(class), atoms)?,
                Self::Tuple => block.next_tuple(py, None, atoms)?,
                Self::Foreign { class, fields } => {
                    block.next_foreign(py, (class, fields), atoms)?
                }
                Self::Dict(names) => block.next_dict(py, names)?,
            })?;
        }
        Ok(())
    }
}

/// The objects of some columns, given out row by row. Those not given out are released when it is dropped.
struct Block<'a> {
    /// The first object of each column.
    columns: Vec<*mut Py<PyAny>>,
    /// The rows still to be given out.
    rows: Range<usize>,
    memory: PhantomData<&'a mut [Cells]>,
}

impl<'a> Block<'a> {
    fn new(columns: &'a mut [Cells], count: usize) -> Self {
        let columns = columns.iter_mut().map(|column| {
            assert_eq!(column.len(), count, "a column has an object for every row");
            // SAFETY: no objects are left in the vector; those that were are owned by the block, which borrows the memory.
            unsafe { column.set_len(0) };
            column.as_mut_ptr()
        });
        Self {
            columns: columns.collect(),
            rows: 0..count,
            memory: PhantomData,
        }
    }

    /// A tuple of the next row, an instance of `class` where one is given. There must be a next row.
    #[inline]
    fn next_tuple(
        &mut self,
        py: Python<'_>,
        class: Option<&Py<PyType>>,
        atoms: bool,
    ) -> PyResult<Py<PyAny>> {
        let width = self.columns.len();
        let tuple = match class {
            Some(class) => new_instance(py, class, width)?,
            // SAFETY: a new reference, or null with an exception set.
            None => unsafe {
                Bound::from_owned_ptr_or_err(py, ffi::PyTuple_New(width.cast_signed()))?.unbind()
            },
        };
        let row = self.rows.start;
        // SAFETY: the new tuple has a slot for each column, and nothing runs meanwhile that could see it. The objects of
        // the row have not been given out, since rows are taken in order and `rows` starts beyond this one afterwards.
        unsafe {
            for (slot, column) in self.columns.iter().enumerate() {
                let object = column.add(row).read().into_ptr();
                ffi::PyTuple_SET_ITEM(tuple.as_ptr(), slot.cast_signed(), object);
            }
            match class {
                Some(_) if !atoms => ffi::PyObject_GC_Track(tuple.as_ptr().cast()),
                None if atoms && width > 0 => ffi::PyObject_GC_UnTrack(tuple.as_ptr().cast()),
                _ => {}
            }
        }
        self.rows.start += 1;
        Ok(tuple)
    }

    /// An instance of somebody else's subclass of tuple, of the next row. There must be a next row.
    #[inline]
    fn next_foreign(
        &mut self,
        py: Python<'_>,
        (class, fields): (&Py<PyType>, &Py<PyAny>),
        atoms: bool,
    ) -> PyResult<Py<PyAny>> {
        let width = self.columns.len();
        let row = self.rows.start;
        let name = intern!(py, "__fields__");
        // SAFETY: the class is a subclass of tuple, so that its allocator gives a tuple of null slots, one for each
        // column; they are filled before other code runs. The objects of the row have not been given out, since rows are
        // taken in order and `rows` starts beyond this one afterwards. A class of Python gives its instances a dict, which
        // is set as `object` sets it: what the class says of setting attributes is meant for its users.
        unsafe {
            let class = class.as_ptr().cast::<ffi::PyTypeObject>();
            let allocate = (*class).tp_alloc.unwrap_or(ffi::PyType_GenericAlloc);
            let tuple = Bound::from_owned_ptr_or_err(py, allocate(class, width.cast_signed()))?;
            forget_hash(tuple.as_ptr());
            for (slot, column) in self.columns.iter().enumerate() {
                let object = column.add(row).read().into_ptr();
                ffi::PyTuple_SET_ITEM(tuple.as_ptr(), slot.cast_signed(), object);
            }
            self.rows.start += 1;
            if ffi::PyObject_GenericSetAttr(tuple.as_ptr(), name.as_ptr(), fields.as_ptr()) < 0 {
                return Err(PyErr::fetch(py));
            }
            if atoms {
                ffi::PyObject_GC_UnTrack(tuple.as_ptr().cast());
            }
            Ok(tuple.unbind())
        }
    }

    /// A dict of the next row. There must be a next row.
    fn next_dict(&mut self, py: Python<'_>, names: &[Py<PyString>]) -> PyResult<Py<PyAny>> {
        let dict = PyDict::new(py);
        let row = self.rows.start;
        for (name, column) in names.iter().zip(&self.columns) {
            // SAFETY: the object has not been given out, and stays the block's.
            let object = unsafe { &*column.add(row) };
            dict.set_item(name, object)?;
        }
        self.release(row..row + 1);
        self.rows.start += 1;
        Ok(dict.into_any().unbind())
    }

    /// Releases the objects of rows that have not been given out and never will be.
    fn release(&self, rows: Range<usize>) {
        for column in &self.columns {
            // SAFETY: the block owns the objects of these rows, and gives none of them out again.
            unsafe {
                ptr::slice_from_raw_parts_mut(column.add(rows.start), rows.len()).drop_in_place();
            }
        }
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        self.release(self.rows.clone());
    }
}
