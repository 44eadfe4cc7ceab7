//! Memory that chunks come in and are decoded into: buffers of the right size, used again once what was
//! in them is gone.

mod input;
mod pages;
mod small;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arrow::buffer::Buffer;
use bytes::Bytes;

pub(super) use self::input::Input;
use self::pages::Pages;
use self::small::{SMALL, Small};
use crate::client::Result;

/// Buffers from this size on are mapped: their pages cost nothing until they are used.
const MAPPED: usize = 1 << 20;

/// How many buffers are kept for the chunks to come: they are no part of the budget.
const MOST_KEPT: usize = 1;

/// How many buffers for bytes on their way are kept, which the next downloads need at once.
const MOST_INPUTS: usize = 4;

/// What the address of the widest values must be a multiple of, lest they are copied.
pub(super) const ALIGNMENT: usize = 16;

/// Nothing is known of where wide values lie.
const UNKNOWN: usize = ALIGNMENT;

/// Buffers of a result whose rows are gone.
#[derive(Debug)]
pub(crate) struct Pool {
    kept: Mutex<Vec<Pages>>,
    small: Small,
    inputs: Mutex<Vec<Input>>,
    /// Whether no download will begin soon, so that none needs an input.
    is_idle: AtomicBool,
    /// Whether rows are copied out of the buffers anyway.
    copied: AtomicBool,
    /// Where wide values lie in the bodies: their offset's rest by `ALIGNMENT`.
    lane: AtomicUsize,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            small: Small::default(),
            inputs: Mutex::default(),
            is_idle: AtomicBool::default(),
            copied: AtomicBool::default(),
            lane: AtomicUsize::new(UNKNOWN),
        }
    }
}

impl Pool {
    /// Notes whether arrays do not point into the buffers, which are free as soon as they are read.
    pub(crate) fn note_copied(&self, copied: bool) {
        self.copied.store(copied, Ordering::Relaxed);
    }

    /// Notes that wide values lie at this offset of a body, or at one that differs from it by a multiple
    /// of `ALIGNMENT`.
    pub(crate) fn note_lane(&self, offset: usize) {
        self.lane.store(offset % ALIGNMENT, Ordering::Relaxed);
    }

    /// The same as a guess, which holds until more is known.
    pub(crate) fn guess_lane(&self, offset: usize) {
        let (order, lane) = (Ordering::Relaxed, offset % ALIGNMENT);
        // What is known is better.
        let _ = self.lane.compare_exchange(UNKNOWN, lane, order, order);
    }

    /// How far from the start of a buffer the part of a body from `offset` on has to begin for wide values
    /// to be aligned.
    fn lead(&self, offset: usize) -> usize {
        let lane = self.lane.load(Ordering::Relaxed) % ALIGNMENT;
        (offset % ALIGNMENT + ALIGNMENT - lane) % ALIGNMENT
    }

    pub(crate) fn is_copied(&self) -> bool {
        self.copied.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> Option<Pages> {
        let mut kept = lock(&self.kept);
        let fitting = kept.iter().position(|pages| pages.len() >= bytes)?;
        Some(kept.swap_remove(fitting))
    }

    fn give(&self, pages: Pages) {
        let mut kept = lock(&self.kept);
        if kept.len() < MOST_KEPT {
            kept.push(pages);
        }
    }

    /// A buffer for bytes that are not decoded yet.
    pub(crate) fn take_input(&self) -> Input {
        let mut inputs = lock(&self.inputs);
        let input = inputs.pop().unwrap_or_default();
        if self.is_idle.load(Ordering::Relaxed) {
            inputs.clear();
        }
        input
    }

    pub(crate) fn give_input(&self, input: Input) {
        let mut inputs = lock(&self.inputs);
        if inputs.len() < MOST_INPUTS && !self.is_idle.load(Ordering::Relaxed) {
            inputs.push(input.emptied());
        }
    }

    /// No download will begin soon but those that have been asked for.
    pub(crate) fn pause(&self) {
        self.is_idle.store(true, Ordering::Relaxed);
    }

    /// Downloads begin again.
    pub(crate) fn resume(&self) {
        self.is_idle.store(false, Ordering::Relaxed);
    }

    /// Gives back to the system what is kept for chunks that will not come soon.
    pub(crate) fn let_go(&self) {
        self.pause();
        lock(&self.inputs).clear();
        self.small.let_go();
        lock(&self.kept).clear();
    }
}

fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A buffer that is being filled from its front.
#[derive(Debug)]
pub(crate) struct Output {
    memory: Memory,
    /// Bytes before it, which are left empty to align it.
    lead: usize,
    filled: usize,
    /// How much of the body came before it.
    offset: usize,
    pool: Weak<Pool>,
}

#[derive(Debug)]
enum Memory {
    Heap(Vec<u8>),
    Mapped(Pages),
}

impl Output {
    /// Room for `expected` bytes; more is made when it is needed.
    pub(crate) fn new(expected: usize, pool: &Weak<Pool>) -> Result<Self> {
        Self::behind(0, expected, pool)
    }

