//! What a processor has taken from its partitions and not yet written: the heart of exactly-once. Pure: events come in,
//! what is to be inserted and committed goes out, and whoever does that does it in this order.
//!
//! ```text
//! assign ─▶ read_from … take, take, take … ─▶ seal ─▶ (insert, again until answered) ─▶ written ─▶ (commit)
//! ```
//! Offsets are committed only when their rows are acknowledged. Whatever happens between (a kill, a lost answer, another
//! processor with the same partition), the same records give the same rows under the same keys.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use schemas::keys::Keys;

use crate::batch::Batch;
use crate::open::Record;
use crate::partition::{Log, LogTooShort, Offset, Partition, Start};
use crate::pipeline::Pipeline;

/// How a partition is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Where its rows end, warmed up; a log that is shorter than that stops it.
    Committed,
    /// The same, but a shorter log is taken as it is.
    AcceptShorterLog,
    /// At its beginning, writing everything anew: rows that are missing come back, the others stay as they are.
    Replay,
}

/// An offset to be committed: all before it have their rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// The next record.
    pub offset: Offset,
    /// When the broker took the latest one before it.
    pub appended: Option<Timestamp>,
}

/// Rows to be inserted, and how far they reach.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// The encoded rows; nothing when no record gave any.
    pub rows: Option<Bytes>,
    reached: BTreeMap<i32, Reached>,
    assignment: u64,
}

/// The partitions of one processor.
#[derive(Debug)]
pub struct Consumption {
    template: Pipeline,
    batch: Batch,
    partitions: BTreeMap<i32, Partition>,
    /// States of partitions that were taken away and may come back.
    kept: BTreeMap<i32, Partition>,
    /// What is known to be committed.
    committed: BTreeMap<i32, Offset>,
    /// Counts assignments: what was sealed under an earlier one is not committed any more.
    assignment: u64,
}

impl Consumption {
    /// Without any partition; `template` has the rules and no state.
    pub fn new(template: Pipeline, batch: Batch) -> Self {
        Self {
            template,
            batch,
            partitions: BTreeMap::new(),
            kept: BTreeMap::new(),
            committed: BTreeMap::new(),
            assignment: 0,
        }
    }

    /// Takes over partitions, and says where each is to be read from, or why it is not. A state that was kept goes on if it
    /// is not beyond what is committed: another processor may have had the partition meanwhile.
    pub fn assign(
        &mut self,
        logs: &BTreeMap<i32, Log>,
        begin: Begin,
    ) -> BTreeMap<i32, Result<Offset, LogTooShort>> {
        logs.iter().map(|(number, log)| (*number, self.assign_one(*number, log, begin))).collect()
    }

    fn assign_one(&mut self, number: i32, log: &Log, begin: Begin) -> Result<Offset, LogTooShort> {
        let start = match begin {
            Begin::Committed => Start::of(log, false)?,
            Begin::AcceptShorterLog => Start::of(log, true)?,
            Begin::Replay => Start::everything(log),
        };
        let kept = self.kept.remove(&number).filter(|_| begin == Begin::Committed);
        let resumed = kept.and_then(|partition| partition.resume(start));
        let partition = resumed.unwrap_or_else(|| Partition::new(self.template.fresh(), start));
        // A log that was accepted although it is shorter has new offsets, from its beginning on.
        let committed = log.committed.filter(|committed| *committed <= log.high);
        self.committed.insert(number, committed.unwrap_or(log.low));
        let read_from = partition.next();
        self.partitions.insert(number, partition);
        Ok(read_from)
    }

    /// Gives all partitions up. Rows that were not sealed are dropped: whoever gets the partitions makes them again.
    pub fn revoke(&mut self) {
        self.assignment += 1;
        self.batch.clear();
        self.kept = std::mem::take(&mut self.partitions);
        self.committed.clear();
    }

    /// Forgets the states of partitions that did not come back.
    pub fn forget_kept(&mut self) {
        self.kept.clear();
    }

    /// Takes a record of an assigned partition; one of another partition came too late.
    pub fn take(&mut self, number: i32, offset: Offset, record: Record<'_>, keys: &Keys) {
        let Some(partition) = self.partitions.get_mut(&number) else { return };
        if let Some(taken) = partition.take(offset, record, keys) {
            self.batch.add(&taken);
        }
    }

    /// Rows that wait to be sealed.
    pub fn rows(&self) -> usize {
        self.batch.rows()
    }

    /// Whether something can be sealed.
    pub fn has_news(&self) -> bool {
        self.rows() > 0 || !self.reached().is_empty()
    }

    /// Everything taken so far, to be inserted.
    pub fn seal(&mut self) -> Sealed {
        let rows = (self.rows() > 0).then(|| self.batch.take());
        Sealed { rows, reached: self.reached(), assignment: self.assignment }
    }

    /// The rows are acknowledged: these offsets are to be committed.
    pub fn written(&mut self, sealed: &Sealed) -> Vec<(i32, Reached)> {
        if sealed.assignment != self.assignment {
            return Vec::new();
        }
        for (number, reached) in &sealed.reached {
            self.committed.insert(*number, reached.offset);
        }
        sealed.reached.iter().map(|(number, reached)| (*number, *reached)).collect()
    }

    /// Offsets beyond what is committed whose rows are all made.
    fn reached(&self) -> BTreeMap<i32, Reached> {
        let reached = |(number, partition): (&i32, &Partition)| {
            let committed = self.committed.get(number).copied().unwrap_or(Offset::MAX);
            let reached = Reached { offset: partition.next(), appended: partition.appended() };
            (partition.is_warm() && reached.offset > committed).then_some((*number, reached))
        };
        self.partitions.iter().filter_map(reached).collect()
    }

    /// The assigned partitions, each with the next record to be read.
    pub fn positions(&self) -> BTreeMap<i32, Offset> {
        self.partitions.iter().map(|(number, partition)| (*number, partition.next())).collect()
    }

    /// Partitions whose state is still being rebuilt.
    pub fn warming(&self) -> usize {
        self.partitions.values().filter(|partition| !partition.is_warm()).count()
    }

    /// Visitors whose state is held in memory.
    pub fn visitors_held(&self) -> usize {
        self.partitions.values().chain(self.kept.values()).map(Partition::visitors_held).sum()
    }

    /// Reads IP databases again that changed.
    pub fn refresh(&mut self) {
        self.template.refresh();
        for partition in self.partitions.values_mut().chain(self.kept.values_mut()) {
            partition.share_networks(&self.template);
        }
    }

    /// Drops what is held of days that were over at `now`, in partitions of which all is read that was there by then, up to
    /// `ends`. Without this a quiet site's visitors would be held until enough records have come.
    pub fn forget_days_before(&mut self, now: Timestamp, ends: &BTreeMap<i32, Offset>) {
        for (number, partition) in &mut self.partitions {
            if partition.is_warm() && ends.get(number).is_none_or(|end| partition.next() >= *end) {
                partition.forget_days_before(now);
            }
        }
    }

    /// Where a warm-up begins that is to go on behind a record appended at `appended`.
    pub fn warm_up_from(&self, appended: Timestamp) -> Timestamp {
        self.template.warm_up_from(appended)
    }
}

#[cfg(test)]
mod model;
