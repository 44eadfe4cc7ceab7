//! A body that comes slowly when nothing else is left to be asked for: its second half is read beside the first, over
//! a connection of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderValue;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::budget::Reservation;
use super::intake::size;
use super::task::Task;
use crate::client::Error;
use crate::client::transport::Transport;
use crate::client::transport::failure::Failure;
use crate::client::transport::storage::{Body, Broken};
use crate::client::wire::ExternalLink;

/// How long bytes must have been waited for until their pace is believed,
const WATCHED: Duration = Duration::from_millis(25);

/// and how many must have come.
const SEEN: u64 = 256 << 10;

/// What will be there within less is not worth another connection.
const WORTH_WHILE: Duration = Duration::from_millis(200);

/// Nor is what has fewer bytes.
const LEAST: u64 = 1 << 20;

/// Bytes that come beside the first half wait for it in memory.
const MOST: u64 = 32 << 20;

/// Which part of the second half must have come for the first connection to be given up.
const SHARE: u64 = 4;

/// A body on its way, over one connection or two.
pub(super) struct Halves {
    transport: Arc<Transport>,
    link: Arc<ExternalLink>,
    front: Option<Body>,
    rear: Option<Rear>,
    /// What is known of the body if it can be had in parts.
    whole: Option<Whole>,
    /// Whether the room of the chunk is that of more bytes than the body has.
    has_room: bool,
    /// How much of it has been given.
    read: u64,
    /// How much of that came first: it says nothing of the pace.
    first: u64,
    /// How long it took until the body began.
    opening: Duration,
    /// How long has been waited for what came after the first.
    waited: Duration,
}

struct Whole {
    length: u64,
    tag: HeaderValue,
}

/// The second half.
struct Rear {
    start: u64,
    length: u64,
    received: Arc<AtomicU64>,
    /// Ends with nothing or with a failure; where it was not given at all, it is empty.
    parts: mpsc::UnboundedReceiver<Result<Option<Bytes>, Failure>>,
    _task: Task,
}

impl Halves {
    /// The body behind `link`, which it took so long to open; its chunk will roughly take `estimate` bytes.
    pub(super) fn new(
        transport: &Arc<Transport>,
        link: &Arc<ExternalLink>,
        body: Body,
        opening: Duration,
        estimate: usize,
    ) -> Self {
        let whole = body.length.filter(|_| body.is_new).zip(body.tag.clone());
        Self {
            has_room: whole
                .as_ref()
                .is_some_and(|(length, _)| size(*length) < estimate),
            transport: Arc::clone(transport),
            link: Arc::clone(link),
            front: Some(body),
            rear: None,
            whole: whole.map(|(length, tag)| Whole { length, tag }),
            read: 0,
            first: 0,
            opening,
            waited: Duration::ZERO,
        }
    }

    /// Whether the second half is being read, and the first connection given up.
    pub(super) fn has_switched(&self) -> bool {
        self.front.is_none()
    }

    /// The next bytes; `None` at the end. Another connection may be used where there is `room` for what it brings.
    pub(super) async fn next(
        &mut self,
        room: Option<&Reservation>,
    ) -> Result<Option<Bytes>, Failure> {
        let Some(front) = &mut self.front else {
            return self.next_of_rear().await;
        };
        let asked = Instant::now();
        let Some(mut part) = front.next().await? else {
            return Ok(None);
        };
        let length = part.len() as u64;
        if self.read == 0 {
            self.first = length;
        } else {
            self.waited += asked.elapsed();
        }
        self.read += length;
        match (&self.rear, room) {
            (Some(rear), _) if self.read < rear.start => {}
            (Some(rear), _) if rear.keeps_up() => {
                part.truncate(part.len() - size(self.read - rear.start));
                self.read = rear.start;
                self.front = None;
            }
            (Some(_), _) => self.rear = None,
            (None, Some(room)) => self.split(room),
            (None, None) => {}
        }
        Ok(Some(part))
    }

    async fn next_of_rear(&mut self) -> Result<Option<Bytes>, Failure> {
        let Some(rear) = &mut self.rear else {
            return Ok(None);
        };
        match rear.parts.recv().await {
            Some(Ok(Some(part))) => {
                self.read += part.len() as u64;
                Ok(Some(part))
            }
            Some(Ok(None)) if self.read == rear.length => Ok(None),
            Some(Err(failure)) => Err(failure),
            Some(Ok(None)) | None => Err(Failure::unfit(Error::data_loss(format!(
                "the body ends after {} bytes instead of {}",
                self.read, rear.length
            )))),
        }
    }

