//! A row of `open_hits`. Its fields are private, and a hit becomes one only as an [`AnonymousVisit`]; the other
//! rows are made of clear headers and bare counts.

use std::sync::Arc;

use schemas::event::{ConsentCount, Opened, Order};
use schemas::local_time::{Hour, LocalDay};
use schemas::measure::{Hold, Measures};
use schemas::outcome::Outcome;
use schemas::page::Masked;
use schemas::visit_state::{Entry, Progress};
use schemas::wire::{CollectorId, Header};

use crate::anonymize::AnonymousVisit;
use crate::block::{Block, Type};
use crate::enrich::Network;
use crate::open::Reason;
use crate::source::SourceId;

/// The columns in the order in which [`OpenHit::write`] fills them.
const COLUMNS: [(&str, Type); 47] = [
    ("site", Type::String),
    ("collector", Type::Uuid),
    ("sequence", Type::UInt64),
    ("written_date", Type::Date),
    ("source_id", Type::Uuid),
    ("readable", Type::UInt8),
    ("kind", Type::String),
    ("reason", Type::String),
    ("policy_revision", Type::UInt32),
    ("local_day", Type::Date),
    ("hour", Type::DateTime),
    ("page", Type::String),
    ("entry_page", Type::String),
    ("previous_page", Type::String),
    ("source", Type::String),
    ("channel", Type::String),
    ("campaign", Type::String),
    ("country", Type::String),
    ("isp", Type::String),
    ("browser", Type::String),
    ("os", Type::String),
    ("device", Type::String),
    ("language", Type::String),
    ("event", Type::String),
    ("outbound", Type::String),
    ("bot", Type::String),
    ("views", Type::UInt8),
    ("visits", Type::UInt8),
    ("visitors", Type::UInt8),
    ("new_visitors", Type::UInt8),
    ("weekly_first", Type::UInt8),
    ("monthly_first", Type::UInt8),
    ("bounces", Type::Int8),
    ("visit_seconds", Type::UInt32),
    ("engaged_ms", Type::UInt32),
    ("page_visitors", Type::UInt8),
    ("events", Type::UInt8),
    ("event_value", Type::Int64),
    ("event_visitors", Type::UInt8),
    ("tail_collector", Type::Uuid),
    ("tail_sequence", Type::UInt64),
    ("count", Type::UInt64),
    ("subject", Type::Uuid),
    ("device_held", Type::UInt8),
    ("masked", Type::UInt32),
    ("weeks_since_first", Type::UInt8),
    ("scroll_percent", Type::UInt8),
];

/// An empty block of `open_hits`.
pub fn block() -> Block {
    Block::new(&COLUMNS)
}

/// One row.
#[derive(Debug)]
pub struct OpenHit {
    key: Key,
    readable: Readable,
    kind: &'static str,
    reason: String,
    policy_revision: u32,
    local_day: LocalDay,
    hour: Hour,
    dimensions: Dimensions,
    /// How the visit began, to which its hits are credited; in place of the hit's own source, channel and campaign.
    entry: Option<Arc<Entry>>,
    previous_page: Option<Arc<str>>,
    measures: Measures,
    tail: (CollectorId, u64),
    count: u64,
    /// Which erase order or key a control record speaks of.
    subject: [u8; 16],
    /// The visitor's own browser told what the hit adds, so that what reaches beyond a day is known.
    is_device_held: bool,
    /// On a visitor's first hit of a week.
    weeks_since_first: u8,
    scroll_percent: u8,
}

/// How much a row knows: of two with one key the one that knows more stays (ReplacingMergeTree's version).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readable {
    /// The record could not be read.
    No = 0,
    /// It could, but its visit is not known, or not from its beginning.
    WithoutVisit = 1,
    /// All of it.
    Whole = 2,
}

/// What a replay never changes.
#[derive(Debug, Clone)]
struct Key {
    site: String,
    collector: CollectorId,
    sequence: u64,
    written_hour: u32,
}

/// A row's texts; all coarse or of closed lists.
#[derive(Debug, Default)]
pub(crate) struct Dimensions {
    pub(crate) page: String,
    pub(crate) source: String,
    pub(crate) channel: &'static str,
    pub(crate) campaign: String,
    pub(crate) network: Option<Arc<Network>>,
    pub(crate) browser: &'static str,
    pub(crate) os: &'static str,
    pub(crate) device: &'static str,
    pub(crate) language: &'static str,
    pub(crate) event: String,
    pub(crate) outbound: String,
    pub(crate) bot: &'static str,
    /// Which rules masked something in the addresses above.
    pub(crate) masked: Masked,
}

