//! Calls into code of others, on threads that the interpreter may end without.
//!
//! Before Python 3.14 a thread that wants the interpreter back while it ends is unwound by force, through whoever
//! called: what is dropped on that way is dropped without the interpreter, and the process aborts. `PyO3` has threads
//! park instead where it takes the interpreter itself. Code of others gives it away and takes it back at any time, so
//! that the same is done around calls of it, with nothing in between that would be dropped.
#![expect(
    unsafe_code,
    reason = "the functions are called as ones that may be unwound through"
)]

use std::hint::black_box;
use std::mem::{forget, transmute};
use std::thread;

use pyo3::types::{PyIterator, PyTuple};
use pyo3::{ffi, prelude::*};

type Object = *mut ffi::PyObject;

/// Parks a thread for ever that is unwound past it, unless that is a panic.
struct Parks;

impl Drop for Parks {
    fn drop(&mut self) {
        if !thread::panicking() {
            loop {
                thread::park();
            }
        }
    }
}

/// Calls an object with positional arguments.
pub(crate) fn call_foreign<'py, A>(
    callable: &Bound<'py, PyAny>,
    args: A,
) -> PyResult<Bound<'py, PyAny>>
where
    A: IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>>,
    PyErr: From<A::Error>,
{
    type Call = unsafe extern "C" fn(Object, Object, Object) -> Object;
    type Unwound = unsafe extern "C-unwind" fn(Object, Object, Object) -> Object;
    let py = callable.py();
    let args = args.into_pyobject(py)?;
    // SAFETY: the types differ only in what may come out of a call, of which the compiler must not know better.
    let call = black_box(unsafe { transmute::<Call, Unwound>(ffi::PyObject_Call) });
    let parks = Parks;
    // SAFETY: the interpreter is attached, and all three are what the function takes.
    let given = unsafe { call(callable.as_ptr(), args.as_ptr(), std::ptr::null_mut()) };
    forget(parks);
    // SAFETY: a new reference, or null with an exception set, was returned.
    unsafe { Bound::from_owned_ptr_or_err(py, given) }
}

/// Calls a method of an object with positional arguments.
pub(crate) fn call_foreign_method<'py, A>(
    object: &Bound<'py, PyAny>,
    name: &str,
    args: A,
) -> PyResult<Bound<'py, PyAny>>
where
    A: IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>>,
    PyErr: From<A::Error>,
{
    call_foreign(&object.getattr(name)?, args)
}

/// What an iterator gives next.
pub(crate) fn next_foreign<'py>(
    iterator: &Bound<'py, PyIterator>,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    type Next = unsafe extern "C" fn(Object) -> Object;
    type Unwound = unsafe extern "C-unwind" fn(Object) -> Object;
    let py = iterator.py();
    // SAFETY: as above.
    let next = black_box(unsafe { transmute::<Next, Unwound>(ffi::PyIter_Next) });
    let parks = Parks;
    // SAFETY: the interpreter is attached, and this is an iterator.
    let given = unsafe { next(iterator.as_ptr()) };
    forget(parks);
    // SAFETY: a new reference, or null was returned, at the end without an exception.
    let given = unsafe { Bound::from_owned_ptr_or_opt(py, given) };
    given.map(Ok).or_else(|| PyErr::take(py).map(Err))
}
