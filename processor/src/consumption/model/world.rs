//! Everything between a hit and its row, moved on action by action.

use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use schemas::event::{Event, Visit};
use schemas::journal::RecordId;

use super::ground::{Ground, Visitor};
use super::log::{Appended, Log};
use super::machine::{Machine, Said};
use super::processor::Processor;
use super::protection::{Protection, Without};
use super::schedule::Action;
use super::store::Store;
use crate::consumption::Sealed;
use crate::hole_watch::HoleWatch;

/// Machines with a collector.
pub(super) const MACHINES: u8 = 2;
/// Partitions of the log.
const PARTITIONS: u8 = 2;
/// Processors of the group.
pub(super) const PROCESSORS: u8 = 3;

/// A hit as its client knows it.
#[derive(Debug)]
pub(super) struct Hit {
    visitor: Visitor,
    visit: Visit,
    /// It has more than one record if its client sent it again.
    pub(super) records: Vec<RecordId>,
    pub(super) is_answered: bool,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) ground: Rc<Ground>,
    without: Without,
    now: Timestamp,
    pub(super) machines: Vec<Machine>,
    pub(super) hits: Vec<Hit>,
    pub(super) log: Log,
    processors: Vec<Processor>,
    /// Inserts of dead processors that are still on their way.
    stray: Vec<Sealed>,
    pub(super) store: Store,
    keys_were_missing: bool,
    rows_were_lost: bool,
    /// When the broker took the first copy of each record.
    first_copies: BTreeMap<RecordId, Timestamp>,
    /// Whether records are shipped again whose first copy no warm-up of the moment reads: a limit, see `limits`.
    pub(super) repeats_beyond_warm_up: bool,
}

impl World {
    /// With a wrong clock or two, as `clocks` says, and perhaps without one protection.
    pub(super) fn new(ground: &Rc<Ground>, clocks: u8, without: Without) -> Self {
        let mut world = Self {
            ground: Rc::clone(ground),
            without,
            now: ground.beginning,
            machines: (0..MACHINES).map(|number| Machine::new(number, clocks >> (4 * number))).collect(),
            hits: Vec::new(),
            log: Log::new(PARTITIONS.into()),
            processors: (0..PROCESSORS).map(|_| Processor::new(ground, without)).collect(),
            stray: Vec::new(),
            store: Store { keeps_doubles: without.lacks(Protection::RowKey), ..Store::default() },
            keys_were_missing: false,
            rows_were_lost: false,
            first_copies: BTreeMap::new(),
            repeats_beyond_warm_up: false,
        };
        world.machines.iter_mut().for_each(|machine| machine.open(ground, world.now, None));
        world.rebalance(false, 0);
        world
    }

    /// Moves on. What makes no sense at the moment does nothing.
    pub(super) fn apply(&mut self, action: Action) {
        let Self { store, now, .. } = self;
        match action {
            Action::Wait { minutes } => *now += SignedDuration::from_mins(minutes.into()),
            Action::Hit { machine, visitor, kind } => self.hit(machine, visitor, kind),
            Action::SendAgain { machine, hit } => self.send_again(machine, hit),
            Action::Sync { machine } => self.sync(machine),
            Action::CrashCollector { machine, kept } => self.crash_collector(machine, kept),
            Action::Ship { machine, count } => self.ship(machine, count.into()),
            Action::Deliver { machine, batch, acknowledged } => {
                self.deliver(machine, batch.into(), acknowledged);
            }
            Action::SavePosition { machine } => self.save_position(machine),
            Action::Take { processor, count } => {
                let now = *now;
                self.awake(processor, |processor, _, log| processor.take(log, count.into(), now));
            }
            Action::Seal { processor } => self.awake(processor, |processor, _, log| processor.seal(log)),
            Action::Insert { processor, answered } => {
                self.awake(processor, |processor, store, log| processor.insert(store, log, answered));
            }
            Action::CrashProcessor { processor, insert_survives } => {
                self.crash_processor(processor, insert_survives);
            }
            Action::StrayInserts => self.stray_inserts(),
            Action::Pause { processor } => self.processors[usize::from(processor)].is_paused = true,
            Action::Wake { processor } => self.processors[usize::from(processor)].is_paused = false,
            Action::Rebalance { flush, shift } => self.rebalance(flush, shift),
            Action::ForgetKept { processor } => self.processors[usize::from(processor)].forget_kept(),
            Action::Replay { processor } => self.awake(processor, |processor, _, log| processor.replay(log)),
            Action::HideKey { processor } => self.hide_key(processor),
            Action::LoseRow { row } => {
                store.vanish(row.into());
                self.rows_were_lost = true;
            }
            Action::CutLog => self.cut_log(),
        }
    }

