//! One chunk: find it, read it, decode it and check it; repeat what a repetition can mend.

use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::Arc;

use arrow::array::{Array, ArrayData};
use arrow::buffer::NullBuffer;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, TimeDelta};

use super::decode::{self, DecodedChunk};
use super::external_links::{LinkBook, Located};
use super::inline::{self, InlineBody};
use super::json_array;
use crate::client::transport::Transport;
use crate::client::transport::retry::{Attempts, Verdict};
use crate::client::wire::{ChunkInfo, Compression, ExternalLink, Format};
use crate::client::{Error, ErrorCode, Result};

/// A link that expires sooner is renewed before it is used.
const LEAST_LIFE: TimeDelta = TimeDelta::seconds(30);

/// How often a link that storage refuses is renewed for one chunk.
const MOST_RENEWALS: u32 = 3;

/// Bodies that are smaller are decoded where they arrive; others on the blocking pool.
const SMALL_BODY: usize = 64 << 10;

/// Most bytes that one chunk may decode to.
const LARGEST_CHUNK: usize = 8 << 30;

/// A decoded and checked chunk.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) row_offset: Option<u64>,
    pub(crate) rows: u64,
    /// The chunk that it names as the one after it.
    pub(crate) next_chunk_index: Option<u64>,
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
}

impl Chunk {
    /// Bytes of memory that the chunk keeps in use. Its arrays share a buffer, which counts once.
    pub(crate) fn bytes(&self) -> usize {
        let mut buffers = HashMap::new();
        for column in self.batches.iter().flat_map(RecordBatch::columns) {
            note_buffers(&column.to_data(), &mut buffers);
        }
        buffers.values().sum()
    }
}

/// Notes the allocations that `data` keeps alive, and their sizes.
fn note_buffers(data: &ArrayData, buffers: &mut HashMap<NonNull<u8>, usize>) {
    let nulls = data.nulls().map(NullBuffer::buffer);
    for buffer in data.buffers().iter().chain(nulls) {
        buffers.insert(buffer.data_ptr(), buffer.capacity());
    }
    for child in data.child_data() {
        note_buffers(child, buffers);
    }
}

/// How the bodies of a result are to be read.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) format: Format,
    pub(crate) compression: Compression,
    /// The schema by the manifest, which JSON is read into.
    pub(crate) schema: SchemaRef,
}

/// Reads the chunks of one result.
#[derive(Debug)]
pub(crate) struct Downloader {
    pub(crate) transport: Arc<Transport>,
    pub(crate) book: LinkBook,
    pub(crate) layout: Layout,
    pub(crate) listed: Vec<ChunkInfo>,
}

impl Downloader {
    /// Chunk `index`, whole; or the reason why it cannot be had.
    pub(crate) async fn chunk(&self, index: u64) -> Result<Chunk> {
        let mut network = Attempts::new(&self.transport.config().retry.storage);
        let mut damage = Attempts::new(&self.transport.config().retry.storage);
        let mut renewals = 0;
        let mut found_damaged = None;
        loop {
            let located = match self.located(index).await {
                Ok(located) => located,
                // That there is no other body does not tell what was wrong with the one we had.
                Err(error) => return Err(found_damaged.unwrap_or(error)),
            };
            match self.read(index, &located).await {
                Ok(chunk) => return Ok(chunk),
                Err(Trouble::Refused(error)) => {
                    renewals += 1;
                    if renewals > MOST_RENEWALS || !network.another(Verdict::Again(None)).await {
                        return Err(error);
                    }
                }
                Err(Trouble::Network(error, verdict)) => {
                    if !network.another(verdict).await {
                        return Err(error);
                    }
                    continue;
                }
                Err(Trouble::Damaged(error)) => {
                    let error = error.with_context(&format!("chunk {index} of the result"));
                    if !damage.another(Verdict::Briefly).await {
                        return Err(error);
                    }
                    found_damaged = Some(error);
                }
            }
            // Another link may lead to an undamaged body, too.
            self.book.forget(index);
        }
    }

    /// Where the chunk is, with a link that will live for a while.
    async fn located(&self, index: u64) -> Result<Located> {
        let located = self.book.locate(index).await?;
        match &located {
            Located::Link(link) if self.expires_soon(link) => {
                self.book.forget(index);
                self.book.locate(index).await
            }
            _ => Ok(located),
        }
    }

