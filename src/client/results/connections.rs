//! How many chunks are downloaded at a time: one until there are rows, few while those come quickly, more of
//! them where they are small, and many while the network keeps everyone waiting.

use std::num::NonZero;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use super::progress::Progress;

/// Most connections of one result at a time.
pub(super) const MOST: usize = 64;

/// Connections that one result may use however large its chunks are.
const MOST_OF_LARGE: usize = 8;

/// Connections that are used once there are rows, however quick the network is: as many as there are processors to
/// decode what comes, or all of them for small chunks, so that the next answer is there when one has been handled.
const LEAST: RangeInclusive<usize> = 2..=MOST_OF_LARGE;

/// Bytes that shall be on their way at a time where the network is quick.
const LEAST_IN_FLIGHT: usize = 1 << 20;

/// Bytes that shall be on their way at a time.
const BYTES_IN_FLIGHT: usize = 256 << 20;

/// When nothing has come for so long, more is asked for at a time.
const SILENCE: Duration = Duration::from_millis(12);

/// How many times more.
const FACTOR: usize = 4;

/// The places for downloads.
#[derive(Debug)]
pub(crate) struct Connections {
    places: Arc<Semaphore>,
    limit: usize,
    least: usize,
    most: usize,
}

impl Connections {
    /// Places for chunks of about this size.
    pub(crate) fn new(chunk_bytes: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(1)),
            limit: 1,
            least: least(chunk_bytes),
            most: most(chunk_bytes),
        }
    }

    /// How many there are now.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Waits for a free place, and for more of them while nothing comes in. Cancelling loses nothing.
    pub(crate) async fn acquire(
        &mut self,
        progress: &Progress,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        let mut steps = progress.steps();
        loop {
            let raised = tokio::select! {
                biased;
                place = Arc::clone(&self.places).acquire_owned() => return place,
                () = progress.first() => self.least,
                () = tokio::time::sleep(SILENCE) => {
                    let before = std::mem::replace(&mut steps, progress.steps());
                    if before == steps { self.limit * FACTOR } else { self.limit }
                }
            };
            self.raise(raised);
        }
    }

    fn raise(&mut self, limit: usize) {
        let limit = limit.min(self.most);
        if limit > self.limit {
            self.places.add_permits(limit - self.limit);
            self.limit = limit;
        }
    }
}

fn least(chunk_bytes: usize) -> usize {
    let processors = available_parallelism().map_or(1, NonZero::get);
    let wanted = processors.max(LEAST_IN_FLIGHT / chunk_bytes.max(1));
    wanted.clamp(*LEAST.start(), *LEAST.end())
}

/// More connections for smaller chunks, whose cost is the way and not the bytes.
fn most(chunk_bytes: usize) -> usize {
    (BYTES_IN_FLIGHT / chunk_bytes.max(1)).clamp(MOST_OF_LARGE, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_chunks_get_more_connections_than_large_ones() {
        assert_eq!(most(10_000), MOST);
        assert_eq!(most(16 << 20), 16);
        assert_eq!(most(100 << 20), MOST_OF_LARGE);
        assert_eq!(most(0), MOST);
    }

    #[test]
    fn a_quick_network_needs_few_connections_unless_chunks_are_small() {
        assert_eq!(least(10_000), *LEAST.end());
        assert!(least(200 << 10) >= 5);
        assert!(LEAST.contains(&least(1 << 20)));
        assert_eq!(least(1 << 20), least(16 << 20));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_opens_more_connections() {
        let (progress, mut connections) = (Progress::default(), Connections::new(10_000));
        let mut places = Vec::new();
        for _ in 0..MOST {
            places.push(connections.acquire(&progress).await.unwrap());
        }
        assert_eq!(connections.limit(), MOST);
        let more = connections.acquire(&progress);
        assert!(
            tokio::time::timeout(Duration::from_secs(9), more)
                .await
                .is_err()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_that_goes_on_needs_few_connections() {
        let (progress, mut connections) = (Progress::default(), Connections::new(10_000));
        let _first = connections.acquire(&progress).await.unwrap();
        let busy = async {
            for _ in 0..1000 {
                tokio::time::sleep(Duration::from_millis(1)).await;
                progress.step();
            }
        };
        tokio::select! {
            _ = connections.acquire(&progress) => panic!("a second connection"),
            () = busy => {}
        }
        progress.begin();
        let mut places = Vec::new();
        for _ in 1..least(10_000) {
            places.push(connections.acquire(&progress).await.unwrap());
        }
        assert_eq!(connections.limit(), least(10_000));
    }
}
