//! Journal segments are removed when their rows are written and no key opens them any more, or, when the journal gets
//! full, as soon as no open day needs them for a warm-up.

use std::path::Path;
use std::time::{Duration, SystemTime};

use collector::service::Service;
use schemas::journal::{Position, PositionFile, segment};
use tokio::time::interval;

use crate::data::Data;

/// A record lives 48 hours at most, and a segment as long as its youngest record.
const LIFE: Duration = Duration::from_secs(48 * 60 * 60);
/// No site's open day, with its grace of two hours, began longer ago.
const OPEN_DAY: Duration = Duration::from_secs(27 * 60 * 60);
/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(10 * 60);

/// Removes what is due, again and again, until it is dropped.
pub async fn keep(service: &Service, data: &Data) {
    let mut rounds = interval(ROUND);
    loop {
        rounds.tick().await;
        let (journal, data) = (service.collector.recorder.journal().clone(), data.path().to_owned());
        let is_filling = journal.used_bytes() > service.collector.configuration.limits.journal_bytes / 4 * 3;
        let life = if is_filling { OPEN_DAY } else { LIFE };
        let removed = tokio::task::spawn_blocking(move || {
            let written =
                PositionFile::new(data.join("position")).load().ok().flatten().unwrap_or(Position::START);
            journal.trim(due(&data.join("journal"), written, (SystemTime::now(), life)))
        });
        match removed.await {
            Ok(Ok(bytes)) if bytes > 0 => tracing::info!(bytes, "expired journal segments removed"),
            Ok(Err(error)) => tracing::error!(%error, "expired journal segments could not be removed"),
            _ => {}
        }
    }
}

/// Up to where segments may go: before the first that is young or whose rows are not all written.
fn due(journal: &Path, written: Position, (now, life): (SystemTime, Duration)) -> Position {
    let numbers = segment::numbers(journal).unwrap_or_default();
    let is_young = |number: &u64| {
        let changed = segment::path(journal, *number).metadata().and_then(|file| file.modified()).ok();
        changed.is_none_or(|changed| now.duration_since(changed).unwrap_or_default() < life)
    };
    let first_young = numbers.into_iter().find(is_young).unwrap_or(written.segment);
    Position { segment: first_young.min(written.segment), offset: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_segments_whose_rows_are_written_are_due() {
        let folder = tempfile::tempdir().unwrap();
        for number in 1..=3 {
            std::fs::write(segment::path(folder.path(), number), b"").unwrap();
        }
        let written = |segment| Position { segment, offset: 9 };
        let now = SystemTime::now();
        assert_eq!(due(folder.path(), written(3), (now, LIFE)).segment, 1, "all are young");
        let later = now + LIFE + Duration::from_secs(1);
        assert_eq!(due(folder.path(), written(3), (later, LIFE)).segment, 3);
        assert_eq!(due(folder.path(), written(2), (later, LIFE)).segment, 2);
    }
}
