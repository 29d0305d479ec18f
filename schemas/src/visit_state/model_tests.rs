//! The sums of all progress against a slow model that keeps every hit and counts from scratch.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, Zoned, tz::TimeZone};
use proptest::prelude::*;

use super::*;
use crate::{
    hit_kind::HitKind,
    measure::{Hold, Measures},
};

const ZONES: [&str; 10] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Pago_Pago",
    "Pacific/Kiritimati",
    "Pacific/Apia",
    "America/Havana",
    "Asia/Beirut",
    "Asia/Kathmandu",
];
const PAGES: [&str; 4] = ["/", "/pricing", "/blog/:id", "/contact?lang=de"];
const NAMES: [&str; 3] = ["signup", "buy", "scroll"];
const SOURCES: [&str; 3] = ["", "example.org", "search.example"];
const KINDS: [HitKind; 8] = [
    HitKind::View,
    HitKind::View,
    HitKind::View,
    HitKind::Event,
    HitKind::Event,
    HitKind::Leave,
    HitKind::Outbound,
    HitKind::Download,
];

#[derive(Clone, Debug)]
struct ModelHit {
    visitor: usize,
    time_ms: i64,
    kind: HitKind,
    page: &'static str,
    name: &'static str,
    source: &'static str,
}

impl ModelHit {
    fn facts(&self) -> HitFacts<'_> {
        let origin = Origin { source: self.source, channel: "referral", campaign: "" };
        HitFacts { kind: self.kind, page: self.page, name: self.name, origin }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.time_ms).unwrap()
    }
}

/// What both ways must agree on.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    measures: BTreeMap<&'static str, i64>,
    weeks_since_first: i64,
    exits: BTreeMap<&'static str, i64>,
    /// Source and entry page that each hit is credited to, in the order of the hits.
    credits: Vec<(String, String)>,
}

impl Totals {
    fn add(&mut self, name: &'static str, n: i64) {
        *self.measures.entry(name).or_default() += n;
    }

    fn add_exit(&mut self, page: &str, n: i64) {
        let page = PAGES.iter().find(|known| **known == page).unwrap();
        *self.exits.entry(page).or_default() += n;
    }

    fn add_row(&mut self, hit: &ModelHit, progress: &Progress, hold: Hold) {
        progress.measures(hit.kind, 1, 1, hold).named().into_iter().for_each(|(name, n)| self.add(name, n));
        self.weeks_since_first += i64::from(progress.weeks_since_first);
        if hit.kind == HitKind::View {
            self.add_exit(hit.page, 1);
            progress.previous_page.iter().for_each(|page| self.add_exit(page, -1));
        }
        self.credits.push((progress.entry.source.to_string(), progress.entry.page.to_string()));
    }

    fn without_zeros(mut self) -> Self {
        self.measures.retain(|_, n| *n != 0);
        self.exits.retain(|_, n| *n != 0);
        self
    }
}

/// One visitor's hit that advances, at the time at which it counts.
struct Counted<'a> {
    index: usize,
    hit: &'a ModelHit,
    time: Zoned,
}

/// The model: no state, only lists.
fn modelled(hits: &[ModelHit], calendar: &TimeZone) -> Totals {
    let mut totals = Totals { credits: own_credits(hits), ..Totals::default() };
    for visitor in 0..3 {
        let counted = counted(hits, visitor, calendar);
        add_visitor(&mut totals, &counted);
        let visits = visits(&counted);
        for visit in &visits {
            add_visit(&mut totals, visit);
        }
        credit(&mut totals, hits, visitor, &visits);
    }
    for hit in hits {
        totals.add("engaged_ms", i64::from(hit.kind == HitKind::Leave));
        totals.add("event_value", i64::from(hit.kind == HitKind::Event));
        totals.add(
            "events",
            i64::from(matches!(hit.kind, HitKind::Event | HitKind::Outbound | HitKind::Download)),
        );
    }
    totals.without_zeros()
}

fn own_credits(hits: &[ModelHit]) -> Vec<(String, String)> {
    hits.iter().map(|hit| (hit.source.to_owned(), hit.page.to_owned())).collect()
}

fn counted<'a>(hits: &'a [ModelHit], visitor: usize, calendar: &TimeZone) -> Vec<Counted<'a>> {
    let mut latest_ms = i64::MIN;
    let of_visitor = hits.iter().enumerate().filter(|(_, hit)| hit.visitor == visitor);
    let advancing = of_visitor.filter(|(_, hit)| matches!(hit.kind, HitKind::View | HitKind::Event));
    advancing
        .map(|(index, hit)| {
            latest_ms = latest_ms.max(hit.time_ms / 1000 * 1000);
            let time = Timestamp::from_millisecond(latest_ms).unwrap().to_zoned(calendar.clone());
            Counted { index, hit, time }
        })
        .collect()
}

