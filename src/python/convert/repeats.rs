//! Objects that were made before, for columns whose values repeat.

use pyo3::prelude::*;

use super::reader::Cell;

/// A value that identifies an object of its column.
pub(super) trait Key: Copy + Eq {
    /// Bits that differ between values.
    fn spread(self) -> u64;
}

const MIX: u64 = 0x9E37_79B9_7F4A_7C15;
const SLOT_BITS: u32 = 10;

impl Key for i32 {
    #[inline]
    fn spread(self) -> u64 {
        u64::from(self.cast_unsigned()).wrapping_mul(MIX)
    }
}

impl Key for i64 {
    #[inline]
    fn spread(self) -> u64 {
        self.cast_unsigned().wrapping_mul(MIX)
    }
}

impl Key for u64 {
    #[inline]
    fn spread(self) -> u64 {
        self.wrapping_mul(MIX)
    }
}

/// Whether looking values up pays, judged by how often it did.
#[derive(Default)]
pub(super) struct Trial {
    lookups: u32,
    hits: u32,
    rest: u32,
}

/// Lookups after which a judgement is made.
const TRIAL: u32 = 1024;
/// Values made without a look after a bad judgement.
const REST: u32 = 31 * TRIAL;

impl Trial {
    /// Whether to look the next value up.
    #[inline]
    pub(super) fn looks(&mut self) -> bool {
        if self.rest == 0 {
            return true;
        }
        self.rest -= 1;
        false
    }

    /// Notes the outcome of a lookup; false when looking up has stopped to pay.
    #[inline]
    pub(super) fn pays(&mut self, hit: bool) -> bool {
        self.lookups += 1;
        self.hits += u32::from(hit);
        self.lookups < TRIAL || self.judge()
    }

    #[cold]
    fn judge(&mut self) -> bool {
        let pays = self.hits >= self.lookups / 4;
        *self = Self {
            rest: if pays { 0 } else { REST },
            ..Self::default()
        };
        pays
    }
}

/// A direct-mapped cache of objects by value, which rests while values do not repeat.
pub(super) struct Repeats<K> {
    slots: Vec<Option<(K, Py<PyAny>)>>,
    trial: Trial,
}

impl<K> Default for Repeats<K> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            trial: Trial::default(),
        }
    }
}

impl<K: Key> Repeats<K> {
    /// The object for `key`, made unless it is at hand.
    #[inline]
    pub(super) fn get(&mut self, py: Python<'_>, key: K, make: impl FnOnce() -> Cell) -> Cell {
        if !self.trial.looks() {
            return make();
        }
        if self.slots.is_empty() {
            self.slots.resize_with(1 << SLOT_BITS, || None);
        }
        let slot = usize::try_from(key.spread() >> (u64::BITS - SLOT_BITS)).unwrap_or_default();
        if let Some((held, object)) = &self.slots[slot]
            && *held == key
        {
            let object = object.clone_ref(py);
            self.note(true);
            return Ok(object);
        }
        let object = make()?;
        self.slots[slot] = Some((key, object.clone_ref(py)));
        self.note(false);
        Ok(object)
    }

    #[inline]
    fn note(&mut self, hit: bool) {
        if !self.trial.pays(hit) {
            self.slots = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{REST, TRIAL, Trial};

    #[test]
    fn lookups_rest_when_few_of_them_hit() {
        let mut trial = Trial::default();
        let verdicts: Vec<bool> = (0..TRIAL).map(|at| trial.pays(at % 8 == 0)).collect();
        assert_eq!(verdicts.iter().filter(|pays| !**pays).count(), 1);
        assert_eq!((0..=REST).filter(|_| trial.looks()).count(), 1);
    }

    #[test]
    fn lookups_go_on_while_half_of_them_hit() {
        let mut trial = Trial::default();
        assert!((0..10 * TRIAL).all(|at| trial.looks() && trial.pays(at % 2 == 0)));
    }
}
