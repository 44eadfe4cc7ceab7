//! The framing of LZ4 bodies: headers, block lengths and checksums, nothing decoded.

use super::checksum::Checksum;
use crate::client::Error;

const MAGIC: u32 = 0x184D_2204;
const LEGACY_MAGIC: u32 = 0x184C_2102;
const SKIPPABLE_MAGIC: u32 = 0x184D_2A50;
/// The low bits of a skippable frame's magic are the writer's own.
const SKIPPABLE_MASK: u32 = 0xFFFF_FFF0;
const STORED: u32 = 1 << 31;

/// Whether `body` starts as an LZ4 frame does, a skippable one included.
#[must_use]
pub fn is_framed(body: &[u8]) -> bool {
    let magic = body.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    magic.is_some_and(|magic| magic == MAGIC || magic & SKIPPABLE_MASK == SKIPPABLE_MAGIC)
}

/// A failure of a frame, of which `what` says the rest.
pub(super) fn damaged(frame: usize, what: impl AsRef<str>) -> Error {
    Error::data_loss(format!("LZ4 frame {frame} {}", what.as_ref()))
}

/// What a frame says of itself before its blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameHeader {
    pub(super) linked: bool,
    pub(super) block_checksums: bool,
    pub(super) content_checksum: bool,
    pub(super) content_size: Option<u64>,
    pub(super) max_block: usize,
}

/// One block of a frame, not yet decoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'a> {
    /// The frame's number, from 1; skippable frames count.
    pub(super) frame: usize,
    /// The block's number in its frame, from 1.
    pub(super) number: usize,
    pub(super) data: &'a [u8],
    pub(super) stored: bool,
    pub(super) max_output: usize,
    pub(super) checksum: Option<u32>,
}

/// A step through a body.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part<'a> {
    Start(FrameHeader),
    Block(Block<'a>),
    End { frame: usize, checksum: Option<u32> },
}

/// Why there is no next part.
#[derive(Debug)]
pub(super) enum Stop {
    /// The input ends too early: so many bytes are needed from here on. The error is for a body that
    /// ends so.
    Short(usize, Error),
    /// What came is not LZ4, or damaged.
    Damaged(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Damaged(error)
    }
}

/// Reads the framing of a body, in order, as far as the body is there; it fails at the first place
/// that is not LZ4.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Framing {
    frame: usize,
    block: usize,
    open: Option<FrameHeader>,
    skipping: Option<Skipping>,
}

/// A skippable frame whose bytes are passed over as they come.
#[derive(Clone, Copy, Debug)]
struct Skipping {
    length: u32,
    left: u32,
}