fn add_visitor(totals: &mut Totals, counted: &[Counted<'_>]) {
    let distinct =
        |key: &dyn Fn(&Counted<'_>) -> String| counted.iter().map(key).collect::<BTreeSet<_>>().len() as i64;
    let iso_week = |time: &Zoned| {
        let week = time.date().iso_week_date();
        (week.year(), week.week())
    };
    totals.add("new_visitors", distinct(&|_| String::new()));
    totals.add("visitors", distinct(&|counted| counted.time.date().to_string()));
    totals.add("weekly_first", distinct(&|counted| format!("{:?}", iso_week(&counted.time))));
    totals.add(
        "monthly_first",
        distinct(&|counted| format!("{}-{}", counted.time.year(), counted.time.month())),
    );

    let mondays: BTreeSet<_> = counted
        .iter()
        .map(|counted| {
            let date = counted.time.date().iso_week_date();
            jiff::civil::ISOWeekDate::new(date.year(), date.week(), jiff::civil::Weekday::Monday)
                .unwrap()
                .date()
        })
        .collect();
    if let Some(first) = mondays.first() {
        totals.weeks_since_first +=
            mondays.iter().map(|monday| i64::from((*monday - *first).get_days()) / 7).sum::<i64>();
    }

    let mut viewed = BTreeSet::new();
    let mut caused = BTreeSet::new();
    for Counted { hit, time, .. } in counted {
        match hit.kind {
            HitKind::View => viewed.insert((time.date(), hit.page)),
            _ => caused.insert((time.date(), hit.name)),
        };
    }
    totals.add("page_visitors", viewed.len() as i64);
    totals.add("event_visitors", caused.len() as i64);
}

fn visits<'a, 'b>(counted: &'b [Counted<'a>]) -> Vec<&'b [Counted<'a>]> {
    let same_visit = |a: &Counted<'_>, b: &Counted<'_>| {
        b.time.timestamp().as_second() - a.time.timestamp().as_second() < 1800
            && a.time.date() == b.time.date()
    };
    counted.chunk_by(same_visit).collect()
}

