//! The class `Row`: a tuple whose items have names too.
//!
//! It is made through the C API, since no class of Rust can extend tuple. What its methods do is in `row_methods`, its
//! subclasses, which know column names, are in `row_class`.
#![expect(unsafe_code, reason = "this is a class of the C API")]

use std::{
    ffi::{CStr, c_int, c_void},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
};

use pyo3::{
    Borrowed, ffi, intern,
    panic::PanicException,
    prelude::*,
    sync::PyOnceLock,
    types::{PyDict, PyTuple, PyType},
};

use super::{row_class::PLACES, row_methods};

const DOC: &CStr =
    c"A row of a result: a tuple whose items are attributes, and found by column name, too.";

/// The class `Row`.
pub(crate) fn row_base(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    Ok(CLASS.get_or_try_init(py, || make_base(py))?.bind(py))
}

/// Signature and docstring, as the interpreter reads them.
const AS_DICT_DOC: &CStr =
    c"asDict($self, recursive=False)\n--\n\nThe row as a dict of column names and values.";

fn make_base(py: Python<'_>) -> PyResult<Py<PyType>> {
    // The class refers to its methods for as long as it lives, which is as long as the process.
    let methods = Box::leak(Box::new([
        method(c"asDict", as_dict, 0, AS_DICT_DOC),
        method(c"__reduce__", reduce, 0, c""),
        method(c"_make", make, ffi::METH_STATIC, c""),
        ffi::PyMethodDef::zeroed(),
    ]));
    let slot = |slot, pfunc: *const c_void| ffi::PyType_Slot {
        slot,
        pfunc: pfunc.cast_mut(),
    };
    let mut slots = [
        slot(ffi::Py_tp_doc, DOC.as_ptr().cast()),
        slot(ffi::Py_tp_new, new as *const c_void),
        slot(ffi::Py_tp_call, call as *const c_void),
        slot(ffi::Py_tp_repr, repr as *const c_void),
        slot(ffi::Py_mp_subscript, subscript as *const c_void),
        slot(ffi::Py_sq_contains, contains as *const c_void),
        slot(ffi::Py_tp_methods, methods.as_ptr().cast()),
        slot(0, ptr::null()),
    ];
    let mut spec = ffi::PyType_Spec {
        name: c"databricks_sql_kernel.dbapi.Row".as_ptr(),
        basicsize: 0,
        itemsize: 0,
        flags: u32::try_from(ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_BASETYPE)?,
        slots: slots.as_mut_ptr(),
    };
    let bases = PyTuple::new(py, [py.get_type::<PyTuple>()])?;
    // SAFETY: the specification is complete and its slots have the types their numbers ask for; name, documentation and
    // methods live as long as the process.
    let class = unsafe {
        let class = ffi::PyType_FromSpecWithBases(&raw mut spec, bases.as_ptr());
        Bound::from_owned_ptr_or_err(py, class)?.cast_into::<PyType>()?
    };
    class.setattr("_fields", PyTuple::empty(py))?;
    class.setattr(PLACES, PyDict::new(py))?;
    Ok(class.unbind())
}

fn method(
    name: &'static CStr,
    function: ffi::PyCFunctionWithKeywords,
    flags: c_int,
    doc: &'static CStr,
) -> ffi::PyMethodDef {
    ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer {
            PyCFunctionWithKeywords: function,
        },
        ml_flags: ffi::METH_VARARGS | ffi::METH_KEYWORDS | flags,
        ml_doc: doc.as_ptr(),
    }
}

/// Runs `body` with an attached interpreter; its error or panic becomes the exception that goes with None.
fn guarded<T>(body: impl FnOnce(Python<'_>) -> PyResult<T>) -> Option<T> {
    Python::attach(|py| {
        catch_unwind(AssertUnwindSafe(|| body(py)))
            .unwrap_or_else(|_| Err(PanicException::new_err("a method of Row panicked")))
            .map_err(|raised| raised.restore(py))
            .ok()
    })
}

/// As [`guarded`], for an object.
fn returned<T>(body: impl FnOnce(Python<'_>) -> PyResult<Bound<'_, T>>) -> *mut ffi::PyObject {
    guarded(|py| body(py).map(|object| object.into_ptr())).unwrap_or(ptr::null_mut())
}

/// What the interpreter passes to a function.
///
/// # Safety
/// `object` is alive while the function runs, and a `T`.
unsafe fn passed<'a, T>(py: Python<'_>, object: *mut ffi::PyObject) -> Borrowed<'a, '_, T> {
    // SAFETY: as promised by the caller.
    unsafe { Borrowed::from_ptr(py, object).cast_unchecked() }
}

/// As [`passed`], for what may be missing.
///
/// # Safety
/// `object` is null, or as [`passed`] wants it.
unsafe fn passed_dict<'a>(
    py: Python<'_>,
    object: *mut ffi::PyObject,
) -> Option<Borrowed<'a, '_, PyDict>> {
    // SAFETY: as promised by the caller.
    unsafe { Borrowed::from_ptr_or_opt(py, object).map(|object| object.cast_unchecked()) }
}

