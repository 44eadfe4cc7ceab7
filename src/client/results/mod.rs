//! From the answer of a statement to its record batches: every row, in order, or an error.

mod budget;
mod cell_text;
mod connections;
pub mod decode;
mod download;
mod external_links;
mod halves;
mod inline;
mod intake;
pub mod json_array;
pub mod lz4;
mod memory;
mod pipeline;
mod placement;
mod progress;
pub mod schema;
mod task;
pub mod type_text;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use self::budget::Reservation;
use self::download::{Downloader, Piece};
use self::external_links::{LinkBook, Located};
use self::intake::Layout;
use self::memory::Pool;
use self::pipeline::Pipeline;
use self::progress::Progress;
use super::config::WHOLE_RESULT_BYTES;
use super::control::{StatementControl, Stop, StopSignal, cancelled, timed_out};
use super::open_session::{OpenSession, OpenStatement};
use super::statement::in_doubt;
use super::wire::{ChunkInfo, ColumnInfo, ResultData, ResultManifest, StatementResponse};
use super::{Error, ErrorCode, Result};

/// The rows of a result, batch by batch.
///
/// It ends only when all rows that the service announced have been given; anything less is an error,
/// and stays one.
pub struct ResultStream {
    statement_id: String,
    columns: Vec<ColumnInfo>,
    truncated: bool,
    total_rows: Option<u64>,
    /// The schema by the manifest, which stands in where there is no chunk.
    announced: SchemaRef,
    schema: Option<SchemaRef>,
    /// `None` once everything has been read, or nothing more will be.
    pipeline: Option<Pipeline>,
    /// What ended it before its last row.
    failed: Option<ErrorCode>,
    /// Whether it was closed before its last row had been read.
    closed: bool,
    rows_read: u64,
    /// What the last chunk read names as the one after it.
    next_chunk_index: Option<u64>,
    batches: VecDeque<RecordBatch>,
    received: Arc<Received>,
    held: Option<Arc<Reservation>>,
    patience: Option<Patience>,
    stop: StopSignal,
    open: Option<OpenStatement>,
    /// Whether the statement did more than read.
    changes: bool,
}

/// How much of a result has come from the service, whether or not it was read.
#[derive(Debug, Default)]
pub struct Received {
    bytes: AtomicU64,
    rows: AtomicU64,
}

impl Received {
    /// Bytes, as they came.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Rows that are ready to be read, or have been.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    pub(crate) fn restart(&self) {
        self.bytes.store(0, Ordering::Relaxed);
    }

    pub(crate) fn add_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Time that may still be spent waiting for the service.
struct Patience {
    whole: Duration,
    left: Duration,
}

impl ResultStream {
    pub(crate) async fn start(
        session: &OpenSession,
        response: StatementResponse,
        open: OpenStatement,
        timeout: Option<(Duration, Duration)>,
        stop: StopSignal,
    ) -> Result<Self> {
        let StatementResponse {
            statement_id,
            manifest,
            result,
            ..
        } = response;
        let manifest = manifest.unwrap_or_default();
        let data = result.unwrap_or_default();
        let time_zone = session.config().time_zone().unwrap_or("Etc/UTC");
        let announced = schema::schema_from_columns(&manifest.schema.columns, time_zone);
        let count = chunk_count(&manifest, &data);
        let received = Arc::new(Received::default());
        let downloader = Arc::new(Downloader {
            transport: Arc::clone(session.transport()),
            book: LinkBook::new(Arc::clone(session.transport()), statement_id.clone(), data),
            layout: Layout {
                format: manifest.format,
                compression: manifest.result_compression.unwrap_or_default(),
                schema: Arc::clone(&announced),
            },
            listed: listed_chunks(&manifest, count),
            pool: Arc::new(Pool::default()),
            progress: Progress::default(),
            places: Arc::new(Semaphore::new(connections::MOST)),
            received: Arc::clone(&received),
        });
        let mut stream = Self {
            statement_id,
            columns: manifest.schema.columns,
            truncated: manifest.truncated,
            total_rows: manifest.total_row_count,
            announced,
            schema: None,
            pipeline: None,
            failed: None,
            closed: false,
            rows_read: 0,
            next_chunk_index: None,
            batches: VecDeque::new(),
            received,
            held: None,
            patience: timeout.map(|(whole, left)| Patience { whole, left }),
            stop,
            open: Some(open),
            changes: false,
        };
        let first = downloader.book.peek(0);
        if let (Some(1), Some(located @ Located::Inline(data))) = (count, &first) {
            stream.accept(downloader.inline(0, located, data).await?)?;
            stream.finish()?;
        } else if count == Some(0) {
            stream.finish()?;
        } else {
            let ahead = session.config().results.max_buffered_bytes;
            stream.pipeline = Some(Pipeline::start(downloader, count, ahead));
        }
        Ok(stream)
    }

