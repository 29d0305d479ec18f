//! What all worlds share: two sites in two time zones, their visitors, the keys, and a transform without state.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use schemas::configuration::Configuration;
use schemas::event::{Kind, Progress, Visit};
use schemas::keys::{DayKey, KeyId, Keys};
use schemas::local_time::Hour;

use crate::batch::Batch;
use crate::consumption::Consumption;
use crate::enrich::Networks;
use crate::pipeline::Pipeline;
use crate::source::SourceId;
use crate::telemetry::Telemetry;

/// When every world begins: three hours before midnight of the one site, eight before the other's.
const BEGINNING: &str = "2026-11-18T21:00:00Z";
const SITES: &str = "
    [[site]]
    name = \"a\"
    hosts = [\"a.example\"]
    [[site]]
    name = \"b\"
    hosts = [\"b.example\"]
    time_zone = \"America/New_York\"
";
/// Days that have a key, from the first one on.
const KEY_DAYS: u32 = 12;
/// Visitors of both sites.
const VISITORS: u8 = 4;
/// States that browsers hold; few, so that one is often used twice.
const STATES: u64 = 3;

/// Made once and shared by many worlds.
#[derive(Debug)]
pub(super) struct Ground {
    template: Pipeline,
    keys: Vec<DayKey>,
    telemetry: Arc<Telemetry>,
    pub(super) beginning: Timestamp,
}

impl Ground {
    pub(super) fn new() -> Self {
        let configuration = Configuration::parse(SITES, "model", std::iter::empty()).unwrap();
        let key = |day: u32| DayKey::new(KeyId([day as u8; 16]), [day as u8; 32]);
        Self {
            template: Pipeline::new(&configuration, Networks::default()).unwrap(),
            keys: (0..KEY_DAYS).map(key).collect(),
            telemetry: Arc::new(Telemetry::default()),
            beginning: BEGINNING.parse().unwrap(),
        }
    }

    pub(super) fn pipeline(&self) -> Pipeline {
        self.template.fresh()
    }

    /// Where a warm-up begins for a restart behind a record appended at that time.
    pub(super) fn warm_up_from(&self, appended: Timestamp) -> Timestamp {
        self.template.warm_up_from(appended)
    }

    pub(super) fn batch(&self) -> Batch {
        Batch::new(SourceId([7; 16]), Arc::clone(&self.telemetry))
    }

    pub(super) fn consumption(&self) -> Consumption {
        Consumption::new(self.pipeline(), self.batch())
    }

    /// The key of the UTC day of `hour`; the days before the beginning share one.
    pub(super) fn key(&self, hour: u32) -> &DayKey {
        let first = Hour::of(self.beginning).epoch_hours() / 24;
        let day = (hour / 24 + 1).saturating_sub(first).min(KEY_DAYS - 1);
        &self.keys[day as usize]
    }

    pub(super) fn keys(&self) -> Keys {
        self.keys.iter().cloned().collect()
    }

    /// All keys but the one of the day of `now`.
    pub(super) fn keys_without(&self, now: Timestamp) -> Keys {
        let missing = self.key(Hour::of(now).epoch_hours()).id();
        self.keys.iter().filter(|key| key.id() != missing).cloned().collect()
    }
}

/// Where and by whom a hit is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visitor(u8);

impl Visitor {
    pub(super) fn chosen(choice: u8) -> Self {
        Self(choice % VISITORS)
    }

    pub(super) fn site(self) -> &'static str {
        if self.0.is_multiple_of(2) { "a" } else { "b" }
    }

    /// Both partitions have visitors of both sites.
    pub(super) fn lane(self) -> u8 {
        self.0 / 2
    }

    /// A hit of this visitor on a page that no other hit has.
    pub(super) fn hit(self, number: usize, kind: u8) -> Visit {
        let progress = match kind % 8 {
            2 | 3 => Some(taken_over(number)),
            6 if number.is_multiple_of(2) => Some(Progress::default()),
            _ => None,
        };
        let (kind, bot) = match kind % 8 {
            4 => (Kind::Event, ""),
            5 => (Kind::Leave, ""),
            6 => (Kind::Outbound, ""),
            7 => (Kind::View, "Googlebot"),
            _ => (Kind::View, ""),
        };
        Visit {
            address: vec![192, 0, 2, self.0],
            url: format!("http://{}.example{}", self.site(), page(number)),
            kind: kind.into(),
            name: if kind == Kind::Event { "buy".into() } else { String::new() },
            engaged_ms: 1000,
            bot: bot.into(),
            state_number: progress.as_ref().filter(|_| kind == Kind::View).map(|_| number as u64 % STATES),
            progress,
            hit_id: if number.is_multiple_of(2) { vec![number as u8; 16] } else { Vec::new() },
            ..Visit::default()
        }
    }
}

/// A page that only the hit of this number has.
fn page(number: usize) -> String {
    let letters = [number / 26 % 26, number % 26].map(|letter| char::from(b'a' + letter as u8));
    format!("/{}{}", letters[0], letters[1])
}

/// The browser took a visit over that began in memory, with the hit before this one if that was its visitor's.
fn taken_over(number: usize) -> Progress {
    Progress {
        first_ever: true,
        first_week: true,
        page_number: 2,
        previous_page: Some(page(number.wrapping_sub(1))),
        begun_in_memory: true,
        ..Progress::default()
    }
}

/// How far a machine's clock is ahead; one of them is wrong by more than a day.
pub(super) fn clock_ahead(choice: u8) -> SignedDuration {
    match choice % 8 {
        1 => SignedDuration::from_mins(-90),
        2 => SignedDuration::from_mins(-3),
        3 => SignedDuration::from_mins(4),
        4 => SignedDuration::from_hours(30),
        _ => SignedDuration::ZERO,
    }
}