    fn behind(offset: usize, expected: usize, pool: &Weak<Pool>) -> Result<Self> {
        let lead = pool.upgrade().map_or(0, |pool| pool.lead(offset));
        Ok(Self {
            memory: Memory::new(expected.saturating_add(lead), pool)?,
            lead,
            filled: 0,
            offset,
            pool: Weak::clone(pool),
        })
    }

    pub(crate) fn filled(&self) -> &[u8] {
        &self.memory.as_slice()[self.lead..][..self.filled]
    }

    /// How many bytes of memory are in use.
    pub(crate) fn len(&self) -> usize {
        self.filled
    }

    /// What is filled, and the room behind it.
    pub(crate) fn parts(&mut self) -> (&[u8], &mut [u8]) {
        let whole = &mut self.memory.as_mut_slice()[self.lead..];
        let (filled, free) = whole.split_at_mut(self.filled);
        (filled, free)
    }

    /// Counts `length` bytes of the room as filled.
    pub(crate) fn advance(&mut self, length: usize) {
        self.filled += length;
    }

    /// Makes room for at least `more` bytes. What is filled is copied, so room at least doubles.
    pub(crate) fn grow(&mut self, more: usize) -> Result<()> {
        let size = self.memory.as_slice().len();
        let end = self.lead + self.filled;
        let wanted = end.saturating_add(more).max(size.saturating_mul(2));
        let mut memory = Memory::new(wanted, &self.pool)?;
        memory.as_mut_slice()[self.lead..end].copy_from_slice(self.filled());
        std::mem::replace(&mut self.memory, memory).reuse(&self.pool);
        Ok(())
    }

    /// Gets the room for `more` bytes ready, which will be filled next.
    pub(crate) fn prepare(&mut self, more: usize) {
        if let Memory::Mapped(pages) = &mut self.memory {
            pages.make((self.lead + self.filled).saturating_add(more));
        }
    }

    pub(crate) fn extend(&mut self, bytes: &[u8]) -> Result<()> {
        if self.parts().1.len() < bytes.len() {
            self.grow(bytes.len())?;
        }
        self.prepare(bytes.len());
        self.parts().1[..bytes.len()].copy_from_slice(bytes);
        self.advance(bytes.len());
        Ok(())
    }

    /// Gives what is filled up to `at`; the rest moves to a new buffer with room for `expected` bytes.
    pub(crate) fn split_front(&mut self, at: usize, expected: usize) -> Result<Buffer> {
        let rest = self.filled - at;
        let mut behind = Self::behind(self.offset + at, expected.max(rest), &self.pool)?;
        behind.extend(&self.filled()[at..])?;
        let mut front = std::mem::replace(self, behind);
        front.filled = at;
        Ok(front.freeze())
    }

    /// What is filled, for good; nothing is copied unless it is small.
    pub(crate) fn freeze(self) -> Buffer {
        if let Memory::Heap(_) = self.memory
            && self.filled <= SMALL
            && let Some(pool) = self.pool.upgrade()
        {
            return self.gather(&pool);
        }
        let end = self.lead + self.filled;
        let whole = match self.memory {
            Memory::Heap(mut bytes) => {
                bytes.truncate(end);
                bytes.shrink_to_fit();
                Buffer::from_vec(bytes)
            }
            Memory::Mapped(pages) => Buffer::from(Bytes::from_owner(Frozen {
                pages: Some(pages),
                filled: end,
                pool: self.pool,
            })),
        };
        whole.slice(self.lead)
    }