    /// A result that is in memory already.
    pub(crate) fn of_rows(
        columns: Vec<ColumnInfo>,
        schema: SchemaRef,
        batches: Vec<RecordBatch>,
    ) -> Self {
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        Self {
            statement_id: String::new(),
            columns,
            truncated: false,
            total_rows: u64::try_from(rows).ok(),
            announced: Arc::clone(&schema),
            schema: Some(schema),
            pipeline: None,
            failed: None,
            closed: false,
            rows_read: 0,
            next_chunk_index: None,
            batches: batches.into(),
            received: Arc::default(),
            held: None,
            patience: None,
            stop: StatementControl::default().signal(),
            open: None,
            changes: false,
        }
    }

    /// The statement's id; empty where it is of none.
    #[must_use]
    pub fn statement_id(&self) -> &str {
        &self.statement_id
    }

    /// The columns as the service describes them; none after DDL.
    #[must_use]
    pub fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    /// How many rows there are, where the service says so.
    #[must_use]
    pub fn total_rows(&self) -> Option<u64> {
        self.total_rows
    }

    /// How much of it has come, also while something is waited for.
    #[must_use]
    pub fn received(&self) -> &Arc<Received> {
        &self.received
    }

    /// Whether a limit cut the result.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Lets more be read ahead, for a reader that wants everything.
    pub fn read_whole(&self) {
        if let Some(pipeline) = &self.pipeline {
            pipeline.raise_limit(WHOLE_RESULT_BYTES);
        }
    }

    /// Lets more be read ahead, for a reader that does nothing before it has everything.
    pub fn collect_whole(&self) {
        self.read_whole();
        if let Some(pipeline) = &self.pipeline {
            pipeline.read_for_all();
        }
    }

    /// The Arrow schema; waits for the first chunk where there is one.
    ///
    /// # Errors
    /// Those of [`Self::next_batch`].
    pub async fn schema(&mut self) -> Result<SchemaRef> {
        while self.schema.is_none() && self.pipeline.is_some() {
            self.read_piece().await?;
        }
        self.check()?;
        Ok(Arc::clone(self.schema.as_ref().unwrap_or(&self.announced)))
    }

    /// The result of a statement that may have done more than read, as its errors will tell.
    pub(crate) fn of_a_change(mut self, changes: bool) -> Self {
        self.changes = changes;
        self
    }

    fn told(&self, error: Error) -> Error {
        in_doubt(error.with_statement_id(&self.statement_id), self.changes)
    }

