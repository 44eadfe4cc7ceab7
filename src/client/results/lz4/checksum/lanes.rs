//! The four numbers that the stripes of an XXH32 go into.

/// The constants of XXH32.
pub(super) const PRIMES: [u32; 5] = [
    0x9E37_79B1,
    0x85EB_CA77,
    0xC2B2_AE3D,
    0x27D4_EB2F,
    0x1656_67B1,
];

/// How many bytes go in at a time.
pub(super) const STRIPE: usize = 16;

pub(super) type Stripe = [u8; STRIPE];

/// What they are before the first stripe.
const START: [u32; 4] = [
    PRIMES[0].wrapping_add(PRIMES[1]),
    PRIMES[1],
    0,
    PRIMES[0].wrapping_neg(),
];

#[cfg(target_arch = "x86_64")]
pub(super) use self::paired::Lanes;
#[cfg(not(target_arch = "x86_64"))]
pub(super) use self::single::Lanes;

/// Two lanes in a register: the processor multiplies more pairs at a time than numbers.
#[cfg(target_arch = "x86_64")]
mod paired {
    use safe_arch::{
        add_i32_m128i, bitor_m128i, m128i, mul_widen_u32_odd_m128i, set_splat_i64_m128i,
        shl_imm_u32_m128i, shr_imm_u32_m128i, shr_imm_u64_m128i,
    };

    use super::{PRIMES, START, Stripe};

    #[derive(Clone, Debug)]
    pub(in super::super) struct Lanes {
        even: m128i,
        odd: m128i,
    }

    impl Default for Lanes {
        fn default() -> Self {
            let [first, second, third, fourth] = START;
            Self {
                even: m128i::from([first, 0, third, 0]),
                odd: m128i::from([second, 0, fourth, 0]),
            }
        }
    }

    impl Lanes {
        #[inline]
        pub(in super::super) fn mix(&mut self, stripe: &Stripe) {
            let words = m128i::from(*stripe);
            self.even = mixed(self.even, words);
            self.odd = mixed(self.odd, shr_imm_u64_m128i::<32>(words));
        }

        pub(in super::super) fn values(&self) -> [u32; 4] {
            let [first, _, third, _] = self.even.into();
            let [second, _, fourth, _] = self.odd.into();
            [first, second, third, fourth]
        }
    }

    #[inline]
    fn mixed(lanes: m128i, words: m128i) -> m128i {
        let [first, second, ..] = PRIMES.map(|prime| set_splat_i64_m128i(i64::from(prime)));
        let sum = add_i32_m128i(lanes, mul_widen_u32_odd_m128i(words, second));
        let rotated = bitor_m128i(shl_imm_u32_m128i::<13>(sum), shr_imm_u32_m128i::<19>(sum));
        mul_widen_u32_odd_m128i(rotated, first)
    }
}

#[cfg(any(test, not(target_arch = "x86_64")))]
mod single {
    use super::{PRIMES, START, Stripe};

    #[derive(Clone, Debug)]
    pub(in super::super) struct Lanes([u32; 4]);

    impl Default for Lanes {
        fn default() -> Self {
            Self(START)
        }
    }

    impl Lanes {
        #[inline]
        pub(in super::super) fn mix(&mut self, stripe: &Stripe) {
            let [first, second, ..] = PRIMES;
            for (lane, word) in self.0.iter_mut().zip(stripe.as_chunks().0) {
                let word = u32::from_le_bytes(*word).wrapping_mul(second);
                *lane = lane.wrapping_add(word).rotate_left(13).wrapping_mul(first);
            }
        }

        pub(in super::super) fn values(&self) -> [u32; 4] {
            self.0
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Lanes, Stripe, single};

    proptest! {
        #[test]
        fn lanes_are_the_same_on_every_processor(
            stripes in prop::collection::vec(any::<Stripe>(), 0..20),
        ) {
            let (mut lanes, mut others) = (Lanes::default(), single::Lanes::default());
            for stripe in &stripes {
                lanes.mix(stripe);
                others.mix(stripe);
            }
            prop_assert_eq!(lanes.values(), others.values());
        }
    }
}
