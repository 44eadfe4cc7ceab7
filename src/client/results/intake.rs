//! The body of one chunk as it arrives: decoded piece by piece, and read to its end.

use std::sync::{Arc, Weak};

use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use super::decode::{ArrowReader, DecodedChunk, Writing, whole_messages, writing};
use super::json_array;
use super::lz4::{self, MAX_RATIO};
use super::memory::{Output, Pool, way_to};
use super::placement::{is_scattered, moved_out};
use crate::client::wire::{Compression, Format};
use crate::client::{Error, Result};

/// Most bytes that one chunk may decode to.
pub(super) const LARGEST_CHUNK: usize = 8 << 30;

/// What arrives is looked at in pieces of this size at least.
const LEAST_PIECE: usize = 64 << 10;

/// The most that is reserved for a body whose length nobody tells.
const MOST_GUESSED: usize = 64 << 20;

/// How the bodies of a result are to be read.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) format: Format,
    pub(crate) compression: Compression,
    /// The schema by the manifest, which JSON is read into.
    pub(crate) schema: SchemaRef,
}

/// A body on its way. Its methods that decode are work for the blocking pool.
#[derive(Debug)]
pub(crate) struct Intake {
    layout: Layout,
    pool: Arc<Pool>,
    /// How many bytes the output will roughly have.
    expected: usize,
    /// What has come and is not decoded.
    input: Vec<u8>,
    /// How much must have come for decoding to get further.
    wanted: usize,
    stage: Stage,
    reader: ArrowReader,
}

#[derive(Debug)]
enum Stage {
    Start,
    Plain(Output),
    Lz4(Box<lz4::Decoder>),
}

impl Intake {
    /// A body of `length` bytes that `hint` says something of; it may be the size before or after
    /// decoding.
    pub(crate) fn new(
        layout: Layout,
        pool: &Arc<Pool>,
        hint: Option<u64>,
        length: Option<u64>,
    ) -> Self {
        Self {
            layout,
            pool: Arc::clone(pool),
            expected: expected_output(hint, length),
            input: pool.take_input(),
            wanted: LEAST_PIECE,
            stage: Stage::Start,
            reader: ArrowReader::default(),
        }
    }

    /// Takes what came next; whether there is something to decode.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> bool {
        self.input.extend_from_slice(bytes);
        self.input.len() >= self.wanted
    }

    /// Bytes that have come and are not decoded.
    pub(crate) fn waiting(&self) -> usize {
        self.input.len()
    }

    /// Bytes of memory in use.
    pub(crate) fn bytes(&self) -> usize {
        let output = match &self.stage {
            Stage::Start => 0,
            Stage::Plain(output) => output.len(),
            Stage::Lz4(decoder) => decoder.bytes(),
        };
        output + self.input.capacity()
    }

    /// Decodes what can be decoded.
    pub(crate) fn decode(&mut self) -> Result<()> {
        let way = way_to(&self.pool);
        if let Stage::Start = self.stage {
            self.stage = self.begin(&way)?;
        }
        match &mut self.stage {
            Stage::Lz4(decoder) => {
                let mut rest = &self.input[..];
                let needed = decoder.push(&mut rest)?;
                self.wanted = needed.max(LEAST_PIECE);
                let done = self.input.len() - rest.len();
                self.input.drain(..done);
            }
            Stage::Plain(output) => {
                if output.len() + self.input.len() > LARGEST_CHUNK {
                    return Err(Error::data_loss("the chunk body is too long"));
                }
                output.extend(&self.input)?;
                self.input.clear();
            }
            Stage::Start => {}
        }
        Ok(())
    }

    fn begin(&self, way: &Weak<Pool>) -> Result<Stage> {
        if self.input.is_empty() {
            return Err(Error::data_loss("the chunk body is empty"));
        }
        let json = self.layout.format == Format::JsonArray;
        if json || writing(&self.input, self.layout.compression)? == Writing::Plain {
            return Ok(Stage::Plain(Output::new(self.expected, way)?));
        }
        let decoder = lz4::Decoder::new(self.expected, LARGEST_CHUNK, way)?;
        Ok(Stage::Lz4(Box::new(decoder)))
    }

    /// The rows that are whole and proved by their checksums, before the body has ended.
    pub(crate) fn early(&mut self) -> Result<Option<DecodedChunk>> {
        let Stage::Lz4(decoder) = &mut self.stage else {
            return Ok(None);
        };
        let Some(end) = whole_messages(decoder.verified()) else {
            return Ok(None);
        };
        self.expected = self.expected.saturating_sub(end);
        let front = decoder.split_front(end, self.expected)?;
        let batches = self.read(front)?;
        let schema = self.reader.schema();
        Ok(schema.map(|schema| DecodedChunk { schema, batches }))
    }

    /// The rows of a piece of the stream.
    fn read(&mut self, piece: Buffer) -> Result<Vec<RecordBatch>> {
        let batches = self.reader.push(piece.clone())?;
        if piece.len() < LEAST_PIECE || !is_scattered(&batches, &piece) {
            return Ok(batches);
        }
        self.pool.note_copied();
        moved_out(batches, &piece)
    }

    /// All rows that are left, once the body has ended.
    pub(crate) fn finish(mut self) -> Result<DecodedChunk> {
        self.decode()?;
        let whole = match std::mem::replace(&mut self.stage, Stage::Start) {
            Stage::Lz4(decoder) => decoder.finish(&self.input)?,
            Stage::Plain(output) => output.freeze(),
            Stage::Start => Buffer::default(),
        };
        self.pool.give_input(std::mem::take(&mut self.input));
        match self.layout.format {
            Format::ArrowStream => {
                let batches = self.read(whole)?;
                let schema = self.reader.finish()?;
                Ok(DecodedChunk { schema, batches })
            }
            Format::JsonArray => {
                json_rows(&json_array::parse_json_body(&whole)?, &self.layout.schema)
            }
            Format::Unknown => Err(Error::data_loss(
                "the result has a format that this driver did not ask for",
            )),
        }
    }
}

/// Rows of texts as a batch.
pub(super) fn json_rows(rows: &[Vec<Option<String>>], schema: &SchemaRef) -> Result<DecodedChunk> {
    let batches: Vec<RecordBatch> = vec![json_array::decode_json_rows(rows, schema)?];
    Ok(DecodedChunk {
        schema: Arc::clone(schema),
        batches,
    })
}

/// How much room to make for the output. Fresh room costs nothing until it is used, so it may be too
/// much; a wrong hint must not make it more than the body can fill.
fn expected_output(hint: Option<u64>, length: Option<u64>) -> usize {
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let hint = hint.map(size);
    let Some(length) = length.map(size) else {
        return hint.unwrap_or(LEAST_PIECE).min(MOST_GUESSED);
    };
    let most = length.saturating_mul(MAX_RATIO).saturating_add(LEAST_PIECE);
    let guess = hint
        .filter(|hint| *hint > length)
        .unwrap_or_else(|| length.saturating_mul(4));
    guess.min(most).min(LARGEST_CHUNK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_made_by_the_hint_as_far_as_the_body_can_fill_it() {
        let cases = [
            (Some(1_000_000), Some(400_000), 1_000_000),
            // The stored size says little of the output's.
            (Some(400_000), Some(400_000), 1_600_000),
            (None, Some(100), 400),
            (Some(2 << 30), Some(1000), 255_000 + LEAST_PIECE),
            (Some(2 << 30), None, MOST_GUESSED),
            (None, None, LEAST_PIECE),
        ];
        for (hint, length, expected) in cases {
            assert_eq!(expected_output(hint, length), expected);
        }
    }
}