    fn hit(&mut self, machine: u8, visitor: u8, kind: u8) {
        let visitor = Visitor::chosen(visitor);
        let visit = visitor.hit(self.hits.len(), kind);
        self.hits.push(Hit { visitor, visit, records: Vec::new(), is_answered: false });
        self.record(machine, self.hits.len() - 1);
    }

    /// A client that got no answer, or believes so, sends a hit again under its id.
    fn send_again(&mut self, machine: u8, hit: u8) {
        let with_id = |hit: &&usize| !self.hits[**hit].visit.hit_id.is_empty();
        let hits: Vec<usize> = (0..self.hits.len()).collect();
        let candidates: Vec<usize> = hits.iter().rev().filter(with_id).copied().collect();
        if let Some(place) = usize::from(hit).checked_rem(candidates.len()) {
            self.record(machine, candidates[place]);
        }
    }

    fn record(&mut self, machine: u8, number: usize) {
        let machine = &mut self.machines[usize::from(machine)];
        let hit = &mut self.hits[number];
        let received_ms = machine.clock(self.now).as_millisecond() as u64;
        let event = Event::Visit(Visit { received_ms, ..hit.visit.clone() });
        let (site, lane) = (hit.visitor.site(), hit.visitor.lane());
        let said = Said { site, lane, event, hit: Some(number) };
        hit.records.push(machine.append(&self.ground, self.now, said));
        hit.is_answered |= self.without.lacks(Protection::SyncBeforeAnswer);
    }

    /// What is synced is answered.
    fn sync(&mut self, machine: u8) {
        let journal = &mut self.machines[usize::from(machine)].journal;
        for entry in &journal.entries[journal.synced..] {
            if let Some(hit) = entry.hit {
                self.hits[hit].is_answered = true;
            }
        }
        journal.synced = journal.entries.len();
    }

    fn crash_collector(&mut self, machine: u8, kept: u8) {
        self.machines[usize::from(machine)].restart(&self.ground, self.now, kept.into());
    }

    fn ship(&mut self, machine: u8, count: usize) {
        let Machine { journal, forwarder, .. } = &mut self.machines[usize::from(machine)];
        let ships_all = self.without.lacks(Protection::ShipAfterSync);
        let end = if ships_all { journal.entries.len() } else { journal.synced };
        forwarder.send(count, end, |entry| usize::from(journal.entries[entry].lane % PARTITIONS));
    }

    fn deliver(&mut self, machine: u8, batch: usize, acknowledged: bool) {
        let Machine { journal, forwarder, .. } = &mut self.machines[usize::from(machine)];
        let Some(batch) = forwarder.deliver(batch, acknowledged) else { return };
        let reach = self.ground.warm_up_from(self.now);
        for entry in batch.entries.into_iter().map(|entry| &journal.entries[entry]) {
            let first = *self.first_copies.entry(entry.id).or_insert(self.now);
            if first < reach && !self.repeats_beyond_warm_up {
                continue;
            }
            let bytes = Rc::clone(&entry.bytes);
            self.log.partitions[batch.partition].records.push(Appended { bytes, at: self.now });
        }
    }

