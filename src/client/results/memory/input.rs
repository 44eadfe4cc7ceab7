//! Bytes that have come and wait to be decoded.

use super::{Memory, no_pool};
use crate::client::Result;

/// What comes at a time has about so many bytes at most.
const PART: usize = 512 << 10;

/// More is not made room for before it comes.
const MOST_AHEAD: usize = 8 << 20;

/// A queue of bytes in one piece: they come in at its end and go from its front.
#[derive(Debug)]
pub(crate) struct Input {
    memory: Memory,
    start: usize,
    end: usize,
}

impl Default for Input {
    fn default() -> Self {
        Self {
            memory: Memory::Heap(Vec::new()),
            start: 0,
            end: 0,
        }
    }
}

impl Input {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory.as_slice()[self.start..self.end]
    }

    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    /// How many bytes of memory it takes.
    pub(crate) fn capacity(&self) -> usize {
        self.memory.as_slice().len()
    }

    /// Adds what came. There will be `wanted` bytes at a time, unless `left` more is all that comes.
    pub(crate) fn extend(&mut self, bytes: &[u8], wanted: usize, left: usize) -> Result<()> {
        if self.capacity() - self.end < bytes.len() {
            self.make_room(bytes.len(), wanted, left)?;
        }
        self.memory.as_mut_slice()[self.end..][..bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
        Ok(())
    }

    fn make_room(&mut self, more: usize, wanted: usize, left: usize) -> Result<()> {
        let needed = self.len().saturating_add(more);
        if needed <= self.capacity() {
            self.memory
                .as_mut_slice()
                .copy_within(self.start..self.end, 0);
        } else {
            let usual = (wanted.min(MOST_AHEAD) + PART).min(self.len().saturating_add(left));
            // What is here is copied, so room at least doubles.
            let size = usual.max(needed.saturating_add(self.len()));
            let mut memory = Memory::new(size, &no_pool())?;
            if let Memory::Mapped(pages) = &mut memory {
                pages.make(size);
            }
            memory.as_mut_slice()[..self.len()].copy_from_slice(self.bytes());
            self.memory = memory;
        }
        (self.start, self.end) = (0, self.len());
        Ok(())
    }

    /// Takes the first `length` bytes away.
    pub(crate) fn consume(&mut self, length: usize) {
        self.start += length;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// The same memory with nothing in it.
    pub(super) fn emptied(mut self) -> Self {
        (self.start, self.end) = (0, 0);
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_go_as_they_came(
            steps in vec((vec(any::<u8>(), 0..300), 0_usize..400), 0..40),
            wanted in 0_usize..1000,
            known in any::<bool>(),
        ) {
            let whole: Vec<u8> = steps.iter().flat_map(|(bytes, _)| bytes).copied().collect();
            let (mut input, mut left, mut gone) = (Input::default(), Vec::new(), Vec::new());
            for (bytes, taken) in &steps {
                let rest = if known { whole.len() - gone.len() - left.len() } else { usize::MAX };
                input.extend(bytes, wanted, rest).unwrap();
                left.extend_from_slice(bytes);
                prop_assert_eq!(input.bytes(), &left);
                let taken = (*taken).min(left.len());
                input.consume(taken);
                gone.extend(left.drain(..taken));
                prop_assert_eq!(input.len(), left.len());
            }
            gone.extend(input.bytes());
            prop_assert_eq!(gone, whole);
        }
    }

    #[test]
    fn room_is_made_once_for_what_is_decoded_at_a_time() {
        let (block, part) = (4 << 20, vec![7; 100_000]);
        let mut input = Input::default();
        input.extend(&part, block, usize::MAX).unwrap();
        let room = input.capacity();
        assert!((block..block + 3 * PART).contains(&room), "{room}");
        for _ in 0..200 {
            input.extend(&part, block, usize::MAX).unwrap();
            if input.len() >= block {
                input.consume(block);
            }
            assert_eq!(input.capacity(), room);
        }
    }

    #[test]
    fn a_small_body_gets_a_small_room_and_a_false_need_none() {
        let mut input = Input::default();
        input.extend(&[1; 100], 64 << 10, 100).unwrap();
        assert_eq!(input.capacity(), 100);
        let mut input = Input::default();
        input.extend(&[1; 100], usize::MAX, usize::MAX).unwrap();
        assert!(input.capacity() <= MOST_AHEAD + 2 * PART);
    }
}
