//! Whether a thread holds the interpreter, where consumers of streams call from.
#![expect(
    unsafe_code,
    reason = "PyO3 counts only the calls that it makes itself"
)]

use pyo3::{ffi, prelude::*};

/// Whether this thread holds the interpreter, whoever had it do so.
pub(crate) fn is_attached() -> bool {
    // SAFETY: the function may be called at any time, on any thread.
    unsafe { ffi::PyGILState_Check() == 1 }
}

/// Holds the interpreter on a thread of Python that may have let go of it behind the back of `PyO3`.
pub(crate) fn attach_again<R>(call: impl FnOnce(Python<'_>) -> R) -> R {
    struct Ensured(ffi::PyGILState_STATE);
    impl Drop for Ensured {
        fn drop(&mut self) {
            // SAFETY: this is the thread that ensured it, and calls are nested.
            unsafe { ffi::PyGILState_Release(self.0) }
        }
    }
    // SAFETY: the interpreter is there, for a call of it goes on in this thread.
    let ensured = Ensured(unsafe { ffi::PyGILState_Ensure() });
    let result = Python::attach(call);
    drop(ensured);
    result
}
