//! The checksums of LZ4 frames: XXH32 without a seed.
//!
//! A frame has one of its content and one of each block. A stripe must wait for the one before it, so two
//! checksums at a time cost hardly more than one; no library takes two.

mod lanes;

use self::lanes::{Lanes, PRIMES, STRIPE, Stripe};

/// The checksum of bytes that come in pieces.
#[derive(Clone, Debug, Default)]
pub(super) struct Checksum {
    lanes: Lanes,
    /// The start of a stripe that has not come whole.
    rest: Stripe,
    length: usize,
}

impl Checksum {
    /// The checksum of `bytes`.
    pub(super) fn of(bytes: &[u8]) -> u32 {
        let mut checksum = Self::default();
        checksum.add(bytes);
        checksum.finish()
    }

    /// The checksum of `bytes`, and meanwhile `more` is added to this one.
    pub(super) fn add_beside(&mut self, more: &[u8], bytes: &[u8]) -> u32 {
        let mut other = Self::default();
        let together = if self.waiting() == 0 {
            more.len().min(bytes.len()) / STRIPE * STRIPE
        } else {
            0
        };
        let ((mine, more), (its, bytes)) = (more.split_at(together), bytes.split_at(together));
        for (mine, its) in mine.as_chunks().0.iter().zip(its.as_chunks().0) {
            self.lanes.mix(mine);
            other.lanes.mix(its);
        }
        for (checksum, rest) in [(&mut *self, more), (&mut other, bytes)] {
            checksum.length += together;
            checksum.add(rest);
        }
        other.finish()
    }

    /// Adds `bytes` behind those that came before.
    pub(super) fn add(&mut self, mut bytes: &[u8]) {
        let waiting = self.waiting();
        self.length += bytes.len();
        if waiting > 0 {
            let (more, behind) = bytes.split_at(bytes.len().min(STRIPE - waiting));
            self.rest[waiting..][..more.len()].copy_from_slice(more);
            if waiting + more.len() < STRIPE {
                return;
            }
            self.lanes.mix(&self.rest);
            bytes = behind;
        }
        let (stripes, rest) = bytes.as_chunks();
        for stripe in stripes {
            self.lanes.mix(stripe);
        }
        self.rest[..rest.len()].copy_from_slice(rest);
    }

    /// How many bytes of a stripe are there.
    fn waiting(&self) -> usize {
        self.length % STRIPE
    }

    pub(super) fn finish(&self) -> u32 {
        let [first, second, third, fourth, fifth] = PRIMES;
        let start = if self.length < STRIPE {
            fifth
        } else {
            let lanes = self.lanes.values().into_iter().zip([1, 7, 12, 18]);
            lanes.fold(0_u32, |sum, (lane, by)| {
                sum.wrapping_add(lane.rotate_left(by))
            })
        };
        // The low half of the length counts.
        let [a, b, c, d, ..] = self.length.to_le_bytes();
        let mut hash = start.wrapping_add(u32::from_le_bytes([a, b, c, d]));
        let (words, bytes) = self.rest[..self.waiting()].as_chunks();
        for word in words {
            let word = u32::from_le_bytes(*word).wrapping_mul(third);
            hash = hash.wrapping_add(word).rotate_left(17).wrapping_mul(fourth);
        }
        for byte in bytes {
            let byte = u32::from(*byte).wrapping_mul(fifth);
            hash = hash.wrapping_add(byte).rotate_left(11).wrapping_mul(first);
        }
        hash = (hash ^ (hash >> 15)).wrapping_mul(second);
        hash = (hash ^ (hash >> 13)).wrapping_mul(third);
        hash ^ (hash >> 16)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use twox_hash::XxHash32;

    use super::*;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![vec(any::<u8>(), 0..70), vec(any::<u8>(), 0..3000)]
    }

    proptest! {
        #[test]
        fn it_is_that_of_the_reference_however_the_bytes_come(
            pieces in vec((bytes(), prop::option::of(bytes())), 0..6),
        ) {
            let (mut checksum, mut whole) = (Checksum::default(), Vec::new());
            for (piece, beside) in &pieces {
                match beside {
                    None => checksum.add(piece),
                    Some(beside) => {
                        let other = checksum.add_beside(piece, beside);
                        prop_assert_eq!(other, XxHash32::oneshot(0, beside));
                    }
                }
                whole.extend(piece);
            }
            let expected = XxHash32::oneshot(0, &whole);
            prop_assert_eq!(checksum.finish(), expected);
            prop_assert_eq!(Checksum::of(&whole), expected);
        }
    }

    #[test]
    fn long_input_is_like_short() {
        let bytes: Vec<u8> = (0..=250).cycle().take(1_000_003).collect();
        let mut checksum = Checksum::default();
        let other = checksum.add_beside(&bytes, &bytes[7..]);
        assert_eq!(checksum.finish(), XxHash32::oneshot(0, &bytes));
        assert_eq!(other, XxHash32::oneshot(0, &bytes[7..]));
    }
}
