//! Chunks in order, some of them read ahead.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use super::budget::{Budget, Reservation};
use super::download::{Chunk, Downloader};
use crate::client::{Error, ErrorCode, Result};

/// Most connections that one result uses, when its chunks are small.
const MOST_CONNECTIONS: usize = 64;

/// Connections that one result uses however large its chunks are.
const LEAST_CONNECTIONS: usize = 8;

/// Bytes that shall be on their way at a time.
const BYTES_IN_FLIGHT: usize = 128 << 20;

/// A task that ends when nobody wants its outcome.
#[derive(Debug)]
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A chunk on its way, and the room that it takes.
#[derive(Debug)]
struct Ahead {
    task: Task<Result<Chunk>>,
    reservation: Reservation,
}

/// Reads chunks ahead of their reader and gives them in order.
#[derive(Debug)]
pub(crate) struct Pipeline {
    budget: Arc<Budget>,
    queue: mpsc::UnboundedReceiver<Result<Ahead>>,
    front: Option<Ahead>,
    _pump: Task<()>,
}

impl Pipeline {
    /// Starts reading; `count` is the number of chunks where it is known.
    pub(crate) fn start(downloader: Arc<Downloader>, count: Option<u64>, bytes: usize) -> Self {
        let budget = Budget::new(bytes);
        let (sender, queue) = mpsc::unbounded_channel();
        let pump = pump(downloader, count, Arc::clone(&budget), sender);
        Self {
            budget,
            queue,
            front: None,
            _pump: Task(tokio::spawn(pump)),
        }
    }

    /// Lets more be read ahead.
    pub(crate) fn raise_limit(&self, bytes: usize) {
        self.budget.raise_limit(bytes);
    }

    /// The next chunk with the room that it takes; `None` after the last. Cancelling loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<(Chunk, Reservation)>> {
        if self.front.is_none() {
            match self.queue.recv().await {
                None => return Ok(None),
                Some(ahead) => self.front = Some(ahead?),
            }
        }
        let Some(ahead) = &mut self.front else {
            return Ok(None);
        };
        let ended = (&mut ahead.task.0).await;
        let Some(Ahead {
            mut reservation, ..
        }) = self.front.take()
        else {
            return Ok(None);
        };
        let chunk = ended.map_err(|why| {
            Error::new(ErrorCode::Internal, "reading a chunk failed").with_source(why)
        })??;
        reservation.resize(chunk.bytes());
        Ok(Some((chunk, reservation)))
    }
}

async fn pump(
    downloader: Arc<Downloader>,
    count: Option<u64>,
    budget: Arc<Budget>,
    queue: mpsc::UnboundedSender<Result<Ahead>>,
) {
    let slots = Arc::new(Semaphore::new(connections(downloader.estimate(0))));
    let mut next = Some(0).filter(|_| count != Some(0));
    while let Some(index) = next {
        let reservation = budget.reserve(downloader.estimate(index)).await;
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        next = match following(&downloader, index, count).await {
            Ok(next) => next,
            Err(error) => {
                drop(queue.send(Err(error)));
                return;
            }
        };
        let reader = Arc::clone(&downloader);
        let task = tokio::spawn(async move {
            let chunk = reader.chunk(index).await;
            reader.book.forget(index);
            drop(slot);
            chunk
        });
        if queue
            .send(Ok(Ahead {
                task: Task(task),
                reservation,
            }))
            .is_err()
        {
            return;
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

/// More connections for smaller chunks, whose cost is the way and not the bytes.
fn connections(chunk_bytes: usize) -> usize {
    (BYTES_IN_FLIGHT / chunk_bytes.max(1)).clamp(LEAST_CONNECTIONS, MOST_CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_chunks_get_more_connections_than_large_ones() {
        assert_eq!(connections(10_000), MOST_CONNECTIONS);
        assert_eq!(connections(4 << 20), 32);
        assert_eq!(connections(100 << 20), LEAST_CONNECTIONS);
        assert_eq!(connections(0), MOST_CONNECTIONS);
    }
}
