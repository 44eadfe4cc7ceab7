//! What a process has one of, and a child of a fork has its own of.

use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError};

use once_cell::race::OnceBox;

/// A value that is made when the process first asks for it.
///
/// At a fork other threads may hold a lock, and no thread of the child ever lets go of it. So the child never touches what
/// came through the fork, not even to drop it; it is found out without a lock which value is whose.
pub(crate) struct OfProcess<T> {
    made: OnceBox<Made<T>>,
    make: fn() -> T,
}

/// The values of a process and of those that it was forked from, the eldest first.
struct Made<T> {
    owner: u32,
    value: T,
    younger: OnceBox<Made<T>>,
}

impl<T> OfProcess<T> {
    pub(crate) const fn new(make: fn() -> T) -> Self {
        Self {
            made: OnceBox::new(),
            make,
        }
    }

    /// The value of this process.
    pub(crate) fn get(&self) -> &T {
        self.of(process::id())
    }

    fn of(&self, process: u32) -> &T {
        let own = || {
            Box::new(Made {
                owner: process,
                value: (self.make)(),
                younger: OnceBox::new(),
            })
        };
        let mut made = self.made.get_or_init(own);
        // The youngest alone counts: a number that was a forebear's may be given again.
        while let Some(younger) = made.younger.get() {
            made = younger;
        }
        while made.owner != process {
            made = made.younger.get_or_init(own);
        }
        &made.value
    }
}

impl<T> OfProcess<Mutex<T>> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.get().lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn a_child_has_its_own_while_a_lock_of_its_parent_is_held() {
        static COUNT: OfProcess<Mutex<u32>> = OfProcess::new(Mutex::default);
        let held = COUNT.of(1).lock();
        assert!(COUNT.of(2).try_lock().is_ok());
        drop(held);
    }

    #[test]
    fn a_number_that_was_a_forebears_is_no_forebear() {
        static COUNT: OfProcess<AtomicU32> = OfProcess::new(AtomicU32::default);
        COUNT.of(1).store(1, Ordering::Relaxed);
        COUNT.of(2).store(2, Ordering::Relaxed);
        assert_eq!(COUNT.of(1).load(Ordering::Relaxed), 0);
    }

    #[test]
    fn threads_that_ask_at_once_get_the_same() {
        static VALUE: OfProcess<[u64; 8]> = OfProcess::new(|| [0; 8]);
        let asking = [(); 8].map(|()| thread::spawn(|| ptr::from_ref(VALUE.get()).addr()));
        let given = asking.map(|asking| asking.join().unwrap());
        assert_eq!(given, [given[0]; 8]);
    }
}
