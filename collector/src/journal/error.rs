//! What can go wrong, said so that an operator knows what to do.

use schemas::journal::ReadError;
use schemas::journal::frame::FrameSizeError;
use std::io;
use std::path::PathBuf;
use tokio::sync::mpsc;

/// Why a journal can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A program has the directory.
    #[error(
        "the journal {directory} is in use by {}; stop that program, or give this one a directory of its own",
        holder.map_or("another program".to_owned(), |pid| format!("process {pid}"))
    )]
    Locked {
        /// The journal.
        directory: PathBuf,
        /// The other program's process id, if it could be read.
        holder: Option<u32>,
    },
    /// The path is a file or the like.
    #[error(
        "the journal's path {directory} is not a directory; name a directory, it is made if it is missing"
    )]
    NotADirectory {
        /// The path.
        directory: PathBuf,
    },
    /// This user may not write there.
    #[error("the journal {path} cannot be written by this user; change its owner or name another directory")]
    NotWritable {
        /// The directory, or a file in it.
        path: PathBuf,
    },
    /// Something else that the operating system says.
    #[error("cannot use the journal at {path}: {source}")]
    Io {
        /// The directory, or a file in it.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// What the last start left behind can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The settings contradict themselves.
    #[error("the journal's settings are wrong: {0}")]
    Settings(String),
    /// The encoder could not make the opening record.
    #[error("the journal's first record could not be made: {0}")]
    Opening(EncodeError),
    /// The disk took the segment but not its first record.
    #[error("the journal's first record could not be written; look for disk errors in the system's log")]
    FirstWrite,
    /// No thread to write with.
    #[error("the journal's thread could not be started: {0}")]
    Thread(io::Error),
}

impl JournalError {
    /// The error for `source` at `path`.
    pub(super) fn io(path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                JournalError::NotWritable { path }
            }
            io::ErrorKind::NotADirectory => JournalError::NotADirectory { directory: path },
            _ => JournalError::Io { path, source },
        }
    }
}

/// Why a record was not appended. All but `Failed` and `Closed` are sure: nothing was kept.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The size cap is reached, or the disk is full.
    #[error("the journal is full")]
    Full,
    /// Too many records wait.
    #[error("the journal's queue is full")]
    Busy,
    /// The disk did not confirm the write; the record may come to light later or not.
    #[error("the disk failed to take the record")]
    Failed,
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
    /// The payload could not be made a record.
    #[error("the record could not be encoded: {0}")]
    Encode(EncodeError),
}

/// Why a payload can't be a record.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// Empty, or too large for a frame.
    #[error(transparent)]
    Size(#[from] FrameSizeError),
    /// Its bytes do not begin with the id that it was given: a mistake in the encoder.
    #[error("the encoded record does not carry the number it was given")]
    WrongId,
    /// What the encoder says, free of personal data.
    #[error(transparent)]
    Encoder(Box<dyn std::error::Error + Send + Sync>),
}

impl<T> From<mpsc::error::TrySendError<T>> for AppendError {
    fn from(error: mpsc::error::TrySendError<T>) -> Self {
        match error {
            mpsc::error::TrySendError::Full(_) => AppendError::Busy,
            mpsc::error::TrySendError::Closed(_) => AppendError::Closed,
        }
    }
}
