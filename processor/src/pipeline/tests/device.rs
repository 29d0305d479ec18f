//! The visits of browsers that hold their state, through the collector's own functions.

use std::net::{IpAddr, Ipv4Addr};

use collector::device_hold::DeviceHolds;
use collector::request::Sender;
use hyper::HeaderMap;
use jiff::ToSpan as _;
use proptest::prelude::*;
use schemas::hit_kind::HitKind;
use schemas::keys::{Clocks, KeyDirectory, KeyKeeper};
use schemas::measure::Measures;
use schemas::names::event_name;
use schemas::site_rules::HitTexts;
use schemas::visitor;
use tempfile::TempDir;

use super::*;

const START: &str = "2026-10-24T10:00:00Z";
const SITE: &str = "[[site]]\nname='localhost'\ntime_zone='Europe/Berlin'";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A collector's keys and rules.
struct Place {
    keys: KeyKeeper,
    rules: SiteRules,
    _folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let directory = KeyDirectory::open(folder.path()).unwrap();
        let keys = KeyKeeper::new(directory, Clocks { now: at(START), boot_ms: 0 }).unwrap();
        let configuration = Configuration::parse(SITE, "test", std::iter::empty()).unwrap();
        let rules = SiteRules::new(configuration.sites.by_name("localhost").unwrap()).unwrap();
        Self { keys, rules, _folder: folder }
    }

    fn maintain(&self, now: Timestamp) {
        let boot_ms = u64::try_from(now.as_millisecond() - at(START).as_millisecond()).unwrap();
        self.keys.maintain(Clocks { now, boot_ms }).unwrap().1.unwrap();
    }

    fn pipeline(&self) -> Pipeline {
        let configuration = Configuration::parse(SITE, "test", std::iter::empty()).unwrap();
        Pipeline::new(&configuration, Networks::default()).unwrap()
    }
}

/// A browser with its cookie.
#[derive(Clone, Default)]
struct Browser {
    cookie: Option<String>,
    address: u8,
    /// What it came from.
    referrer: &'static str,
}

impl Browser {
    /// The visits that its request makes, and their lanes. Its cookie is replaced as the answer says.
    fn send(&mut self, place: &Place, now: Timestamp, hits: &[(Kind, &str)]) -> Vec<(Visit, u8)> {
        let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, self.address));
        let mut headers = HeaderMap::new();
        headers.insert("host", "localhost".parse().unwrap());
        headers.extend(self.cookie.as_ref().map(|cookie| (hyper::header::COOKIE, cookie.parse().unwrap())));
        let (sender, keys) = (Sender::new(now, address, &headers, &[]), place.keys.visit_keys());
        let mut holds = DeviceHolds::new(&sender, &keys);
        let visits = hits.iter().map(|&(kind, page)| {
            let mut visit = Visit {
                received_ms: u64::try_from(now.as_millisecond()).unwrap(),
                address: Visit::address_bytes(address),
                url: format!("http://localhost/{page}"),
                referrer: self.referrer.to_owned(),
                name: format!("event-{page}"),
                kind: kind.into(),
                marketing: true,
                ..Visit::default()
            };
            let day = LocalDay::of(now, &place.rules.site.time_zone);
            let lane = visitor::lane("localhost", day.epoch_days(), &visit);
            let lane = holds.take(&place.rules, &mut visit, lane);
            (visit, lane)
        });
        let visits = visits.collect();
        if let Some(cookie) = holds.into_cookies().last() {
            self.cookie = Some(cookie.to_str().unwrap().split(';').next().unwrap().to_owned());
        }
        visits
    }
}

/// Rows of visits in the order in which their records come.
struct Rows {
    pipeline: Pipeline,
    collector: Collector,
}

impl Rows {
    fn new(place: &Place) -> Self {
        Self { pipeline: place.pipeline(), collector: Collector::new(1) }
    }

    fn take(&mut self, visit: Visit, appended: Option<Timestamp>) -> OpenHit {
        let bytes = self.collector.record(Event::Visit(visit));
        match self.pipeline.take(Record { bytes: &bytes, appended }, &self.collector.keys()) {
            Taken::Row(row) => *row,
            taken => panic!("{taken:?}"),
        }
    }

    fn all(&mut self, visits: Vec<(Visit, u8)>) -> Vec<Measures> {
        visits.into_iter().map(|(visit, _)| self.take(visit, None).measures()).collect()
    }
}

const VIEW: [(Kind, &str); 1] = [(Kind::View, "a")];

/// Visits, bounces, views, visitors of the day and new ones.
fn sums(measures: &[Measures]) -> (i64, i64, i64, i64, i64) {
    let sum = |of: fn(&Measures) -> i64| measures.iter().map(of).sum();
    (
        sum(|of| of.visits.into()),
        sum(|of| of.bounces.into()),
        sum(|of| of.views.into()),
        sum(|of| of.visitors.into()),
        sum(|of| of.new_visitors.into()),
    )
}