unsafe extern "C" fn new(
    class: *mut ffi::PyTypeObject,
    args: *mut ffi::PyObject,
    kwargs: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    returned(|py| {
        // SAFETY: `tp_new` gets a type, a tuple, and a dict or null.
        let (class, args, kwargs) = unsafe {
            (
                passed(py, class.cast()),
                passed(py, args),
                passed_dict(py, kwargs),
            )
        };
        row_methods::new(&class, &args, kwargs.as_deref())
    })
}

unsafe extern "C" fn call(
    row: *mut ffi::PyObject,
    args: *mut ffi::PyObject,
    kwargs: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    returned(|py| {
        // SAFETY: `tp_call` gets an instance, a tuple, and a dict or null.
        let (row, args, kwargs) =
            unsafe { (passed(py, row), passed(py, args), passed_dict(py, kwargs)) };
        row_methods::call(&row, &args, kwargs.as_deref())
    })
}

unsafe extern "C" fn repr(row: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `tp_repr` gets an instance.
    returned(|py| unsafe { row_methods::repr(&passed(py, row)) })
}

unsafe extern "C" fn subscript(
    row: *mut ffi::PyObject,
    key: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `mp_subscript` gets an instance and an object; tuple has a subscript of its own.
    unsafe {
        if ffi::PyUnicode_Check(key) == 0 {
            let tuple = ffi::PyTuple_Type.tp_as_mapping;
            return (*tuple)
                .mp_subscript
                .map_or(ptr::null_mut(), |subscript| subscript(row, key));
        }
        let item = known_item(row, key);
        if item.is_null() {
            return returned(|py| row_methods::item(&passed(py, row), &passed(py, key)));
        }
        item
    }
}

/// The item that `key` names, by the quickest way; null without an exception for everything unusual.
///
/// # Safety
/// The interpreter is attached; `row` is an instance of `Row`, `key` an object.
unsafe fn known_item(row: *mut ffi::PyObject, key: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as promised by the caller; the class keeps the dict alive, and the dict the place.
    unsafe {
        let py = Python::assume_attached();
        let places = ffi::PyObject_GetAttr(ffi::Py_TYPE(row).cast(), intern!(py, PLACES).as_ptr());
        let place = if places.is_null() || ffi::PyDict_Check(places) == 0 {
            ptr::null_mut()
        } else {
            ffi::PyDict_GetItemWithError(places, key)
        };
        let at = if place.is_null() {
            -1
        } else {
            ffi::PyLong_AsSsize_t(place)
        };
        ffi::Py_XDECREF(places);
        if (0..ffi::Py_SIZE(row)).contains(&at) {
            ffi::Py_NewRef(ffi::PyTuple_GET_ITEM(row, at))
        } else {
            ffi::PyErr_Clear();
            ptr::null_mut()
        }
    }
}

unsafe extern "C" fn contains(row: *mut ffi::PyObject, item: *mut ffi::PyObject) -> c_int {
    // SAFETY: `sq_contains` gets an instance and an object.
    guarded(|py| unsafe { row_methods::contains(&passed(py, row), &passed(py, item)) })
        .map_or(-1, c_int::from)
}

unsafe extern "C" fn as_dict(
    row: *mut ffi::PyObject,
    args: *mut ffi::PyObject,
    kwargs: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    returned(|py| {
        // SAFETY: the method gets an instance, a tuple, and a dict or null.
        let (row, args, kwargs) =
            unsafe { (passed(py, row), passed(py, args), passed_dict(py, kwargs)) };
        row_methods::as_dict(&row, &args, kwargs.as_deref())
    })
}

unsafe extern "C" fn reduce(
    row: *mut ffi::PyObject,
    _args: *mut ffi::PyObject,
    _kwargs: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the method gets an instance.
    returned(|py| unsafe { row_methods::reduce(&passed(py, row)) })
}

unsafe extern "C" fn make(
    _nothing: *mut ffi::PyObject,
    args: *mut ffi::PyObject,
    _kwargs: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the method gets a tuple.
    returned(|py| unsafe { row_methods::make(&passed(py, args)) })
}
