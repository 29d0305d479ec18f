//! Which segments may be removed.

use std::path::Path;
use std::time::{Duration, SystemTime};

use schemas::journal::{Position, segment};

/// Up to where segments may go: before the first that is not read to its end, up to `done`, or was changed less than `life` ago.
#[must_use]
pub fn due(journal: &Path, done: Position, (now, life): (SystemTime, Duration)) -> Position {
    let numbers = segment::numbers(journal).unwrap_or_default();
    let is_young = |number: &u64| {
        let changed = segment::path(journal, *number).metadata().and_then(|file| file.modified()).ok();
        changed.is_none_or(|changed| now.duration_since(changed).unwrap_or_default() < life)
    };
    let first_young = numbers.into_iter().find(is_young).unwrap_or(done.segment);
    Position { segment: first_young.min(done.segment), offset: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_secs(600);

    #[test]
    fn only_old_segments_that_are_done_are_due() {
        let folder = tempfile::tempdir().unwrap();
        for number in 1..=3 {
            std::fs::write(segment::path(folder.path(), number), b"").unwrap();
        }
        let done = |segment| Position { segment, offset: 9 };
        let now = SystemTime::now();
        assert_eq!(due(folder.path(), done(3), (now, LIFE)).segment, 1, "all are young");
        let later = now + LIFE + Duration::from_secs(1);
        assert_eq!(due(folder.path(), done(3), (later, LIFE)).segment, 3);
        assert_eq!(due(folder.path(), done(2), (later, LIFE)).segment, 2);
    }
}
