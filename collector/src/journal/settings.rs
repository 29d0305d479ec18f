//! How large a journal may be.

use super::JournalError;
use schemas::journal::{frame, segment};
use std::path::PathBuf;
use std::time::Duration;

/// The smallest segment: header and a few of the largest records.
const SEGMENT_BYTES_MIN: u64 = (segment::HEADER_BYTES + 2 * frame::BYTES_MAX) as u64;

/// Where a journal is and how far it may grow.
#[derive(Debug, Clone)]
pub struct JournalSettings {
    /// The directory; one program at a time writes it.
    pub directory: PathBuf,
    /// The size of a segment, taken from the disk when it is begun.
    pub segment_bytes: u64,
    /// The most that all segments may take, room prepared for the next one included; at least two segments.
    pub max_bytes: u64,
    /// The most records that wait to be written; more are [`super::AppendError::Busy`].
    pub queue_records: usize,
    /// The most bytes that wait, as [`super::Payload::size_bytes`] counts them.
    pub queue_bytes: usize,
    /// How long appends are refused after the disk was found full or failing twice; doubled up to 32 times while it goes on failing.
    pub retry_after: Duration,
}

impl JournalSettings {
    /// Usual sizes: segments of 64 MiB, 4 GiB in all; 16,384 records or 32 MiB in the queue.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        JournalSettings {
            directory,
            segment_bytes: 64 << 20,
            max_bytes: 4 << 30,
            queue_records: 16_384,
            queue_bytes: 32 << 20,
            retry_after: Duration::from_millis(250),
        }
    }

    pub(super) fn check(&self) -> Result<(), JournalError> {
        let wrong = |what| Err(JournalError::Settings(what));
        if self.segment_bytes < SEGMENT_BYTES_MIN {
            return wrong(format!("a segment must have at least {SEGMENT_BYTES_MIN} bytes"));
        }
        if self.max_bytes / 2 < self.segment_bytes {
            return wrong(format!(
                "the journal must have room for two segments of {} bytes",
                self.segment_bytes
            ));
        }
        if self.queue_records == 0 || self.queue_bytes == 0 {
            return wrong("the queue must have room for a record".to_owned());
        }
        Ok(())
    }
}
