//! What was sent and is not reported yet, without any I/O.
//!
//! Reports come out of order: each partition has its own. The place that may be remembered moves only over records that are reported
//! without a gap, so it is never ahead of what the brokers have.

use std::collections::VecDeque;

use schemas::journal::Position;

/// Records in flight at most: some batches for each partition.
const RECORDS_MAX: usize = 16_384;
/// Bytes in flight at most: the memory that an outage takes.
const BYTES_MAX: usize = 16 << 20;

/// A window over the journal. Serial numbers count from 0 and end with it.
pub(super) struct InFlight {
    records: VecDeque<Sent>,
    /// Serial number of the oldest.
    first: usize,
    bytes: usize,
    acknowledged: Position,
}

struct Sent {
    bytes: usize,
    /// Behind the record.
    next: Position,
    is_delivered: bool,
}

impl InFlight {
    /// Nothing is in flight yet; everything before `from` was acknowledged earlier.
    pub(super) fn new(from: Position) -> Self {
        Self { records: VecDeque::new(), first: 0, bytes: 0, acknowledged: from }
    }

    /// Whether one more may be sent.
    pub(super) fn has_room(&self) -> bool {
        self.records.len() < RECORDS_MAX && self.bytes < BYTES_MAX
    }

    /// The serial number of the next record.
    pub(super) fn next_serial(&self) -> usize {
        self.first + self.records.len()
    }

    /// The next record is on its way; behind it the journal goes on at `next`.
    pub(super) fn sent(&mut self, bytes: usize, next: Position) {
        self.bytes += bytes;
        self.records.push_back(Sent { bytes, next, is_delivered: false });
    }

    /// The brokers have the record. Gives how many records are acknowledged by that: none while an older one is on its way.
    pub(super) fn delivered(&mut self, serial: usize) -> u64 {
        let place = serial.checked_sub(self.first);
        if let Some(sent) = place.and_then(|place| self.records.get_mut(place)) {
            sent.is_delivered = true;
        }
        let mut acknowledged = 0;
        while self.records.front().is_some_and(|sent| sent.is_delivered)
            && let Some(sent) = self.records.pop_front()
        {
            self.first += 1;
            self.bytes -= sent.bytes;
            self.acknowledged = sent.next;
            acknowledged += 1;
        }
        acknowledged
    }

    /// The brokers have every record before it.
    pub(super) fn acknowledged(&self) -> Position {
        self.acknowledged
    }

    /// Whether all that was sent is acknowledged.
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(offset: u64) -> Position {
        Position { segment: 1, offset }
    }

    fn window(records: u64) -> InFlight {
        let mut window = InFlight::new(at(0));
        for record in 1..=records {
            assert_eq!(window.next_serial() as u64, record - 1);
            window.sent(10, at(record));
        }
        window
    }

    #[test]
    fn the_place_waits_for_the_oldest() {
        let mut window = window(3);
        assert_eq!(window.delivered(2), 0);
        assert_eq!(window.delivered(1), 0);
        assert_eq!(window.acknowledged(), at(0));
        assert_eq!(window.delivered(0), 3);
        assert_eq!(window.acknowledged(), at(3));
        assert!(window.is_empty());
        assert_eq!(window.next_serial(), 3);
    }

    #[test]
    fn a_report_that_comes_twice_or_for_nothing_changes_nothing() {
        let mut window = window(2);
        assert_eq!(window.delivered(0), 1);
        assert_eq!(window.delivered(0), 0);
        assert_eq!(window.delivered(7), 0);
        assert_eq!(window.acknowledged(), at(1));
        assert_eq!(window.delivered(1), 1);
    }

    #[test]
    fn records_and_bytes_are_bounded() {
        let mut window = InFlight::new(at(0));
        while window.has_room() {
            window.sent(1, at(1));
        }
        assert_eq!(window.next_serial(), RECORDS_MAX);
        assert_eq!(window.delivered(0), 1);
        assert!(window.has_room());
        window.sent(BYTES_MAX, at(2));
        assert!(!window.has_room());
    }

    proptest! {
        /// Against the plainest way to say it: the place is behind the longest beginning of which all is reported.
        #[test]
        fn the_place_is_behind_the_longest_reported_beginning(order in Just((0..50_usize).collect::<Vec<_>>()).prop_shuffle()) {
            let mut window = window(50);
            let mut reported = [false; 50];
            for serial in order {
                window.delivered(serial);
                reported[serial] = true;
                let beginning = reported.iter().take_while(|reported| **reported).count();
                prop_assert_eq!(window.acknowledged(), at(beginning as u64));
                prop_assert_eq!(window.bytes, 10 * (50 - beginning));
            }
        }
    }
}
