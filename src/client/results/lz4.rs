//! LZ4 frames: a body of concatenated frames, decoded in place into one buffer.
//!
//! The framing is read apart from the blocks, so that a first walk over a body finds cuts and bounds
//! the output before a byte is decoded or reserved. Nothing here knows what the bytes mean.

mod framing;
#[cfg(test)]
mod tests;

use std::hash::Hasher as _;

use lz4_flex::block::{DecompressError, decompress_into, decompress_into_with_dict};
use twox_hash::xxhash32::Hasher;

pub use self::framing::is_framed;
use self::framing::{Block, FrameHeader, Part, Parts, damaged};
use crate::client::{Error, Result};

/// How far back a match can reach, and so how much of a frame a linked block needs.
const WINDOW: usize = 64 * 1024;
/// The most output that one byte of a compressed block can stand for.
const MAX_RATIO: usize = 255;

/// Decodes all the frames of `body`, to at most `max_output` bytes, and verifies every checksum.
pub fn decompress_frames(body: &[u8], max_output: usize) -> Result<Vec<u8>> {
    if body.is_empty() {
        return Err(Error::data_loss("the LZ4 body is empty"));
    }
    let bound = output_bound(body, max_output)?;
    let mut decoder = Decoder::new(bound.min(max_output));
    let mut parts = Parts::new(body);
    while let Some(part) = parts.next()? {
        decoder.feed(&part)?;
    }
    Ok(decoder.into_output())
}

/// The most bytes that `body` can decode to, from its framing alone.
fn output_bound(body: &[u8], max_output: usize) -> Result<usize> {
    let mut parts = Parts::new(body);
    let (mut total, mut frame, mut declared) = (0_usize, 0_usize, None);
    while let Some(part) = parts.next()? {
        match part {
            Part::Start(header) => (frame, declared) = (0, header.content_size),
            Part::Block(block) => frame = frame.saturating_add(block.output_bound()),
            Part::End { frame: number, .. } => {
                if let Some(size) = declared {
                    let size = usize::try_from(size).ok().filter(|size| *size <= frame);
                    frame = size.ok_or_else(|| {
                        damaged(number, "declares more bytes than its blocks can hold")
                    })?;
                    if frame > max_output.saturating_sub(total) {
                        return Err(too_long(number, max_output));
                    }
                }
                total = total.saturating_add(frame);
            }
        }
    }
    Ok(total)
}

fn too_long(frame: usize, limit: usize) -> Error {
    damaged(
        frame,
        format!("leads to more than the {limit} bytes declared or allowed"),
    )
}

impl Block<'_> {
    fn output_bound(&self) -> usize {
        if self.stored {
            return self.data.len();
        }
        self.data
            .len()
            .saturating_mul(MAX_RATIO)
            .min(self.max_output)
    }

    fn verify(&self) -> Result<()> {
        match self.checksum {
            Some(checksum) if checksum != Hasher::oneshot(0, self.data) => Err(damaged(
                self.frame,
                format!(
                    "is damaged: the checksum of block {} does not match",
                    self.number
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Decodes into the start of `free`; the answer is how many bytes that gave, none without room.
    fn decode_into(&self, free: &mut [u8], dictionary: &[u8]) -> Result<Option<usize>> {
        if self.stored {
            let target = free.get_mut(..self.data.len());
            return Ok(target.map(|target| {
                target.copy_from_slice(self.data);
                target.len()
            }));
        }
        let room = free.len().min(self.max_output);
        let target = &mut free[..room];
        let decoded = if dictionary.is_empty() {
            decompress_into(self.data, target)
        } else {
            decompress_into_with_dict(self.data, target, dictionary)
        };
        match decoded {
            Ok(length) => Ok(Some(length)),
            Err(DecompressError::OutputTooSmall { .. }) if room < self.max_output => Ok(None),
            Err(error) => Err(self.undecodable(error)),
        }
    }

    fn undecodable(&self, error: DecompressError) -> Error {
        let what = format!("is damaged: block {} does not decode: {error}", self.number);
        damaged(self.frame, what).with_source(error)
    }
}

/// The frame that blocks are being decoded for.
#[derive(Debug)]
struct OpenFrame {
    header: FrameHeader,
    /// Where its output starts.
    start: usize,
    content: Option<Hasher>,
}

/// Decodes the parts of a body, in order, into one buffer of fixed size.
#[derive(Debug)]
struct Decoder {
    output: Vec<u8>,
    filled: usize,
    open: Option<OpenFrame>,
}

impl Decoder {
    fn new(max_output: usize) -> Self {
        Self {
            output: vec![0; max_output],
            filled: 0,
            open: None,
        }
    }

    fn feed(&mut self, part: &Part<'_>) -> Result<()> {
        match part {
            Part::Start(header) => self.start(*header),
            Part::Block(block) => return self.block(block),
            Part::End { frame, checksum } => return self.end(*frame, *checksum),
        }
        Ok(())
    }

    fn start(&mut self, header: FrameHeader) {
        let content = header.content_checksum.then(|| Hasher::with_seed(0));
        self.open = Some(OpenFrame {
            header,
            start: self.filled,
            content,
        });
    }

    fn block(&mut self, block: &Block<'_>) -> Result<()> {
        block.verify()?;
        let limit = self.output.len();
        let (done, free) = self.output.split_at_mut(self.filled);
        let window = self
            .open
            .as_ref()
            .filter(|open| open.header.linked)
            .map_or(done.len(), |open| {
                open.start.max(done.len().saturating_sub(WINDOW))
            });
        let Some(length) = block.decode_into(free, &done[window..])? else {
            return Err(too_long(block.frame, limit));
        };
        if let Some(content) = self.open.as_mut().and_then(|open| open.content.as_mut()) {
            content.write(&free[..length]);
        }
        self.filled += length;
        Ok(())
    }

    fn end(&mut self, frame: usize, checksum: Option<u32>) -> Result<()> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let length = self.filled - open.start;
        if let Some(size) = open
            .header
            .content_size
            .filter(|size| *size != length as u64)
        {
            return Err(damaged(
                frame,
                format!("has {length} bytes where it declares {size}"),
            ));
        }
        if open.content.map(|content| content.finish_32()) != checksum {
            return Err(damaged(
                frame,
                "is damaged: its content checksum does not match",
            ));
        }
        Ok(())
    }

    fn into_output(mut self) -> Vec<u8> {
        self.output.truncate(self.filled);
        if self.output.capacity() - self.filled > self.filled / 8 {
            self.output.shrink_to_fit();
        }
        self.output
    }
}
