//! From a record to its row: the whole transform, without clock, randomness or I/O. Replaying the same records from
//! a warmed state gives the same rows.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemas::configuration::{Configuration, Site};
use schemas::event::{LOST_MAX, Lost, Opened as Start, Order};
use schemas::keys::Keys;
use schemas::local_time::{Hour, LocalDay};
use schemas::measure::Hold;
use schemas::page::PageRuleError;
use schemas::site_rules::SiteRules;
use schemas::visit_state::{Progress, VisitState};
use schemas::wire::{CollectorId, Header};

use crate::anonymize::anonymize;
use crate::enrich::{Networks, enrich};
use crate::first_copies::{HitIds, Sequences, UsedNumbers};
use crate::open::{DeviceHeld, Opened, RawVisit, Reason, Record, open};
use crate::row::OpenHit;
use crate::visits::{Arrival, Happening, Visits};

/// How long after a site's midnight its states are kept for hits that come late.
const GRACE: SignedDuration = SignedDuration::from_hours(2);
/// A broker's and a site's clock may differ; what a warm-up reads begins so much before the day it is for.
const WARM_UP_MARGIN: SignedDuration = SignedDuration::from_mins(10);
/// Records between two looks for days that are over. Tests look often: when it is done must not matter to any row.
const FORGET_EVERY: u64 = if cfg!(test) { 4 } else { 1024 };

/// The transform and the state it keeps in memory.
#[derive(Debug)]
pub struct Pipeline {
    sites: HashMap<String, Arc<SiteRules>>,
    networks: Arc<Networks>,
    sequences: Sequences,
    hit_ids: HitIds,
    used_numbers: UsedNumbers,
    visits: Visits,
    /// Days that began before are not known from their beginning.
    known_since: Timestamp,
    /// The earliest of the records since the last look for days that are over.
    earliest: Timestamp,
    taken: u64,
}

/// What a record gave.
#[derive(Debug)]
pub enum Taken {
    /// Its row.
    Row(Box<OpenHit>),
    /// The first record of a collector: its row, and what it says of the collector before it.
    Opened(Box<OpenHit>, Start),
    /// A collector's word that sequences cannot be read: its row, and a row for each of them.
    Lost(Box<OpenHit>, Vec<OpenHit>),
    /// Nothing: a repeat of what was read before.
    Skipped,
    /// Nothing: not even its header can be read.
    Malformed,
}

impl Pipeline {
    /// A transform without any state yet.
    ///
    /// # Errors
    /// When a site's page rules are wrong.
    pub fn new(configuration: &Configuration, networks: Networks) -> Result<Self, PageRuleError> {
        let rules = |site: &Site| Ok((site.name.clone(), Arc::new(SiteRules::new(site)?)));
        let sites = configuration.sites.iter().map(rules).collect::<Result<_, _>>()?;
        Ok(Self::with_rules(sites, Arc::new(networks)))
    }

    /// A transform of the same rules without any state.
    pub fn fresh(&self) -> Self {
        Self::with_rules(self.sites.clone(), Arc::clone(&self.networks))
    }

    fn with_rules(sites: HashMap<String, Arc<SiteRules>>, networks: Arc<Networks>) -> Self {
        Self {
            sites,
            networks,
            sequences: Sequences::default(),
            hit_ids: HitIds::default(),
            used_numbers: UsedNumbers::default(),
            visits: Visits::default(),
            known_since: Timestamp::MIN,
            earliest: Timestamp::MAX,
            taken: 0,
        }
    }

