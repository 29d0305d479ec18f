//! Plays people's hits through the collector's own rules, each at its own time, and gives the records that they make to
//! processors' transforms. Only sockets and disks are left out.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use collector::browser::recognise;
use collector::consent::{self, Decision, Permit};
use collector::counts::ConsentCounts;
use collector::device_hold::DeviceHolds;
use collector::request::Sender;
use hyper::HeaderMap;
use hyper::header::{ACCEPT_LANGUAGE, COOKIE, HOST, HeaderValue, ORIGIN, USER_AGENT};
use jiff::Timestamp;
use jiff::civil::Date;
use processor::batch::Batch;
use processor::pipeline::Pipeline;
use schemas::choice::{self, Method, week_of};
use schemas::event::{self, Event, Kind, Visit};
use schemas::hit_kind::HitKind;
use schemas::keys::{Clocks, DayKey, KeyDirectory, KeyId, KeyKeeper, Keys};
use schemas::local_time::{Hour, LocalDay};
use schemas::measure::Hold;
use schemas::site_rules::SiteRules;
use schemas::visitor;
use schemas::wire::{self, CollectorId, Header};

use super::people::{Choice, Hit, Person};

/// Rows of one insert.
const BATCH_ROWS: usize = 20_000;

/// A collector and its processors, each of which has some lanes.
#[derive(Debug)]
pub struct Chain {
    rules: SiteRules,
    keys: KeyKeeper,
    started: Timestamp,
    maintained: Option<Date>,
    counts: ConsentCounts,
    /// The state that each browser holds for the site, as a cookie.
    cookies: HashMap<usize, String>,
    key: DayKey,
    sequence: u64,
    processors: Vec<Pipeline>,
}

impl Chain {
    /// A chain for one site; `folder` holds its keys.
    ///
    /// # Errors
    /// When the keys cannot be kept there.
    pub fn new(
        rules: SiteRules,
        folder: &std::path::Path,
        started: Timestamp,
        processors: Vec<Pipeline>,
    ) -> Result<Self> {
        let keys = KeyKeeper::new(KeyDirectory::open(folder)?, Clocks { now: started, boot_ms: 0 })?;
        Ok(Self {
            rules,
            keys,
            started,
            maintained: None,
            counts: ConsentCounts::default(),
            cookies: HashMap::new(),
            key: DayKey::new(KeyId([1; 16]), [2; 32]),
            sequence: 0,
            processors,
        })
    }

    /// Plays all hits; gives blocks of rows.
    ///
    /// # Errors
    /// When a header cannot be made, or keys cannot be kept.
    pub fn play(&mut self, people: &[Person], hits: &[Hit], mut batch: Batch) -> Result<Vec<bytes::Bytes>> {
        let mut blocks = Vec::new();
        for hit in hits {
            let person = people.get(hit.person).context("everybody is known")?;
            self.maintain(hit.at)?;
            if let Some((visit, lane)) = self.collected(person, hit)? {
                self.record((hit.at, lane), Event::Visit(visit), &mut batch);
            }
            if batch.rows() >= BATCH_ROWS {
                blocks.push(batch.take());
            }
        }
        let last = hits.last().map_or(self.started, |hit| hit.at);
        for (_, order) in self.counts.take() {
            self.record((last, 0), order.into(), &mut batch);
        }
        blocks.push(batch.take());
        Ok(blocks)
    }

    /// Keys come and go with the days.
    fn maintain(&mut self, now: Timestamp) -> Result<()> {
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        if self.maintained.replace(today) != Some(today) {
            let boot_ms = u64::try_from(now.as_millisecond() - self.started.as_millisecond()).unwrap_or(0);
            self.keys.maintain(Clocks { now, boot_ms })?.1?;
        }
        Ok(())
    }

    /// What the collector makes of a hit, and the cookie that its answer sets. Nothing when consent is lacking.
    fn collected(&mut self, person: &Person, hit: &Hit) -> Result<Option<(Visit, u8)>> {
        let headers = self.headers(person, hit)?;
        let (sender, keys) = (Sender::new(hit.at, person.address, &headers, &[]), self.keys.visit_keys());
        let mut holds = DeviceHolds::new(&sender, &keys);
        let site = &self.rules.site;
        let collected = match consent::decide(site, &sender.signals(site), 1) {
            Decision::Permitted(permit) => {
                let mut visit = visit(person, hit, permit);
                let day = LocalDay::of(hit.at, &site.time_zone);
                let mut lane = visitor::lane(&site.name, day.epoch_days(), &visit);
                if permit.hold() == Hold::Device {
                    lane = holds.take(&self.rules, &mut visit, lane);
                }
                Some((visit, lane))
            }
            Decision::Refused(outcome) => {
                let day = LocalDay::of(hit.at, &site.time_zone).epoch_days();
                self.counts.add(&site.name, day, 1, outcome);
                None
            }
        };
        if let Some(set) = holds.into_cookies().last().filter(|_| person.keeps_cookies && !hit.is_unanswered)
        {
            let cookie = set.to_str()?.split(';').next().unwrap_or_default();
            self.cookies.insert(hit.person, cookie.to_owned());
        }
        Ok(collected)
    }

