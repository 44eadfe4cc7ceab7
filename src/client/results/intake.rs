//! The body of one chunk as it arrives: decoded piece by piece, and read to its end.

use std::sync::{Arc, Weak};

use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use super::decode::{
    ArrowReader, DecodedChunk, Messages, Outline, Writing, whole_messages, writing,
};
use super::json_array;
use super::lz4::{self, MAX_RATIO};
use super::memory::{ALIGNMENT, Input, Output, Pool, way_to};
use super::placement::{Placement, moved_out};
use crate::client::wire::{Compression, Format};
use crate::client::{Error, Result};

/// Most bytes that one chunk may decode to.
pub(super) const LARGEST_CHUNK: usize = 8 << 30;

/// What arrives is looked at in pieces of this size at least.
const LEAST_PIECE: usize = 64 << 10;

/// The most that is reserved for a body whose length nobody tells.
const MOST_GUESSED: usize = 64 << 20;

/// After the first rows, others are given early only if what is moved is at most this part of them.
const MOST_MOVED: usize = 4;

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
    input: Input,
    /// How much of the body has not come, where its length is known.
    left: usize,
    /// How much must have come for decoding to get further.
    wanted: usize,
    stage: Stage,
    outline: Outline,
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
            left: length.map_or(usize::MAX, size),
            wanted: LEAST_PIECE,
            stage: Stage::Start,
            outline: Outline::default(),
            reader: ArrowReader::default(),
        }
    }

    /// Takes what came next; whether there is something to decode.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<bool> {
        self.input.extend(bytes, self.wanted, self.left)?;
        self.left = self.left.saturating_sub(bytes.len());
        Ok(self.input.len() >= self.wanted)
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
                let mut rest = self.input.bytes();
                let needed = decoder.push(&mut rest)?;
                self.wanted = needed.max(LEAST_PIECE);
                let done = self.input.len() - rest.len();
                self.input.consume(done);
            }
            Stage::Plain(output) => {
                if output.len() + self.input.len() > LARGEST_CHUNK {
                    return Err(Error::data_loss("the chunk body is too long"));
                }
                output.extend(self.input.bytes())?;
                self.input.consume(self.input.len());
            }
            Stage::Start => {}
        }
        self.follow()
    }

    /// Ends what cannot become a chunk before it has come whole.
    fn follow(&mut self) -> Result<()> {
        let (start, stream) = match &self.stage {
            Stage::Lz4(decoder) => decoder.output(),
            Stage::Plain(output) => (0, output.filled()),
            Stage::Start => return Ok(()),
        };
        if self.layout.format == Format::ArrowStream {
            self.outline.follow(start, stream, LARGEST_CHUNK)?;
        }
        Ok(())
    }

    fn begin(&self, way: &Weak<Pool>) -> Result<Stage> {
        if self.input.len() == 0 {
            return Err(Error::data_loss("the chunk body is empty"));
        }
        let json = self.layout.format == Format::JsonArray;
        if json || writing(self.input.bytes(), self.layout.compression)? == Writing::Plain {
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
        let Some(Messages { end, rows }) = whole_messages(decoder.verified()) else {
            return Ok(None);
        };
        // What lies behind is moved, which costs more than it brings where that is much.
        let behind = decoder.bytes() - end;
        if self.reader.bytes() > 0 && behind > end / MOST_MOVED {
            return Ok(None);
        }
        self.pool.guess_lane(self.reader.bytes() + rows);
        self.expected = self.expected.saturating_sub(end);
        let front = decoder.split_front(end, self.expected)?;
        let batches = self.read(front)?;
        let schema = self.reader.schema();
        Ok(schema.map(|schema| DecodedChunk { schema, batches }))
    }

    /// The rows of a piece of the stream.
    fn read(&mut self, piece: Buffer) -> Result<Vec<RecordBatch>> {
        let offset = self.reader.bytes();
        let batches = self.reader.push(piece.clone())?;
        if piece.len() < LEAST_PIECE {
            return Ok(batches);
        }
        let placement = Placement::of(&batches, &piece);
        if placement.is_misaligned() {
            // Half of the alignment is what Arrow promises, so they lie at the other half.
            let aligned = ALIGNMENT - piece.as_ptr().addr() % ALIGNMENT;
            self.pool.note_lane(offset + aligned + ALIGNMENT / 2);
        }
        self.pool.note_copied(placement.is_scattered());
        if placement.is_scattered() {
            moved_out(batches, &piece)
        } else {
            Ok(batches)
        }
    }

    /// All rows that are left, once the body has ended.
    pub(crate) fn finish(mut self) -> Result<DecodedChunk> {
        self.decode()?;
        let whole = match std::mem::replace(&mut self.stage, Stage::Start) {
            Stage::Lz4(decoder) => decoder.finish(self.input.bytes())?,
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

pub(super) fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// How much room to make for the output. Fresh room costs nothing until it is used, so it may be too
/// much; a wrong hint must not make it more than the body can fill.
fn expected_output(hint: Option<u64>, length: Option<u64>) -> usize {
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
    use arrow::array::{ArrayRef, Decimal128Array, Int64Array};
    use arrow::ipc::writer::StreamWriter;

    use super::*;

    const ROWS: usize = 4096;

    fn batch() -> RecordBatch {
        let numbers = || (0..).take(ROWS);
        let columns: [(&str, ArrayRef); 3] = [
            ("n", Arc::new(numbers().collect::<Int64Array>())),
            (
                "d",
                Arc::new(Decimal128Array::from_iter_values(numbers().map(i128::from))),
            ),
            (
                "e",
                Arc::new(
                    numbers()
                        .map(|n| (n % 3 > 0).then(|| n.into()))
                        .collect::<Decimal128Array>(),
                ),
            ),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
            .unwrap()
    }

    /// A body of `batches`, whose schema is so long that decimals begin at another multiple of eight bytes
    /// for another `padding`.
    fn body(batches: &[RecordBatch], padding: usize) -> Vec<u8> {
        let mut metadata = arrow::datatypes::Metadata::default();
        metadata.insert("padding", "x".repeat(padding));
        let schema = batches[0].schema().as_ref().clone().with_metadata(metadata);
        let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
        for batch in batches {
            let batch = batch.clone().with_schema(Arc::new(schema.clone())).unwrap();
            writer.write(&batch).unwrap();
        }
        writer.into_inner().unwrap()
    }

    fn compressed(body: &[u8]) -> Vec<u8> {
        let info = lz4_flex::frame::FrameInfo::new()
            .block_size(lz4_flex::frame::BlockSize::Max64KB)
            .block_checksums(true)
            .content_checksum(true);
        let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
        std::io::Write::write_all(&mut encoder, body).unwrap();
        encoder.finish().unwrap()
    }

    fn layout(compression: Compression) -> Layout {
        Layout {
            format: Format::ArrowStream,
            compression,
            schema: batch().schema(),
        }
    }

    /// The batches of a body that comes in pieces, as early as they are there.
    fn taken(intake: Intake, body: &[u8]) -> Vec<RecordBatch> {
        let (mut intake, mut batches) = (intake, Vec::new());
        for piece in body.chunks(50_000) {
            if intake.add(piece).unwrap() {
                intake.decode().unwrap();
                batches.extend(
                    intake
                        .early()
                        .unwrap()
                        .into_iter()
                        .flat_map(|chunk| chunk.batches),
                );
            }
        }
        batches.extend(intake.finish().unwrap().batches);
        batches
    }

    fn addresses(batches: &[RecordBatch]) -> Vec<[usize; 3]> {
        let address = |column: &ArrayRef| column.to_data().buffers()[0].as_ptr().addr();
        let of = |batch: &RecordBatch| [0, 1, 2].map(|column| address(batch.column(column)));
        batches.iter().map(of).collect()
    }

    #[test]
    fn decimals_lie_in_their_buffer_wherever_they_begin_in_the_body() {
        let rows = batch();
        let batches = vec![rows; 8];
        for compression in [Compression::None, Compression::Lz4Frame] {
            for padding in [0, 8] {
                let plain = body(&batches, padding);
                let sent = match compression {
                    Compression::Lz4Frame => compressed(&plain),
                    _ => plain.clone(),
                };
                let pool = Arc::new(Pool::default());
                let mut copied = Vec::new();
                for _ in 0..3 {
                    let hint = Some(plain.len() as u64);
                    let intake = Intake::new(layout(compression), &pool, hint, None);
                    let taken = taken(intake, &sent);
                    assert_eq!(
                        taken.iter().map(RecordBatch::num_rows).sum::<usize>(),
                        8 * ROWS
                    );
                    for (batch, expected) in taken.iter().zip(&batches) {
                        assert_eq!(batch.columns(), expected.columns());
                    }
                    let spans = addresses(&taken);
                    copied.push(spans.iter().filter(|span| !in_order(span)).count());
                }
                assert_eq!(copied[1..], [0, 0], "{compression:?} {padding}");
            }
        }
    }

    /// Whether the columns follow one another as they do in a body.
    fn in_order([numbers, decimals, others]: &[usize; 3]) -> bool {
        let gap = |from: usize, to: usize| to.checked_sub(from).is_some_and(|gap| gap < 20 * ROWS);
        gap(*numbers, *decimals) && gap(*decimals, *others)
    }

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
