//! Downloads: into a file, which is there only once all of it has come, or to whomever takes the bytes.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use super::Piece;
use super::local::named;
use super::upload::no_thread;
use crate::client::background::counted;
use crate::client::transport::Transport;
use crate::client::transport::failure::Failure;
use crate::client::transport::retry::Attempts;
use crate::client::transport::storage::{Broken, Presigned};
use crate::client::{Error, ErrorCode, Received, Result};

/// Pieces that the network may be ahead of the disk.
const AHEAD: usize = 16;

/// Downloads a file; until it is whole, whatever had its name before keeps it.
pub(super) async fn download_file(
    transport: &Transport,
    from: &Presigned,
    target: &Path,
    moved: &Received,
) -> Result<()> {
    let target = target.to_owned();
    let created = tokio::task::spawn_blocking(move || NewFile::create(target));
    let mut file = created.await.map_err(no_thread)??;
    let (pieces, mut given) = mpsc::channel(AHEAD);
    let writing = tokio::task::spawn_blocking(move || {
        while let Some(piece) = given.blocking_recv() {
            file.take(piece)?;
        }
        Ok(file)
    });
    // What is left of an interrupted download goes before the process ends.
    let writing = tokio::spawn(counted(writing));
    let downloaded = transport.download(from, &pieces, moved).await;
    drop(pieces);
    // Why nothing more was taken is the first to be told.
    let file: NewFile = writing.await.flatten().map_err(no_thread)??;
    downloaded?;
    tokio::task::spawn_blocking(move || file.keep())
        .await
        .map_err(no_thread)?
}

/// A file on its way. Unless it is kept it goes away with this.
struct NewFile {
    part: PathBuf,
    target: PathBuf,
    /// Whether there was a file already, which others may have open or know by other names.
    replaces: bool,
    file: Option<File>,
}

impl NewFile {
    fn create(target: PathBuf) -> Result<Self> {
        let before = fs::metadata(&target).ok();
        if target.file_name().is_none() || before.as_ref().is_some_and(|it| !it.is_file()) {
            return Err(Error::invalid_argument(format!(
                "the local path '{}' is not that of a regular file",
                target.display()
            )));
        }
        // The target's own name may be as long as names can be.
        let random = RandomState::new().build_hasher().finish();
        let part = target.with_file_name(format!(".databricks-sql-{random:016x}.part"));
        let writing = |path: &Path, new: bool| {
            let opened = OpenOptions::new().write(true).create_new(new).open(path);
            opened.map_err(|why| named(&target, "cannot be written", why))
        };
        if before.is_some() {
            // Better now than after the download.
            drop(writing(&target, false)?);
        }
        let file = writing(&part, true)?;
        Ok(Self {
            part,
            target,
            replaces: before.is_some(),
            file: Some(file),
        })
    }

    fn take(&mut self, piece: Piece) -> Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let taken = match piece {
            Piece::Bytes(bytes) => file.write_all(&bytes),
            Piece::Restart => file.seek(SeekFrom::Start(0)).and_then(|_| file.set_len(0)),
        };
        taken.map_err(|why| named(&self.target, "cannot be written", why))
    }

    fn keep(mut self) -> Result<()> {
        // Where open files cannot be renamed.
        self.file = None;
        let kept = if self.replaces {
            self.fill_target()
        } else {
            fs::rename(&self.part, &self.target)
        };
        kept.map_err(|why| named(&self.target, "cannot be written", why))
    }

    /// Puts what has come into the file that was there.
    fn fill_target(&self) -> io::Result<()> {
        let mut part = File::open(&self.part)?;
        let mut target = OpenOptions::new().write(true).open(&self.target)?;
        // What is in the way goes last: the room that it has may be needed.
        let length = io::copy(&mut part, &mut target)?;
        target.set_len(length)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        self.file = None;
        drop(fs::remove_file(&self.part));
    }
}

impl Transport {
    /// Gives the bytes of a file to whoever takes them; what breaks off goes on, where the storage can do that.
    pub(super) async fn download(
        &self,
        from: &Presigned,
        pieces: &mpsc::Sender<Piece>,
        moved: &Received,
    ) -> Result<()> {
        let mut attempts = Attempts::new(&self.config().retry.storage);
        let (mut taken, mut farthest) = (0, 0);
        let mut broken: Option<Broken> = None;
        loop {
            let failure = match self
                .read_file(from, (pieces, moved), &mut broken, &mut taken)
                .await
            {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            if taken > farthest {
                // It goes on, however often it breaks off.
                attempts = Attempts::new(&self.config().retry.storage);
                farthest = taken;
            }
            if failure.error.http_status() == Some(416) {
                broken = None;
            }
            if !attempts.another(failure.verdict).await {
                return Err(failure.error);
            }
        }
    }

    async fn read_file(
        &self,
        from: &Presigned,
        (pieces, moved): (&mpsc::Sender<Piece>, &Received),
        broken: &mut Option<Broken>,
        taken: &mut u64,
    ) -> Result<(), Failure> {
        let mut body = self.open_file(from, broken.as_ref()).await?;
        if body.is_new && *taken > 0 {
            give(pieces, Piece::Restart).await?;
            *taken = 0;
            moved.restart();
        }
        let (tag, length) = (body.tag.clone(), body.length);
        loop {
            *broken = tag.clone().map(|tag| Broken {
                bytes: *taken,
                tag,
                length,
            });
            let Some(bytes) = body.next().await? else {
                return Ok(());
            };
            *taken += bytes.len() as u64;
            moved.add_bytes(bytes.len());
            give(pieces, Piece::Bytes(bytes)).await?;
        }
    }
}

async fn give(pieces: &mpsc::Sender<Piece>, piece: Piece) -> Result<(), Failure> {
    let given = pieces.send(piece).await;
    given.map_err(|_| Error::new(ErrorCode::Cancelled, "nobody takes the bytes any more").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_only_once_it_is_whole() {
        let folder =
            std::env::temp_dir().join(format!("databricks-sql-new-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let target = folder.join("file");
        let names = || fs::read_dir(&folder).unwrap().count();
        fs::write(&target, "before").unwrap();
        let mut file = NewFile::create(target.clone()).unwrap();
        file.take(Piece::Bytes("lost".into())).unwrap();
        drop(file);
        assert_eq!(
            (fs::read_to_string(&target).unwrap(), names()),
            ("before".to_owned(), 1)
        );
        let mut file = NewFile::create(target.clone()).unwrap();
        file.take(Piece::Bytes("half of it".into())).unwrap();
        assert_eq!(
            (fs::read_to_string(&target).unwrap(), names()),
            ("before".to_owned(), 2)
        );
        file.take(Piece::Restart).unwrap();
        file.take(Piece::Bytes("whole".into())).unwrap();
        let mut opened = File::open(&target).unwrap();
        file.keep().unwrap();
        let mut text = String::new();
        io::Read::read_to_string(&mut opened, &mut text).unwrap();
        assert_eq!(text, "whole");
        assert_eq!(
            (fs::read_to_string(&target).unwrap(), names()),
            ("whole".to_owned(), 1)
        );
        let longest = folder.join("n".repeat(255));
        NewFile::create(longest.clone()).unwrap().keep().unwrap();
        fs::metadata(longest).unwrap();
        for wrong in [folder.clone(), folder.join("none/file")] {
            NewFile::create(wrong).err().unwrap();
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
