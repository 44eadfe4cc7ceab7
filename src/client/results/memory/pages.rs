//! Memory straight from the system, in large pages as far as it will surely be filled.

use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;

use crate::client::{Error, ErrorCode, Result};

/// Sizes are rounded to this, so that buffers fit other chunks of the same result.
const ROUNDING: usize = 1 << 20;

/// What the system can give at once: one such page costs a fraction of the small ones it stands for.
const LARGE_PAGE: usize = 2 << 20;

/// Bytes whose pages cost nothing until they are used.
#[derive(Debug)]
pub(super) struct Pages {
    map: MmapMut,
    /// Where they begin in it.
    start: usize,
    length: usize,
}

impl Pages {
    /// Room for `bytes`.
    pub(super) fn new(bytes: usize) -> Result<Self> {
        let length = rounded(bytes);
        let (map, start) = (mapped(length)?, 0);
        Ok(Self { map, start, length })
    }

    /// Room for `bytes`, all of which will probably be filled.
    pub(super) fn large(bytes: usize) -> Result<Self> {
        if bytes < 2 * LARGE_PAGE {
            return Self::new(bytes);
        }
        let length = rounded(bytes);
        let map = mapped(length.saturating_add(LARGE_PAGE))?;
        let start = map.as_ptr().addr().wrapping_neg() % LARGE_PAGE;
        // Where there are none, small ones do.
        #[cfg(target_os = "linux")]
        drop(map.advise_range(memmap2::Advice::HugePage, start, bytes - bytes % LARGE_PAGE));
        Ok(Self { map, start, length })
    }
}

fn rounded(bytes: usize) -> usize {
    bytes.checked_next_multiple_of(ROUNDING).unwrap_or(bytes)
}

fn mapped(length: usize) -> Result<MmapMut> {
    MmapMut::map_anon(length).map_err(|why| {
        let message = format!("there is no memory for {length} bytes of a result");
        Error::new(ErrorCode::ResourceExhausted, message).with_source(why)
    })
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map[self.start..][..self.length]
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.map[self.start..][..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_what_was_asked_for() {
        for bytes in [1, ROUNDING, LARGE_PAGE, 2 * LARGE_PAGE, 5 * LARGE_PAGE + 3] {
            for pages in [Pages::new(bytes), Pages::large(bytes)] {
                let mut pages = pages.unwrap();
                assert!((bytes..bytes + ROUNDING).contains(&pages.len()));
                assert!(pages.iter().all(|byte| *byte == 0));
                pages[bytes - 1] = 1;
                assert_eq!(pages[bytes - 1], 1);
            }
        }
    }

    #[test]
    fn large_buffers_begin_with_a_large_page() {
        let pages = Pages::large(3 * LARGE_PAGE).unwrap();
        assert_eq!(pages.as_ptr().addr() % LARGE_PAGE, 0);
    }
}
