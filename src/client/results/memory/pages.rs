//! Memory straight from the system.

use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;

use crate::client::{Error, ErrorCode, Result};

/// Sizes are rounded to this, so that buffers fit other chunks of the same result.
const ROUNDING: usize = 1 << 20;

/// For less it is not worth a call.
const LEAST_MADE: usize = 64 << 10;

/// Bytes whose pages cost nothing until they are used. They are small ones: a host that has taken free
/// memory back from its machine makes a large page, which it has to find first, cost far more.
#[derive(Debug)]
pub(super) struct Pages {
    map: MmapMut,
    /// How many bytes at the start have their pages for sure.
    made: usize,
}

impl Pages {
    /// Room for `bytes`.
    pub(super) fn new(bytes: usize) -> Result<Self> {
        let length = bytes.checked_next_multiple_of(ROUNDING).unwrap_or(bytes);
        let map = MmapMut::map_anon(length).map_err(|why| {
            let message = format!("there is no memory for {bytes} bytes of a result");
            Error::new(ErrorCode::ResourceExhausted, message).with_source(why)
        })?;
        Ok(Self { map, made: 0 })
    }

    /// Makes the pages up to `end` at once, which costs less than one at a time when each is written to.
    pub(super) fn make(&mut self, end: usize) {
        let end = end.min(self.map.len());
        if end < self.made + LEAST_MADE {
            return;
        }
        #[cfg(target_os = "linux")]
        {
            let (from, advice) = (self.made, memmap2::Advice::PopulateWrite);
            // Where the system does not know it, pages are made when they are written to.
            let _ = self.map.advise_range(advice, from, end - from);
        }
        self.made = end;
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn making_pages_changes_nothing_in_them() {
        let mut pages = Pages::new(3 * ROUNDING).unwrap();
        let length = pages.len();
        pages[5] = 7;
        pages[length - 1] = 8;
        for end in [
            LEAST_MADE + 1,
            1,
            2 * LEAST_MADE,
            length,
            length + 1,
            usize::MAX,
        ] {
            pages.make(end);
            assert_eq!((pages[5], pages[length - 1]), (7, 8), "{end}");
        }
        assert_eq!(pages.iter().filter(|byte| **byte != 0).count(), 2);
    }
}
