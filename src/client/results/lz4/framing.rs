//! The framing of LZ4 bodies: headers, block lengths and checksums, nothing decoded.

use twox_hash::xxhash32::Hasher;

use crate::client::{Error, Result};

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

/// Reads the framing of a body, in order; it fails at the first place that is not LZ4.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    rest: &'a [u8],
    frame: usize,
    block: usize,
    open: Option<FrameHeader>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self {
            rest: body,
            frame: 0,
            block: 0,
            open: None,
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Part<'a>>> {
        match self.open {
            Some(header) => self.block(header).map(Some),
            None => self.header(),
        }
    }

    fn header(&mut self) -> Result<Option<Part<'a>>> {
        while !self.rest.is_empty() {
            self.frame += 1;
            let magic = self.u32("its magic number")?;
            if magic == MAGIC {
                let header = self.descriptor()?;
                (self.open, self.block) = (Some(header), 0);
                return Ok(Some(Part::Start(header)));
            }
            if magic & SKIPPABLE_MASK != SKIPPABLE_MAGIC {
                return Err(self.unknown_magic(magic));
            }
            let length = self.u32("the length of a skippable frame")?;
            self.take(length as usize, "skippable bytes")?;
        }
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

    fn descriptor(&mut self) -> Result<FrameHeader> {
        let descriptor = self.rest;
        let [flags, block_size] = self.array("its header")?;
        if flags >> 6 != 1 || flags & 0x02 != 0 || block_size & 0x8F != 0 {
            return Err(damaged(
                self.frame,
                "has an unknown version or reserved bits set",
            ));
        }
        if flags & 0x01 != 0 {
            return Err(damaged(
                self.frame,
                "needs a dictionary, which is not supported",
            ));
        }
        let content_size = match flags & 0x08 {
            0 => None,
            _ => Some(u64::from_le_bytes(self.array("its content size")?)),
        };
        let length = descriptor.len() - self.rest.len();
        let [checksum] = self.array("its header checksum")?;
        if Hasher::oneshot(0, &descriptor[..length]).to_le_bytes()[1] != checksum {
            return Err(damaged(
                self.frame,
                "is damaged: its header checksum does not match",
            ));
        }
        Ok(FrameHeader {
            linked: flags & 0x20 == 0,
            block_checksums: flags & 0x10 != 0,
            content_checksum: flags & 0x04 != 0,
            content_size,
            max_block: self.max_block(block_size >> 4)?,
        })
    }

    fn max_block(&self, code: u8) -> Result<usize> {
        match code {
            4..=7 => Ok(1 << (8 + 2 * code)),
            _ => Err(damaged(
                self.frame,
                format!("has the unknown block size {code}"),
            )),
        }
    }

    fn block(&mut self, header: FrameHeader) -> Result<Part<'a>> {
        let word = self.u32("the length of a block")?;
        if word == 0 {
            self.open = None;
            let checksum = header
                .content_checksum
                .then(|| self.u32("its content checksum"))
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
            return Err(damaged(self.frame, what));
        }
        let data = self.take(length, "block bytes")?;
        let checksum = header
            .block_checksums
            .then(|| self.u32("the checksum of a block"))
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

    fn take(&mut self, length: usize, what: &str) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| {
            damaged(
                self.frame,
                format!("ends after {} of {length} {what}", self.rest.len()),
            )
        })?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        let (taken, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| damaged(self.frame, format!("ends within {what}")))?;
        self.rest = rest;
        Ok(*taken)
    }

    fn u32(&mut self, what: &str) -> Result<u32> {
        self.array(what).map(u32::from_le_bytes)
    }
}
