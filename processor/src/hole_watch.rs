//! Which missing sequences are truly missing. Between partitions a gap is the rule for moments: a collector's later record is
//! written while an earlier one is still on its way through another partition. A gap counts when all that was in the log, long
//! after the gap was first seen, has been written and it is still there.

use std::collections::BTreeMap;

use crate::partition::Offset;
use crate::store::Hole;

/// How far all partitions are written, and where they end. To be read before the holes are asked for, so that what is written
/// is seen by that question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The first record of each partition that has any.
    pub begins: BTreeMap<i32, Offset>,
    /// Behind the last record of each partition that has any.
    pub ends: BTreeMap<i32, Offset>,
    /// What is committed.
    pub committed: BTreeMap<i32, Offset>,
}

impl Progress {
    /// Whether all that was in the log at `ends` is written. Of a log that ends before what is written nothing can be told.
    fn covers(&self, ends: &BTreeMap<i32, Offset>) -> bool {
        let is_sound =
            |(number, committed): (&i32, &Offset)| self.ends.get(number).is_none_or(|end| committed <= end);
        self.committed.iter().all(is_sound)
            && ends
                .iter()
                .all(|(number, end)| self.committed.get(number).is_some_and(|committed| committed >= end))
    }

    /// Records without a committed row.
    pub fn unwritten(&self) -> u64 {
        let behind = |(number, end): (&i32, &Offset)| {
            let from = self.committed.get(number).or_else(|| self.begins.get(number)).copied().unwrap_or(0);
            u64::try_from(end - from).unwrap_or(0)
        };
        self.ends.iter().map(behind).sum()
    }
}

/// Remembers gaps from one check to the next.
#[derive(Debug, Default)]
pub struct HoleWatch {
    /// Seen once or more.
    suspected: Vec<Hole>,
    /// Where the log ended when they were seen a second time: whatever was on its way before is in the log by then.
    ends: Option<BTreeMap<i32, Offset>>,
    missing: Vec<Hole>,
}

impl HoleWatch {
    /// Takes the result of a check, at least seconds after the one before, and gives what is truly missing.
    pub fn observe(&mut self, holes: &[Hole], progress: &Progress) -> &[Hole] {
        self.missing = common(&self.missing, holes);
        self.suspected = common(&self.suspected, holes);
        match &self.ends {
            None if self.suspected.is_empty() => self.suspected = holes.to_vec(),
            None => self.ends = Some(progress.ends.clone()),
            Some(ends) if progress.covers(ends) => {
                self.missing = std::mem::replace(&mut self.suspected, holes.to_vec());
                self.ends = None;
            }
            Some(_) => {}
        }
        &self.missing
    }
}

/// The runs of sequences that are in both; each list is sorted and its runs do not touch.
pub fn common(a: &[Hole], b: &[Hole]) -> Vec<Hole> {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut both = Vec::new();
    while let (Some(left), Some(right)) = (a.peek(), b.peek()) {
        let from = left.from.max(right.from);
        let to = left.to.min(right.to);
        if left.collector == right.collector && from <= to {
            both.push(Hole { from, to, ..(*right).clone() });
        }
        if (left.collector, left.to) < (right.collector, right.to) {
            a.next();
        } else {
            b.next();
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::wire::CollectorId;

    fn hole(collector: u8, from: u64, to: u64) -> Hole {
        Hole { collector: CollectorId([collector; 16]), from, to, written_hour: 0 }
    }

    fn progress(end: Offset, committed: Offset) -> Progress {
        Progress {
            begins: BTreeMap::new(),
            ends: BTreeMap::from([(0, end)]),
            committed: BTreeMap::from([(0, committed)]),
        }
    }

    #[test]
    fn a_gap_is_missing_when_all_that_followed_it_is_written() {
        let (mut watch, holes) = (HoleWatch::default(), [hole(1, 5, 9)]);
        assert_eq!(watch.observe(&holes, &progress(10, 0)), []);
        assert_eq!(watch.observe(&holes, &progress(20, 15)), [], "what is in the log now may fill it");
        assert_eq!(watch.observe(&holes, &progress(30, 19)), []);
        assert_eq!(watch.observe(&holes, &progress(40, 20)), holes);
        assert_eq!(watch.observe(&[hole(1, 5, 6)], &progress(50, 20)), [hole(1, 5, 6)]);
        assert_eq!(watch.observe(&[], &progress(50, 20)), []);
    }

    #[test]
    fn gaps_that_come_and_go_are_never_missing() {
        let mut watch = HoleWatch::default();
        for sequence in (1..100).step_by(2) {
            let end = Offset::try_from(sequence).unwrap();
            assert_eq!(watch.observe(&[hole(1, sequence, sequence)], &progress(end, end)), []);
        }
    }

    #[test]
    fn a_partition_without_a_commit_holds_the_judgement_back() {
        let (mut watch, holes) = (HoleWatch::default(), [hole(1, 5, 9)]);
        let progress = Progress { ends: BTreeMap::from([(0, 10), (1, 1)]), ..progress(10, 10) };
        for _ in 0..5 {
            assert_eq!(watch.observe(&holes, &progress), []);
        }
    }

    #[test]
    fn of_a_log_that_ends_before_what_is_written_nothing_is_told() {
        let (mut watch, holes) = (HoleWatch::default(), [hole(1, 5, 9)]);
        for _ in 0..5 {
            assert_eq!(watch.observe(&holes, &progress(10, 1_000_000)), []);
        }
    }

    #[test]
    fn what_is_not_written_is_counted_from_the_logs_beginning() {
        let begun = Progress { begins: BTreeMap::from([(0, 4), (1, 2)]), ..progress(10, 7) };
        assert_eq!(begun.unwritten(), 3);
        let never = Progress { committed: BTreeMap::new(), ..begun };
        assert_eq!(never.unwritten(), 6);
    }

    #[test]
    fn runs_of_two_collectors_do_not_mix() {
        let a = [hole(1, 1, 10), hole(2, 5, 6)];
        let b = [hole(1, 3, 4), hole(1, 8, 20), hole(2, 1, 5), hole(3, 1, 9)];
        assert_eq!(common(&a, &b), [hole(1, 3, 4), hole(1, 8, 10), hole(2, 5, 5)]);
    }
}
