//! Chunks in order, some of them read ahead.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::budget::{Budget, Reservation};
use super::connections::Connections;
use super::download::{Downloader, Piece};
use super::task::Task;
use crate::client::{Error, ErrorCode, Result};

/// Who waits for all of so many chunks is not woken for each.
const MANY: u64 = 16;

/// How long the next ones are left to gather.
const NAP: Duration = Duration::from_millis(1);

/// A chunk on its way, and the room that it takes.
#[derive(Debug)]
struct Ahead {
    pieces: mpsc::UnboundedReceiver<Result<Piece>>,
    reservation: Arc<Reservation>,
    _task: Task,
}

/// Reads chunks ahead of their reader and gives them in order.
#[derive(Debug)]
pub(crate) struct Pipeline {
    downloader: Arc<Downloader>,
    budget: Arc<Budget>,
    queue: mpsc::UnboundedReceiver<Result<Ahead>>,
    front: Option<Ahead>,
    front_index: u64,
    _pump: Task,
}

impl Pipeline {
    /// Starts reading; `count` is the number of chunks where it is known.
    pub(crate) fn start(downloader: Arc<Downloader>, count: Option<u64>, bytes: usize) -> Self {
        let budget = Budget::new(bytes);
        let (sender, queue) = mpsc::unbounded_channel();
        let pump = pump(Arc::clone(&downloader), count, Arc::clone(&budget), sender);
        Self {
            downloader,
            budget,
            queue,
            front: None,
            front_index: 0,
            _pump: Task::spawn(pump),
        }
    }

    /// Lets more be read ahead.
    pub(crate) fn raise_limit(&self, bytes: usize) {
        self.budget.raise_limit(bytes);
    }

    /// The reader does nothing before it has all rows: none are worth an effort to have them early.
    pub(crate) fn read_for_all(&self) {
        self.downloader.progress.wait_for_all();
    }

    /// The next rows with the room that their chunk takes; `None` after the last. Cancelling loses
    /// nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<(Piece, Arc<Reservation>)>> {
        if self.front.is_none() {
            match self.queue.recv().await {
                None => return Ok(None),
                Some(ahead) => self.front = Some(ahead?),
            }
        }
        let Some(ahead) = &mut self.front else {
            return Ok(None);
        };
        let progress = &self.downloader.progress;
        progress.wait_for(self.front_index);
        if self.front_index >= MANY && progress.waits_for_all() && ahead.pieces.is_empty() {
            sleep(NAP).await;
        }
        let piece = ahead.pieces.recv().await.unwrap_or_else(|| {
            let message = "reading a chunk ended without a word";
            Err(Error::new(ErrorCode::Internal, message))
        });
        progress.wait_no_longer();
        let (piece, reservation) = (piece?, Arc::clone(&ahead.reservation));
        if piece.is_last {
            self.front = None;
            self.front_index += 1;
        }
        Ok(Some((piece, reservation)))
    }
}

async fn pump(
    downloader: Arc<Downloader>,
    count: Option<u64>,
    budget: Arc<Budget>,
    queue: mpsc::UnboundedSender<Result<Ahead>>,
) {
    let mut connections = Connections::new(downloader.estimate(0));
    let mut listing = Listing::default();
    let mut next = Some(0).filter(|_| count != Some(0));
    while let Some(index) = next {
        let wanted = downloader.estimate(index) + downloader.transit(index);
        if !budget.has(wanted) {
            downloader.pool.let_go();
        }
        let reservation = Arc::new(budget.reserve(wanted).await);
        downloader.pool.resume();
        let slot = loop {
            let ahead = index + 2 * connections.limit() as u64;
            listing.list(
                &downloader,
                ahead.min(count.unwrap_or(0)),
                connections.limit(),
            );
            tokio::select! {
                biased;
                slot = connections.acquire(&downloader.progress) => break slot,
                Some(_) = listing.requests.join_next() => {}
            }
        };
        let Ok(slot) = slot else {
            return;
        };
        next = match following(&downloader, index, count).await {
            Ok(next) => next,
            Err(error) => {
                drop(queue.send(Err(error)));
                return;
            }
        };
        let (sender, pieces) = mpsc::unbounded_channel();
        let (reader, room) = (Arc::clone(&downloader), Arc::clone(&reservation));
        let task = Task::spawn(async move {
            reader.chunk(index, &sender, &room).await;
            room.shrink(reader.transit(index));
            reader.book.forget(index);
            drop(slot);
        });
        let ahead = Ahead {
            pieces,
            reservation,
            _task: task,
        };
        if queue.send(Ok(ahead)).is_err() {
            return;
        }
    }
    downloader.pool.pause();
    downloader.progress.all_are_asked_for();
    // Others wait for what these ask for.
    while listing.requests.join_next().await.is_some() {}
}

/// Requests for the links of chunks that come next.
#[derive(Default)]
struct Listing {
    requests: JoinSet<()>,
    /// All chunks before this one have been looked at.
    seen: u64,
}

impl Listing {
    /// Asks for links up to chunk `end`, for those that nobody has or asks for; `most` at a time.
    fn list(&mut self, downloader: &Arc<Downloader>, end: u64, most: usize) {
        while self.requests.try_join_next().is_some() {}
        while self.seen < end && self.requests.len() < most {
            if downloader.book.claim_ahead(self.seen) {
                let (downloader, index) = (Arc::clone(downloader), self.seen);
                self.requests
                    .spawn(async move { downloader.book.answer_ahead(index).await });
            }
            self.seen += 1;
        }
    }
}

/// The chunk after `index`. Where their number is unknown, each names the next.
async fn following(downloader: &Downloader, index: u64, count: Option<u64>) -> Result<Option<u64>> {
    if let Some(count) = count {
        return Ok(Some(index + 1).filter(|next| *next < count));
    }
    let located = downloader.book.locate(index).await?;
    match located.next_chunk_index() {
        Some(next) if next != index + 1 => Err(Error::data_loss(format!(
            "chunk {index} of the result names chunk {next} as the one after it"
        ))),
        next => Ok(next),
    }
}