impl Framing {
    /// The next part of `input`, which is moved behind it; `None` where a body may end.
    pub(super) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Part<'a>>, Stop> {
        loop {
            self.skip(input)?;
            if input.is_empty() && self.open.is_none() {
                return Ok(None);
            }
            let (mut next, mut reader) = (*self, Reader::new(input));
            let part = match next.open {
                Some(header) => next.block(header, &mut reader).map(Some),
                None => next.header(&mut reader),
            }?;
            (*self, *input) = (next, reader.rest);
            if part.is_some() {
                return Ok(part);
            }
        }
    }

    fn skip(&mut self, input: &mut &[u8]) -> Result<(), Stop> {
        let Some(Skipping { length, left }) = self.skipping else {
            return Ok(());
        };
        let there = u32::try_from(input.len()).unwrap_or(u32::MAX).min(left);
        *input = &input[there as usize..];
        let left = left - there;
        self.skipping = Some(Skipping { length, left }).filter(|_| left > 0);
        if left == 0 {
            return Ok(());
        }
        let what = format!("ends after {} of {length} skippable bytes", length - left);
        Err(Stop::Short(1, damaged(self.frame, what)))
    }

    /// The start of a frame; none for one to be skipped.
    fn header<'a>(&mut self, reader: &mut Reader<'a>) -> Result<Option<Part<'a>>, Stop> {
        self.frame += 1;
        reader.frame = self.frame;
        let magic = reader.u32("its magic number")?;
        if magic == MAGIC {
            let header = self.descriptor(reader)?;
            (self.open, self.block) = (Some(header), 0);
            return Ok(Some(Part::Start(header)));
        }
        if magic & SKIPPABLE_MASK != SKIPPABLE_MAGIC {
            return Err(self.unknown_magic(magic).into());
        }
        let length = reader.u32("the length of a skippable frame")?;
        self.skipping = Some(Skipping {
            length,
            left: length,
        });
        Ok(None)
    }

    fn unknown_magic(&self, magic: u32) -> Error {
        if magic == LEGACY_MAGIC {
            return damaged(self.frame, "has the legacy layout, which is not supported");
        }
        damaged(
            self.frame,
            format!("starts with {magic:08x}, which is no LZ4 magic number"),
        )
    }

    fn descriptor(&self, reader: &mut Reader<'_>) -> Result<FrameHeader, Stop> {
        let descriptor = reader.rest;
        let [flags, block_size] = reader.array("its header")?;
        if flags >> 6 != 1 || flags & 0x02 != 0 || block_size & 0x8F != 0 {
            let what = "has an unknown version or reserved bits set";
            return Err(damaged(self.frame, what).into());
        }
        if flags & 0x01 != 0 {
            let what = "needs a dictionary, which is not supported";
            return Err(damaged(self.frame, what).into());
        }
        let content_size = match flags & 0x08 {
            0 => None,
            _ => Some(u64::from_le_bytes(reader.array("its content size")?)),
        };
        let length = descriptor.len() - reader.rest.len();
        let [checksum] = reader.array("its header checksum")?;
        if Checksum::of(&descriptor[..length]).to_le_bytes()[1] != checksum {
            let what = "is damaged: its header checksum does not match";
            return Err(damaged(self.frame, what).into());
        }
        Ok(FrameHeader {
            linked: flags & 0x20 == 0,
            block_checksums: flags & 0x10 != 0,
            content_checksum: flags & 0x04 != 0,
            content_size,
            max_block: self.max_block(block_size >> 4)?,
        })
    }

    fn max_block(&self, code: u8) -> Result<usize, Error> {
        match code {
            4..=7 => Ok(1 << (8 + 2 * code)),
            _ => Err(damaged(
                self.frame,
                format!("has the unknown block size {code}"),
            )),
        }
    }

    fn block<'a>(
        &mut self,
        header: FrameHeader,
        reader: &mut Reader<'a>,
    ) -> Result<Part<'a>, Stop> {
        reader.frame = self.frame;
        let word = reader.u32("the length of a block")?;
        if word == 0 {
            self.open = None;
            let checksum = header
                .content_checksum
                .then(|| reader.u32("its content checksum"))
                .transpose()?;
            return Ok(Part::End {
                frame: self.frame,
                checksum,
            });
        }
        self.block += 1;
        let (stored, length) = (word & STORED != 0, (word & !STORED) as usize);
        if length > header.max_block {
            let what = format!(
                "is damaged: block {} has {length} bytes where {} are allowed",
                self.block, header.max_block
            );
            return Err(damaged(self.frame, what).into());
        }
        let data = reader.take(length, "block bytes")?;
        let checksum = header
            .block_checksums
            .then(|| reader.u32("the checksum of a block"))
            .transpose()?;
        Ok(Part::Block(Block {
            frame: self.frame,
            number: self.block,
            data,
            stored,
            max_output: header.max_block,
            checksum,
        }))
    }
}

/// Takes pieces off the front of what there is.
#[derive(Debug)]
struct Reader<'a> {
    whole: usize,
    rest: &'a [u8],
    frame: usize,
}

impl<'a> Reader<'a> {
    fn new(rest: &'a [u8]) -> Self {
        Self {
            whole: rest.len(),
            rest,
            frame: 0,
        }
    }

    fn short(&self, needed: usize, what: impl AsRef<str>) -> Stop {
        let taken = self.whole - self.rest.len();
        Stop::Short(taken + needed, damaged(self.frame, what))
    }

    fn take(&mut self, length: usize, what: &str) -> Result<&'a [u8], Stop> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            let what = format!("ends after {} of {length} {what}", self.rest.len());
            return Err(self.short(length, what));
        };
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Stop> {
        let Some((taken, rest)) = self.rest.split_first_chunk() else {
            return Err(self.short(N, format!("ends within {what}")));
        };
        self.rest = rest;
        Ok(*taken)
    }

    fn u32(&mut self, what: &str) -> Result<u32, Stop> {
        self.array(what).map(u32::from_le_bytes)
    }
}
