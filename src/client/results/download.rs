//! One chunk: find it, read it, decode it and check it; repeat what a repetition can mend.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, TimeDelta};
use reqwest::header::HeaderValue;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::Received;
use super::budget::Reservation;
use super::decode::{DecodedChunk, decode_body};
use super::external_links::{LinkBook, Located};
use super::halves::{Halves, Spare};
use super::inline::{self, InlineBody};
use super::intake::{Intake, LARGEST_CHUNK, Layout, json_rows};
use super::json_array::parse_json_body;
use super::memory::Pool;
use super::progress::Progress;
use crate::client::transport::Transport;
use crate::client::transport::retry::{Attempts, Verdict};
use crate::client::transport::storage::Broken;
use crate::client::wire::{ChunkInfo, ExternalLink, Format, ResultData};
use crate::client::{Error, ErrorCode, Result};

/// A link that expires sooner is renewed before it is used.
const LEAST_LIFE: TimeDelta = TimeDelta::seconds(30);

/// How often a link that storage refuses is renewed for one chunk.
const MOST_RENEWALS: u32 = 3;

/// Less is decoded where it arrives; more on the blocking pool.
const SMALL: usize = 64 << 10;

/// What a download holds of a chunk before it is decoded: a block of LZ4 and what came with its end.
const MOST_UNDECODED: usize = 5 << 20;

/// Of smaller chunks that is not counted.
const LEAST_COUNTED: usize = 1 << 20;

/// Rows of a chunk, or all of them.
#[derive(Debug)]
pub(crate) struct Piece {
    /// How many rows of the result come before.
    pub(crate) row_offset: Option<u64>,
    pub(crate) rows: u64,
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
    /// Whether the chunk ends here.
    pub(crate) is_last: bool,
    /// The chunk that this one names as the one after it.
    pub(crate) next_chunk_index: Option<u64>,
}

/// Reads the chunks of one result.
#[derive(Debug)]
pub(crate) struct Downloader {
    pub(crate) transport: Arc<Transport>,
    pub(crate) book: LinkBook,
    pub(crate) layout: Layout,
    pub(crate) listed: Vec<ChunkInfo>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) progress: Progress,
    /// For each connection that is in use, be it the second one of a chunk.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) received: Arc<Received>,
}

/// What the reader has of a chunk.
#[derive(Debug)]
struct Given {
    index: u64,
    /// A body that is read anew begins with these rows.
    rows: u64,
}

/// One chunk on its way, over all attempts at it.
struct Download<'a> {
    given: Given,
    partial: Option<Partial>,
    /// A second half was used, so that no other one is if that did not bring the chunk.
    in_one: bool,
    early: Option<Early<'a>>,
}

/// Who takes rows before the chunk has come whole, and the room that they take.
#[derive(Clone, Copy)]
struct Early<'a> {
    reader: &'a UnboundedSender<Result<Piece>>,
    room: &'a Reservation,
}

/// A body that has not come to its end.
#[derive(Debug)]
struct Partial {
    intake: Intake,
    bytes: u64,
    tag: Option<HeaderValue>,
    /// How long the whole body is, where that is known.
    length: Option<u64>,
    /// Rows that were taken out of it.
    rows: u64,
}

impl Downloader {
    /// Gives the reader chunk `index`, whole; or the reason why it cannot be had.
    pub(crate) async fn chunk(
        &self,
        index: u64,
        reader: &UnboundedSender<Result<Piece>>,
        room: &Reservation,
    ) {
        let _place = self.places.acquire().await;
        let download = Download {
            given: Given { index, rows: 0 },
            partial: None,
            in_one: false,
            early: Some(Early { reader, room }),
        };
        let last = self.attempts(download).await;
        self.progress.begin();
        // A reader that has gone needs nothing.
        drop(reader.send(last));
    }

