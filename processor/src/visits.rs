//! Visit states held in memory: a map per site and local day, keyed by a hash of the visitor tuple, never written anywhere
//! and dropped when its day is over. A restart rebuilds it from the records themselves.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _, RandomState};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemas::event::{Erase, Visit};
use schemas::hit_kind::HitKind;
use schemas::local_time::LocalDay;
use schemas::visit_state::{HitFacts, Progress, VisitState};
use schemas::visitor::VisitorTuple;

/// Pages and happenings remembered of one visitor and day; whoever has more is no person, and counts for no new ones.
const NAMES_MAX: usize = 10_000;

/// Stands for a visitor tuple: hashes of address and browser under keys of this process, which tell nobody outside of it
/// anything.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct VisitorKey {
    address: u64,
    browser: u64,
}

impl std::fmt::Debug for VisitorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[personal]")
    }
}

/// Who made a hit, and when exactly: personal information that ends in this module.
#[derive(Debug)]
pub struct Arrival {
    pub(crate) visitor: VisitorKey,
    pub(crate) received: Timestamp,
}

/// A hit as its visitor's state sees it.
#[derive(Clone, Copy)]
pub struct Happening<'a> {
    /// What matters to the visit.
    pub facts: HitFacts<'a>,
    /// The outbound site or the download; empty for other kinds.
    pub clicked: &'a str,
    /// Whether the visitor allows campaign credit. One who does no longer is credited to none, in mid-visit too.
    pub marketing: bool,
}

/// What is held of one visitor for one day.
#[derive(Default)]
struct Held {
    state: VisitState,
    firsts: Firsts,
    /// Outbound sites and downloads; they are remembered here whoever holds the state, so that two people behind one address with one
    /// browser share the day's first click of a site.
    clicks: Firsts,
}

/// What a visitor saw and did on the day. A visit state must fit a cookie and misses some firsts of a visitor of many
/// pages, and outbound clicks and downloads leave no trace in it; memory can be exact. Sorted hashes: 8 bytes each.
#[derive(Default)]
struct Firsts(Vec<u64>);

impl Firsts {
    /// Adds a page or a happening; whether it is the first of its name.
    fn insert(&mut self, kind: HitKind, name: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        (kind.as_str(), name).hash(&mut hasher);
        let hash = hasher.finish();
        match self.0.binary_search(&hash) {
            Err(place) if self.0.len() < NAMES_MAX => {
                self.0.insert(place, hash);
                true
            }
            _ => false,
        }
    }
}

/// All memory-held states.
#[derive(Default)]
pub struct Visits {
    days: HashMap<(String, LocalDay), HashMap<VisitorKey, Held>>,
    hashers: [RandomState; 2],
}

impl std::fmt::Debug for Visits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Visits({} visitors)", self.len())
    }
}

impl Visits {
    /// The key of a visit's visitor.
    pub(crate) fn key(&self, visit: &Visit) -> VisitorKey {
        self.key_of(&VisitorTuple::of(visit))
    }

    fn key_of(&self, tuple: &VisitorTuple<'_>) -> VisitorKey {
        let [address, browser] = tuple.hashes(&self.hashers);
        VisitorKey { address, browser }
    }

    /// What a hit adds, and its visitor's state moved on.
    pub fn advance(
        &mut self,
        (site, zone): (&str, &TimeZone),
        arrival: Arrival,
        hit: &Happening<'_>,
    ) -> Progress {
        let Happening { facts, clicked, marketing } = hit;
        let day = LocalDay::of(arrival.received, zone);
        let visitors = self.days.entry((site.to_owned(), day)).or_default();
        if facts.kind == HitKind::Leave && !visitors.contains_key(&arrival.visitor) {
            return VisitState::default().advance(facts, arrival.received, zone).0;
        }
        let held = visitors.entry(arrival.visitor).or_default();
        if !marketing {
            held.state = std::mem::take(&mut held.state).without_campaign();
        }
        let (mut progress, next) = held.state.advance(facts, arrival.received, zone);
        held.state = next;
        match facts.kind {
            HitKind::View => progress.first_view_of_page = held.firsts.insert(facts.kind, facts.page),
            HitKind::Event => progress.first_event_of_name = held.firsts.insert(facts.kind, facts.name),
            HitKind::Outbound | HitKind::Download => {
                progress.first_event_of_name = held.clicks.insert(facts.kind, clicked);
            }
            HitKind::Leave => {}
        }
        progress
    }