impl OpenHit {
    /// A visitor's hit with what it adds to the counts.
    pub fn hit(visit: AnonymousVisit, progress: &Progress, hold: Hold) -> Self {
        let measures = progress.measures(visit.kind(), visit.engaged_ms(), visit.event_value(), hold);
        let (kind, scroll_percent) = (visit.kind(), visit.scroll_percent());
        let mut row = Self { scroll_percent, ..Self::of_visit(visit, kind.as_str(), "") };
        row.measures = measures;
        row.entry = Some(Arc::clone(&progress.entry));
        row.previous_page = progress.previous_page.clone();
        row.is_device_held = hold == Hold::Device;
        row.weeks_since_first = if row.is_device_held { progress.weeks_since_first } else { 0 };
        row
    }

    /// A hit of a day that is over. What memory held of its visit is gone, so that it counts views and events only; what the visitor's own
    /// browser told is all there.
    pub fn late(visit: AnonymousVisit, progress: &Progress, hold: Hold) -> Self {
        let row = Self { reason: "late".to_owned(), ..Self::hit(visit, progress, hold) };
        match hold {
            Hold::Device => row,
            Hold::Memory => row.without_visit().of_unknown_visit(),
        }
    }

    /// A view is its own previous page, so that the exit it adds and the exit it takes back cancel out.
    fn without_visit(self) -> Self {
        let measures = self.measures.without_visit();
        let previous_page = (measures.views > 0).then(|| self.dimensions.page.as_str().into());
        Self { measures, previous_page, ..self }
    }

    /// The same, made by a state that may not have seen the beginning of its visit.
    pub fn of_unknown_visit(self) -> Self {
        Self { readable: Readable::WithoutVisit, ..self }
    }

    /// A bot's hit: counted by the bot's name, never as a visitor.
    pub fn bot(visit: AnonymousVisit) -> Self {
        Self::of_visit(visit, "bot", "")
    }

    /// A hit whose id was counted before; it says nothing more.
    pub fn repeat(visit: AnonymousVisit) -> Self {
        let mut row = Self::of_visit(visit, "repeat", "");
        row.dimensions = Dimensions::default();
        row
    }

    /// A hit whose referrer is forged; it says nothing more.
    pub fn spam(visit: AnonymousVisit) -> Self {
        let mut row = Self::of_visit(visit, "dropped", "referrer_spam");
        row.dimensions = Dimensions::default();
        row
    }

    /// A line of an imported log that is no view, with the reason.
    pub fn dropped(header: &Header, reason: &str) -> Self {
        Self { readable: Readable::Whole, reason: reason.to_owned(), ..Self::bare(header.clone(), "dropped") }
    }

    /// A record that nobody can read any more.
    pub fn unreadable(header: &Header, reason: Reason) -> Self {
        let kind = if reason == Reason::Expired { "expired" } else { "unreadable" };
        Self { reason: reason.as_str().to_owned(), ..Self::bare(header.clone(), kind) }
    }

    /// A sequence whose bytes are not there to be read.
    pub fn lost(header: &Header) -> Self {
        Self::bare(header.clone(), "lost")
    }

    /// A control record; consent counts carry their day and not their hour.
    pub fn control(header: &Header, order: &Order) -> Self {
        let bare = Self { readable: Readable::Whole, ..Self::bare(header.clone(), "control") };
        let (reason, row) = match order {
            Order::Opened(opened) => ("opened", Self { tail: tail(opened), ..bare }),
            Order::Goodbye(_) => ("goodbye", bare),
            Order::Lost(_) => ("lost", bare),
            Order::Erase(erase) => {
                let reason = if erase.whole_address { "erase_address" } else { "erase" };
                (reason, Self { subject: id(&erase.order), count: erase.copies.into(), ..bare })
            }
            Order::KeyInUse(key) => ("key_in_use", Self { subject: id(&key.key), ..bare }),
            Order::ConsentCount(count) => return Self::consent(header, count),
        };
        Self { reason: reason.to_owned(), ..row }
    }

    fn consent(header: &Header, counted: &ConsentCount) -> Self {
        let local_day = LocalDay::from_clickhouse_date(u16::try_from(counted.local_day).unwrap_or(0));
        let outcome = Outcome::from_name(&counted.outcome).map_or("(other)", Outcome::as_str);
        Self {
            readable: Readable::Whole,
            reason: outcome.to_owned(),
            policy_revision: counted.policy_revision,
            local_day,
            hour: Hour::of(local_day.start(&jiff::tz::TimeZone::UTC)),
            count: counted.count,
            ..Self::bare(header.clone(), "consent")
        }
    }

