//! A chunk body to its record batches: LZ4 frames, then an Arrow IPC stream.
//!
//! Nothing is trusted: arrays are validated, and a stream that does not end with its own end marker
//! is an error, never a shorter result.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use bytes::Bytes;

use super::lz4;
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

/// Decodes a chunk body, to at most `max_output` bytes.
///
/// What the body itself shows goes before what `compression` says of it: small results have come
/// plain although LZ4 was declared.
pub fn decode_body(
    body: Bytes,
    compression: Compression,
    max_output: usize,
) -> Result<DecodedChunk> {
    if body.is_empty() {
        return Err(Error::data_loss("the chunk body is empty"));
    }
    let plain = body.starts_with(&CONTINUATION);
    if lz4::is_framed(&body) || (compression == Compression::Lz4Frame && !plain) {
        let decompressed = lz4::decompress_frames(&body, max_output)?;
        drop(body);
        return decode_arrow(Buffer::from_vec(decompressed));
    }
    if compression == Compression::Unknown && !plain {
        return Err(Error::data_loss(
            "the chunk body is compressed in an unknown way",
        ));
    }
    if body.len() > max_output {
        let message = format!(
            "the chunk body has {} bytes, {max_output} are allowed",
            body.len()
        );
        return Err(Error::data_loss(message));
    }
    decode_arrow(Buffer::from(body))
}

/// Decodes a whole Arrow IPC stream; arrays point into `body` where their alignment allows it.
pub fn decode_arrow(body: Buffer) -> Result<DecodedChunk> {
    // The reader slices and casts by numbers from the messages, and panics where some make no sense.
    // It owns all that it touches, so nothing half-done is left behind.
    catch_unwind(AssertUnwindSafe(|| read_stream(body))).unwrap_or_else(|_| {
        Err(Error::data_loss(
            "the Arrow stream is damaged: its reader panicked",
        ))
    })
}

fn read_stream(mut body: Buffer) -> Result<DecodedChunk> {
    let length = body.len();
    let mut decoder = StreamDecoder::new();
    let mut batches = Vec::new();
    loop {
        match decoder.decode(&mut body) {
            Ok(Some(batch)) => batches.push(batch),
            Ok(None) => break,
            Err(error) => return Err(undecodable(&mut decoder, &body, length, error)),
        }
    }
    if !is_finished(&mut decoder) {
        return Err(Error::data_loss(format!(
            "the Arrow stream stops after {length} bytes and {} batches, before its end marker",
            batches.len()
        )));
    }
    let schema = decoder
        .schema()
        .ok_or_else(|| Error::data_loss("the Arrow stream has no schema"))?;
    Ok(DecodedChunk { schema, batches })
}

/// Whether the end marker was read. `finish` alone also passes between two messages; only after the
/// marker one more byte is refused.
fn is_finished(decoder: &mut StreamDecoder) -> bool {
    decoder.finish().is_ok() && decoder.decode(&mut Buffer::from([0_u8])).is_err()
}

fn undecodable(
    decoder: &mut StreamDecoder,
    rest: &Buffer,
    length: usize,
    error: ArrowError,
) -> Error {
    if decoder.finish().is_ok() {
        let message = format!("{} bytes follow the end of the Arrow stream", rest.len());
        return Error::data_loss(message);
    }
    let offset = length - rest.len();
    let message = format!("the Arrow stream is damaged before byte {offset}: {error}");
    Error::data_loss(message).with_source(error)
}

/// The first `rows` rows of `batches`, all of which must be there.
pub fn slice_to_rows(batches: Vec<RecordBatch>, rows: u64) -> Result<Vec<RecordBatch>> {
    let mut missing = rows;
    let mut sliced = Vec::with_capacity(batches.len());
    for batch in batches {
        if missing == 0 {
            break;
        }
        let wanted = usize::try_from(missing)
            .unwrap_or(usize::MAX)
            .min(batch.num_rows());
        missing -= wanted as u64;
        sliced.push(if wanted < batch.num_rows() {
            batch.slice(0, wanted)
        } else {
            batch
        });
    }
    if missing > 0 {
        let found = rows - missing;
        return Err(Error::data_loss(format!(
            "the chunk declares {rows} rows and has {found}"
        )));
    }
    Ok(sliced)
}

#[cfg(test)]
mod tests;
