//! A record is its first copy: a forwarder may repeat itself, a reader may start again, and a browser may send a
//! hit twice. The first two are skipped without a trace, the last becomes a row of kind `repeat`.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use schemas::local_time::LocalDay;
use schemas::wire::{CollectorId, Header};

/// The highest sequence seen of each collector. Its sequences rise except where they are repeated.
#[derive(Debug, Default)]
pub struct Marks(HashMap<CollectorId, u64>);

impl Marks {
    /// Whether this record was not seen before; raises the mark.
    pub fn is_first_copy(&mut self, header: &Header) -> bool {
        let mark = self.0.entry(header.collector).or_default();
        let first = header.sequence > *mark;
        *mark = header.sequence.max(*mark);
        first
    }

    /// The highest sequence seen of a collector, if any was.
    pub fn highest(&self, collector: CollectorId) -> Option<u64> {
        self.0.get(&collector).copied()
    }
}

/// The hit ids of the open days, as 128-bit hashes under keys of this process.
#[derive(Debug, Default)]
pub struct HitIds {
    days: HashMap<(String, LocalDay), HashSet<u128>>,
    hashers: [RandomState; 2],
}

impl HitIds {
    /// Whether this site's day has seen the id before. A hit without an id is never a repeat.
    pub fn is_repeat(&mut self, site: &str, day: LocalDay, id: &[u8]) -> bool {
        if id.is_empty() {
            return false;
        }
        let [high, low] = self.hashers.each_ref().map(|hasher| u128::from(hasher.hash_one(id)));
        let seen = self.days.entry((site.to_owned(), day)).or_default();
        !seen.insert(high << 64 | low)
    }

    /// Forgets the days for which `is_over`.
    pub fn forget(&mut self, is_over: impl Fn(&str, LocalDay) -> bool) {
        self.days.retain(|(site, day), _| !is_over(site, *day));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(collector: u8, sequence: u64) -> Header {
        Header {
            collector: CollectorId([collector; 16]),
            sequence,
            site: "a".into(),
            written_hour: 0,
            lane: 0,
        }
    }

    #[test]
    fn a_repeated_stretch_is_skipped_and_other_collectors_are_not() {
        let mut marks = Marks::default();
        let seen: Vec<bool> =
            [1, 2, 3, 2, 3, 4].map(|sequence| marks.is_first_copy(&header(1, sequence))).into();
        assert_eq!(seen, [true, true, true, false, false, true]);
        assert!(marks.is_first_copy(&header(2, 1)));
    }

    #[test]
    fn an_id_repeats_within_its_site_and_day_only() {
        let mut ids = HitIds::default();
        let day: LocalDay = "2026-11-22".parse().unwrap();
        assert!(!ids.is_repeat("a", day, b"x"));
        assert!(ids.is_repeat("a", day, b"x"));
        assert!(!ids.is_repeat("b", day, b"x"));
        assert!(!ids.is_repeat("a", day.next(), b"x"));
        assert!(!ids.is_repeat("a", day, b"") && !ids.is_repeat("a", day, b""));
        ids.forget(|_, over| over == day);
        assert!(!ids.is_repeat("a", day, b"x"));
    }
}