fn add_visit(totals: &mut Totals, visit: &[Counted<'_>]) {
    let seconds = |counted: &Counted<'_>| counted.time.timestamp().as_second();
    let views: Vec<_> = visit.iter().filter(|counted| counted.hit.kind == HitKind::View).collect();
    totals.add("visits", 1);
    totals.add("visit_seconds", seconds(visit.last().unwrap()) - seconds(&visit[0]));
    totals.add("views", views.len() as i64);
    totals.add("bounces", i64::from(views.len() == 1));
    views.last().iter().for_each(|last| totals.add_exit(last.hit.page, 1));
}

/// Each hit is credited to the visit of the latest advancing hit that came before it or is it.
fn credit(totals: &mut Totals, hits: &[ModelHit], visitor: usize, visits: &[&[Counted<'_>]]) {
    for (index, _) in hits.iter().enumerate().filter(|(_, hit)| hit.visitor == visitor) {
        let visit = visits.iter().rev().find(|visit| visit[0].index <= index);
        if let Some(visit) = visit {
            totals.credits[index] = (visit[0].hit.source.to_owned(), visit[0].hit.page.to_owned());
        }
    }
}

/// The state, written and read back between any two hits, as a device would.
fn through_bytes(state: VisitState) -> VisitState {
    let Some(seen) = state.seen else { return state };
    let created = LocalDay::from_clickhouse_date(20_000);
    let cookie = VisitCookie { number: 1, lane: 2, site: "shop".into(), created, seen };
    let bytes = cookie.to_bytes();
    assert!(bytes.len() <= STATE_BYTES_MAX);
    VisitState { seen: Some(VisitCookie::from_bytes(&bytes).unwrap().seen) }
}

fn advanced(hits: &[ModelHit], calendar: &TimeZone) -> Totals {
    let mut states: [VisitState; 3] = Default::default();
    let mut totals = Totals::default();
    for hit in hits {
        let state = &mut states[hit.visitor];
        let (progress, next) = state.advance(&hit.facts(), hit.now(), calendar);
        totals.add_row(hit, &progress, Hold::Device);
        *state = through_bytes(next);
    }
    totals.without_zeros()
}

/// The same with take-over: each visitor's first view or event comes without a cookie and is counted in memory (one tuple a
/// visitor); the processor settles the bounce when the device's first view comes.
fn taken_over(hits: &[ModelHit], calendar: &TimeZone) -> Totals {
    let mut memory: [VisitState; 3] = Default::default();
    let mut device: [VisitState; 3] = Default::default();
    let mut totals = Totals::default();
    for hit in hits {
        let (memory, device) = (&mut memory[hit.visitor], &mut device[hit.visitor]);
        if device.is_unseen() {
            let (progress, next) = memory.advance(&hit.facts(), hit.now(), calendar);
            totals.add_row(hit, &progress, Hold::Memory);
            *device = VisitState::taken_over(&hit.facts(), hit.now(), calendar);
            *memory = next;
            continue;
        }
        let (mut progress, next) = device.advance(&hit.facts(), hit.now(), calendar);
        if progress.begun_in_memory {
            if memory.is_continued_by(&progress) {
                *memory = VisitState::default();
            } else {
                progress = progress.without_bounce();
            }
        }
        totals.add_row(hit, &progress, Hold::Device);
        *device = through_bytes(next);
    }
    totals.without_zeros()
}

/// Gaps in milliseconds: clicks, either side of thirty minutes, hits that overtook each other, hours, weeks.
fn gaps() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 0i64..120_000,
        2 => 1_790_000i64..1_810_000,
        1 => Just(1_800_000i64),
        1 => -4_000_000i64..0,
        2 => 0i64..30_000_000,
        1 => 0i64..1_500_000_000,
    ]
}

fn schedules() -> impl Strategy<Value = (TimeZone, Vec<ModelHit>)> {
    let hit = (gaps(), 0..3usize, 0..KINDS.len(), 0..PAGES.len(), 0..NAMES.len(), 0..SOURCES.len());
    let start_s = 1_300_000_000i64..1_900_000_000;
    let hits = proptest::collection::vec(hit, 1..60);
    (0..ZONES.len(), start_s, proptest::option::of(-40_000i64..10_000), hits).prop_map(
        |(zone, start_s, off, hits)| {
            let calendar = TimeZone::get(ZONES[zone]).unwrap();
            let start = Timestamp::from_second(start_s).unwrap();
            let change = calendar.following(start).next().map_or(start, |change| change.timestamp());
            let mut time_ms = off.map_or(start_s, |off| change.as_second() + off) * 1000;
            let hits = hits.into_iter().map(|(gap_ms, visitor, kind, page, name, source)| {
                time_ms += gap_ms;
                let (kind, page, name, source) = (KINDS[kind], PAGES[page], NAMES[name], SOURCES[source]);
                ModelHit { visitor, time_ms, kind, page, name, source }
            });
            let hits = hits.collect();
            (calendar, hits)
        },
    )
}

fn beyond_a_day(name: &str) -> bool {
    ["new_visitors", "weekly_first", "monthly_first"].contains(&name)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn progress_adds_up_to_what_a_list_of_all_hits_says((calendar, hits) in schedules()) {
        prop_assert_eq!(advanced(&hits, &calendar), modelled(&hits, &calendar));
    }

    #[test]
    fn take_over_changes_no_sum_of_a_day((calendar, hits) in schedules()) {
        let mut taken_over = taken_over(&hits, &calendar);
        let mut modelled = modelled(&hits, &calendar);
        for totals in [&mut taken_over, &mut modelled] {
            totals.measures.retain(|name, _| !beyond_a_day(name));
            totals.weeks_since_first = 0;
        }
        prop_assert_eq!(taken_over, modelled);
    }

    /// What reaches beyond a day is counted from the second hit on, as if the first had not been.
    #[test]
    fn take_over_counts_weeks_from_the_first_hit_with_a_cookie((calendar, mut hits) in schedules()) {
        // A first hit from the future would move the others' times even without counting itself.
        hits.sort_by_key(|hit| hit.time_ms);
        let mut without_cookie = BTreeSet::new();
        let with_cookie: Vec<_> = hits
            .iter()
            .filter(|hit| !hit.kind.advances_visit() || !without_cookie.insert(hit.visitor))
            .cloned()
            .collect();
        let (taken_over, modelled) = (taken_over(&hits, &calendar), modelled(&with_cookie, &calendar));
        for name in ["new_visitors", "weekly_first", "monthly_first"] {
            prop_assert_eq!(taken_over.measures.get(name), modelled.measures.get(name), "{}", name);
        }
        prop_assert_eq!(taken_over.weeks_since_first, modelled.weeks_since_first);
    }
}

#[test]
fn measures_of_the_model_are_those_of_the_columns() {
    let columns = Measures::default().named().map(|(name, _)| name);
    let hit = |kind| ModelHit { visitor: 0, time_ms: 0, kind, page: PAGES[0], name: NAMES[0], source: "" };
    let totals = modelled(&HitKind::ALL.map(hit), &TimeZone::UTC);
    for name in totals.measures.keys() {
        assert!(columns.contains(name), "{name}");
    }
    assert_eq!(
        totals.measures.len(),
        columns.len() - 2,
        "all but count and, in this schedule, visit_seconds"
    );
}
