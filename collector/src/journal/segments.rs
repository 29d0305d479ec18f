//! Begins segments. The next one is prepared while the present one is filled, so that a full disk shows early.

use super::disk::{Disk, DiskFile};
use super::usage::Usage;
use super::{JournalSettings, admission::Refusal};
use schemas::journal::segment::{self, HEADER_BYTES, Header};
use schemas::journal::{Position, RecordId, frame};
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The name of a segment that is not begun yet.
pub(super) const PREPARED_NAME: &str = "next.prepared";

/// A begun segment.
pub(super) struct Segment {
    file: Box<dyn DiskFile>,
    number: u64,
    /// The end of what is confirmed.
    offset: u64,
    bytes: u64,
}

impl Segment {
    /// Bytes for frames; 0 when the largest one no longer fits.
    pub(super) fn room_bytes(&self) -> usize {
        let room = self.bytes.saturating_sub(self.offset);
        if room < frame::BYTES_MAX as u64 { 0 } else { usize::try_from(room).unwrap_or(usize::MAX) }
    }

    /// Writes whole frames and returns when they are on the disk. After an error the segment must be given up.
    pub(super) fn write(&mut self, frames: &[u8]) -> io::Result<Position> {
        self.file.write_at(frames, self.offset)?;
        self.file.sync()?;
        self.offset += frames.len() as u64;
        Ok(Position { segment: self.number, offset: self.offset })
    }
}

/// Why no segment can be begun.
#[derive(Debug, thiserror::Error)]
pub(super) enum BeginError {
    #[error("its size cap is reached")]
    CapReached,
    #[error("the disk is full")]
    DiskFull,
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

impl BeginError {
    pub(super) fn refusal(&self) -> Refusal {
        match self {
            BeginError::CapReached | BeginError::DiskFull => Refusal::Full,
            BeginError::Io { .. } => Refusal::Failed,
        }
    }
}

pub(super) struct Segments {
    disk: Box<dyn Disk>,
    directory: PathBuf,
    segment_bytes: u64,
    usage: Arc<Usage>,
    prepared: Option<Box<dyn DiskFile>>,
    retry_after: Duration,
    prepare_again: Instant,
    /// Number and confirmed end of the last segment that is in use or was.
    end: Position,
    /// The same of the segment before it.
    previous_end: Position,
}

impl Segments {
    pub(super) fn new(
        disk: Box<dyn Disk>,
        settings: &JournalSettings,
        usage: Arc<Usage>,
        end: Position,
    ) -> Self {
        Segments {
            disk,
            directory: settings.directory.clone(),
            segment_bytes: settings.segment_bytes,
            usage,
            prepared: None,
            retry_after: settings.retry_after,
            prepare_again: Instant::now(),
            end,
            previous_end: end,
        }
    }

    /// The header of the segment after `left` says where that one ended.
    pub(super) fn leave(&mut self, left: &Segment) {
        self.end.offset = left.offset;
    }

    /// Leaves a segment for good and gives its unused room back, with what may stand there unconfirmed. That the next header says where
    /// it ended is what counts; a failure here is only room not given back. A segment without a confirmed record is replaced by the
    /// next one, so that a disk that goes on failing leaves no trail of files.
    pub(super) fn cut(&mut self, mut left: Segment) {
        self.leave(&left);
        if left.offset == HEADER_BYTES as u64 {
            self.end = self.previous_end;
        }
        match left.file.truncate(left.offset) {
            Ok(()) => self.usage.cut(left.number, left.offset),
            Err(error) => {
                tracing::warn!(%error, segment = left.number, "a journal segment could not be cut to its end");
            }
        }
    }

    /// Begins the next segment, whose first record will be `first`. It is on the disk under its name when this returns.
    pub(super) fn begin(&mut self, first: RecordId) -> Result<Segment, BeginError> {
        self.prepare()?;
        let Some(mut file) = self.prepared.take() else { return Err(BeginError::DiskFull) };
        let header = Header {
            collector: first.collector,
            first_sequence: first.sequence,
            previous_end: self.end.offset,
        };
        let number = self.end.segment + 1;
        let path = segment::path(&self.directory, number);
        let failed = |source| BeginError::Io { path: path.clone(), source };
        let prepared_path = self.prepared_path();
        let written = file.write_at(&header.encode(), 0).and_then(|()| file.sync());
        if let Err(source) = written.and_then(|()| fs::rename(&prepared_path, &path)) {
            self.usage.release();
            return Err(failed(source));
        }
        self.usage.name(number);
        File::open(&self.directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
        self.previous_end = self.end;
        self.end = Position { segment: number, offset: HEADER_BYTES as u64 };
        Ok(Segment { file, number, offset: HEADER_BYTES as u64, bytes: self.segment_bytes })
    }

    /// Prepares the next segment if that is due. A failure is tried again after a while, and at the latest when the segment is needed.
    pub(super) fn prepare_early(&mut self) {
        let now = Instant::now();
        if self.prepared.is_some() || now < self.prepare_again {
            return;
        }
        match self.prepare() {
            Ok(()) | Err(BeginError::CapReached) => {}
            Err(error) => tracing::warn!(%error, "the journal's next segment could not be prepared"),
        }
        self.prepare_again = now + self.retry_after;
    }

    fn prepare(&mut self) -> Result<(), BeginError> {
        if self.prepared.is_some() {
            return Ok(());
        }
        if !self.usage.reserve(self.segment_bytes) {
            return Err(BeginError::CapReached);
        }
        let path = self.prepared_path();
        match self.disk.create(&path, self.segment_bytes) {
            Ok(file) => self.prepared = Some(file),
            Err(source) => {
                self.remove_prepared();
                let full = matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
                return Err(if full { BeginError::DiskFull } else { BeginError::Io { path, source } });
            }
        }
        Ok(())
    }

    /// Gives back the room of a segment that will not be begun.
    pub(super) fn remove_prepared(&mut self) {
        self.prepared = None;
        match fs::remove_file(self.prepared_path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "the journal's prepared segment could not be removed");
            }
            _ => self.usage.release(),
        }
    }

    fn prepared_path(&self) -> PathBuf {
        self.directory.join(PREPARED_NAME)
    }
}