    /// Forgets on all days what is held of whom an order names, on one site or, without a name, on all.
    pub fn erase(&mut self, site: &str, order: &Erase) {
        let named = self.key_of(&VisitorTuple::of_order(order));
        let is_named = |key: &VisitorKey| {
            key.address == named.address && (order.whole_address || key.browser == named.browser)
        };
        let concerned = self.days.iter_mut().filter(|((of, _), _)| site.is_empty() || of == site);
        concerned.for_each(|(_, visitors)| visitors.retain(|key, _| !is_named(key)));
    }

    /// What a hit adds whose visit the visitor's own browser holds. If that visit has begun here, its state here ends; unless somebody
    /// else behind the same tuple went on with it, then the bounce stays theirs. It stays too where a first view is sent again after 30
    /// minutes, its answer having been lost: the repeat's answer begins a state that does not fit what is held here.
    pub(crate) fn hand_over(
        &mut self,
        (site, zone): (&str, &TimeZone),
        arrival: &Arrival,
        hit: &Happening<'_>,
        mut progress: Progress,
    ) -> Progress {
        let day = LocalDay::of(arrival.received, zone);
        if matches!(hit.facts.kind, HitKind::Outbound | HitKind::Download) {
            let visitors = self.days.entry((site.to_owned(), day)).or_default();
            let clicks = &mut visitors.entry(arrival.visitor).or_default().clicks;
            progress.first_event_of_name = clicks.insert(hit.facts.kind, hit.clicked);
        }
        if !progress.begun_in_memory {
            return progress;
        }
        let visitors = self.days.entry((site.to_owned(), day)).or_default();
        match visitors.get_mut(&arrival.visitor).filter(|held| held.state.is_continued_by(&progress)) {
            Some(held) if held.clicks.0.is_empty() => drop(visitors.remove(&arrival.visitor)),
            Some(held) => *held = Held { clicks: std::mem::take(&mut held.clicks), ..Held::default() },
            None => return progress.without_bounce(),
        }
        progress
    }

    /// Drops the days for which `is_over`.
    pub fn forget(&mut self, is_over: impl Fn(&str, LocalDay) -> bool) {
        self.days.retain(|(site, day), _| !is_over(site, *day));
    }

    /// Visitors whose state is held.
    pub fn len(&self) -> usize {
        self.days.values().map(HashMap::len).sum()
    }

    /// Whether no state is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::visit_state::Origin;

    fn advance(visits: &mut Visits, host: u8, kind: HitKind, at: &str) -> Progress {
        let visit = Visit { address: vec![192, 0, 2, host], ..Visit::default() };
        let arrival = Arrival { visitor: visits.key(&visit), received: at.parse().unwrap() };
        let origin = Origin { source: "", channel: "direct", campaign: "" };
        let facts = HitFacts { kind, page: "/", name: "", origin };
        visits.advance(
            ("a", &TimeZone::UTC),
            arrival,
            &Happening { facts, clicked: "example.org", marketing: true },
        )
    }

    #[test]
    fn two_visitors_and_two_days_do_not_mix() {
        let mut visits = Visits::default();
        assert!(advance(&mut visits, 1, HitKind::View, "2026-11-22T10:00:00Z").first_today);
        assert!(advance(&mut visits, 2, HitKind::View, "2026-11-22T10:00:00Z").first_today);
        assert!(!advance(&mut visits, 1, HitKind::View, "2026-11-22T10:01:00Z").first_today);
        assert!(advance(&mut visits, 1, HitKind::View, "2026-11-23T00:00:00Z").new_visit);
        assert_eq!(visits.len(), 3);
        visits.forget(|_, day| day == "2026-11-22".parse().unwrap());
        assert_eq!(visits.len(), 1);
    }

