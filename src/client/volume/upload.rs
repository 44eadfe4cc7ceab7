//! What an upload sends: a file, or bytes that somebody gives when they are asked for.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::local::named;
use crate::client::transport::Transport;
use crate::client::transport::retry::Attempts;
use crate::client::transport::storage::Presigned;
use crate::client::{Error, Received, Result};

/// Bytes that a file is read by.
const PIECE: usize = 256 << 10;

/// Pieces that are read ahead of the network.
const AHEAD: usize = 4;

/// Takes what one attempt is to send, from its start; it is closed when the attempt has ended.
pub type Pieces = mpsc::Sender<Result<Bytes>>;

/// Bytes for an upload, which can be had again for another attempt.
#[derive(Debug)]
pub struct Upload {
    length: u64,
    attempts: mpsc::Sender<Pieces>,
}

impl Upload {
    /// An upload of `length` bytes, and where its attempts ask for them.
    #[must_use]
    pub fn new(length: u64) -> (Self, mpsc::Receiver<Pieces>) {
        let (attempts, asked) = mpsc::channel(1);
        (Self { length, attempts }, asked)
    }

    /// The upload of a file as it is now.
    pub(super) async fn of_file(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        let opened = tokio::task::spawn_blocking(move || open(&path).map(|opened| (opened, path)));
        let ((file, length), path) = opened.await.map_err(no_thread)??;
        let (upload, mut asked) = Self::new(length);
        tokio::task::spawn_blocking(move || {
            while let Some(pieces) = asked.blocking_recv() {
                read(&file, &path, length, &pieces);
            }
        });
        Ok(upload)
    }

    /// Begins anew.
    async fn pieces(&self) -> Result<mpsc::Receiver<Result<Bytes>>> {
        let (pieces, given) = mpsc::channel(AHEAD);
        let sent = self.attempts.send(pieces).await;
        sent.map_err(|_| Error::data_loss("nobody gives the bytes of the upload any more"))?;
        Ok(given)
    }
}

/// A file and how long it is.
fn open(path: &Path) -> Result<(File, u64)> {
    let unreadable = |why| named(path, "cannot be read", why);
    // To open a pipe waits for whoever writes to it.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(Error::invalid_argument(format!(
            "the local file '{}' is not a regular file; input_stream sends what a stream gives",
            path.display()
        )));
    }
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    Ok((file, length))
}

/// Gives the bytes of a file to an attempt, until all are given or nobody wants more.
fn read(mut file: &File, path: &Path, length: u64, pieces: &Pieces) {
    let mut left = length;
    let mut wanted = true;
    if let Err(why) = file.seek(SeekFrom::Start(0)) {
        drop(pieces.blocking_send(Err(named(path, "cannot be read", why))));
        return;
    }
    while left > 0 && wanted {
        let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let mut piece = vec![0; most];
        let piece = match file.read(&mut piece) {
            Ok(0) => Err(Error::data_loss(format!(
                "the local file '{}' became shorter while it was sent",
                path.display()
            ))),
            Ok(count) => {
                left -= count as u64;
                piece.truncate(count);
                Ok(Bytes::from(piece))
            }
            Err(why) => Err(named(path, "cannot be read", why)),
        };
        wanted = piece.is_ok();
        wanted &= pieces.blocking_send(piece).is_ok();
    }
}

pub(super) fn no_thread(why: tokio::task::JoinError) -> Error {
    Error::new(
        crate::client::ErrorCode::Internal,
        "a file could not be worked on",
    )
    .with_source(why)
}

impl Transport {
    /// Sends bytes to a place in the storage until they are taken or the attempts are used up.
    pub(super) async fn upload(
        &self,
        to: &Presigned,
        upload: Upload,
        moved: &Arc<Received>,
    ) -> Result<()> {
        let mut attempts = Attempts::new(&self.config().retry.storage);
        loop {
            let pieces = upload.pieces().await?;
            moved.restart();
            let sending = self.put(to, upload.length, pieces, moved);
            let Err(failure) = sending.await else {
                return Ok(());
            };
            if !attempts.another(failure.verdict).await {
                return Err(failure.error);
            }
        }
    }

    /// Deletes a file. That it is not there any more is no failure once an answer was lost.
    pub(super) async fn remove_file(&self, place: &Presigned) -> Result<()> {
        let mut attempts = Attempts::new(&self.config().retry.storage);
        let mut repeated = false;
        loop {
            let Err(failure) = self.delete(place).await else {
                return Ok(());
            };
            if repeated && failure.error.http_status() == Some(404) {
                return Ok(());
            }
            if !attempts.another(failure.verdict).await {
                return Err(failure.error);
            }
            repeated = true;
        }
    }
}