    fn headers(&self, person: &Person, hit: &Hit) -> Result<HeaderMap> {
        let host = self.rules.site.hosts.first().context("the site has a host")?;
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(&format!("stats.{host}"))?);
        headers.insert(ORIGIN, HeaderValue::from_str(&format!("https://{host}"))?);
        headers.insert(USER_AGENT, HeaderValue::from_static(person.user_agent));
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("de-DE,de;q=0.9,en;q=0.5"));
        let chosen = chosen(person.choice_at(hit.at), hit.at);
        let chosen = chosen.map(|choice| {
            format!("{}={}", choice::Choice::cookie_name(&self.rules.site.name), choice.to_value())
        });
        let cookies: Vec<String> = chosen.into_iter().chain(self.cookies.get(&hit.person).cloned()).collect();
        if !cookies.is_empty() {
            headers.insert(COOKIE, HeaderValue::from_str(&cookies.join("; "))?);
        }
        Ok(headers)
    }

    /// Gives a record to the processor that has its lane.
    fn record(&mut self, (at, lane): (Timestamp, u8), event: Event, batch: &mut Batch) {
        self.sequence += 1;
        let header = Header {
            collector: CollectorId([9; 16]),
            sequence: self.sequence,
            site: self.rules.site.name.clone(),
            written_hour: Hour::of(at).epoch_hours(),
            lane,
        };
        let mut nonce = [0; 12];
        nonce.iter_mut().zip(self.sequence.to_be_bytes()).for_each(|(to, from)| *to = from);
        let (mut encoded, mut record) = (Vec::new(), Vec::new());
        event::encode(event, &mut encoded);
        wire::seal(&header, &self.key, nonce, &encoded, &mut record);
        let count = self.processors.len().max(1);
        if let Some(processor) = self.processors.get_mut(usize::from(lane) % count) {
            batch.add(&processor.take(record.as_slice(), &Keys::from_iter([self.key.clone()])));
        }
    }
}

/// The choice that a person's browser tells, made the day before.
fn chosen(choice: Choice, now: Timestamp) -> Option<choice::Choice> {
    let (statistics, marketing) = match choice {
        Choice::None => return None,
        Choice::Statistics => (true, false),
        Choice::Everything => (true, true),
        Choice::Refusal => (false, false),
    };
    Some(choice::Choice {
        policy_revision: 1,
        statistics,
        marketing,
        week: week_of(now),
        method: Method::Banner,
    })
}

fn visit(person: &Person, hit: &Hit, permit: Permit) -> Visit {
    let browser = recognise(person.user_agent, &collector::browser::ClientHints::default());
    Visit {
        received_ms: u64::try_from(hit.at.as_millisecond()).unwrap_or(0),
        address: Visit::address_bytes(person.address),
        url: hit.url.clone(),
        referrer: hit.referrer.clone(),
        kind: kind(hit.kind).into(),
        name: hit.name.to_owned(),
        value_thousandths: hit.value.map_or(0, |value| i64::from(value) * 1000),
        engaged_ms: hit.engaged_ms,
        browser: browser.name.to_owned(),
        browser_version: browser.version.map_or(0, u32::from),
        os: browser.os.to_owned(),
        device: browser.device.as_str().to_owned(),
        language: "de".to_owned(),
        bot: browser.bot.unwrap_or_default().to_owned(),
        hit_id: hit.id.clone().into_bytes(),
        policy_revision: 1,
        marketing: permit.marketing(),
        ..Visit::default()
    }
}

fn kind(kind: HitKind) -> Kind {
    match kind {
        HitKind::View => Kind::View,
        HitKind::Leave => Kind::Leave,
        HitKind::Event => Kind::Event,
        HitKind::Outbound => Kind::Outbound,
        HitKind::Download => Kind::Download,
    }
}
