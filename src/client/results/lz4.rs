//! LZ4 frames: a body of concatenated frames, decoded block by block, as it arrives, into one buffer.
//!
//! The framing is read apart from the blocks. Nothing here knows what the bytes mean.

mod checksum;
mod framing;
#[cfg(test)]
mod tests;

use std::sync::Weak;

use arrow::buffer::Buffer;
use lz4_flex::block::{DecompressError, decompress_into, decompress_into_with_dict};

use self::checksum::Checksum;
pub use self::framing::is_framed;
use self::framing::{Block, FrameHeader, Framing, Part, Stop, damaged};
use super::memory::{Output, Pool};
use crate::client::{Error, Result};

/// How far back a match can reach, and so how much of a frame a linked block needs.
const WINDOW: usize = 64 * 1024;
/// The most output that one byte of a compressed block can stand for.
pub(crate) const MAX_RATIO: usize = 255;

fn too_long(frame: usize, limit: u64) -> Error {
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

    /// Fails unless `found` is the checksum that the block has, if it has one.
    fn compare(&self, found: u32) -> Result<()> {
        match self.checksum {
            Some(checksum) if checksum != found => Err(damaged(
                self.frame,
                format!(
                    "is damaged: the checksum of block {} does not match",
                    self.number
                ),
            )),
            _ => Ok(()),
        }
    }

    /// What is wrong with a block that does not decode.
    fn blame(&self, error: Error) -> Error {
        self.compare(Checksum::of(self.data)).err().unwrap_or(error)
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
        let decoded = if dictionary.is_empty() {
            decompress_into(self.data, free)
        } else {
            decompress_into_with_dict(self.data, free, dictionary)
        };
        match decoded {
            Ok(length) => Ok(Some(length)),
            Err(DecompressError::OutputTooSmall { .. }) if free.len() < self.max_output => Ok(None),
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
    /// Where its output starts, counted from the start of the body's.
    start: u64,
    content: Option<Checksum>,
}

/// Decodes a body, in order, however it is cut into pieces.
#[derive(Debug)]
pub(crate) struct Decoder {
    framing: Framing,
    output: Output,
    /// Output that was given away before it was whole.
    given: u64,
    /// Output that checksums have proved, counted like `given`.
    verified: u64,
    /// Bytes of the blocks that gave the output so far.
    taken: u64,
    max_output: u64,
    open: Option<OpenFrame>,
    begun: bool,
}

impl Decoder {
    /// A decoder whose output will have about `expected` bytes, and `max_output` at most.
    pub(crate) fn new(expected: usize, max_output: usize, pool: &Weak<Pool>) -> Result<Self> {
        Ok(Self {
            framing: Framing::default(),
            output: Output::new(expected.min(max_output), pool)?,
            given: 0,
            verified: 0,
            taken: 0,
            max_output: max_output as u64,
            open: None,
            begun: false,
        })
    }

    /// Decodes what is whole at the start of `input` and moves that behind it. The answer is how many
    /// bytes must follow until there is more to do.
    pub(crate) fn push(&mut self, input: &mut &[u8]) -> Result<usize> {
        match self.run(input) {
            Ok(()) => Ok(1),
            Err(Stop::Short(needed, _)) => Ok(needed),
            Err(Stop::Damaged(error)) => Err(error),
        }
    }

    /// Ends a body, of which `rest` was left over; its output.
    pub(crate) fn finish(mut self, mut rest: &[u8]) -> Result<Buffer> {
        match self.run(&mut rest) {
            Ok(()) if self.begun => Ok(self.output.freeze()),
            Ok(()) => Err(Error::data_loss("the LZ4 body is empty")),
            Err(Stop::Short(_, error) | Stop::Damaged(error)) => Err(error),
        }
    }

    /// Bytes of memory that the output takes.
    pub(crate) fn bytes(&self) -> usize {
        self.output.len()
    }

    /// The output that checksums have proved so far and that has not been given away. Blocks that need
    /// their forerunners keep them.
    pub(crate) fn verified(&self) -> &[u8] {
        let linked = self.open.as_ref().is_some_and(|open| open.header.linked);
        let proved = if linked { self.given } else { self.verified };
        let length = usize::try_from(proved.saturating_sub(self.given)).unwrap_or(usize::MAX);
        &self.output.filled()[..length.min(self.output.len())]
    }

    /// The output that is there, proved or not, and how much was given away before it.
    pub(crate) fn output(&self) -> (u64, &[u8]) {
        (self.given, self.output.filled())
    }

    /// Gives away the output up to `at`, of which about `expected` bytes will follow.
    pub(crate) fn split_front(&mut self, at: usize, expected: usize) -> Result<Buffer> {
        self.given += at as u64;
        self.output.split_front(at, expected)
    }

    fn run(&mut self, input: &mut &[u8]) -> Result<(), Stop> {
        self.begun |= !input.is_empty();
        while let Some(part) = self.framing.next(input)? {
            match part {
                Part::Start(header) => self.start(header),
                Part::Block(block) => self.block(&block)?,
                Part::End { frame, checksum } => self.end(frame, checksum)?,
            }
        }
        Ok(())
    }

    fn position(&self) -> u64 {
        self.given + self.output.len() as u64
    }

    fn start(&mut self, header: FrameHeader) {
        let content = header.content_checksum.then(Checksum::default);
        self.open = Some(OpenFrame {
            header,
            start: self.position(),
            content,
        });
    }

    fn block(&mut self, block: &Block<'_>) -> Result<()> {
        let Some((header, start)) = self.open.as_ref().map(|open| (open.header, open.start)) else {
            return Ok(());
        };
        let length = self
            .decoded(block, header, start)
            .map_err(|error| block.blame(error))?;
        let decoded = &self.output.parts().1[..length];
        let content = self.open.as_mut().and_then(|open| open.content.as_mut());
        match (content, block.checksum) {
            (Some(content), Some(_)) => block.compare(content.add_beside(decoded, block.data))?,
            (Some(content), None) => content.add(decoded),
            (None, Some(_)) => block.compare(Checksum::of(block.data))?,
            (None, None) => {}
        }
        self.output.advance(length);
        self.taken += block.data.len() as u64;
        if header.block_checksums {
            self.verified = self.position();
        }
        Ok(())
    }

    /// How many bytes a block gives if it is like those before it.
    fn likely(&self, block: &Block<'_>) -> usize {
        let length = block.data.len() as u64;
        let given = length
            .saturating_mul(self.position())
            .checked_div(self.taken);
        usize::try_from(given.unwrap_or(length)).unwrap_or(usize::MAX)
    }

    /// Decodes a block behind the output; how many bytes that gave.
    fn decoded(&mut self, block: &Block<'_>, header: FrameHeader, start: u64) -> Result<usize> {
        let position = self.position();
        let limit = header.content_size.map_or(self.max_output, |size| {
            self.max_output.min(start.saturating_add(size))
        });
        let allowed = usize::try_from(limit.saturating_sub(position)).unwrap_or(usize::MAX);
        let most = block.output_bound();
        self.output
            .prepare(self.likely(block).min(most).min(allowed));
        loop {
            let (done, free) = self.output.parts();
            let room = free.len().min(most).min(allowed);
            let window = if header.linked {
                let of_frame = usize::try_from(position - start).unwrap_or(usize::MAX);
                of_frame.min(done.len()).min(WINDOW)
            } else {
                0
            };
            let dictionary = &done[done.len() - window..];
            if let Some(length) = block.decode_into(&mut free[..room], dictionary)? {
                return Ok(length);
            }
            if room == allowed {
                return Err(too_long(block.frame, limit));
            }
            if room == most {
                let what = format!("is damaged: block {} does not decode", block.number);
                return Err(damaged(block.frame, what));
            }
            self.output.grow(most)?;
        }
    }

    fn end(&mut self, frame: usize, checksum: Option<u32>) -> Result<()> {
        let position = self.position();
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let length = position - open.start;
        if let Some(size) = open.header.content_size.filter(|size| *size != length) {
            let what = format!("has {length} bytes where it declares {size}");
            return Err(damaged(frame, what));
        }
        if checksum.is_some() {
            if open.content.map(|content| content.finish()) != checksum {
                let what = "is damaged: its content checksum does not match";
                return Err(damaged(frame, what));
            }
            self.verified = position;
        }
        Ok(())
    }
}