    /// The next rows; `None` after the last. Dropping the future loses nothing.
    ///
    /// # Errors
    /// `DataLoss` when the result is not what the service announced; `Cancelled`, `Timeout`; and all
    /// that can go wrong on the way.
    pub async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            self.check()?;
            if let Some(batch) = self.batches.pop_front() {
                return Ok(Some(batch));
            }
            self.held = None;
            if self.pipeline.is_none() {
                return Ok(None);
            }
            self.read_piece().await?;
        }
    }

    /// Stops everything that goes on for this result and closes its statement.
    pub fn close(&mut self) {
        self.closed |= self.pipeline.is_some() || !self.batches.is_empty();
        self.pipeline = None;
        self.batches.clear();
        self.held = None;
        self.open = None;
    }

    /// Rows that do not come must not look like the end.
    fn check(&self) -> Result<()> {
        let error = if let Some(code) = self.failed {
            const WAY_OUT: &str =
                "ended this result before its last row; execute the statement again";
            if code == ErrorCode::Cancelled {
                Error::new(code, format!("a cancellation has {WAY_OUT}"))
            } else {
                Error::data_loss(format!("an error has {WAY_OUT}"))
            }
        } else if self.closed {
            let message = "the result was closed before its last row";
            Error::new(ErrorCode::InvalidStatementHandle, message)
        } else {
            return Ok(());
        };
        Err(self.told(error))
    }

    async fn read_piece(&mut self) -> Result<()> {
        let ended = match self.wait_for_piece().await {
            Ok(Some((piece, reservation))) => {
                self.held = Some(reservation);
                self.accept(piece)
            }
            Ok(None) => self.finish(),
            Err(error) => Err(error),
        };
        if let Err(error) = &ended {
            self.close();
            self.failed = Some(error.code());
        }
        ended.map_err(|error| self.told(error))
    }

    async fn wait_for_piece(&mut self) -> Result<Option<(Piece, Arc<Reservation>)>> {
        let Some(pipeline) = &mut self.pipeline else {
            return Ok(None);
        };
        let stop = &mut self.stop;
        let next = async {
            tokio::select! {
                next = pipeline.next() => next,
                Ok(_) = stop.wait_for(|wish| *wish != Stop::No) => Err(cancelled()),
            }
        };
        let Some(patience) = &mut self.patience else {
            return next.await;
        };
        let started = Instant::now();
        let next = timeout(patience.left, next).await;
        patience.left = patience.left.saturating_sub(started.elapsed());
        next.unwrap_or_else(|_| Err(timed_out(patience.whole)))
    }

    /// Takes rows in their turn.
    fn accept(&mut self, piece: Piece) -> Result<()> {
        if let Some(offset) = piece.row_offset
            && offset != self.rows_read
        {
            return Err(Error::data_loss(format!(
                "a chunk of the result begins at row {offset}, but {} rows came before it",
                self.rows_read
            )));
        }
        let schema = match &self.schema {
            Some(schema) => Arc::clone(schema),
            None => schema::label_schema(&piece.schema, &self.columns)?,
        };
        for batch in piece.batches {
            let columns = batch.columns().to_vec();
            let options = arrow::record_batch::RecordBatchOptions::new()
                .with_row_count(Some(batch.num_rows()));
            let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)
                .map_err(|why| {
                Error::data_loss("the chunks of the result have different columns").with_source(why)
            })?;
            self.batches.push_back(batch);
        }
        self.schema = Some(schema);
        self.rows_read += piece.rows;
        self.received.rows.store(self.rows_read, Ordering::Relaxed);
        self.next_chunk_index = piece.next_chunk_index;
        Ok(())
    }

    /// Checks that nothing is missing, and lets go of the statement.
    fn finish(&mut self) -> Result<()> {
        self.pipeline = None;
        match (self.total_rows, self.next_chunk_index) {
            (Some(total), _) if total != self.rows_read => {
                return Err(Error::data_loss(format!(
                    "the service announced {total} rows, but its chunks have {}",
                    self.rows_read
                )));
            }
            (None, Some(next)) => {
                return Err(Error::data_loss(format!(
                    "the last chunk that the service announced names chunk {next} as the one after it"
                )));
            }
            _ => {}
        }
        self.open = None;
        Ok(())
    }
}

/// How many chunks there are; `None` when each must name the next.
fn chunk_count(manifest: &ResultManifest, data: &ResultData) -> Option<u64> {
    let listed = u64::try_from(manifest.chunks.len()).unwrap_or(u64::MAX);
    let has_data = inline::has_data(data) || data.external_links.is_some();
    match manifest.total_chunk_count {
        Some(0) if has_data => None,
        Some(count) => Some(count),
        None if listed > 0 => Some(listed),
        None if has_data || manifest.total_row_count.is_some_and(|rows| rows > 0) => None,
        None => Some(0),
    }
}

/// The chunks that the manifest lists; a single one has all rows.
fn listed_chunks(manifest: &ResultManifest, count: Option<u64>) -> Vec<ChunkInfo> {
    match (manifest.chunks.is_empty(), count, manifest.total_row_count) {
        (true, Some(1), Some(row_count)) => {
            let byte_count = manifest.total_byte_count;
            vec![ChunkInfo {
                chunk_index: 0,
                row_offset: 0,
                row_count,
                byte_count,
            }]
        }
        _ => manifest.chunks.clone(),
    }
}
