//! A chunk body to its record batches: LZ4 frames, then an Arrow IPC stream.
//!
//! Nothing is trusted: arrays are validated, and a stream that does not end with its own end marker
//! is an error, never a shorter result.

mod quiet;
mod texts;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::{MessageHeader, root_as_message};
use bytes::Bytes;

use self::texts::Texts;
use super::lz4;
use super::memory::no_pool;
use crate::client::wire::Compression;
use crate::client::{Error, Result};

/// How every message of an Arrow IPC stream starts.
const CONTINUATION: [u8; 4] = [0xFF; 4];

/// The data of one chunk.
#[derive(Clone, Debug)]
pub struct DecodedChunk {
    /// The schema as the stream gives it: without the labels of the manifest.
    pub schema: SchemaRef,
    /// The batches in order; they share one buffer.
    pub batches: Vec<RecordBatch>,
}

/// How a chunk body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writing {
    Plain,
    Lz4,
}

/// How a body that starts so is written. What it shows itself goes before what `compression` says of
/// it: small results have come plain although LZ4 was declared.
pub(crate) fn writing(start: &[u8], compression: Compression) -> Result<Writing> {
    let plain = start.starts_with(&CONTINUATION);
    if lz4::is_framed(start) || (compression == Compression::Lz4Frame && !plain) {
        return Ok(Writing::Lz4);
    }
    if compression == Compression::Unknown && !plain {
        return Err(Error::data_loss(
            "the chunk body is compressed in an unknown way",
        ));
    }
    Ok(Writing::Plain)
}

/// Decodes a chunk body that is there whole, to at most `max_output` bytes.
pub fn decode_body(
    body: Bytes,
    compression: Compression,
    max_output: usize,
) -> Result<DecodedChunk> {
    if body.is_empty() {
        return Err(Error::data_loss("the chunk body is empty"));
    }
    if writing(&body, compression)? == Writing::Plain {
        return decode_arrow(within(body, max_output)?.into());
    }
    let expected = body.len().saturating_mul(4);
    let mut decoder = lz4::Decoder::new(expected, max_output, &no_pool())?;
    let mut rest = &body[..];
    decoder.push(&mut rest)?;
    decode_arrow(decoder.finish(rest)?)
}

/// A body that may be so long.
fn within(body: Bytes, max_output: usize) -> Result<Bytes> {
    if body.len() <= max_output {
        return Ok(body);
    }
    Err(Error::data_loss(format!(
        "the chunk body has {} bytes, {max_output} are allowed",
        body.len()
    )))
}

/// Decodes a whole Arrow IPC stream; arrays point into `body` where their alignment allows it.
pub fn decode_arrow(body: Buffer) -> Result<DecodedChunk> {
    let mut reader = ArrowReader::default();
    let batches = reader.push(body)?;
    let schema = reader.finish()?;
    Ok(DecodedChunk { schema, batches })
}

/// Reads an Arrow IPC stream that comes in pieces.
#[derive(Debug, Default)]
pub(crate) struct ArrowReader {
    decoder: StreamDecoder,
    /// Columns that the decoder takes for binary data.
    texts: Option<Texts>,
    bytes: usize,
    batches: usize,
}

impl ArrowReader {
    /// How much of the stream has been read.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The batches that end in the next piece of the stream; they point into it.
    pub(crate) fn push(&mut self, piece: Buffer) -> Result<Vec<RecordBatch>> {
        // The reader slices and casts by numbers from the messages, and panics where some make no
        // sense.
        quiet::unless_it_panics(|| self.read(piece)).unwrap_or_else(|| {
            Err(Error::data_loss(
                "the Arrow stream is damaged: its reader panicked",
            ))
        })
    }

    fn read(&mut self, mut piece: Buffer) -> Result<Vec<RecordBatch>> {
        if self.bytes == 0
            && let Some((texts, decoder, length)) = Texts::begin(&piece)
        {
            (self.texts, self.decoder) = (Some(texts), decoder);
            self.bytes += length;
            piece.advance(length);
        }
        self.bytes += piece.len();
        let mut batches = Vec::new();
        loop {
            let batch = match self.decoder.decode(&mut piece) {
                Ok(Some(batch)) => batch,
                Ok(None) => break,
                Err(error) => return Err(self.undecodable(&piece, error)),
            };
            batches.push(match &self.texts {
                Some(texts) => texts
                    .restored(batch)
                    .map_err(|error| self.damaged(&piece, error))?,
                None => batch,
            });
        }
        self.batches += batches.len();
        Ok(batches)
    }

    /// The schema, once the stream has come to its end.
    pub(crate) fn finish(&mut self) -> Result<SchemaRef> {
        if !self.is_finished() {
            return Err(Error::data_loss(format!(
                "the Arrow stream stops after {} bytes and {} batches, before its end marker",
                self.bytes, self.batches
            )));
        }
        self.schema()
            .ok_or_else(|| Error::data_loss("the Arrow stream has no schema"))
    }