#[test]
fn a_visit_that_begins_in_memory_and_goes_on_in_the_browser_is_one() {
    let place = Place::new();
    let (mut browser, mut rows) = (Browser::default(), Rows::new(&place));
    let first = rows.all(browser.send(&place, at(START), &VIEW));
    assert_eq!((sums(&first), rows.pipeline.visitors_held()), ((1, 1, 1, 1, 0), 1));
    let second = rows.all(browser.send(&place, at(START) + 20.seconds(), &[(Kind::View, "b")]));
    assert_eq!(sums(&second), (0, -1, 1, 0, 1), "one visit of two pages, no bounce, a new visitor");
    assert_eq!((second[0].weekly_first, second[0].monthly_first, second[0].visit_seconds), (1, 1, 20));
    assert_eq!(rows.pipeline.visitors_held(), 0, "memory has let go of the visit");
    let third = rows.all(browser.send(&place, at(START) + 30.seconds(), &[(Kind::View, "c")]));
    assert_eq!(sums(&third), (0, 0, 1, 0, 0));
    let neighbour = rows.all(Browser::default().send(&place, at(START) + 40.seconds(), &VIEW));
    assert_eq!(sums(&neighbour), (1, 1, 1, 1, 0), "the next one behind the address is somebody else");
}

/// On a site that counts in memory until it may hold a state.
#[test]
fn a_visit_whose_browser_may_hold_it_only_later_stays_whole_in_memory() {
    let place = Place::new();
    let (mut browser, mut rows) =
        (Browser { referrer: "https://www.google.com/", ..Browser::default() }, Rows::new(&place));
    let mut before = browser.clone();
    let landing = before.send(&place, at(START), &VIEW);
    let first = rows.take(landing[0].0.clone(), None);
    let event = browser.send(&place, at(START) + 5.seconds(), &[(Kind::Event, "a")]);
    assert_eq!(browser.cookie, None, "how the page was reached says nothing of where the visit stands");
    let event = rows.take(event[0].0.clone(), None);
    browser.referrer = "http://localhost/a";
    let mut sources = vec![first.source().to_owned(), event.source().to_owned()];
    let mut measures = vec![first.measures(), event.measures()];
    for (second, page) in [(20, "b"), (40, "c")] {
        let sent = browser.send(&place, at(START) + second.seconds(), &[(Kind::View, page)]);
        let row = rows.take(sent[0].0.clone(), None);
        sources.push(row.source().to_owned());
        measures.push(row.measures());
    }
    assert_eq!(sources, ["google"; 4]);
    assert_eq!((sums(&measures), browser.cookie.is_none()), ((1, 0, 3, 1, 0), true));
    browser.referrer = "https://chatgpt.com/";
    let landing = rows.all(browser.send(&place, at(START) + 24.hours(), &VIEW));
    assert_eq!((sums(&landing), browser.cookie.is_some()), ((1, 1, 1, 1, 0), true));
    browser.referrer = "http://localhost/a";
    let second = rows.all(browser.send(&place, at(START) + 24.hours() + 1.minutes(), &[(Kind::View, "b")]));
    assert_eq!(sums(&second), (0, -1, 1, 0, 1));
}

#[test]
fn a_view_with_a_forged_referrer_is_dropped_and_uses_nothing_up() {
    let place = Place::new();
    let (mut browser, mut rows) = (Browser::default(), Rows::new(&place));
    rows.all(browser.send(&place, at(START), &VIEW));
    browser.referrer = "https://0n-line.tv/";
    let held = browser.cookie.clone();
    let spam = browser.send(&place, at(START) + 1.minutes(), &[(Kind::View, "spam")]);
    assert_eq!(rows.take(spam[0].0.clone(), None).kind(), "dropped");
    assert!(browser.cookie == held, "the state stays as it is");
    browser.referrer = "http://localhost/a";
    let second = rows.all(browser.send(&place, at(START) + 2.minutes(), &[(Kind::View, "b")]));
    assert_eq!((sums(&second), second[0].visit_seconds), ((0, -1, 1, 0, 1), 120));
    let mut new = Browser { referrer: "https://0n-line.tv/", ..Browser::default() };
    new.send(&place, at(START), &VIEW);
    assert_eq!(new.cookie, None, "nor does a state begin with it");
}

