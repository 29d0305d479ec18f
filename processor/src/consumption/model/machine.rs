//! A machine with a collector, its journal and its forwarder; each start is a collector with a fresh id.

use jiff::{SignedDuration, Timestamp};
use schemas::event::{self, Event, Goodbye, Opened, Order};
use schemas::journal::RecordId;
use schemas::local_time::Hour;
use schemas::wire::{self, CollectorId, Header};

use super::forwarder::Forwarder;
use super::ground::{Ground, clock_ahead};
use super::journal::{Entry, Journal};

#[derive(Debug)]
pub(super) struct Machine {
    number: u8,
    starts: u8,
    clock_ahead: SignedDuration,
    pub(super) journal: Journal,
    pub(super) forwarder: Forwarder,
}

/// What is to be recorded.
pub(super) struct Said {
    pub(super) site: &'static str,
    pub(super) lane: u8,
    pub(super) event: Event,
    pub(super) hit: Option<usize>,
}

impl Said {
    fn control(order: Order) -> Self {
        Self { site: "", lane: 0, event: order.into(), hit: None }
    }
}

impl Machine {
    pub(super) fn new(number: u8, clock: u8) -> Self {
        let journal = Journal::new(id(number, 0));
        Self { number, starts: 0, clock_ahead: clock_ahead(clock), journal, forwarder: Forwarder::default() }
    }

    /// The time that its collector writes into a hit.
    pub(super) fn clock(&self, now: Timestamp) -> Timestamp {
        now + self.clock_ahead
    }

    /// Appends a record; it is not synced by that.
    pub(super) fn append(&mut self, ground: &Ground, now: Timestamp, said: Said) -> RecordId {
        let id = self.journal.next_id();
        let Said { site, lane, event, hit } = said;
        let written_hour = Hour::of(self.clock(now)).epoch_hours();
        let header = Header {
            collector: id.collector,
            sequence: id.sequence,
            site: site.to_owned(),
            written_hour,
            lane,
        };
        let (mut encoded, mut bytes) = (Vec::new(), Vec::new());
        event::encode(event, &mut encoded);
        wire::seal(&header, ground.key(written_hour), [id.sequence as u8; 12], &encoded, &mut bytes);
        self.journal.entries.push(Entry { id, lane, bytes: bytes.into(), hit });
        id
    }

    /// The first record of a start is on the disk before anything else happens.
    pub(super) fn open(&mut self, ground: &Ground, now: Timestamp, previous: Option<RecordId>) {
        let opened = Opened {
            previous_collector: previous.map_or_else(Vec::new, |id| id.collector.0.to_vec()),
            previous_last_sequence: previous.map_or(0, |id| id.sequence),
        };
        self.append(ground, now, Said::control(Order::Opened(opened)));
        self.journal.synced = self.journal.entries.len();
    }

    pub(super) fn goodbye(&mut self, ground: &Ground, now: Timestamp) {
        self.append(ground, now, Said::control(Order::Goodbye(Goodbye {})));
    }

    /// Dies and starts again; `kept` of the records that were not synced are found on the disk.
    pub(super) fn restart(&mut self, ground: &Ground, now: Timestamp, kept: usize) {
        self.starts += 1;
        let previous = self.journal.restart(kept, id(self.number, self.starts));
        self.forwarder.restart(self.journal.entries.len());
        self.open(ground, now, previous);
    }
}

fn id(machine: u8, start: u8) -> CollectorId {
    let mut id = [0xc0; 16];
    (id[7], id[15]) = (machine, start);
    CollectorId(id)
}
