//! Chunks of few bytes: decoded into buffers that are used again at once, and gathered in blocks that many share.

use std::sync::Mutex;

use arrow::buffer::Buffer;
use bytes::BytesMut;

use super::{ALIGNMENT, lock};

/// What is gathered has so many bytes at most.
pub(super) const SMALL: usize = 64 << 10;

/// Most bytes of a block. The first has what is gathered first, each of the next ones twice the bytes of the last.
const BLOCK: usize = 128 << 10;

/// Buffers that are used again have so many bytes at most.
const LARGEST_KEPT: usize = 4 * SMALL;

/// How many of them are kept: as many as threads that decode, or so.
const MOST_KEPT: usize = 4;

/// Memory for small chunks of one result.
#[derive(Debug, Default)]
pub(super) struct Small {
    kept: Mutex<Vec<Vec<u8>>>,
    block: Mutex<Block>,
}

#[derive(Debug, Default)]
struct Block {
    size: usize,
    /// What is left of it.
    room: BytesMut,
}

impl Small {
    /// A buffer with room for `bytes`, in which anything may be.
    pub(super) fn take(&self, bytes: usize) -> Option<Vec<u8>> {
        let mut kept = lock(&self.kept);
        let fitting = kept.iter().position(|buffer| buffer.len() >= bytes)?;
        Some(kept.swap_remove(fitting))
    }

    pub(super) fn give(&self, buffer: Vec<u8>) {
        if buffer.is_empty() || buffer.len() > LARGEST_KEPT {
            return;
        }
        let mut kept = lock(&self.kept);
        if kept.len() < MOST_KEPT {
            kept.push(buffer);
        } else if let Some(least) = kept.iter_mut().min_by_key(|kept| kept.len())
            && least.len() < buffer.len()
        {
            *least = buffer;
        }
    }

    /// Gives back to the system what is kept to be used again.
    pub(super) fn let_go(&self) {
        lock(&self.kept).clear();
    }

    /// A copy of `bytes`, as far behind an aligned address as `lead` says.
    pub(super) fn gather(&self, bytes: &[u8], lead: usize) -> Buffer {
        const PADDING: [u8; ALIGNMENT] = [0; ALIGNMENT];
        let mut block = lock(&self.block);
        let needed = bytes.len() + ALIGNMENT;
        if block.room.capacity() < needed {
            block.size = needed.max(2 * block.size).min(BLOCK);
            block.room = BytesMut::with_capacity(block.size);
        }
        let room = &mut block.room;
        let before = room.as_ptr().addr() % ALIGNMENT;
        let padding = (lead + ALIGNMENT - before) % ALIGNMENT;
        room.extend_from_slice(&PADDING[..padding]);
        room.extend_from_slice(bytes);
        let gathered = room.split().freeze();
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
        let gathered: Vec<_> = (0..100).map(|n| small.gather(&[n; 1000], 0)).collect();
        let mut addresses: Vec<_> = gathered
            .iter()
            .map(|buffer| buffer.as_ptr().addr())
            .collect();
        addresses.sort_unstable();
        let beside = |pair: &&[usize]| pair[1] - pair[0] < 1000 + ALIGNMENT;
        assert!(addresses.windows(2).filter(beside).count() > 90);
    }

    #[test]
    fn a_single_one_takes_no_more_than_it_needs() {
        let small = Small::default();
        let kept = small.gather(&[1; 1000], 0);
        assert!(lock(&small.block).size <= 1000 + ALIGNMENT);
        assert_eq!(kept.as_slice(), [1; 1000]);
    }

    #[test]
    fn larger_buffers_take_the_place_of_small_ones() {
        let small = Small::default();
        small.give(Vec::new());
        for length in [1, 2, 3, 4, 500] {
            small.give(vec![0; length]);
        }
        assert!(small.take(500).is_some());
        small.let_go();
        assert_eq!(small.take(1), None);
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
