//! Memory straight from the system.

use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;

use crate::client::{Error, ErrorCode, Result};

/// Sizes are rounded to this, so that buffers fit other chunks of the same result.
const ROUNDING: usize = 1 << 20;

/// Bytes whose pages cost nothing until they are used. They are small ones: a host that has taken free
/// memory back from its machine makes a large page, which it has to find first, cost far more.
#[derive(Debug)]
pub(super) struct Pages(MmapMut);

impl Pages {
    /// Room for `bytes`.
    pub(super) fn new(bytes: usize) -> Result<Self> {
        let length = bytes.checked_next_multiple_of(ROUNDING).unwrap_or(bytes);
        MmapMut::map_anon(length).map(Self).map_err(|why| {
            let message = format!("there is no memory for {bytes} bytes of a result");
            Error::new(ErrorCode::ResourceExhausted, message).with_source(why)
        })
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}