    fn of_visit(visit: AnonymousVisit, kind: &'static str, reason: &str) -> Self {
        let (policy_revision, local_day, hour) = (visit.policy_revision(), visit.local_day(), visit.hour());
        let (header, dimensions) = visit.into_parts();
        let reason = reason.to_owned();
        let bare = Self::bare_of_day(header, kind, (local_day, hour));
        Self { readable: Readable::Whole, reason, policy_revision, dimensions, ..bare }
    }

    /// UTC date and hour of writing stand in for what only the event knows.
    fn bare(header: Header, kind: &'static str) -> Self {
        let hour = Hour::from_epoch_hours(header.written_hour);
        let local_day = LocalDay::of(hour.start(), &jiff::tz::TimeZone::UTC);
        Self::bare_of_day(header, kind, (local_day, hour))
    }

    fn bare_of_day(header: Header, kind: &'static str, (local_day, hour): (LocalDay, Hour)) -> Self {
        let Header { site, collector, sequence, written_hour, .. } = header;
        Self {
            key: Key { site, collector, sequence, written_hour },
            readable: Readable::No,
            kind,
            reason: String::new(),
            policy_revision: 0,
            local_day,
            hour,
            dimensions: Dimensions::default(),
            entry: None,
            previous_page: None,
            measures: Measures::default(),
            tail: (CollectorId::default(), 0),
            count: 0,
            subject: [0; 16],
            is_device_held: false,
            weeks_since_first: 0,
            scroll_percent: 0,
        }
    }

    /// What kind of row it is.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Why it is of that kind; empty where the kind says it all.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Appends the row to a block made by [`block`].
    pub fn write(&self, block: &mut Block, source: SourceId) {
        let mut row = block.row();
        row.text(&self.key.site).uuid(self.key.collector.0).number(self.key.sequence.cast_signed());
        row.number(i64::from(self.key.written_hour / 24)).uuid(source.0).number(self.readable as i64);
        row.text(self.kind).text(&self.reason).number(self.policy_revision.into());
        row.number(self.local_day.clickhouse_date().into()).number(self.hour.clickhouse_datetime().into());
        let texts = &self.dimensions;
        let previous_page = self.previous_page.as_deref().unwrap_or_default();
        match &self.entry {
            Some(entry) => {
                row.text(&texts.page).text(&entry.page).text(previous_page);
                row.text(&entry.source).text(&entry.channel).text(&entry.campaign);
            }
            None => {
                row.text(&texts.page).text("").text(previous_page);
                row.text(&texts.source).text(texts.channel).text(&texts.campaign);
            }
        }
        let network = texts.network.as_deref();
        row.text(network.map_or("", |network| &network.country))
            .text(network.map_or("", |network| &network.isp));
        row.text(texts.browser).text(texts.os).text(texts.device).text(texts.language);
        row.text(&texts.event).text(&texts.outbound).text(texts.bot);
        let Measures { views, visits, visitors, new_visitors, weekly_first, monthly_first, bounces, .. } =
            self.measures;
        for flag in [views, visits, visitors, new_visitors, weekly_first, monthly_first] {
            row.number(flag.into());
        }
        let Measures {
            visit_seconds, engaged_ms, page_visitors, events, event_value, event_visitors, ..
        } = self.measures;
        row.number(bounces.into())
            .number(visit_seconds.into())
            .number(engaged_ms.into())
            .number(page_visitors.into());
        row.number(events.into()).number(event_value).number(event_visitors.into());
        let (collector, sequence) = self.tail;
        row.uuid(collector.0).number(sequence.cast_signed()).number(self.count.cast_signed());
        row.uuid(self.subject).number(self.is_device_held.into()).number(texts.masked.bits().into());
        row.number(self.weeks_since_first.into()).number(self.scroll_percent.into());
    }
}

/// The last sequence of the collector before this one, whose row the hole check expects.
fn tail(opened: &Opened) -> (CollectorId, u64) {
    (CollectorId(id(&opened.previous_collector)), opened.previous_last_sequence)
}

/// An id of 16 bytes; nobody's if it is none.
fn id(bytes: &[u8]) -> [u8; 16] {
    bytes.try_into().unwrap_or_default()
}

#[cfg(test)]
impl OpenHit {
    /// What it adds.
    pub(crate) fn measures(&self) -> Measures {
        self.measures
    }

    /// What its visit is credited to.
    pub(crate) fn source(&self) -> &str {
        self.entry.as_ref().map_or(&self.dimensions.source, |entry| &entry.source)
    }

    /// The page that it ends the exit of, and its own.
    pub(crate) fn pages(&self) -> (&str, &str) {
        (self.previous_page.as_deref().unwrap_or_default(), &self.dimensions.page)
    }

    /// Whether all of its visit is known.
    pub(crate) fn is_whole(&self) -> bool {
        self.readable == Readable::Whole
    }
}
