//! Chunks of few bytes: decoded into buffers that are used again at once, and gathered in blocks that many share.

use std::sync::Mutex;

use arrow::buffer::Buffer;
use bytes::BytesMut;

use super::{ALIGNMENT, lock};

/// What is gathered has so many bytes at most.
pub(super) const SMALL: usize = 64 << 10;

/// Bytes of a block.
const BLOCK: usize = 512 << 10;

/// Buffers that are used again have so many bytes at most.
const LARGEST_KEPT: usize = 4 * SMALL;

/// How many of them are kept: as many as threads that decode, or so.
const MOST_KEPT: usize = 4;

/// Memory for small chunks of one result.
#[derive(Debug, Default)]
pub(super) struct Small {
    kept: Mutex<Vec<Vec<u8>>>,
    /// The room that is left of the last block.
    block: Mutex<BytesMut>,
}

impl Small {
    /// A buffer with room for `bytes`, in which anything may be.
    pub(super) fn take(&self, bytes: usize) -> Option<Vec<u8>> {
        let mut kept = lock(&self.kept);
        let fitting = kept.iter().position(|buffer| buffer.len() >= bytes)?;
        Some(kept.swap_remove(fitting))
    }

    pub(super) fn give(&self, buffer: Vec<u8>) {
        let mut kept = lock(&self.kept);
        if buffer.len() <= LARGEST_KEPT && kept.len() < MOST_KEPT {
            kept.push(buffer);
        }
    }

    /// A copy of `bytes`, as far behind an aligned address as `lead` says.
    pub(super) fn gather(&self, bytes: &[u8], lead: usize) -> Buffer {
        const PADDING: [u8; ALIGNMENT] = [0; ALIGNMENT];
        let mut block = lock(&self.block);
        if block.capacity() < bytes.len() + ALIGNMENT {
            *block = BytesMut::with_capacity(BLOCK);
        }
        let before = block.as_ptr().addr() % ALIGNMENT;
        let padding = (lead + ALIGNMENT - before) % ALIGNMENT;
        block.extend_from_slice(&PADDING[..padding]);
        block.extend_from_slice(bytes);
        let gathered = block.split().freeze();
        Buffer::from(gathered).slice(padding)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_gathered_stays_as_it_was_and_lies_where_it_should(
            pieces in vec((any::<u8>(), 0..=SMALL, 0..ALIGNMENT), 0..30),
        ) {
            let small = Small::default();
            let gather = |&(byte, length, lead)| small.gather(&vec![byte; length], lead);
            let gathered: Vec<_> = pieces.iter().map(gather).collect();
            for ((byte, length, lead), buffer) in pieces.into_iter().zip(gathered) {
                prop_assert_eq!(buffer.as_slice(), vec![byte; length]);
                prop_assert!(length == 0 || buffer.as_ptr().addr() % ALIGNMENT == lead);
            }
        }
    }

    #[test]
    fn many_share_a_block() {
        let small = Small::default();
        let first = small.gather(&[1; 1000], 0);
        let second = small.gather(&[2; 1000], 0);
        assert!(second.as_ptr().addr() - first.as_ptr().addr() < 1000 + ALIGNMENT);
    }

    #[test]
    fn buffers_are_used_again_when_they_are_large_enough() {
        let small = Small::default();
        small.give(vec![7; 100]);
        assert_eq!(small.take(101), None);
        assert_eq!(small.take(50), Some(vec![7; 100]));
        assert_eq!(small.take(50), None);
        small.give(vec![7; LARGEST_KEPT + 1]);
        assert_eq!(small.take(1), None);
    }
}
