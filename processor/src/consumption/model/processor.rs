//! A processor: the real state, driven as `run::kafka` drives it. It can be told to drive it wrongly in one way.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemas::keys::Keys;
use schemas::wire::{self, CollectorId};

use super::ground::Ground;
use super::log::{Appended, Log};
use super::protection::{Protection, Without};
use super::store::Store;
use crate::consumption::{Begin, Consumption, Sealed};
use crate::open::Record;
use crate::partition::WarmUp;

#[derive(Debug)]
pub(super) struct Processor {
    consumption: Consumption,
    /// Of the group's assignment that it knows; one that was taken for dead does not know the newest.
    generation: u64,
    assigned: Vec<i32>,
    /// What is on its way to the store.
    pub(super) insert: Option<Sealed>,
    pub(super) is_paused: bool,
    pub(super) keys: Keys,
    without: Without,
    /// The highest sequence taken of each collector, for one that goes by that.
    highest: BTreeMap<(i32, CollectorId), u64>,
}

impl Processor {
    pub(super) fn new(ground: &Ground, without: Without) -> Self {
        Self {
            consumption: ground.consumption(),
            generation: 0,
            assigned: Vec::new(),
            insert: None,
            is_paused: false,
            keys: ground.keys(),
            without,
            highest: BTreeMap::new(),
        }
    }

    /// Takes partitions over, as `Run::begin_assigned` does.
    pub(super) fn assign(&mut self, log: &Log, numbers: Vec<i32>) {
        self.generation = log.generation;
        self.assigned = numbers;
        self.begin(log, Begin::Committed);
    }

    /// Reads everything anew, as `Run::replay` does.
    pub(super) fn replay(&mut self, log: &Log) {
        self.begin(log, Begin::Replay);
    }

    fn begin(&mut self, log: &Log, begin: Begin) {
        let mut logs = log.described(&self.assigned, |appended| self.consumption.warm_up_from(appended));
        if self.without.lacks(Protection::WarmUp) {
            for log in logs.values_mut() {
                log.warm_up = log.warm_up.map(|warm_up| WarmUp { from: log.high, ..warm_up });
            }
        }
        self.highest.clear();
        let mut kept = BTreeMap::new();
        if self.without.lacks(Protection::StateAtOrBelowRestart) {
            std::mem::swap(&mut kept, &mut self.consumption.kept);
        }
        for begun in self.consumption.assign(&logs, begin).into_values() {
            begun.unwrap();
        }
        // Any kept state goes on, wherever it stands.
        let kept = kept.into_iter().filter(|(number, _)| logs.contains_key(number));
        self.consumption.partitions.extend(kept);
    }

    /// Gives its partitions up. Who still belongs to the group writes first what it can.
    pub(super) fn revoke(&mut self, flushes: Option<&mut Store>, log: &mut Log) {
        if let Some(store) = flushes.filter(|_| self.generation == log.generation) {
            self.write_all(store, log);
        }
        self.consumption.revoke();
        self.assigned.clear();
    }

    /// Takes up to `count` records of each partition; `now` is its own clock.
    pub(super) fn take(&mut self, log: &Log, count: usize, now: Timestamp) {
        for (number, next) in self.consumption.positions() {
            for (offset, appended) in log.partition(number).from(next).take(count) {
                let record = self.given(number, appended, now);
                if self.without.lacks(Protection::FirstCopyOnly)
                    && let Some(partition) = self.consumption.partitions.get_mut(&number)
                {
                    partition.forget_copies();
                }
                self.consumption.take(number, offset, record, &self.keys);
            }
        }
    }

    /// The record as the state is given it.
    fn given<'a>(&mut self, number: i32, appended: &'a Appended, now: Timestamp) -> Record<'a> {
        let record = appended.record();
        if self.without.lacks(Protection::LatenessByAppendTime) {
            return Record { appended: Some(now), ..record };
        }
        if !self.without.lacks(Protection::ExactSet) {
            return record;
        }
        let header = wire::header(record.bytes).unwrap();
        let highest = self.highest.entry((number, header.collector)).or_default();
        let is_above = header.sequence > *highest;
        *highest = header.sequence.max(*highest);
        // Nothing comes of a record without bytes.
        if is_above { record } else { Record { bytes: &[], ..record } }
    }

    /// Seals what was taken, if nothing is on its way to the store.
    pub(super) fn seal(&mut self, log: &mut Log) {
        if self.insert.is_some() || !self.consumption.has_news() {
            return;
        }
        let sealed = self.consumption.seal();
        if self.without.lacks(Protection::CommitAfterInsert) {
            log.commit(self.generation, &self.consumption.written(&sealed));
        }
        self.insert = Some(sealed);
    }

    /// The store takes what was sealed. Without an answer it will be sent again; with one it is committed.
    pub(super) fn insert(&mut self, store: &mut Store, log: &mut Log, is_answered: bool) {
        let Some(sealed) = &self.insert else { return };
        if let Some(rows) = &sealed.rows {
            store.insert(rows);
        }
        if is_answered {
            let reached = self.consumption.written(sealed);
            log.commit(self.generation, &reached);
            self.insert = None;
        }
    }

    /// Writes all that was taken.
    pub(super) fn write_all(&mut self, store: &mut Store, log: &mut Log) {
        self.insert(store, log, true);
        self.seal(log);
        self.insert(store, log, true);
    }

    pub(super) fn forget_kept(&mut self) {
        self.consumption.forget_kept();
    }
}
