//! The collector's own journal as a source: one machine, no Kafka. It keeps a small position file, which may lag: what
//! is read twice gives the same rows.

use std::path::{Path, PathBuf};

use schemas::journal::{Item, Limit, Position, PositionFile, PositionFileError, ReadError, Reader};
use schemas::wire::{self, CollectorId};

use super::SourceId;

/// Why the journal cannot be used as a source.
#[derive(Debug, thiserror::Error)]
pub enum JournalSourceError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The position cannot be kept.
    #[error(transparent)]
    Position(#[from] PositionFileError),
    /// The directory's own id cannot be kept.
    #[error("{path}: {error}; the processor must be able to write there")]
    Id {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
}

/// What the journal gives.
#[derive(Debug)]
pub enum Given {
    /// A record's bytes.
    Record(Vec<u8>),
    /// Sequences that are not there to be read.
    Missing {
        /// Whose.
        collector: CollectorId,
        /// The first.
        from: u64,
        /// The last.
        to: u64,
        /// UTC hour of writing of the record before them.
        written_hour: u32,
    },
    /// Damaged bytes; which sequences they held is told by what follows.
    Damaged {
        /// How many.
        bytes: u64,
    },
    /// Nothing more for now.
    End,
}

/// A journal and how far its rows are written.
pub struct JournalSource {
    id: SourceId,
    directory: PathBuf,
    reader: Reader,
    written: Position,
    file: PositionFile,
    latest_hour: u32,
}

impl std::fmt::Debug for JournalSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JournalSource({})", self.id)
    }
}

impl JournalSource {
    /// Opens `directory`'s journal at its beginning; `state` is where position and id are kept.
    ///
    /// # Errors
    /// When files cannot be read or written.
    pub fn open(
        directory: &Path,
        state: &Path,
        random: impl FnOnce() -> [u8; 16],
    ) -> Result<Self, JournalSourceError> {
        let file = PositionFile::new(state.join("position"));
        Ok(Self {
            id: id(&state.join("source.id"), random)?,
            directory: directory.to_owned(),
            reader: Reader::open(directory, Position::START)?,
            written: file.load()?.unwrap_or(Position::START),
            file,
            latest_hour: 0,
        })
    }

    /// Which source this is.
    pub fn id(&self) -> SourceId {
        self.id
    }

    /// Up to where rows were written before this start: everything before it only warms the state.
    pub fn written(&self) -> Position {
        self.written
    }

    /// Where the next record is read.
    pub fn position(&self) -> Position {
        self.reader.position()
    }

    /// UTC hour of writing of the latest record.
    pub fn latest_hour(&self) -> u32 {
        self.latest_hour
    }

    /// The next of what the writer has confirmed.
    ///
    /// # Errors
    /// When the journal cannot be read on.
    pub fn next(&mut self, confirmed: Position) -> Result<Given, JournalSourceError> {
        match self.reader.next(Limit::Confirmed(confirmed))? {
            Item::Record { bytes, .. } => {
                if let Ok(header) = wire::header(bytes) {
                    self.latest_hour = header.written_hour;
                }
                Ok(Given::Record(bytes.to_vec()))
            }
            Item::Missing { collector, first, last, .. } => {
                Ok(Given::Missing { collector, from: first, to: last, written_hour: self.latest_hour })
            }
            Item::Damaged { bytes, .. } => Ok(Given::Damaged { bytes }),
            Item::End => Ok(Given::End),
        }
    }

    /// Remembers that everything before `position` has its row.
    ///
    /// # Errors
    /// When the position cannot be kept.
    pub fn commit(&mut self, position: Position) -> Result<(), JournalSourceError> {
        self.file.store(position)?;
        self.written = position;
        Ok(())
    }

    /// Reads the journal from its beginning again.
    ///
    /// # Errors
    /// When files cannot be read.
    pub fn rewind(&mut self) -> Result<(), JournalSourceError> {
        self.reader = Reader::open(&self.directory, Position::START)?;
        Ok(())
    }
}

/// The directory's own id, made once.
fn id(path: &Path, random: impl FnOnce() -> [u8; 16]) -> Result<SourceId, JournalSourceError> {
    let refuse = |error| JournalSourceError::Id { path: path.to_owned(), error };
    match std::fs::read(path) {
        Ok(bytes) => {
            let bytes = bytes.try_into().map_err(|_| refuse(std::io::Error::other("is damaged")))?;
            Ok(SourceId(bytes))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let bytes = random();
            let temporary = path.with_extension("new");
            std::fs::write(&temporary, bytes)
                .and_then(|()| std::fs::rename(&temporary, path))
                .map_err(refuse)?;
            Ok(SourceId(bytes))
        }
        Err(error) => Err(refuse(error)),
    }
}
