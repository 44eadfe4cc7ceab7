//! Files in volumes: what `PUT`, `GET` and `REMOVE` are answered with, and the transfers that follow.
//!
//! The service answers with a presigned URL; the file goes between this machine and the storage behind it.

mod download;
mod local;
mod operation;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use self::download::download_file;
pub use self::local::LocalPaths;
pub use self::operation::{VolumeCommand, VolumeOperation, shortened};
pub use self::upload::{Pieces, Upload};
use super::control::{StatementControl, Stop, cancelled, timed_out};
use super::results::Received;
use super::session::Session;
use super::{Error, ErrorCode, Result};

/// The local name that stands for a stream of the caller's, to be read.
pub const INPUT_STREAM: &str = "__input_stream__";

/// The local name that stands for a stream of the caller's, to be written.
pub const OUTPUT_STREAM: &str = "__output_stream__";

/// The other end of a transfer.
pub enum Local<'a> {
    /// The local file that the operation names, where it may be.
    File(&'a LocalPaths),
    /// Bytes that the caller gives, for `PUT`.
    Upload(Upload),
    /// Whom the caller has take the bytes, for `GET`.
    Download(mpsc::Sender<Piece>),
}

/// Bytes of a download, in their order.
#[derive(Debug)]
pub enum Piece {
    /// The next bytes.
    Bytes(bytes::Bytes),
    /// All that came before is void: the file comes once more, from its start.
    Restart,
}

/// How long a transfer may take, of the time that its statement had in all.
#[derive(Clone, Copy, Debug)]
pub struct TimeLeft {
    /// What the statement had.
    pub whole: Duration,
    /// What is left of it.
    pub left: Duration,
}

/// Refuses to go on with a transfer that was cancelled, or whose time is over: for callers who work on a stream.
///
/// # Errors
/// `Cancelled` or `Timeout`.
pub fn check_transfer(
    operation: &VolumeOperation,
    control: &StatementControl,
    time: Option<TimeLeft>,
) -> Result<()> {
    let ended = match time {
        _ if *control.signal().borrow() != Stop::No => cancelled(),
        Some(TimeLeft { whole, left }) if left.is_zero() => timed_out(whole),
        _ => return Ok(()),
    };
    Err(ended
        .with_context(operation.what())
        .with_statement_id(operation.statement_id()))
}

impl Session {
    /// Does what a statement about a file was answered with, and counts the bytes. Dropping the future ends the transfer.
    ///
    /// # Errors
    /// `InvalidArgument` for local files that may not be used, `NotFound` for files that are not there,
    /// `PermissionDenied` where the storage refuses the URL; `Cancelled`, `Timeout`, `NetworkError`.
    pub async fn transfer(
        &self,
        operation: &VolumeOperation,
        local: Local<'_>,
        control: &StatementControl,
        (time, moved): (Option<TimeLeft>, &Arc<Received>),
    ) -> Result<()> {
        let session = Arc::clone(self.open_session()?);
        let transport = session.transport();
        let work = Box::pin(async {
            match (operation.command(), local) {
                (VolumeCommand::Remove, _) => transport.remove_file(operation.place()).await,
                (VolumeCommand::Put, Local::Upload(upload)) => {
                    transport.upload(operation.place(), upload, moved).await
                }
                (VolumeCommand::Put, Local::File(paths)) => {
                    let file = paths.resolve(operation.local_file()?)?;
                    transport
                        .upload(operation.place(), Upload::of_file(&file).await?, moved)
                        .await
                }
                (VolumeCommand::Get, Local::Download(pieces)) => {
                    transport.download(operation.place(), &pieces, moved).await
                }
                (VolumeCommand::Get, Local::File(paths)) => {
                    let file = paths.resolve(operation.local_file()?)?;
                    download_file(transport, operation.place(), &file, moved).await
                }
                (command, _) => Err(Error::new(
                    ErrorCode::Internal,
                    format!("{command:?} has another direction"),
                )),
            }
        });
        let mut stop = control.signal();
        let work = async {
            tokio::select! {
                done = work => done,
                Ok(_) = stop.wait_for(|wish| *wish != Stop::No) => Err(cancelled()),
            }
        };
        let done = match time {
            None => work.await,
            Some(TimeLeft { whole, left }) => timeout(left, work)
                .await
                .unwrap_or_else(|_| Err(timed_out(whole))),
        };
        done.map_err(|error| {
            error
                .with_context(operation.what())
                .with_statement_id(operation.statement_id())
        })
    }
}
