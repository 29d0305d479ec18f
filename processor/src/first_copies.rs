//! A record is its first copy: a forwarder may repeat itself, a reader may start again, and a browser may send a
//! hit twice. The first two are skipped without a trace, the last becomes a row of kind `repeat`. And a browser may send several
//! hits with one state of its visit: only the first of them may use it up.
//!
//! Which sequences were seen is kept exactly, not as the highest one: after a broker's failure a forwarder's later batch may
//! stand in the log before an earlier one, and what comes out of order is no repeat.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use roaring::RoaringTreemap;
use schemas::local_time::LocalDay;
use schemas::wire::{CollectorId, Header};

/// How long a collector's sequences are remembered after its latest record was written, in hours: no record is readable
/// longer, so none is repeated.
const REMEMBERED_HOURS: u32 = 72;

/// The sequences seen of each collector: about a bit each.
#[derive(Debug, Default)]
pub struct Sequences(HashMap<CollectorId, Seen>);

#[derive(Debug, Default)]
struct Seen {
    sequences: RoaringTreemap,
    written_hour: u32,
}

impl Sequences {
    /// Whether this record was not seen before; it is from now on.
    pub fn is_first_copy(&mut self, header: &Header) -> bool {
        let seen = self.0.entry(header.collector).or_default();
        seen.written_hour = seen.written_hour.max(header.written_hour);
        seen.sequences.insert(header.sequence)
    }

    /// The highest sequence seen of a collector, if any was.
    pub fn highest(&self, collector: CollectorId) -> Option<u64> {
        self.0.get(&collector)?.sequences.max()
    }

    /// Forgets the collectors that have written nothing for long before `hour`.
    pub fn forget_before(&mut self, hour: u32) {
        self.0.retain(|_, seen| seen.written_hour.saturating_add(REMEMBERED_HOURS) >= hour);
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

/// The one-use numbers of the device-held states that hits of the open days have used up. No number is remembered beyond its day: a
/// cookie that is played again on a later day counts once more on that day.
#[derive(Default)]
pub struct UsedNumbers(HashMap<(String, LocalDay), HashSet<u64>>);

impl std::fmt::Debug for UsedNumbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UsedNumbers([personal])")
    }
}

impl UsedNumbers {
    /// Whether another hit of this site's day has used the number up before. A hit without a number uses none.
    pub fn is_used(&mut self, site: &str, day: LocalDay, number: Option<u64>) -> bool {
        let Some(number) = number else { return false };
        !self.0.entry((site.to_owned(), day)).or_default().insert(number)
    }

    /// Forgets the days for which `is_over`.
    pub fn forget(&mut self, is_over: impl Fn(&str, LocalDay) -> bool) {
        self.0.retain(|(site, day), _| !is_over(site, *day));
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
        let mut seen = Sequences::default();
        let first: Vec<bool> =
            [1, 2, 3, 2, 3, 4].map(|sequence| seen.is_first_copy(&header(1, sequence))).into();
        assert_eq!(first, [true, true, true, false, false, true]);
        assert!(seen.is_first_copy(&header(2, 1)));
    }

    #[test]
    fn what_comes_out_of_order_is_no_repeat() {
        let mut seen = Sequences::default();
        let first = [4, 5, 2, 3, 4].map(|sequence| seen.is_first_copy(&header(1, sequence)));
        assert_eq!(first, [true, true, true, true, false]);
        assert_eq!(seen.highest(CollectorId([1; 16])), Some(5));
    }

    #[test]
    fn a_collector_is_forgotten_long_after_its_records_are_unreadable() {
        let mut seen = Sequences::default();
        seen.is_first_copy(&Header { written_hour: 100, ..header(1, 1) });
        seen.forget_before(100 + REMEMBERED_HOURS);
        assert!(!seen.is_first_copy(&Header { written_hour: 100, ..header(1, 1) }));
        seen.forget_before(101 + REMEMBERED_HOURS);
        assert_eq!(seen.highest(CollectorId([1; 16])), None);
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

    #[test]
    fn a_number_is_used_up_within_its_site_and_day_only() {
        let mut numbers = UsedNumbers::default();
        let day: LocalDay = "2026-11-22".parse().unwrap();
        let used = [("a", day), ("a", day), ("b", day), ("a", day.next())]
            .map(|(site, day)| numbers.is_used(site, day, Some(7)));
        assert_eq!(used, [false, true, false, false]);
        assert!(!numbers.is_used("a", day, Some(8)));
        assert!(!numbers.is_used("a", day, None) && !numbers.is_used("a", day, None));
        numbers.forget(|_, over| over == day);
        assert!(!numbers.is_used("a", day, Some(7)) && numbers.is_used("a", day.next(), Some(7)));
        assert_eq!(format!("{numbers:?}"), "UsedNumbers([personal])");
    }
}
