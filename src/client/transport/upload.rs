//! Sending files to the storage, and deleting them there.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, HeaderValue};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::failure::Failure;
use super::storage::Presigned;
use super::{Repeat, Transport};
use crate::client::{Error, Received, Result};

impl Transport {
    /// Sends `length` bytes to a place in the storage, once.
    pub(crate) async fn put(
        &self,
        to: &Presigned,
        length: u64,
        pieces: mpsc::Receiver<Result<Bytes>>,
        moved: &Arc<Received>,
    ) -> Result<(), Failure> {
        let mut request = self.storage_request(Method::PUT, to);
        request
            .headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from(length));
        let pace = Arc::new(Pace::default());
        *request.body_mut() = Some(reqwest::Body::wrap(UploadBody {
            pieces,
            left: length,
            pace: Arc::clone(&pace),
            moved: Arc::clone(moved),
        }));
        let http = self.http.for_uploads()?;
        let patience = Some(self.config.retry.storage.budget);
        let sending = http.send(request, to.host(), Repeat::Always, patience);
        let response = tokio::select! {
            response = sending => response?,
            () = pace.silence(self.config.silence_timeout) => {
                return Err(Failure::silence(to.host(), self.config.names));
            }
        };
        self.accepted(&response, to)
    }

    /// Deletes what is at a place in the storage.
    pub(crate) async fn delete(&self, place: &Presigned) -> Result<(), Failure> {
        let request = self.storage_request(Method::DELETE, place);
        let patience = Some(self.config.retry.storage.budget);
        let sending = self
            .http
            .send(request, place.host(), Repeat::Always, patience);
        self.accepted(&sending.await?, place)
    }

    fn accepted(&self, response: &reqwest::Response, place: &Presigned) -> Result<(), Failure> {
        if response.status().is_success() {
            return Ok(());
        }
        Err(Failure::file(response, place.host(), self.service_time()))
    }
}

/// A body of known length, whose pieces somebody else has.
struct UploadBody {
    pieces: mpsc::Receiver<Result<Bytes>>,
    left: u64,
    pace: Arc<Pace>,
    moved: Arc<Received>,
}

impl Body for UploadBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        let given = self.pieces.poll_recv(cx);
        self.pace.step(given.is_pending());
        let wrong_length =
            |left: u64| Error::data_loss(format!("{left} bytes of the upload were not given"));
        Poll::Ready(match std::task::ready!(given) {
            Some(Ok(piece)) => match self.left.checked_sub(piece.len() as u64) {
                Some(left) => {
                    self.left = left;
                    self.moved.add_bytes(piece.len());
                    Some(Ok(Frame::data(piece)))
                }
                None => Some(Err(Error::data_loss(
                    "the upload became longer while it was sent",
                ))),
            },
            Some(Err(error)) => Some(Err(error)),
            None if self.left > 0 => Some(Err(wrong_length(self.left))),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// When the storage last took something, and whether it is us that it waits for.
struct Pace {
    last: Mutex<Instant>,
    is_ours: AtomicBool,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            last: Mutex::new(Instant::now()),
            is_ours: AtomicBool::new(false),
        }
    }
}

impl Pace {
    fn step(&self, waits_for_us: bool) {
        self.is_ours.store(waits_for_us, Ordering::Relaxed);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Waits until the storage has taken and said nothing for so long.
    async fn silence(&self, longest: Duration) {
        loop {
            let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let ours = self.is_ours.load(Ordering::Relaxed);
            let end = if ours { now } else { last } + longest;
            if end <= now {
                return;
            }
            sleep_until(end).await;
        }
    }
}