    /// Takes the next record of a source.
    pub fn take<'a>(&mut self, record: impl Into<Record<'a>>, keys: &Keys) -> Taken {
        let record = record.into();
        let Some(opened) = open(record, keys) else { return Taken::Malformed };
        if let (Opened::Unreadable(header, reason), Some(appended)) = (&opened, record.appended) {
            return self.unreadable(header, *reason, appended);
        }
        if !self.sequences.is_first_copy(opened.header()) {
            return Taken::Skipped;
        }
        match opened {
            Opened::Visit(raw) => Taken::Row(Box::new(self.visit(*raw, record.appended))),
            Opened::Control(header, order) => self.control(&header, order),
            Opened::Unreadable(header, reason) => Taken::Row(Box::new(OpenHit::unreadable(&header, reason))),
        }
    }

    /// An unreadable record of a topic has its row, but its sequence does not count as seen: nobody has vouched for the
    /// header, and a readable record of that sequence must not be skipped. What it was is not known to the days it fell in.
    fn unreadable(&mut self, header: &Header, reason: Reason, appended: Timestamp) -> Taken {
        if reason == Reason::Expired {
            self.known_since = self.known_since.max(appended);
        }
        Taken::Row(Box::new(OpenHit::unreadable(header, reason)))
    }

    /// Takes a visit that is no record, such as a line of a log.
    pub fn take_visit(&mut self, raw: RawVisit) -> Taken {
        if !self.sequences.is_first_copy(&raw.header) {
            return Taken::Skipped;
        }
        Taken::Row(Box::new(self.visit(raw, None)))
    }

    /// Rows for sequences that are not there to be read; they count as seen, so that they stay lost.
    pub fn lost(&mut self, collector: CollectorId, from: u64, to: u64, written_hour: u32) -> Vec<OpenHit> {
        let header = |sequence| Header { collector, sequence, site: String::new(), written_hour, lane: 0 };
        let headers = (from..=to).map(header).filter(|header| self.sequences.is_first_copy(header));
        headers.map(|header| OpenHit::lost(&header)).collect()
    }

    /// Rows for what is missing at the end of the collector before a start. No later record of its own tells that. One
    /// of which nothing was seen is left alone: its segments may have been removed because their time was over.
    ///
    /// To be asked where one source gives all records of a journal in their order; a partition has only some of them.
    pub fn lost_before(&mut self, start: &Start, written_hour: u32) -> Vec<OpenHit> {
        let previous = <[u8; 16]>::try_from(start.previous_collector.as_slice()).map(CollectorId);
        let seen = previous.ok().and_then(|collector| Some((collector, self.sequences.highest(collector)?)));
        seen.map_or_else(Vec::new, |(collector, highest)| {
            self.lost(collector, highest.saturating_add(1), start.previous_last_sequence, written_hour)
        })
    }

    /// The state will have seen all records appended since then, and perhaps not all before.
    pub fn knows_since(&mut self, appended: Timestamp) {
        self.known_since = appended;
    }

    /// Where a warm-up begins that is to go on behind a record appended at `appended`: before the earliest day that was
    /// still open then on any site.
    pub fn warm_up_from(&self, appended: Timestamp) -> Timestamp {
        let latest = appended.saturating_sub(GRACE).unwrap_or(Timestamp::MIN);
        let utc = TimeZone::UTC;
        let zones = self.sites.values().map(|rules| &rules.site.time_zone).chain([&utc]);
        let starts = zones.map(|zone| LocalDay::of(latest, zone).start(zone));
        starts.min().unwrap_or(latest).saturating_sub(WARM_UP_MARGIN).unwrap_or(Timestamp::MIN)
    }

    /// Reads IP databases again that changed.
    pub fn refresh(&mut self) {
        if let Some(newer) = self.networks.refreshed() {
            self.networks = Arc::new(newer);
        }
    }

    /// Looks addresses up where another one does.
    pub fn share_networks(&mut self, of: &Self) {
        self.networks = Arc::clone(&of.networks);
    }

    /// Visitors whose state is held in memory.
    pub fn visitors_held(&self) -> usize {
        self.visits.len()
    }

    fn visit(&mut self, raw: RawVisit, appended: Option<Timestamp>) -> OpenHit {
        if let Some(reason) = raw.drop_reason() {
            return OpenHit::dropped(&raw.header, reason);
        }
        let rules = self.rules(&raw.header.site);
        let zone = &rules.site.time_zone;
        let arrival = raw.arrival(&self.visits);
        self.pass_time(arrival.received, appended);
        let day = LocalDay::of(arrival.received, zone);
        // Told by the record alone: whether a state is still held must not matter to its row.
        let is_late = appended.is_some_and(|appended| is_over(day, zone, appended));
        let is_repeat = !is_late && self.hit_ids.is_repeat(&raw.header.site, day, raw.hit_id());
        let device_held = raw.device_held();
        let anonymous = anonymize(enrich(raw, &self.networks, &rules.hosts), &rules.pages, zone);
        if is_repeat {
            return OpenHit::repeat(anonymous);
        }
        if anonymous.is_bot() {
            return OpenHit::bot(anonymous);
        }
        if anonymous.is_spam() {
            return OpenHit::spam(anonymous);
        }
        // What is remembered of a late hit is remembered by the day of its appending, which is open.
        let open_day = appended.filter(|_| is_late).map_or(day, |appended| LocalDay::of(appended, zone));
        let hold = if device_held.is_some() { Hold::Device } else { Hold::Memory };
        let place = Place { name: &rules.site.name, zone, open_day, is_late };
        let progress = self.progress(place, device_held, arrival, &anonymous.happening());
        let row = if is_late {
            OpenHit::late(anonymous, &progress, hold)
        } else {
            OpenHit::hit(anonymous, &progress, hold)
        };
        if self.knows_from_its_beginning(open_day, zone) { row } else { row.of_unknown_visit() }
    }

    /// What a hit adds, and the state that told it moved on. A late hit finds no state of its day in memory any more.
    fn progress(
        &mut self,
        place: Place<'_>,
        device_held: Option<DeviceHeld>,
        arrival: Arrival,
        hit: &Happening<'_>,
    ) -> Progress {
        let Place { name, zone, open_day, is_late } = place;
        match device_held {
            Some(held) if self.used_numbers.is_used(name, open_day, held.number) => {
                held.progress.of_used_state(hit.facts.page)
            }
            Some(held) if is_late && held.progress.begun_in_memory => held.progress.without_bounce(),
            Some(held) if is_late => held.progress,
            Some(held) => self.visits.hand_over((name, zone), &arrival, hit, held.progress),
            None if is_late => VisitState::default().advance(&hit.facts, arrival.received, zone).0,
            None => self.visits.advance((name, zone), arrival, hit),
        }
    }

    /// Carries out what a collector or an operator says, and makes the row of it. An order stands in the log behind what it
    /// concerns, so that a warm-up forgets again what was forgotten.
    fn control(&mut self, header: &Header, order: Order) -> Taken {
        let row = Box::new(OpenHit::control(header, &order));
        match order {
            Order::Opened(start) => Taken::Opened(row, start),
            Order::Lost(lost) => Taken::Lost(row, lost_rows(&lost, header.written_hour)),
            Order::Erase(order) => {
                self.visits.erase(&header.site, &order);
                Taken::Row(row)
            }
            Order::Goodbye(_) | Order::ConsentCount(_) | Order::KeyInUse(_) => Taken::Row(row),
        }
    }

    fn knows_from_its_beginning(&self, day: LocalDay, zone: &TimeZone) -> bool {
        day.start(zone).saturating_sub(WARM_UP_MARGIN).is_ok_and(|from| from >= self.known_since)
            || self.known_since == Timestamp::MIN
    }

    /// A site that is no longer configured gets the default rules.
    fn rules(&mut self, name: &str) -> Arc<SiteRules> {
        if let Some(rules) = self.sites.get(name) {
            return Arc::clone(rules);
        }
        let unknown = || Arc::new(SiteRules::of_unknown(name));
        Arc::clone(self.sites.entry(name.to_owned()).or_insert_with(unknown))
    }

    /// Forgets the days that are over, judged by the broker's clock, or else by the records' own time: a replay forgets the
    /// same. The earliest of many records tells it, so that a single wrong clock does not end a day for everybody.
    fn pass_time(&mut self, received: Timestamp, appended: Option<Timestamp>) {
        self.earliest = self.earliest.min(appended.unwrap_or(received));
        self.taken += 1;
        if !self.taken.is_multiple_of(FORGET_EVERY) {
            return;
        }
        let earliest = std::mem::replace(&mut self.earliest, Timestamp::MAX);
        self.forget_days_before(earliest);
    }

    /// Drops what is held of days that, with their grace, ended before `now`; to be called by whoever has read all
    /// records up to `now`, so that a quiet site's visitors are not held until enough records have come.
    pub fn forget_days_before(&mut self, now: Timestamp) {
        let sites = &self.sites;
        let is_over = |site: &str, day: LocalDay| {
            let zone = sites.get(site).map(|rules| &rules.site.time_zone);
            zone.is_none_or(|zone| is_over(day, zone, now))
        };
        self.visits.forget(is_over);
        self.hit_ids.forget(is_over);
        self.used_numbers.forget(is_over);
        self.sequences.forget_before(Hour::of(now).epoch_hours());
    }
}

/// Where a hit belongs.
#[derive(Clone, Copy)]
struct Place<'a> {
    name: &'a str,
    zone: &'a TimeZone,
    /// The day by which it is remembered.
    open_day: LocalDay,
    /// Its own day is over.
    is_late: bool,
}

/// Whether a day, with its grace, has ended before `now`.
fn is_over(day: LocalDay, zone: &TimeZone, now: Timestamp) -> bool {
    day.end(zone).saturating_add(GRACE).is_ok_and(|end| end < now)
}

/// A row for each sequence that a collector tells to be lost; it tells a limited number at once.
fn lost_rows(lost: &Lost, written_hour: u32) -> Vec<OpenHit> {
    let Ok(collector) = <[u8; 16]>::try_from(lost.collector.as_slice()).map(CollectorId) else {
        return Vec::new();
    };
    let header = |sequence| Header { collector, sequence, site: String::new(), written_hour, lane: 0 };
    let last = lost.to.min(lost.from.saturating_add(LOST_MAX - 1));
    (lost.from..=last).map(|sequence| OpenHit::lost(&header(sequence))).collect()
}

#[cfg(test)]
mod tests;