    /// The same of few bytes, which are copied to where others of the result are.
    fn gather(self, pool: &Pool) -> Buffer {
        let buffer = pool.small.gather(self.filled(), self.lead);
        self.memory.reuse(&self.pool);
        buffer
    }
}

impl Memory {
    fn new(bytes: usize, pool: &Weak<Pool>) -> Result<Self> {
        let pool = pool.upgrade();
        if bytes < MAPPED {
            let used = pool.and_then(|pool| pool.small.take(bytes));
            return Ok(Self::Heap(used.unwrap_or_else(|| vec![0; bytes])));
        }
        match pool.and_then(|pool| pool.take(bytes)) {
            Some(pages) => Ok(Self::Mapped(pages)),
            None => Pages::new(bytes).map(Self::Mapped),
        }
    }

    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Heap(bytes) => bytes,
            Self::Mapped(pages) => pages,
        }
    }

    fn as_mut_slice(&mut self) -> &mut [u8] {
        match self {
            Self::Heap(bytes) => bytes,
            Self::Mapped(pages) => pages,
        }
    }

    fn reuse(self, pool: &Weak<Pool>) {
        match (self, pool.upgrade()) {
            (Self::Mapped(pages), Some(pool)) => pool.give(pages),
            (Self::Heap(bytes), Some(pool)) => pool.small.give(bytes),
            _ => {}
        }
    }
}

/// A full buffer that arrays point into. After the last of them it goes back to its pool.
struct Frozen {
    pages: Option<Pages>,
    filled: usize,
    pool: Weak<Pool>,
}

impl AsRef<[u8]> for Frozen {
    fn as_ref(&self) -> &[u8] {
        self.pages
            .as_deref()
            .map_or(&[], |pages| &pages[..self.filled])
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        if let (Some(pages), Some(pool)) = (self.pages.take(), self.pool.upgrade()) {
            pool.give(pages);
        }
    }
}

/// A pool of its own for what is decoded outside a result.
pub(crate) fn no_pool() -> Weak<Pool> {
    Weak::new()
}

/// The way back to a pool.
pub(crate) fn way_to(pool: &Arc<Pool>) -> Weak<Pool> {
    Arc::downgrade(pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(bytes: &[u8], expected: usize, pool: &Weak<Pool>) -> Output {
        let mut output = Output::new(expected, pool).unwrap();
        output.extend(bytes).unwrap();
        output
    }

    #[test]
    fn what_is_filled_comes_out_whatever_was_expected() {
        for length in [0, 1, 1000, MAPPED - 1, MAPPED, 3 * MAPPED + 5] {
            let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
            for expected in [0, 10, MAPPED, 5 * MAPPED] {
                let output = filled(&bytes, expected, &no_pool());
                assert_eq!(output.filled(), bytes);
                assert_eq!(output.freeze().as_slice(), bytes, "{length} {expected}");
            }
        }
    }

    #[test]
    fn a_buffer_is_used_again_when_nothing_points_into_it() {
        let pool = Arc::new(Pool::default());
        let way = way_to(&pool);
        let frozen = filled(&[7; 10], MAPPED, &way).freeze();
        let address = frozen.as_ptr();
        let slice = frozen.slice(5);
        drop(frozen);
        let other = Output::new(MAPPED, &way).unwrap().freeze();
        assert_ne!(other.as_ptr(), address);
        drop(slice);
        let again = Output::new(MAPPED, &way).unwrap().freeze();
        assert_eq!(again.as_ptr(), address);
    }

    #[test]
    fn buffers_outlive_their_pool() {
        let pool = Arc::new(Pool::default());
        let frozen = filled(&[7; 10], MAPPED, &way_to(&pool)).freeze();
        drop(pool);
        assert_eq!(frozen.as_slice(), [7; 10]);
    }

    #[test]
    fn a_front_is_given_and_the_rest_goes_on() {
        for expected in [0, 4, 2 * MAPPED] {
            let mut output = filled(b"abcdef", expected, &no_pool());
            assert_eq!(output.split_front(2, expected).unwrap().as_slice(), b"ab");
            output.extend(b"gh").unwrap();
            assert_eq!(output.freeze().as_slice(), b"cdefgh");
        }
    }
}