    fn expires_soon(&self, link: &ExternalLink) -> bool {
        let expiration = link.expiration.as_deref().map(DateTime::parse_from_rfc3339);
        matches!(expiration, Some(Ok(at)) if at.to_utc() - self.transport.service_time() < LEAST_LIFE)
    }

    async fn read(&self, index: u64, located: &Located) -> Result<Chunk, Trouble> {
        let body = match located {
            Located::Link(link) => {
                let body = self.transport.read_link(link).await.map_err(|failure| {
                    let failure = failure.unless_connected(
                        "the cloud storage that holds the result cannot be reached; where a \
                         firewall is in the way, use_cloud_fetch=False asks for results without it",
                    );
                    match failure.error.http_status() {
                        Some(400 | 403 | 404 | 410) => Trouble::Refused(failure.error),
                        _ => Trouble::Network(failure.error, failure.verdict),
                    }
                })?;
                InlineBody::Arrow(body)
            }
            Located::Inline(data) => inline::body(data).map_err(Trouble::Damaged)?,
        };
        let declared = located
            .row_count()
            .or_else(|| self.listed(index).map(|info| info.row_count));
        let layout = self.layout.clone();
        let decoded = if size(&body) < SMALL_BODY {
            decode(body, &layout, declared)
        } else {
            tokio::task::spawn_blocking(move || decode(body, &layout, declared))
                .await
                .unwrap_or_else(|why| {
                    Err(Error::new(ErrorCode::Internal, "decoding a chunk failed").with_source(why))
                })
        };
        let DecodedChunk { schema, batches } = decoded.map_err(Trouble::Damaged)?;
        let rows = count(&batches);
        let row_offset = located
            .row_offset()
            .or_else(|| self.listed(index).map(|info| info.row_offset));
        Ok(Chunk {
            row_offset,
            rows,
            next_chunk_index: located.next_chunk_index(),
            schema,
            batches,
        })
    }

    fn listed(&self, index: u64) -> Option<ChunkInfo> {
        self.listed
            .iter()
            .find(|info| info.chunk_index == index)
            .copied()
    }

    /// How many bytes the chunk will roughly take.
    pub(crate) fn estimate(&self, index: u64) -> usize {
        const UNKNOWN: u64 = 16 << 20;
        let listed = self.listed(index).and_then(|info| info.byte_count);
        let linked = || match self.book.peek(index) {
            Some(Located::Link(link)) => link.byte_count,
            _ => None,
        };
        usize::try_from(listed.or_else(linked).unwrap_or(UNKNOWN)).unwrap_or(usize::MAX)
    }
}

/// Why a chunk could not be read this time.
enum Trouble {
    /// Storage refuses the link.
    Refused(Error),
    /// Storage gave no whole answer.
    Network(Error, Verdict),
    /// What came is not what was promised.
    Damaged(Error),
}

fn size(body: &InlineBody) -> usize {
    match body {
        InlineBody::Arrow(body) => body.len(),
        InlineBody::Rows(rows) => rows.len(),
    }
}

fn count(batches: &[RecordBatch]) -> u64 {
    batches
        .iter()
        .map(|batch| u64::try_from(batch.num_rows()).unwrap_or(u64::MAX))
        .sum()
}

fn decode(body: InlineBody, layout: &Layout, declared: Option<u64>) -> Result<DecodedChunk> {
    let json = |rows: &[Vec<Option<String>>]| -> Result<DecodedChunk> {
        let batch = json_array::decode_json_rows(rows, &layout.schema)?;
        Ok(DecodedChunk {
            schema: Arc::clone(&layout.schema),
            batches: vec![batch],
        })
    };
    let mut decoded = match (body, layout.format) {
        (InlineBody::Rows(rows), _) => json(&rows)?,
        (InlineBody::Arrow(body), Format::JsonArray) => json(&json_array::parse_json_body(&body)?)?,
        (InlineBody::Arrow(body), Format::ArrowStream) => {
            decode::decode_body(body.into(), layout.compression, LARGEST_CHUNK)?
        }
        (_, Format::Unknown) => {
            return Err(Error::data_loss(
                "the result has a format that this driver did not ask for",
            ));
        }
    };
    if let Some(declared) = declared {
        decoded.batches = decode::slice_to_rows(decoded.batches, declared)?;
    }
    Ok(decoded)
}
