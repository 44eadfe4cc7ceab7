//! Panics of code that is given damaged data: caught, and not told on the standard error.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// What `work` gives, or nothing where it panics. What it worked on is not to be used again then.
pub(super) fn unless_it_panics<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOKED: AtomicBool = AtomicBool::new(false);
    // Nobody waits for who sets the hook: that may be a thread of a process that this one was forked from.
    if !HOOKED.swap(true, Ordering::AcqRel) {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                usual(panic);
            }
        }));
    }
    QUIET.set(true);
    let given = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    given.ok()
}
