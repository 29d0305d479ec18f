//! A partitioned log with one group of consumers, as Kafka keeps it.

use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::Timestamp;

use crate::consumption::Reached;
use crate::hole_watch::Progress;
use crate::open::Record;
use crate::partition::{self, Offset, WarmUp};

/// A record, and when the broker took it.
#[derive(Debug, Clone)]
pub(super) struct Appended {
    pub(super) bytes: Rc<[u8]>,
    pub(super) at: Timestamp,
}

impl Appended {
    pub(super) fn record(&self) -> Record<'_> {
        Record { bytes: &self.bytes, appended: Some(self.at) }
    }
}

/// One partition. The model remembers what retention has cut, for the judge; no processor sees it.
#[derive(Debug, Default)]
pub(super) struct LogPartition {
    pub(super) records: Vec<Appended>,
    low: usize,
    committed: Option<Reached>,
}

/// All partitions, and the group's generation: commits of an earlier one are refused.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) partitions: Vec<LogPartition>,
    pub(super) generation: u64,
}

impl Log {
    pub(super) fn new(partitions: usize) -> Self {
        Self { partitions: (0..partitions).map(|_| LogPartition::default()).collect(), generation: 0 }
    }

    /// What a processor is told of these partitions when it begins them.
    pub(super) fn described(
        &self,
        numbers: &[i32],
        warm_up_from: impl Fn(Timestamp) -> Timestamp,
    ) -> BTreeMap<i32, partition::Log> {
        numbers.iter().map(|number| (*number, self.partition(*number).described(&warm_up_from))).collect()
    }

    pub(super) fn partition(&self, number: i32) -> &LogPartition {
        &self.partitions[number as usize]
    }

    pub(super) fn commit(&mut self, generation: u64, reached: &[(i32, Reached)]) {
        if generation != self.generation {
            return;
        }
        for (number, reached) in reached {
            self.partitions[*number as usize].committed = Some(*reached);
        }
    }

    /// Cuts what no warm-up needs, but for the last of it: a warm-up that begins with the log cannot know that nothing it needs
    /// was cut, and its rows say so.
    pub(super) fn cut(&mut self, warm_up_from: impl Fn(Timestamp) -> Timestamp) {
        for partition in &mut self.partitions {
            let log = partition.described(&warm_up_from);
            let warm_from = log.warm_up.map_or(log.low, |warm_up| warm_up.from);
            let needed = log.committed.map_or(log.low, |committed| committed.min(warm_from));
            partition.low = partition.low.max((needed as usize).saturating_sub(1));
        }
    }

    pub(super) fn progress(&self) -> Progress {
        let mut progress = Progress::default();
        for (number, partition) in (0..).zip(&self.partitions) {
            if partition.records.len() > partition.low {
                progress.begins.insert(number, partition.low as Offset);
                progress.ends.insert(number, partition.records.len() as Offset);
            }
            if let Some(reached) = partition.committed {
                progress.committed.insert(number, reached.offset);
            }
        }
        progress
    }
}

impl LogPartition {
    /// The records from `offset` on that are still there, with their places.
    pub(super) fn from(&self, offset: Offset) -> impl Iterator<Item = (Offset, &Appended)> {
        let offset = (offset as usize).max(self.low);
        (offset as Offset..).zip(self.records.iter().skip(offset))
    }

    fn described(&self, warm_up_from: impl Fn(Timestamp) -> Timestamp) -> partition::Log {
        let since = self.committed.and_then(|reached| reached.appended).map(warm_up_from);
        let warm_up = since.map(|since| {
            let from = self.records.iter().position(|record| record.at >= since);
            let from = from.unwrap_or(self.records.len()).max(self.low) as Offset;
            WarmUp { since, from }
        });
        partition::Log {
            low: self.low as Offset,
            high: self.records.len() as Offset,
            committed: self.committed.map(|reached| reached.offset),
            warm_up,
        }
    }
}
