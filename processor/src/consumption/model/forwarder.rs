//! A forwarder: it ships in order, but what was under way when a broker failed may arrive in any order and more than once.

use std::collections::BTreeSet;

/// Records of one partition under way, by their places in the journal.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) partition: usize,
    pub(super) entries: Vec<usize>,
}

/// Where it stands in the journal.
#[derive(Debug, Default)]
pub(super) struct Forwarder {
    /// The next record to be sent.
    next: usize,
    in_flight: Vec<Batch>,
    unacknowledged: BTreeSet<usize>,
    /// Where a restart begins; it lags behind the acknowledgements.
    position: usize,
}

impl Forwarder {
    /// Sends up to `count` records before `end`, a batch for each partition.
    pub(super) fn send(&mut self, count: usize, end: usize, partition_of: impl Fn(usize) -> usize) {
        let until = (self.next + count).min(end);
        let mut batches: Vec<Batch> = Vec::new();
        for entry in self.next..until {
            let partition = partition_of(entry);
            match batches.iter_mut().find(|batch| batch.partition == partition) {
                Some(batch) => batch.entries.push(entry),
                None => batches.push(Batch { partition, entries: vec![entry] }),
            }
            self.unacknowledged.insert(entry);
        }
        self.in_flight.append(&mut batches);
        self.next = self.next.max(until);
    }

    /// A batch reaches the broker. One that is not acknowledged remains under way and will come again.
    pub(super) fn deliver(&mut self, choice: usize, acknowledged: bool) -> Option<Batch> {
        let place = choice.checked_rem(self.in_flight.len())?;
        if !acknowledged {
            let Batch { partition, entries } = &self.in_flight[place];
            return Some(Batch { partition: *partition, entries: entries.clone() });
        }
        let batch = self.in_flight.remove(place);
        batch.entries.iter().for_each(|entry| _ = self.unacknowledged.remove(entry));
        Some(batch)
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Writes down how far everything is acknowledged.
    pub(super) fn save_position(&mut self) {
        self.position = self.unacknowledged.first().copied().unwrap_or(self.next);
    }

    /// Writes down how far everything was sent: what must never be done.
    pub(super) fn save_position_ahead(&mut self) {
        self.position = self.next;
    }

    /// A crash, with `end` records left in the journal.
    pub(super) fn restart(&mut self, end: usize) {
        let position = self.position.min(end);
        *self = Self { next: position, position, ..Self::default() };
    }
}