    /// The schema, as soon as it has come.
    pub(crate) fn schema(&self) -> Option<SchemaRef> {
        match &self.texts {
            Some(texts) => Some(Arc::clone(&texts.schema)),
            None => self.decoder.schema(),
        }
    }

    /// Whether the end marker was read. `finish` alone also passes between two messages; only after
    /// the marker one more byte is refused.
    fn is_finished(&mut self) -> bool {
        self.decoder.finish().is_ok() && self.decoder.decode(&mut Buffer::from([0_u8])).is_err()
    }

    fn undecodable(&mut self, rest: &Buffer, error: ArrowError) -> Error {
        if self.decoder.finish().is_ok() {
            let message = format!("{} bytes follow the end of the Arrow stream", rest.len());
            return Error::data_loss(message);
        }
        if error.to_string().contains("DepthLimitReached") {
            let message = "a column is nested deeper than Arrow streams are read, which is about 60 levels; \
                           select its parts, or to_json of it";
            return Error::data_loss(message).with_source(error);
        }
        self.damaged(rest, error)
    }

    fn damaged(&self, rest: &Buffer, error: ArrowError) -> Error {
        let offset = self.bytes - rest.len();
        let message = format!("the Arrow stream is damaged before byte {offset}: {error}");
        Error::data_loss(message).with_source(error)
    }
}

/// Follows the messages of an Arrow IPC stream as it grows, so that what cannot become one is noticed before it has
/// come whole, however long it is.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// Where the next message begins.
    next: u64,
    has_ended: bool,
}

/// Longest description of one message that is believed.
const LONGEST_HEAD: usize = 64 << 20;

impl Outline {
    /// Looks at the stream from `start` on, as far as it has come.
    pub(crate) fn follow(&mut self, start: u64, stream: &[u8], most: usize) -> Result<()> {
        while let Some(rest) = (self.next.checked_sub(start))
            .and_then(|at| stream.get(usize::try_from(at).ok()?..))
            .filter(|rest| !rest.is_empty())
        {
            if self.has_ended {
                return Err(Error::data_loss(
                    "more bytes follow the end of the Arrow stream",
                ));
            }
            let Some(length) = self.message(rest, most)? else {
                break;
            };
            self.next += length;
        }
        Ok(())
    }

    /// How long the message is that `rest` begins with, once it has come so far as to tell.
    fn message(&mut self, rest: &[u8], most: usize) -> Result<Option<u64>> {
        let damaged = |what: &str| {
            Error::data_loss(format!(
                "the Arrow stream is damaged at byte {}: {what}",
                self.next
            ))
        };
        // Streams of old writers have the length only.
        let prefix = rest.strip_prefix(&CONTINUATION).map_or(4, |_| 8);
        let Some((length, rest)) = rest.get(prefix - 4..).and_then(<[u8]>::split_first_chunk)
        else {
            return Ok(None);
        };
        let length = usize::try_from(i32::from_le_bytes(*length))
            .ok()
            .filter(|length| *length <= LONGEST_HEAD)
            .ok_or_else(|| damaged("a message has an impossible length"))?;
        if length == 0 {
            self.has_ended = true;
            return Ok(Some(prefix as u64));
        }
        let Some(head) = rest.get(..length) else {
            return Ok(None);
        };
        let message = root_as_message(head).map_err(|why| damaged(&why.to_string()))?;
        let body = u64::try_from(message.bodyLength())
            .ok()
            .filter(|body| *body <= most as u64)
            .ok_or_else(|| damaged("the body of a message has an impossible length"))?;
        Ok(Some((prefix + length) as u64 + body))
    }
}

/// Messages that are whole at the start of a stream, with rows among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Messages {
    /// Where they end.
    pub(crate) end: usize,
    /// Where the values of the first rows begin.
    pub(crate) rows: usize,
}

/// The messages that are whole at the start of a stream, if there are rows among them. What cannot be read
/// ends the search: the reader will say what is wrong with it.
pub(crate) fn whole_messages(stream: &[u8]) -> Option<Messages> {
    let (mut end, mut rows) = (0, None);
    while let Some(message) = message(&stream[end..]) {
        if message.header.header_type() == MessageHeader::RecordBatch {
            rows = rows.or(Some(end + message.body));
        }
        end += message.length;
    }
    rows.map(|rows| Messages { end, rows })
}

/// A message of a stream, counted from where it begins.
struct Message<'a> {
    header: arrow::ipc::Message<'a>,
    /// Where its body begins.
    body: usize,
    length: usize,
}

/// The message that `stream` starts with, if it is there whole.
fn message(stream: &[u8]) -> Option<Message<'_>> {
    let rest = stream.strip_prefix(&CONTINUATION)?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(i32::from_le_bytes(*length)).ok()?;
    let (head, rest) = rest.split_at_checked(length).filter(|_| length > 0)?;
    let header = root_as_message(head).ok()?;
    let body = 8 + length;
    let body_length = usize::try_from(header.bodyLength()).ok()?;
    (body_length <= rest.len()).then_some(Message {
        header,
        body,
        length: body + body_length,
    })
}

#[cfg(test)]
mod tests;
