//! Numbers that the journal cannot give any more, and what was told of them, without any I/O.
//!
//! They are told in pieces, as [`Lost`] records of the running collector. The place that is remembered does not pass a gap before all its
//! pieces are on the disk; so a crash only means that some are told twice, which gives the same rows.

use std::collections::VecDeque;

use schemas::event::{LOST_MAX, Lost};
use schemas::journal::Position;
use schemas::wire::CollectorId;

/// Sequences that are not there to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    /// Whose.
    pub(super) collector: CollectorId,
    /// The first of them.
    pub(super) first: u64,
    /// The last of them.
    pub(super) last: u64,
    /// Behind the last record before them: who reads on from there finds them again.
    pub(super) behind: Position,
}

/// All gaps at or behind the acknowledged place, oldest first.
#[derive(Debug, Default)]
pub(super) struct Gaps(VecDeque<Told>);

#[derive(Debug)]
struct Told {
    gap: Gap,
    /// The first sequence that was not told yet.
    from: u64,
}

impl Told {
    fn is_whole(&self) -> bool {
        self.from > self.gap.last
    }
}

impl Gaps {
    /// A gap was read. False when it is known: the journal was read again.
    pub(super) fn found(&mut self, gap: Gap) -> bool {
        let is_known = self.0.iter().any(|told| {
            (told.gap.collector, told.gap.first, told.gap.last) == (gap.collector, gap.first, gap.last)
        });
        if !is_known {
            self.0.push_back(Told { gap, from: gap.first });
        }
        !is_known
    }

    /// What is to be told next.
    pub(super) fn untold(&self) -> Option<Lost> {
        let Told { gap, from } = self.0.iter().find(|told| !told.is_whole())?;
        let to = gap.last.min(from.saturating_add(LOST_MAX - 1));
        Some(Lost { collector: gap.collector.0.to_vec(), from: *from, to })
    }

    /// That is on the disk.
    pub(super) fn told(&mut self) {
        if let Some(told) = self.0.iter_mut().find(|told| !told.is_whole()) {
            told.from = told.from.saturating_add(LOST_MAX);
        }
    }

    /// The place that may be remembered when everything before `acknowledged` is.
    pub(super) fn before_untold(&self, acknowledged: Position) -> Position {
        let untold = self.0.iter().filter(|told| !told.is_whole()).map(|told| told.gap.behind);
        untold.chain([acknowledged]).min().unwrap_or(acknowledged)
    }

    /// Nobody reads again what is before `place`.
    pub(super) fn forget_before(&mut self, place: Position) {
        self.0.retain(|told| !told.is_whole() || told.gap.behind >= place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(first: u64, last: u64, offset: u64) -> Gap {
        Gap { collector: CollectorId([1; 16]), first, last, behind: at(offset) }
    }

    fn at(offset: u64) -> Position {
        Position { segment: 1, offset }
    }

    fn next(gaps: &mut Gaps) -> Option<(u64, u64)> {
        let lost = gaps.untold()?;
        gaps.told();
        Some((lost.from, lost.to))
    }

    #[test]
    fn a_large_gap_is_told_in_pieces() {
        let mut gaps = Gaps::default();
        gaps.found(gap(7, 2 * LOST_MAX + 7, 0));
        assert_eq!(next(&mut gaps), Some((7, LOST_MAX + 6)));
        assert_eq!(next(&mut gaps), Some((LOST_MAX + 7, 2 * LOST_MAX + 6)));
        assert_eq!(next(&mut gaps), Some((2 * LOST_MAX + 7, 2 * LOST_MAX + 7)));
        assert_eq!(next(&mut gaps), None);
    }

    #[test]
    fn a_gap_read_again_is_not_told_again() {
        let mut gaps = Gaps::default();
        assert!(gaps.found(gap(1, 5, 0)));
        assert_eq!(next(&mut gaps), Some((1, 5)));
        assert!(!gaps.found(gap(1, 5, 0)));
        assert_eq!(next(&mut gaps), None);
        gaps.forget_before(at(0));
        assert!(!gaps.found(gap(1, 5, 0)), "its place is not passed yet");
        gaps.forget_before(at(1));
        assert!(gaps.0.is_empty());
    }

    #[test]
    fn the_place_waits_for_what_is_untold() {
        let mut gaps = Gaps::default();
        gaps.found(gap(1, 5, 10));
        gaps.found(gap(8, 9, 20));
        assert_eq!(gaps.before_untold(at(5)), at(5));
        assert_eq!(gaps.before_untold(at(30)), at(10));
        gaps.told();
        assert_eq!(gaps.before_untold(at(30)), at(20));
        gaps.forget_before(at(30));
        assert_eq!(gaps.0.len(), 1, "what is untold is not forgotten");
        gaps.told();
        assert_eq!(gaps.before_untold(at(30)), at(30));
    }

    #[test]
    fn the_last_sequence_there_can_be_ends_a_gap() {
        let mut gaps = Gaps::default();
        gaps.found(gap(u64::MAX - 1, u64::MAX - 1, 0));
        assert_eq!(next(&mut gaps), Some((u64::MAX - 1, u64::MAX - 1)));
        assert_eq!(next(&mut gaps), None);
    }
}