    fn save_position(&mut self, machine: u8) {
        let forwarder = &mut self.machines[usize::from(machine)].forwarder;
        if self.without.lacks(Protection::PositionBehindAcknowledgements) {
            forwarder.save_position_ahead();
        } else {
            forwarder.save_position();
        }
    }

    fn awake(&mut self, processor: u8, act: impl FnOnce(&mut Processor, &mut Store, &mut Log)) {
        let processor = &mut self.processors[usize::from(processor)];
        if !processor.is_paused {
            act(processor, &mut self.store, &mut self.log);
        }
    }

    /// The insert that was on its way may still reach the store.
    fn crash_processor(&mut self, processor: u8, insert_survives: bool) {
        let fresh = Processor::new(&self.ground, self.without);
        let dead = std::mem::replace(&mut self.processors[usize::from(processor)], fresh);
        self.stray.extend(dead.insert.filter(|_| insert_survives));
    }

    fn stray_inserts(&mut self) {
        for sealed in self.stray.drain(..) {
            sealed.rows.iter().for_each(|rows| self.store.insert(rows));
        }
    }

    /// Everybody but the paused, who are taken for dead, gives partitions up and gets others.
    fn rebalance(&mut self, flush: bool, shift: u8) {
        for processor in self.processors.iter_mut().filter(|processor| !processor.is_paused) {
            processor.revoke(flush.then_some(&mut self.store), &mut self.log);
        }
        self.log.generation += 1;
        let mut members: Vec<&mut Processor> =
            self.processors.iter_mut().filter(|processor| !processor.is_paused).collect();
        let count = members.len();
        for (place, member) in members.iter_mut().enumerate() {
            let is_its = |number: &i32| (*number as usize + usize::from(shift)) % count == place;
            member.assign(&self.log, (0..i32::from(PARTITIONS)).filter(is_its).collect());
        }
    }

    fn hide_key(&mut self, processor: u8) {
        self.processors[usize::from(processor)].keys = self.ground.keys_without(self.now);
        self.keys_were_missing = true;
    }

    fn cut_log(&mut self) {
        self.log.cut(|appended| self.ground.warm_up_from(appended));
    }

    /// All faults are over: everything is synced, shipped, taken and written. What only reading everything again repairs is
    /// repaired by that, and nothing else is: no row may be missing unless the store itself lost it.
    pub(super) fn settle(&mut self) {
        for machine in 0..MACHINES {
            self.machines[usize::from(machine)].goodbye(&self.ground, self.now);
            self.sync(machine);
            self.ship(machine, usize::MAX / 2);
            while !self.machines[usize::from(machine)].forwarder.is_idle() {
                self.deliver(machine, 0, true);
            }
        }
        self.processors.iter_mut().for_each(|processor| processor.is_paused = false);
        self.write_all();
        self.stray_inserts();
        if self.keys_were_missing {
            (0..PROCESSORS).for_each(|processor| self.crash_processor(processor, false));
        }
        self.rebalance(true, 0);
        self.drain();
        if self.keys_were_missing {
            self.replay();
        }
        if self.rows_were_lost && !self.without.lacks(Protection::HoleCheck) && self.has_missing_rows() {
            self.replay();
        }
    }

    fn replay(&mut self) {
        self.processors.iter_mut().for_each(|processor| processor.replay(&self.log));
        self.drain();
    }

    fn drain(&mut self) {
        self.processors.iter_mut().for_each(|processor| processor.take(&self.log, usize::MAX, self.now));
        self.write_all();
    }

    fn write_all(&mut self) {
        for processor in &mut self.processors {
            processor.write_all(&mut self.store, &mut self.log);
        }
    }

    /// As `run::kafka_holes` finds it, check by check.
    fn has_missing_rows(&self) -> bool {
        let (mut watch, holes) = (HoleWatch::default(), self.store.holes());
        let checks = (0..4).map(|_| watch.observe(&holes, &self.log.progress()).len());
        checks.last().is_some_and(|missing| missing > 0)
    }
}
