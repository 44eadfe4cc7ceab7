//! A body that comes slowly when nothing else is left to be asked for: its second half is read beside the first, over
//! a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderValue;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::pipeline::Task;
use crate::client::Error;
use crate::client::transport::Transport;
use crate::client::transport::failure::Failure;
use crate::client::transport::storage::{Body, Broken};
use crate::client::wire::ExternalLink;

/// How long bytes must have been waited for until their pace is believed.
const WATCHED: Duration = Duration::from_millis(25);

/// What will be there within less is not worth another connection.
const WORTH_WHILE: Duration = Duration::from_millis(200);

/// Nor is what has fewer bytes.
const LEAST: u64 = 1 << 20;

/// Bytes that come beside the first half wait for it in memory.
const MOST: u64 = 32 << 20;

/// A body on its way, over one connection or two.
pub(super) struct Halves {
    transport: Arc<Transport>,
    link: Arc<ExternalLink>,
    front: Option<Body>,
    rear: Option<Rear>,
    /// What is known of the body if it can be had in parts.
    whole: Option<Whole>,
    /// How much of it has been given.
    read: u64,
    /// How long it took until the body began.
    opening: Duration,
    /// How long has been waited for what was given.
    waited: Duration,
}

#[derive(Clone)]
struct Whole {
    length: u64,
    tag: HeaderValue,
}

/// The second half.
struct Rear {
    start: u64,
    length: u64,
    /// Ends with nothing or with a failure; where it was not given at all, it is empty.
    parts: mpsc::UnboundedReceiver<Result<Option<Bytes>, Failure>>,
    _task: Task,
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
            rear: None,
            whole: whole.map(|(length, tag)| Whole { length, tag }),
            read: 0,
            opening,
            waited: Duration::ZERO,
        }
    }

    /// The next bytes; `None` at the end. Another connection may be used where `is_alone`.
    pub(super) async fn next(&mut self, is_alone: bool) -> Result<Option<Bytes>, Failure> {
        let Some(front) = &mut self.front else {
            return self.next_of_rear().await;
        };
        let asked = Instant::now();
        let Some(mut part) = front.next().await? else {
            return Ok(None);
        };
        self.waited += asked.elapsed();
        self.read += part.len() as u64;
        match &self.rear {
            Some(rear) if self.read < rear.start => {}
            Some(rear) if rear.has_begun() => {
                part.truncate(part.len() - size(self.read - rear.start));
                self.read = rear.start;
                self.front = None;
            }
            // It is slower than what we have.
            Some(_) => self.rear = None,
            None if is_alone => self.split(),
            None => {}
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
                "the body stops after {} of {} bytes",
                self.read, rear.length
            )))),
        }
    }

    /// Asks for the second half if it is worth while, once.
    fn split(&mut self) {
        if self.waited < WATCHED {
            return;
        }
        let Some(Whole { length, tag }) = self.whole.take() else {
            return;
        };
        let Some(start) = split_point(self.read, length, self.waited, self.opening) else {
            return;
        };
        let (sender, parts) = mpsc::unbounded_channel();
        let (transport, link) = (Arc::clone(&self.transport), Arc::clone(&self.link));
        let task = tokio::spawn(async move {
            let broken = Broken { bytes: start, tag };
            let Ok(mut body) = transport.open_link(&link, Some(&broken)).await else {
                return;
            };
            while body.is_rest() {
                let part = body.next().await;
                let is_last = !matches!(part, Ok(Some(_)));
                if sender.send(part).is_err() || is_last {
                    return;
                }
            }
        });
        self.rear = Some(Rear {
            start,
            length,
            parts,
            _task: Task(task),
        });
    }
}

impl Rear {
    fn has_begun(&self) -> bool {
        !self.parts.is_empty()
    }
}

/// Where the second half begins, for both to end at the same time; nothing if one connection will do.
fn split_point(read: u64, length: u64, waited: Duration, opening: Duration) -> Option<u64> {
    let left = length.checked_sub(read).filter(|left| *left >= LEAST)?;
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let (pace, bytes) = (read as f64 / waited.as_secs_f64(), left as f64);
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

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MEGABYTE: u64 = 1_000_000;

    fn after(read: u64, length: u64, waited: u64, opening: u64) -> Option<u64> {
        let duration = Duration::from_millis;
        split_point(read, length, duration(waited), duration(opening))
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