#[test]
fn a_bounce_that_somebody_else_has_taken_back_is_not_taken_back_again() {
    let place = Place::new();
    let (mut one, mut other, mut rows) = (Browser::default(), Browser::default(), Rows::new(&place));
    let mut all = rows.all(one.send(&place, at(START), &VIEW));
    // The same tuple: memory takes the second browser's first view for the visit's second page.
    all.extend(rows.all(other.send(&place, at(START), &[(Kind::View, "b")])));
    assert_eq!(sums(&all), (1, 0, 2, 1, 0), "known limit: both merge on their first hit");
    for browser in [&mut one, &mut other] {
        let next = rows.all(browser.send(&place, at(START) + 9.seconds(), &[(Kind::View, "c")]));
        assert_eq!(sums(&next), (0, 0, 1, 0, 1));
    }
}

#[test]
fn a_browser_that_keeps_no_cookies_is_one_visitor_and_never_new() {
    let place = Place::new();
    let mut rows = Rows::new(&place);
    let mut all = Vec::new();
    for second in 0..4 {
        let now = at(START) + second.seconds();
        all.extend(rows.all(Browser::default().send(&place, now, &[(Kind::View, "a"), (Kind::Event, "a")])));
    }
    assert_eq!(sums(&all), (1, 0, 4, 1, 0));
    assert!(all.iter().all(|row| row.weekly_first == 0 && row.monthly_first == 0));
}

#[test]
fn ten_tabs_that_are_restored_at_once_count_once() {
    let place = Place::new();
    let (mut browser, mut rows) = (Browser::default(), Rows::new(&place));
    rows.all(browser.send(&place, at(START), &VIEW));
    rows.all(browser.send(&place, at(START), &[(Kind::View, "b")]));
    let next_week = at("2026-10-27T10:00:00Z");
    let restored = browser.clone();
    let mut all = Vec::new();
    for _ in 0..10 {
        all.extend(rows.all(restored.clone().send(&place, next_week, &VIEW)));
    }
    assert_eq!(sums(&all), (1, 1, 10, 1, 0));
    assert_eq!(all.iter().map(|row| u32::from(row.weekly_first)).sum::<u32>(), 1);
    let leave = restored.clone().send(&place, next_week, &[(Kind::Leave, "a")]);
    assert_eq!(leave[0].0.state_number, None, "leaving a page uses nothing up");
    let later = rows.all(restored.clone().send(&place, next_week + 5.hours(), &VIEW));
    assert_eq!(
        sums(&later),
        (0, 0, 1, 0, 0),
        "nor does a cookie that is played again make a visit on that day"
    );
}

#[test]
fn a_re_send_is_a_repeat_and_uses_nothing_up() {
    let place = Place::new();
    let (mut browser, mut rows) = (Browser::default(), Rows::new(&place));
    rows.all(browser.send(&place, at(START), &VIEW));
    let mut sent = browser.clone().send(&place, at(START), &[(Kind::View, "b")]);
    sent[0].0.hit_id = b"id".to_vec();
    let kinds = [sent[0].0.clone(), sent[0].0.clone()].map(|visit| rows.take(visit, None).kind());
    assert_eq!(kinds, ["view", "repeat"]);
    let bot = Visit { bot: "Googlebot".into(), hit_id: Vec::new(), ..sent[0].0.clone() };
    assert_eq!(rows.take(bot, None).kind(), "bot");
}

#[test]
fn an_outbound_site_counts_once_a_day_whoever_holds_the_visit() {
    let place = Place::new();
    let (mut browser, mut rows) = (Browser::default(), Rows::new(&place));
    let mut clicks_of = |hits: &[(Kind, &str)]| {
        let measures = rows.all(browser.send(&place, at(START), hits));
        measures.iter().map(|row| row.event_visitors).sum::<u8>()
    };
    assert_eq!(clicks_of(&[(Kind::View, "a"), (Kind::Outbound, "a")]), 1);
    assert_eq!(clicks_of(&[(Kind::Outbound, "a")]), 0);
    assert_eq!(clicks_of(&[(Kind::View, "b")]), 0, "the visit is taken over");
    assert_eq!(clicks_of(&[(Kind::Outbound, "a")]), 0);
}

