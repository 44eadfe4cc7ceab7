//! How rows are allocated and freed: as tuples are, without what subclasses of tuple pay on top.
//!
//! An ordinary subclass of tuple clears, tracks and untracks each instance more than once in its life. Rows are made
//! untracked, and a row of atoms stays so.
#![expect(unsafe_code, reason = "this is the life of objects of the C API")]

use std::{
    cell::Cell,
    mem::{offset_of, size_of},
    sync::{Mutex, PoisonError},
};

use pyo3::{ffi, prelude::*, types::PyType};

/// A new instance of a class that [`own`] was called for, with `width` slots that must be filled at once. The cyclic
/// collector does not know it.
#[inline]
pub(super) fn new_instance(
    py: Python<'_>,
    class: &Py<PyType>,
    width: usize,
) -> PyResult<Py<PyAny>> {
    // SAFETY: the class adds nothing to tuple's layout, so that an instance is complete with its items and its hash. A new
    // reference, or null with an exception set, is returned.
    unsafe {
        let made =
            ffi::PyObject_GC_NewVar::<ffi::PyObject>(class.as_ptr().cast(), width.cast_signed());
        let instance = Bound::from_owned_ptr_or_err(py, made)?;
        forget_hash(made);
        Ok(instance.unbind())
    }
}

/// Marks the hash of a new tuple as not known, where tuples keep it: between the size and the items.
///
/// # Safety
/// `tuple` is a tuple that nobody else has seen.
#[inline]
pub(super) unsafe fn forget_hash(tuple: *mut ffi::PyObject) {
    const KEPT: bool = offset_of!(ffi::PyTupleObject, ob_item) > size_of::<ffi::PyVarObject>();
    if KEPT {
        // SAFETY: the memory between header and items belongs to the tuple and holds its hash.
        unsafe {
            let hash = tuple
                .cast::<ffi::PyVarObject>()
                .add(1)
                .cast::<ffi::Py_hash_t>();
            hash.write(-1);
        }
    }
}

/// Has the instances of `class`, a new subclass of tuple that adds nothing to its layout, freed here.
pub(super) fn own(class: &Bound<'_, PyType>) {
    // SAFETY: nobody has an instance yet; `dealloc` does all that is to be done for such a class, and for classes that
    // users derive from it.
    unsafe { (*class.as_type_ptr()).tp_dealloc = Some(dealloc) };
}

/// Rows that are freed within one another; what lies deeper waits, lest the stack overflow.
const DEEPEST: u32 = 40;

thread_local!(static DEPTH: Cell<u32> = const { Cell::new(0) });

/// A row without references that is still to be freed.
struct Deferred(*mut ffi::PyObject);

// SAFETY: nobody else knows the row, and it is touched only with an attached interpreter.
unsafe impl Send for Deferred {}

static DEFERRED: Mutex<Vec<Deferred>> = Mutex::new(Vec::new());

unsafe extern "C" fn dealloc(row: *mut ffi::PyObject) {
    // SAFETY: the interpreter passes an instance whose last reference is gone.
    unsafe {
        if ffi::PyObject_GC_IsTracked(row) == 0 {
            // Atoms, in which no other row can be.
            return free(row);
        }
        ffi::PyObject_GC_UnTrack(row.cast());
        let deferred = || DEFERRED.lock().unwrap_or_else(PoisonError::into_inner);
        let depth = DEPTH.get();
        if depth == DEEPEST {
            return deferred().push(Deferred(row));
        }
        DEPTH.set(depth + 1);
        free(row);
        while depth == 0
            && let Some(Deferred(row)) = { deferred().pop() }
        {
            free(row);
        }
        DEPTH.set(depth);
    }
}

/// Releases the items of a row, its memory and its hold on its class.
///
/// # Safety
/// `row` is an untracked tuple of a class of the heap, whose last reference is gone.
#[inline]
unsafe fn free(row: *mut ffi::PyObject) {
    // SAFETY: as promised by the caller.
    unsafe {
        let class = ffi::Py_TYPE(row);
        for at in 0..ffi::Py_SIZE(row) {
            ffi::Py_XDECREF(ffi::PyTuple_GET_ITEM(row, at));
        }
        if let Some(free) = (*class).tp_free {
            free(row.cast());
        }
        ffi::Py_DECREF(class.cast());
    }
}
