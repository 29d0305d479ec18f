//! A collector's journal: what is synced survives a crash, of the rest some may.

use std::rc::Rc;

use schemas::journal::RecordId;
use schemas::wire::CollectorId;

/// A record as it lies in the journal.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) id: RecordId,
    pub(super) lane: u8,
    pub(super) bytes: Rc<[u8]>,
    /// The hit that it records; none for a word of the collector's own.
    pub(super) hit: Option<usize>,
}

/// All that collectors of one machine wrote, oldest first.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) entries: Vec<Entry>,
    /// How many of them are on the disk for certain.
    pub(super) synced: usize,
    /// Who numbers records now, and the latest number.
    pub(super) last: RecordId,
}

impl Journal {
    pub(super) fn new(collector: CollectorId) -> Self {
        Self { entries: Vec::new(), synced: 0, last: RecordId { collector, sequence: 0 } }
    }

    /// The id of the next record.
    pub(super) fn next_id(&mut self) -> RecordId {
        self.last.sequence += 1;
        self.last
    }

    /// A crash: `kept` of the records that were not synced had reached the disk all the same. Gives the last number that is
    /// found there, which the new collector's first record names.
    pub(super) fn restart(&mut self, kept: usize, collector: CollectorId) -> Option<RecordId> {
        self.entries.truncate(self.synced + kept);
        self.synced = self.entries.len();
        self.last = RecordId { collector, sequence: 0 };
        self.entries.last().map(|entry| entry.id)
    }
}
