//! A body that comes slowly when nothing else is left to be asked for: its second half is read beside the first, over
//! a connection of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::HeaderValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};

use super::budget::Reservation;
use super::intake::size;
use super::task::Task;
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

/// Which part of the second half must have come for the first connection to wait.
const SHARE: u64 = 2;

/// In pieces of so many bytes, whatever the network brings at a time.
const PIECE: usize = 256 << 10;

/// A body on its way, over one connection or two.
pub(super) struct Halves {
    transport: Arc<Transport>,
    link: Arc<ExternalLink>,
    /// The connection that the body began to come over, which goes on to its end.
    front: Option<Body>,
    /// Why it does not.
    lost: Option<Failure>,
    rear: Option<Rear>,
    /// What is known of the body if it can be had in parts, until it is.
    whole: Option<Whole>,
    /// How much of it has been given.
    read: u64,
    /// How much of it has come over the first connection.
    came: u64,
    /// How much of that came first: it says nothing of the pace.
    first: u64,
    /// How long it took until the body began.
    opening: Duration,
    /// How long has been waited for what came after the first.
    waited: Duration,
    /// Whether the first connection has been where the second half begins.
    has_crossed: bool,
    /// How long it waits there for the second one to bring that.
    rests: Option<Instant>,
    is_mixed: bool,
}

struct Whole {
    length: u64,
    tag: HeaderValue,
}

/// What a second connection may take.
#[derive(Clone, Copy)]
pub(super) struct Spare<'a> {
    pub(super) room: &'a Reservation,
    /// How much of that is for what has come and is not decoded.
    pub(super) transit: usize,
    pub(super) places: &'a Arc<Semaphore>,
}

/// The second half.
struct Rear {
    length: u64,
    /// Where the next of its parts begins.
    at: u64,
    /// They end early where the second half cannot be had.
    parts: mpsc::UnboundedReceiver<Bytes>,
    came: Arc<AtomicU64>,
    _task: Task,
    _room: Reservation,
    _place: OwnedSemaphorePermit,
}

impl Halves {
    /// The body behind `link`, which it took so long to open.
    pub(super) fn new(
        transport: &Arc<Transport>,
        link: &Arc<ExternalLink>,
        body: Body,
        opening: Duration,
    ) -> Self {
        let whole = body.length.filter(|_| body.is_new).zip(body.tag.clone());
        Self {
            transport: Arc::clone(transport),
            link: Arc::clone(link),
            front: Some(body),
            lost: None,
            rear: None,
            whole: whole.map(|(length, tag)| Whole { length, tag }),
            read: 0,
            came: 0,
            first: 0,
            opening,
            waited: Duration::ZERO,
            has_crossed: false,
            rests: None,
            is_mixed: false,
        }
    }

    /// Whether some of what was given came over the second connection.
    pub(super) fn is_mixed(&self) -> bool {
        self.is_mixed
    }

    /// The next bytes, of whichever connection brings them first; `None` at the end. A second one is opened if it is
    /// worth while and what it takes is there.
    pub(super) async fn next(
        &mut self,
        spare: Option<Spare<'_>>,
    ) -> Result<Option<Bytes>, Failure> {
        loop {
            if self
                .rear
                .as_ref()
                .is_some_and(|rear| rear.length == self.read)
            {
                return Ok(None);
            }
            let part = tokio::select! {
                biased;
                part = next_of_rear(&mut self.rear, self.read) => {
                    let Some((at, part)) = part else {
                        (self.rear, self.rests) = (None, None);
                        if let Some(lost) = self.lost.take() {
                            return Err(lost);
                        }
                        continue;
                    };
                    let part = behind(self.read, at, part);
                    self.is_mixed |= !part.is_empty();
                    part
                }
                () = reached(self.rests) => {
                    self.rests = None;
                    continue;
                }
                part = next_of_front(&mut self.front, &mut self.waited), if self.rests.is_none() => {
                    match part {
                        Ok(Some(part)) => self.of_front(part),
                        Ok(None) => return Ok(None),
                        Err(failure) => {
                            if self.rear.as_ref().is_none_or(|rear| rear.at > self.read) {
                                return Err(failure);
                            }
                            (self.front, self.lost) = (None, Some(failure));
                            continue;
                        }
                    }
                }
            };
            if part.is_empty() {
                continue;
            }
            self.read += part.len() as u64;
            if let Some(spare) = spare {
                self.split(spare);
            }
            return Ok(Some(part));
        }
    }

    /// What is new in a part that came over the first connection. That waits where the second half begins, as long as
    /// it would take to bring it, if the second connection seems to bring it sooner; then both go on.
    fn of_front(&mut self, part: Bytes) -> Bytes {
        let at = self.came;
        self.came += part.len() as u64;
        if at == 0 {
            self.first = self.came;
            self.waited = Duration::ZERO;
        }
        let is_there = |rear: &mut Rear| !self.has_crossed && rear.at <= self.came;
        if let Some(rear) = self.rear.take_if(is_there) {
            self.has_crossed = true;
            if rear.keeps_up() {
                let silence = self.transport.config().silence_timeout;
                let rest = rest(rear.length - rear.at, self.pace(), silence);
                self.rests = Some(Instant::now() + rest);
                self.rear = Some(rear);
            }
        }
        behind(self.read, at, part)
    }