    /// Tries until the last piece of a chunk is there.
    async fn attempts(&self, mut download: Download<'_>) -> Result<Piece> {
        let mut network = Attempts::new(&self.transport.config().retry.storage);
        let mut damage = Attempts::new(&self.transport.config().retry.storage);
        let mut renewals = 0;
        let mut farthest = 0;
        let mut found_damaged = None;
        loop {
            let located = match self.located(download.given.index).await {
                Ok(located) => located,
                // That there is no other body does not tell what was wrong with the one we had.
                Err(error) => return Err(found_damaged.unwrap_or(error)),
            };
            match self.read(&located, &mut download).await {
                Ok(piece) => return Ok(piece),
                Err(Trouble::Refused(error)) => {
                    renewals += 1;
                    if renewals > MOST_RENEWALS || !network.another(Verdict::Again(None)).await {
                        return Err(error);
                    }
                }
                Err(Trouble::Network(error, verdict)) => {
                    let came = download.partial.as_ref().map_or(0, |partial| partial.bytes);
                    if came > farthest + SMALL as u64 {
                        // It goes on, however often it breaks off.
                        network = Attempts::new(&self.transport.config().retry.storage);
                    }
                    farthest = farthest.max(came);
                    if !network.another(verdict).await {
                        return Err(error);
                    }
                    continue;
                }
                Err(Trouble::Damaged(error)) => {
                    download.partial = None;
                    let context = format!("chunk {} of the result", download.given.index);
                    let error = error.with_context(&context);
                    if !damage.another(Verdict::Briefly).await {
                        return Err(error);
                    }
                    found_damaged = Some(error);
                }
            }
            // Another link may lead to an undamaged body, too.
            self.book.forget(download.given.index);
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

    async fn read(&self, located: &Located, download: &mut Download<'_>) -> Result<Piece, Trouble> {
        match located {
            Located::Link(link) => self.read_link(link, located, download).await,
            Located::Inline(data) => {
                let (data, layout) = (Arc::clone(data), self.layout.clone());
                let small = data.attachment.as_ref().map_or(0, String::len) < SMALL
                    && data.data_array.is_none();
                let chunk = decoding(small, move || decode_inline(&data, &layout)).await;
                self.last_piece(located, &mut download.given, chunk, 0)
            }
        }
    }

    async fn read_link(
        &self,
        link: &Arc<ExternalLink>,
        located: &Located,
        download: &mut Download<'_>,
    ) -> Result<Piece, Trouble> {
        let broken = download.partial.as_ref().and_then(|partial| {
            let tag = partial.tag.clone()?;
            Some(Broken {
                bytes: partial.bytes,
                tag,
                length: partial.length,
            })
        });
        let asked = Instant::now();
        let opened = self.transport.open_link(link, broken.as_ref()).await;
        let body = opened.map_err(|failure| {
            let failure = failure.unless_connected(&format!(
                "the cloud storage that holds the result cannot be reached; where a firewall is in \
                 the way, {} asks for results without it",
                self.transport.config().names.no_external_links
            ));
            match failure.error.http_status() {
                Some(400 | 403 | 404 | 410) => Trouble::Refused(failure.error),
                // The range that is missing may not be there any more.
                Some(416) => Trouble::Damaged(failure.error),
                _ => Trouble::Network(failure.error, failure.verdict),
            }
        })?;
        self.progress.step();
        let mut partial = match download.partial.take().filter(|_| !body.is_new) {
            Some(partial) => partial,
            None => Partial {
                intake: Intake::new(
                    self.layout.clone(),
                    &self.pool,
                    self.byte_count(download.given.index).or(link.byte_count),
                    body.length,
                ),
                bytes: 0,
                tag: body.tag.clone(),
                length: body.length,
                rows: 0,
            },
        };
        let mut body = Halves::new(&self.transport, link, body, asked.elapsed());
        loop {
            let second = self.progress.is_at_its_end() && !download.in_one;
            let spare = download.early.filter(|_| second).map(|early| Spare {
                room: early.room,
                transit: self.transit(download.given.index),
                places: &self.places,
            });
            let part = match body.next(spare).await {
                Ok(Some(part)) => part,
                Ok(None) => break,
                Err(failure) => {
                    download.partial = Some(partial);
                    return Err(Trouble::Network(failure.error, failure.verdict));
                }
            };
            download.in_one |= body.is_mixed();
            self.progress.step();
            partial.bytes += part.len() as u64;
            self.received.add_bytes(part.len());
            if partial.intake.add(&part).map_err(Trouble::Damaged)? {
                drop(part);
                partial = self.decode(partial, located, download).await?;
            }
        }
        let (small, rows) = (partial.intake.waiting() < SMALL, partial.rows);
        let chunk = decoding(small, move || partial.intake.finish()).await;
        self.progress.step();
        self.last_piece(located, &mut download.given, chunk, rows)
    }

    /// Decodes what has come of a body, and gives its rows where they are waited for.
    async fn decode(
        &self,
        mut partial: Partial,
        located: &Located,
        download: &mut Download<'_>,
    ) -> Result<Partial, Trouble> {
        // Rows that are copied out of their buffer leave it free for the next ones.
        let awaited = self.progress.wants_early(download.given.index) || self.pool.is_copied();
        let awaited = awaited && download.early.is_some();
        let (mut partial, early) = decoding(false, move || {
            partial.intake.decode()?;
            let early = if awaited {
                partial.intake.early()?
            } else {
                None
            };
            Ok((partial, early))
        })
        .await
        .map_err(Trouble::Damaged)?;
        self.progress.step();
        let Some(Early { reader, room }) = download.early else {
            return Ok(partial);
        };
        room.grow(partial.intake.bytes());
        if let Some(chunk) = early {
            let (piece, rows) = self.piece(located, &mut download.given, chunk, partial.rows);
            partial.rows += rows;
            self.progress.begin();
            drop(reader.send(Ok(piece)));
        }
        Ok(partial)
    }

    fn last_piece(
        &self,
        located: &Located,
        given: &mut Given,
        chunk: Result<DecodedChunk>,
        before: u64,
    ) -> Result<Piece, Trouble> {
        let chunk = chunk.map_err(Trouble::Damaged)?;
        let found = before + count(&chunk.batches);
        let declared = self.declared(located, given.index);
        let least = declared.unwrap_or_default().max(given.rows);
        if found < least {
            let message = format!("the chunk declares {least} rows and has {found}");
            return Err(Trouble::Damaged(Error::data_loss(message)));
        }
        let (mut piece, _) = self.piece(located, given, chunk, before);
        piece.is_last = true;
        piece.next_chunk_index = located.next_chunk_index();
        Ok(piece)
    }

    /// The rows of `chunk`, of whose body `before` rows have been read, that the reader does not have
    /// and that were declared; and how many the body had.
    fn piece(
        &self,
        located: &Located,
        given: &mut Given,
        chunk: DecodedChunk,
        before: u64,
    ) -> (Piece, u64) {
        let found = count(&chunk.batches);
        let declared = self.declared(located, given.index).unwrap_or(u64::MAX);
        let known = given.rows.saturating_sub(before);
        let wanted = declared.saturating_sub(before);
        let batches = slice(chunk.batches, known, wanted);
        let rows = count(&batches);
        let row_offset = located
            .row_offset()
            .or_else(|| self.listed(given.index).map(|info| info.row_offset))
            .map(|offset| offset + given.rows);
        given.rows += rows;
        let piece = Piece {
            row_offset,
            rows,
            schema: chunk.schema,
            batches,
            is_last: false,
            next_chunk_index: None,
        };
        (piece, found)
    }

    fn declared(&self, located: &Located, index: u64) -> Option<u64> {
        located
            .row_count()
            .or_else(|| self.listed(index).map(|info| info.row_count))
    }

    fn listed(&self, index: u64) -> Option<ChunkInfo> {
        let place = usize::try_from(index).ok()?;
        let in_place = self.listed.get(place);
        in_place
            .filter(|info| info.chunk_index == index)
            .or_else(|| self.listed.iter().find(|info| info.chunk_index == index))
            .copied()
    }

    fn byte_count(&self, index: u64) -> Option<u64> {
        self.listed(index).and_then(|info| info.byte_count)
    }

    /// How many bytes the chunk will roughly take.
    pub(crate) fn estimate(&self, index: u64) -> usize {
        const UNKNOWN: u64 = 16 << 20;
        let linked = || match self.book.peek(index) {
            Some(Located::Link(link)) => link.byte_count,
            _ => None,
        };
        let bytes = self.byte_count(index).or_else(linked).unwrap_or(UNKNOWN);
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// How many bytes that are not decoded yet the chunk will hold at most on its way.
    pub(crate) fn transit(&self, index: u64) -> usize {
        match self.estimate(index) {
            0..LEAST_COUNTED => 0,
            estimate => estimate.min(MOST_UNDECODED),
        }
    }

    /// A chunk that came inside the answer, or what asking again for it gives.
    pub(crate) async fn inline(
        &self,
        index: u64,
        located: &Located,
        data: &ResultData,
    ) -> Result<Piece> {
        let mut given = Given { index, rows: 0 };
        let chunk = decode_inline(data, &self.layout);
        if let Ok(piece) = self.last_piece(located, &mut given, chunk, 0) {
            return Ok(piece);
        }
        self.attempts(Download {
            given,
            partial: None,
            in_one: false,
            early: None,
        })
        .await
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

/// Runs `work` here where it is small, else on the blocking pool.
async fn decoding<T: Send + 'static>(
    small: bool,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    if small {
        return work();
    }
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|why| {
            Err(Error::new(ErrorCode::Internal, "decoding a chunk failed").with_source(why))
        })
}

fn decode_inline(data: &ResultData, layout: &Layout) -> Result<DecodedChunk> {
    match inline::body(data)? {
        InlineBody::Rows(rows) => json_rows(rows, &layout.schema),
        InlineBody::Arrow(body) if layout.format == Format::ArrowStream => {
            decode_body(body.into(), layout.compression, LARGEST_CHUNK)
        }
        InlineBody::Arrow(body) if layout.format == Format::JsonArray => {
            json_rows(&parse_json_body(&body)?, &layout.schema)
        }
        InlineBody::Arrow(_) => Err(Error::data_loss(
            "the result has a format that this driver did not ask for",
        )),
    }
}

fn count(batches: &[RecordBatch]) -> u64 {
    batches.iter().map(|batch| batch.num_rows() as u64).sum()
}

/// The rows of `batches` from row `known` up to row `wanted`.
fn slice(batches: Vec<RecordBatch>, known: u64, wanted: u64) -> Vec<RecordBatch> {
    let mut start = 0;
    let mut sliced = Vec::with_capacity(batches.len());
    for batch in batches {
        let rows = batch.num_rows() as u64;
        let from = known.clamp(start, start + rows) - start;
        let to = wanted.clamp(start, start + rows) - start;
        start += rows;
        match (usize::try_from(from), usize::try_from(to)) {
            (Ok(0), Ok(to)) if to == batch.num_rows() => sliced.push(batch),
            (Ok(from), Ok(to)) if from < to => sliced.push(batch.slice(from, to - from)),
            _ => {}
        }
    }
    sliced
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, AsArray, Int64Array};
    use arrow::datatypes::Int64Type;

    use super::*;

    #[test]
    fn known_and_unwanted_rows_are_left_out() {
        let batch = |numbers: std::ops::Range<i64>| {
            let column = Arc::new(Int64Array::from_iter_values(numbers)) as ArrayRef;
            RecordBatch::try_from_iter([("n", column)]).unwrap()
        };
        let batches = [batch(0..4), batch(4..4), batch(4..7)];
        for known in 0..9 {
            for wanted in 0..9 {
                let sliced = slice(batches.to_vec(), known, wanted);
                let numbers: Vec<_> = sliced
                    .iter()
                    .flat_map(|batch| {
                        batch
                            .column(0)
                            .as_primitive::<Int64Type>()
                            .values()
                            .to_vec()
                    })
                    .collect();
                let expected: Vec<_> = (known.cast_signed()..wanted.min(7).cast_signed()).collect();
                assert_eq!(numbers, expected, "{known} {wanted}");
            }
        }
    }
}
