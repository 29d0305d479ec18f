//! How far the journal is acknowledged: remembered on disk, shown, and behind it old segments are removed.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use schemas::journal::{Position, PositionFile, PositionFileError};

use super::lag::{Age, bytes_between};
use super::telemetry::ForwarderTelemetry;
use crate::journal;

/// An acknowledged segment stays for so long after its last record. A broker acknowledges what it holds in memory: a single one that
/// loses its machine loses the last seconds, which can then be shipped again. A journal that fills up does not shorten this: refusing hits
/// is honest, losing acknowledged ones is not.
const MARGIN: Duration = Duration::from_secs(10 * 60);

/// The forwarder's place.
pub(super) struct Progress {
    journal: PathBuf,
    file: PositionFile,
    stored: Position,
    acknowledged: Position,
    age: Age,
}

impl Progress {
    /// Reads the place from `file`.
    pub(super) fn load(journal: PathBuf, file: PositionFile) -> Result<Self, PositionFileError> {
        let stored = file.load()?.unwrap_or(Position::START);
        Ok(Self { journal, file, stored, acknowledged: stored, age: Age::default() })
    }

    /// The brokers have everything before it.
    pub(super) fn acknowledged(&self) -> Position {
        self.acknowledged
    }

    pub(super) fn advance(&mut self, acknowledged: Position) {
        self.acknowledged = self.acknowledged.max(acknowledged);
    }

    /// Remembers `place`. It may lag: what is shipped twice is skipped by the processor.
    pub(super) fn store(&mut self, place: Position) -> Result<(), PositionFileError> {
        if place != self.stored {
            self.file.store(place)?;
            self.stored = place;
        }
        Ok(())
    }

    /// Bytes that are confirmed and not acknowledged.
    pub(super) fn lag_bytes(&self, confirmed: Position) -> u64 {
        bytes_between(&self.journal, self.acknowledged, confirmed)
    }

    /// Sets the gauges.
    pub(super) fn show(&mut self, confirmed: Position, telemetry: &ForwarderTelemetry) {
        let age = self.age.mark(Instant::now(), confirmed, self.acknowledged);
        telemetry.lag_bytes.set(self.lag_bytes(confirmed));
        telemetry.lag_seconds.set(age.as_secs());
    }

    /// Up to where segments may be removed. What is remembered must be there after a restart; but when the journal is full,
    /// nothing can be written in it either, such as what is lost: then the acknowledged place decides.
    pub(super) fn due(&self, is_full: bool) -> Position {
        let done = if is_full { self.acknowledged } else { self.stored };
        journal::due(&self.journal, done, (SystemTime::now(), MARGIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::journal::segment;

    #[test]
    fn what_is_not_stored_goes_only_when_the_journal_is_full() {
        let folder = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - 2 * MARGIN;
        for number in 1..=3 {
            let file = std::fs::File::create(segment::path(folder.path(), number)).unwrap();
            file.set_modified(old).unwrap();
        }
        let at = |segment| Position { segment, offset: 48 };
        let file = PositionFile::new(folder.path().join("position"));
        let mut progress = Progress::load(folder.path().to_owned(), file.clone()).unwrap();
        progress.advance(at(3));
        progress.store(at(2)).unwrap();
        assert_eq!(progress.due(false).segment, 2);
        assert_eq!(progress.due(true).segment, 3);
        progress.advance(at(1));
        assert_eq!(progress.acknowledged(), at(3), "the place does not go back");
        assert_eq!(file.load().unwrap(), Some(at(2)));
    }
}