    /// Bytes a second over the first connection.
    fn pace(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let came = (self.came - self.first) as f64;
        came / self.waited.as_secs_f64()
    }

    /// Asks for the second half if it is worth while, once.
    fn split(&mut self, spare: Spare<'_>) {
        if self.waited < WATCHED || self.came - self.first < SEEN {
            return;
        }
        let pace = self.pace();
        let Some(Whole { length, tag }) = &self.whole else {
            return;
        };
        let (length, tag) = (*length, tag.clone());
        let Some(start) = split_point(self.read, length, pace, self.opening) else {
            return;
        };
        let permit = Arc::clone(spare.places).try_acquire_owned();
        // What decoding adds to the second half is not there while that waits.
        let free = (spare.room.bytes()).saturating_sub(size(length).saturating_add(spare.transit));
        let wanted = size(length - start).saturating_sub(free);
        let Some((room, permit)) = spare.room.beside(wanted).zip(permit.ok()) else {
            return;
        };
        self.whole = None;
        let (transport, link) = (Arc::clone(&self.transport), Arc::clone(&self.link));
        let (sender, parts) = mpsc::unbounded_channel();
        let came = Arc::new(AtomicU64::new(0));
        let broken = Broken {
            bytes: start,
            tag,
            length: Some(length),
        };
        self.rear = Some(Rear {
            length,
            at: start,
            parts,
            came: Arc::clone(&came),
            _task: Task::spawn(bring(transport, link, broken, (sender, came))),
            _room: room,
            _place: permit,
        });
    }
}

impl Rear {
    /// Whether enough has come, and nothing has kept the rest from it.
    fn keeps_up(&self) -> bool {
        let (length, came) = (self.length - self.at, self.came.load(Ordering::Relaxed));
        came == length || (came >= length.div_ceil(SHARE) && !self.parts.is_closed())
    }
}

/// How long a connection waits for another one to bring what it would bring itself at `pace` bytes a second. One that
/// is not read from for longer than `silence` is taken for a silent one.
fn rest(bytes: u64, pace: f64, silence: Duration) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let time = Duration::try_from_secs_f64(bytes as f64 / pace);
    time.unwrap_or_default().min(silence / 2)
}

async fn next_of_front(
    front: &mut Option<Body>,
    waited: &mut Duration,
) -> Result<Option<Bytes>, Failure> {
    let Some(front) = front else {
        return std::future::pending().await;
    };
    let asked = Instant::now();
    let part = front.next().await;
    *waited += asked.elapsed();
    part
}

/// The next part of the second half and where it begins, once all before it has been given; `None` where there is none.
async fn next_of_rear(rear: &mut Option<Rear>, given: u64) -> Option<(u64, Bytes)> {
    let Some(rear) = rear.as_mut().filter(|rear| rear.at <= given) else {
        return std::future::pending().await;
    };
    let part = rear.parts.recv().await?;
    let at = rear.at;
    rear.at += part.len() as u64;
    Some((at, part))
}

/// Waits for a moment, or for ever where there is none.
async fn reached(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// What a part that begins at `at` has behind what was given.
fn behind(given: u64, at: u64, mut part: Bytes) -> Bytes {
    let known = size(given.saturating_sub(at)).min(part.len());
    part.split_off(known)
}

/// Brings the rest of a body, as far as it comes.
async fn bring(
    transport: Arc<Transport>,
    link: Arc<ExternalLink>,
    broken: Broken,
    (parts, came): (mpsc::UnboundedSender<Bytes>, Arc<AtomicU64>),
) {
    let Ok(Some(mut body)) = transport.open_rest(&link, &broken).await else {
        return;
    };
    let mut piece = BytesMut::with_capacity(PIECE);
    while let Ok(Some(part)) = body.next().await {
        came.fetch_add(part.len() as u64, Ordering::Relaxed);
        if piece.len() + part.len() > PIECE {
            let full = std::mem::replace(&mut piece, BytesMut::with_capacity(PIECE));
            if parts.send(full.freeze()).is_err() {
                return;
            }
        }
        piece.extend_from_slice(&part);
    }
    // Nobody may want it any more.
    parts.send(piece.freeze()).ok();
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
    fn a_connection_rests_for_as_long_as_its_work_would_take_and_is_not_taken_for_a_silent_one() {
        let silence = Duration::from_secs(60);
        assert_eq!(rest(4 * MEGABYTE, 2e6, silence), Duration::from_secs(2));
        assert_eq!(rest(32 * MEGABYTE, 1e5, silence), silence / 2);
        for pace in [0.0, -1.0, f64::NAN] {
            assert_eq!(rest(MEGABYTE, pace, silence), Duration::ZERO);
        }
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
