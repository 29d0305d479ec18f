//! How far the forwarder is behind.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use schemas::journal::{Position, segment};

/// Marks kept; with more, every second one goes.
const MARKS_MAX: usize = 4096;

/// About how many bytes of records are between two places.
pub(super) fn bytes_between(journal: &Path, from: Position, to: Position) -> u64 {
    let numbers = segment::numbers(journal).unwrap_or_default();
    let between = numbers.into_iter().filter(|number| (from.segment..=to.segment).contains(number));
    let bytes = between.map(|number| {
        let length = || segment::path(journal, number).metadata().map_or(0, |file| file.len());
        let end = if number == to.segment { to.offset } else { length() };
        let start = if number == from.segment { from.offset } else { 0 };
        end.saturating_sub(start)
    });
    bytes.sum()
}

/// When the journal ended where: tells the age of what is not acknowledged, as far as this program has seen it.
#[derive(Debug, Default)]
pub(super) struct Age(VecDeque<(Instant, Position)>);

impl Age {
    /// At `now` the journal ends at `confirmed`. Gives the age of the oldest record behind `acknowledged`.
    pub(super) fn mark(&mut self, now: Instant, confirmed: Position, acknowledged: Position) -> Duration {
        let passed = self.0.iter().take_while(|(_, end)| *end <= acknowledged).count();
        self.0.drain(..passed);
        if confirmed > self.0.back().map_or(acknowledged, |(_, end)| *end) {
            self.0.push_back((now, confirmed));
        }
        if self.0.len() > MARKS_MAX {
            let mut keep = false;
            self.0.retain(|_| {
                keep = !keep;
                keep
            });
        }
        self.0.front().map_or(Duration::ZERO, |(since, _)| now.duration_since(*since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(segment: u64, offset: u64) -> Position {
        Position { segment, offset }
    }

    #[test]
    fn the_oldest_that_is_not_acknowledged_has_the_age() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut age = Age::default();
        assert_eq!(age.mark(after(0), at(1, 10), at(1, 10)).as_secs(), 0);
        assert_eq!(age.mark(after(1), at(1, 20), at(1, 10)).as_secs(), 0);
        assert_eq!(age.mark(after(5), at(1, 30), at(1, 10)).as_secs(), 4);
        assert_eq!(age.mark(after(6), at(1, 30), at(1, 20)).as_secs(), 1);
        assert_eq!(age.mark(after(9), at(1, 30), at(1, 30)).as_secs(), 0);
    }

    #[test]
    fn a_long_outage_takes_little_memory_and_keeps_its_age() {
        let start = Instant::now();
        let mut age = Age::default();
        for second in 0..100_000 {
            let told = age.mark(start + Duration::from_secs(second), at(1, second + 1), at(1, 0));
            assert_eq!(told.as_secs(), second);
        }
        assert!(age.0.len() <= MARKS_MAX);
    }

    #[test]
    fn bytes_are_those_between_two_places() {
        let folder = tempfile::tempdir().unwrap();
        for number in 1..=3 {
            std::fs::write(segment::path(folder.path(), number), [0; 100]).unwrap();
        }
        assert_eq!(bytes_between(folder.path(), at(1, 40), at(3, 7)), 60 + 100 + 7);
        assert_eq!(bytes_between(folder.path(), at(3, 7), at(3, 7)), 0);
        assert_eq!(bytes_between(folder.path(), Position::START, at(2, 5)), 105);
    }
}