#[test]
fn a_late_hit_keeps_what_its_browser_told_once() {
    let place = Place::new();
    let (mut browser, mut rows) = (Browser::default(), Rows::new(&place));
    rows.all(browser.send(&place, at(START), &VIEW));
    let restored = browser.clone();
    let day_over = Some(at("2026-10-25T05:00:00Z"));
    let taken_over = restored.clone().send(&place, at(START), &[(Kind::View, "b")]);
    let row = rows.take(taken_over[0].0.clone(), day_over);
    assert_eq!((row.reason(), sums(&[row.measures()])), ("late", (0, 0, 1, 0, 1)), "memory's bounce stays");
    let again = rows.take(taken_over[0].0.clone(), day_over);
    assert_eq!(sums(&[again.measures()]), (0, 0, 1, 0, 0), "the state was used up");
    let mut known = browser.clone();
    known.send(&place, at(START), &VIEW);
    let new_visit = known.send(&place, at(START) + 1.hours(), &VIEW);
    let row = rows.take(new_visit[0].0.clone(), day_over);
    assert_eq!((sums(&[row.measures()]), row.is_whole()), ((1, 1, 1, 0, 0), true));
    let clicked = known.send(&place, at(START) + 1.hours(), &[(Kind::Outbound, "a")]);
    let click = rows.take(clicked[0].0.clone(), day_over).measures();
    assert_eq!((click.events, click.event_visitors), (1, 0), "whether it is the first is not known any more");
    let memory = Browser::default().send(&place, at(START), &VIEW);
    let row = rows.take(memory[0].0.clone(), day_over);
    assert_eq!((sums(&[row.measures()]), row.is_whole()), ((0, 0, 1, 0, 0), false));
    assert_eq!(row.pages(), ("/a", "/a"), "no exit");
    let event = Browser::default().send(&place, at(START), &[(Kind::Event, "a")]);
    assert_eq!(rows.take(event[0].0.clone(), day_over).pages(), ("", "/a"));
}

#[test]
fn a_replay_from_a_warmed_state_knows_the_numbers_that_are_used_up() {
    let place = Place::new();
    let (mut browser, mut collector) = (Browser::default(), Collector::new(1));
    let mut records = Vec::new();
    for minute in 0..30 {
        let now = at(START) + (minute * 7).minutes();
        let mut tab = browser.clone();
        let sent = [browser.send(&place, now, &VIEW), tab.send(&place, now, &[(Kind::View, "tab")])];
        records.extend(sent.concat().into_iter().map(|(visit, _)| collector.record(Event::Visit(visit))));
    }
    let keys = collector.keys();
    let rows = |pipeline: &mut Pipeline, records: &[Vec<u8>]| -> Vec<String> {
        records.iter().map(|record| format!("{:?}", pipeline.take(record.as_slice(), &keys))).collect()
    };
    let all = rows(&mut place.pipeline(), &records);
    for restart in [1, 2, 3, 31, 59] {
        let mut warmed = place.pipeline();
        rows(&mut warmed, &records[..restart]);
        assert_eq!(rows(&mut warmed, &records[restart..]), all[restart..]);
    }
}

/// Without what reaches beyond a day, which does not count until the browser holds the state.
fn of_the_day(measures: Measures) -> Measures {
    Measures { new_visitors: 0, weekly_first: 0, monthly_first: 0, ..measures }
}

/// A browser's first hit is a view; what is done on a page before that begins no state.
fn requests() -> impl Strategy<Value = Vec<(i64, Vec<(Kind, usize)>)>> {
    let gap_s = prop::sample::select(vec![0, 1, 60, 1_799, 1_800, 18_000, 43_200, 86_400, 604_800]);
    let kind = prop::sample::select(vec![Kind::View, Kind::View, Kind::Event, Kind::Leave]);
    let all = prop::collection::vec((gap_s, prop::collection::vec((kind, 0..3_usize), 1..4)), 1..20);
    all.prop_map(|mut requests| {
        requests[0].1.insert(0, (Kind::View, 0));
        requests
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Through days, weeks and a change of clocks.
    #[test]
    fn collector_and_pipeline_give_the_visits_that_the_state_alone_gives(requests in requests()) {
        let place = Place::new();
        let (mut browser, mut rows) = (Browser::default(), Rows::new(&place));
        let (mut state, mut now, mut lanes) = (VisitState::default(), at(START), Vec::new());
        let (mut new_visitors, mut has_returned) = (0, false);
        for (gap_s, hits) in requests {
            now += SignedDuration::from_secs(gap_s);
            place.maintain(now);
            let hits: Vec<_> = hits.into_iter().map(|(kind, page)| (kind, ["a", "b", "c"][page])).collect();
            for (visit, lane) in browser.send(&place, now, &hits) {
                let kind = HitKind::from(visit.kind());
                let texts = HitTexts::of(&visit.url, "", true, &place.rules);
                let name = if kind == HitKind::Event { event_name(&visit.name) } else { "" };
                let (expected, next) = state.advance(&texts.facts(kind, name), now, &place.rules.site.time_zone);
                state = next;
                let is_device_held = visit.progress.is_some();
                has_returned |= is_device_held && kind.advances_visit();
                lanes.extend(is_device_held.then_some(lane));
                let row = rows.take(visit, None);
                prop_assert_eq!(of_the_day(row.measures()), of_the_day(expected.measures(kind, 0, 0, Hold::Device)));
                new_visitors += u32::from(row.measures().new_visitors);
            }
        }
        prop_assert_eq!(new_visitors, u32::from(has_returned), "new once, as soon as the browser is known");
        prop_assert!(lanes.windows(2).all(|pair| pair[0] == pair[1]), "one lane for the life of the cookie");
    }
}