    #[test]
    fn an_order_forgets_whom_it_names_and_nobody_else() {
        let visit = |host, browser: &str| Visit {
            address: vec![192, 0, 2, host],
            browser: browser.into(),
            ..Visit::default()
        };
        let held_after = |site: &str, order: &Erase| {
            let mut visits = Visits::default();
            let mut visitors = vec![];
            for (at, host, browser) in
                [("a", 1, "Firefox"), ("a", 1, "Chrome"), ("a", 2, "Firefox"), ("b", 1, "Firefox")]
            {
                let visitor = visits.key(&visit(host, browser));
                let received = "2026-11-22T10:00:00Z".parse().unwrap();
                let facts = HitFacts {
                    kind: HitKind::View,
                    page: "/",
                    name: "",
                    origin: Origin { source: "", channel: "direct", campaign: "" },
                };
                let hit = Happening { facts, clicked: "", marketing: true };
                visits.advance((at, &TimeZone::UTC), Arrival { visitor, received }, &hit);
                visitors.push((at, visitor));
            }
            visits.erase(site, order);
            let day = "2026-11-22".parse().unwrap();
            let held = |(site, visitor): &(&str, VisitorKey)| {
                visits.days[&((*site).to_owned(), day)].contains_key(visitor)
            };
            visitors.iter().map(held).collect::<Vec<bool>>()
        };
        let one = Erase::of(&visit(1, "Firefox"), [0; 16], 1);
        assert_eq!(held_after("a", &one), [false, true, true, true]);
        let address = Erase::of_address(&[192, 0, 2, 1], [0; 16], 1);
        assert_eq!(held_after("a", &address), [false, false, true, true]);
        assert_eq!(held_after("", &address), [false, false, true, false]);
        assert_eq!(held_after("c", &address), [true; 4]);
    }

    #[test]
    fn a_leave_of_nobody_makes_no_visitor() {
        let mut visits = Visits::default();
        advance(&mut visits, 1, HitKind::Leave, "2026-11-22T10:00:00Z");
        assert!(visits.is_empty());
    }

    #[test]
    fn a_visitor_of_very_many_pages_is_new_on_each_of_them_once() {
        let mut visits = Visits::default();
        let visit = Visit { address: vec![192, 0, 2, 1], ..Visit::default() };
        let mut firsts = |page: &str| {
            let at = "2026-11-22T10:00:00Z".parse().unwrap();
            let arrival = Arrival { visitor: visits.key(&visit), received: at };
            let origin = Origin { source: "", channel: "direct", campaign: "" };
            let facts = HitFacts { kind: HitKind::View, page, name: "", origin };
            let hit = Happening { facts, clicked: "", marketing: true };
            visits.advance(("a", &TimeZone::UTC), arrival, &hit).first_view_of_page
        };
        let pages: Vec<String> = (0..500).map(|number| format!("/{number}")).collect();
        assert!(pages.iter().all(|page| firsts(page)));
        assert!(!pages.iter().any(|page| firsts(page)));
    }

    #[test]
    fn who_refuses_marketing_in_mid_visit_is_credited_to_no_campaign_any_more() {
        let mut visits = Visits::default();
        let mut entry = |marketing, campaign| {
            let at = "2026-11-22T10:00:00Z".parse().unwrap();
            let arrival = Arrival { visitor: visits.key(&Visit::default()), received: at };
            let origin = Origin { source: "news", channel: "email", campaign };
            let facts = HitFacts { kind: HitKind::View, page: "/", name: "", origin };
            let hit = Happening { facts, clicked: "", marketing };
            let entry = visits.advance(("a", &TimeZone::UTC), arrival, &hit).entry;
            [&entry.source, &entry.channel, &entry.campaign].map(ToString::to_string)
        };
        assert_eq!(entry(true, "news / email / summer"), ["news", "email", "news / email / summer"]);
        assert_eq!(entry(false, ""), ["(direct)", "direct", ""]);
        assert_eq!(entry(true, ""), ["(direct)", "direct", ""]);
    }

    #[test]
    fn a_visitor_counts_once_a_day_for_an_outbound_site() {
        let mut visits = Visits::default();
        assert!(advance(&mut visits, 1, HitKind::Outbound, "2026-11-22T10:00:00Z").first_event_of_name);
        assert!(!advance(&mut visits, 1, HitKind::Outbound, "2026-11-22T10:01:00Z").first_event_of_name);
        assert!(advance(&mut visits, 2, HitKind::Outbound, "2026-11-22T10:01:00Z").first_event_of_name);
    }
}