    /// Asks for the second half if it is worth while, once.
    fn split(&mut self, room: &Reservation) {
        let came = self.read - self.first;
        if self.waited < WATCHED || came < SEEN {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let pace = came as f64 / self.waited.as_secs_f64();
        let start = self
            .whole
            .as_ref()
            .and_then(|whole| split_point(self.read, whole.length, pace, self.opening));
        let Some((start, Whole { length, tag })) =
            start.zip(self.whole.take_if(|_| start.is_some()))
        else {
            return;
        };
        if self.has_room || room.extend(size(length - start)) {
            let (transport, link) = (Arc::clone(&self.transport), Arc::clone(&self.link));
            self.rear = Some(Rear::begin(transport, link, start, length, tag));
        }
    }
}

impl Rear {
    fn begin(
        transport: Arc<Transport>,
        link: Arc<ExternalLink>,
        start: u64,
        length: u64,
        tag: HeaderValue,
    ) -> Self {
        let (sender, parts) = mpsc::unbounded_channel();
        let received = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&received);
        let task = Task::spawn(async move {
            let broken = Broken { bytes: start, tag };
            let Ok(mut body) = transport.open_link(&link, Some(&broken)).await else {
                return;
            };
            // So no more than the rest can come.
            while body.is_rest_of(length) {
                let part = body.next().await;
                let bytes = match &part {
                    Ok(Some(part)) => part.len(),
                    _ => 0,
                };
                count.fetch_add(bytes as u64, Ordering::Relaxed);
                if sender.send(part).is_err() || bytes == 0 {
                    return;
                }
            }
        });
        Self {
            start,
            length,
            received,
            parts,
            _task: task,
        }
    }

    /// Whether so much has come that it will not be slower than the connection of the first half.
    fn keeps_up(&self) -> bool {
        self.received.load(Ordering::Relaxed) >= (self.length - self.start).div_ceil(SHARE)
    }
}

/// Where the second half begins, for both to end at the same time; nothing if one connection will do.
/// `pace` is in bytes a second.
fn split_point(read: u64, length: u64, pace: f64, opening: Duration) -> Option<u64> {
    let left = length.checked_sub(read).filter(|left| *left >= LEAST)?;
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let bytes = left as f64;
    let time = bytes / pace;
    if time < WORTH_WHILE.as_secs_f64() || time < 2.0 * opening.as_secs_f64() {
        return None;
    }
    let own = f64::midpoint(bytes, pace * opening.as_secs_f64());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "less than the bytes that are left"
    )]
    let start = read + own as u64;
    Some(start.max(length.saturating_sub(MOST)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MEGABYTE: u64 = 1_000_000;

    fn after(read: u64, length: u64, waited: u64, opening: u64) -> Option<u64> {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let pace = read as f64 / waited as f64 * 1000.0;
        split_point(read, length, pace, Duration::from_millis(opening))
    }

    #[test]
    fn both_halves_end_at_the_same_time() {
        let start = after(MEGABYTE, 11 * MEGABYTE, 50, 100).unwrap();
        // 20 MB a second: 10 MB are left, of which the first connection reads 2 MB until the second has begun.
        assert_eq!(start, 7 * MEGABYTE);
    }

    #[test]
    fn what_comes_soon_is_left_to_its_connection() {
        assert_eq!(after(MEGABYTE, 4 * MEGABYTE, 50, 1), None);
        assert_eq!(after(1000, MEGABYTE, 50, 1), None);
        assert_eq!(after(MEGABYTE, 11 * MEGABYTE, 50, 400), None);
        assert_eq!(after(5, 5, 50, 1), None);
        assert_eq!(after(6, 5, 50, 1), None);
    }

    #[test]
    fn no_more_than_so_much_waits_in_memory() {
        let length = 1000 * MEGABYTE;
        assert_eq!(after(MEGABYTE, length, 50, 1), Some(length - MOST));
    }

    proptest! {
        #[test]
        fn the_second_half_begins_behind_what_has_come(
            read in 1..u64::from(u32::MAX),
            left in 0..u64::from(u32::MAX),
            waited in 1_u64..10_000,
            opening in 0_u64..10_000,
        ) {
            if let Some(start) = after(read, read + left, waited, opening) {
                prop_assert!(start > read && start < read + left);
            }
        }
    }
}
