use std::net::IpAddr;

use hyper::HeaderMap;
use jiff::{Timestamp, ToSpan as _};
use schemas::configuration::Configuration;
use schemas::event::Kind;
use schemas::keys::{Clocks, KeyDirectory, KeyKeeper};
use schemas::visit_state::VISIT_COOKIE_LIFE_DAYS;
use tempfile::TempDir;

use super::*;

const START: &str = "2026-11-22T10:00:00Z";
const NAME: &str = "__Host-visit-a379a6f6";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn rules_of(name: &str, time_zone: &str) -> SiteRules {
    let text = format!("[[site]]\nname='{name}'\ntime_zone='{time_zone}'");
    let configuration = Configuration::parse(&text, "test", std::iter::empty()).unwrap();
    SiteRules::new(configuration.sites.by_name(name).unwrap()).unwrap()
}

/// A browser with one cookie, and the keys of the collector it talks to.
struct Browser {
    keys: KeyKeeper,
    _folder: TempDir,
    rules: SiteRules,
    cookie: Option<String>,
    host: &'static str,
}

/// What one request led to.
struct Sent {
    visits: Vec<(Visit, u8)>,
    set: Vec<String>,
}

impl Sent {
    #[track_caller]
    fn progress(&self) -> &Progress {
        self.visits[0].0.progress.as_ref().expect("held by the device")
    }

    fn is_of_memory(&self) -> bool {
        self.visits.iter().all(|(visit, _)| visit.progress.is_none() && visit.state_number.is_none())
    }

    fn value(&self) -> Option<String> {
        let cookie = self.set.last()?;
        cookie.strip_prefix(&format!("{NAME}="))?.split(';').next().map(str::to_owned)
    }
}

impl Browser {
    fn new() -> Self {
        Self::since(START)
    }

    fn since(start: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let directory = KeyDirectory::open(folder.path()).unwrap();
        let keys = KeyKeeper::new(directory, Clocks { now: at(start), boot_ms: 0 }).unwrap();
        let rules = rules_of("example.com", "Europe/Berlin");
        Self { keys, _folder: folder, rules, cookie: None, host: "stats.example.com" }
    }

    /// Upkeep runs, as it does each minute; both clocks agree.
    fn maintain(&self, now: &str) {
        let boot_ms = u64::try_from(at(now).as_millisecond() - at(START).as_millisecond()).unwrap();
        self.keys.maintain(Clocks { now: at(now), boot_ms }).unwrap().1.unwrap();
    }

    fn with_sender<T>(&self, now: Timestamp, ask: impl FnOnce(&Sender<'_>) -> T) -> T {
        let mut headers = HeaderMap::new();
        headers.insert("host", self.host.parse().unwrap());
        headers.insert("origin", "https://example.com".parse().unwrap());
        if let Some(cookie) = &self.cookie {
            headers.insert("cookie", cookie.parse().unwrap());
        }
        ask(&Sender::new(now, IpAddr::from([192, 0, 2, 1]), &headers, &[]))
    }

    /// Sends hits without taking the answer's cookie.
    fn ask(&self, now: Timestamp, hits: Vec<Visit>, lane: u8) -> Sent {
        let keys = self.keys.visit_keys();
        self.with_sender(now, |sender| {
            let mut holds = DeviceHolds::new(sender, &keys);
            let take = |mut visit: Visit| {
                let lane = holds.take(&self.rules, &mut visit, lane);
                (visit, lane)
            };
            let visits = hits.into_iter().map(take).collect();
            Sent { visits, set: texts(holds.into_cookies()) }
        })
    }

    fn send(&mut self, now: &str, hits: Vec<Visit>) -> Sent {
        let sent = self.ask(at(now), hits, 7);
        if let Some(value) = sent.value() {
            self.cookie = Some(format!("theme=dark; {NAME}={value}"));
        }
        sent
    }

    fn view(&mut self, now: &str, page: &str) -> Sent {
        self.send(now, vec![view(page)])
    }

    fn expire(&self) -> Vec<String> {
        let keys = self.keys.visit_keys();
        self.with_sender(at(START), |sender| {
            let mut holds = DeviceHolds::new(sender, &keys);
            holds.expire(&self.rules);
            texts(holds.into_cookies())
        })
    }
}

fn texts(cookies: Vec<HeaderValue>) -> Vec<String> {
    cookies.iter().map(|cookie| cookie.to_str().unwrap().to_owned()).collect()
}

fn hit(kind: Kind, page: &str) -> Visit {
    let (url, name) = (format!("https://example.com{page}"), "signup".to_owned());
    Visit { url, name, kind: kind.into(), marketing: true, ..Visit::default() }
}

fn view(page: &str) -> Visit {
    hit(Kind::View, page)
}

#[test]
fn a_browser_is_believed_from_the_second_hit_on() {
    let mut browser = Browser::new();
    let first = browser.view(START, "/");
    assert!(first.is_of_memory());
    assert_eq!(first.visits[0].1, 7);
    let [cookie] = &first.set[..] else { panic!("{:?}", first.set) };
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=33660000"), "{cookie}");

    let second = browser.ask(at("2026-11-22T10:00:09Z"), vec![view("/two?utm_source=x")], 200);
    let progress = second.progress();
    assert!(progress.begun_in_memory && progress.first_ever && !progress.new_visit && !progress.first_today);
    assert_eq!((progress.page_number, progress.seconds_since_previous), (2, 9));
    assert_eq!((progress.previous_page.as_deref(), &*progress.entry_page), (Some("/"), "/"));
    assert_eq!(second.visits[0].1, 7, "the lane of the hit that made the cookie");
    assert!(second.visits[0].0.state_number.is_some() && second.value().is_some());
}

#[test]
fn each_state_has_its_own_number_and_two_tabs_share_one() {
    let mut browser = Browser::new();
    browser.view(START, "/");
    let number = |sent: &Sent| sent.visits[0].0.state_number.unwrap();
    let one = browser.ask(at(START), vec![view("/tab")], 7);
    let other = browser.ask(at(START), vec![view("/other-tab")], 7);
    assert_eq!(number(&one), number(&other), "both tabs came with one state");
    let went_on = browser.view(START, "/tab");
    assert_eq!(number(&went_on), number(&one));
    assert_ne!(number(&browser.view(START, "/next")), number(&one));
}

#[test]
fn a_browser_that_keeps_nothing_is_always_memorys() {
    let browser = Browser::new();
    for second in 0..5 {
        let sent = browser.ask(at(START) + second.seconds(), vec![view("/"), hit(Kind::Event, "/")], 7);
        assert!(sent.is_of_memory() && sent.set.len() == 1);
    }
}

#[test]
fn the_hits_of_one_request_go_on_from_each_other_and_set_one_cookie() {
    let mut browser = Browser::new();
    assert!(browser.send(START, vec![view("/"), view("/two")]).is_of_memory());
    let pages = vec![view("/three"), hit(Kind::Leave, "/three"), hit(Kind::Event, "/three"), view("/four")];
    let sent = browser.send("2026-11-22T10:01:00Z", pages);
    assert_eq!(sent.set.len(), 1);
    let progress: Vec<_> = sent.visits.iter().map(|(visit, _)| visit.progress.as_ref().unwrap()).collect();
    assert_eq!(progress.iter().map(|progress| progress.page_number).collect::<Vec<_>>(), [3, 0, 0, 3]);
    assert!(progress[0].begun_in_memory && progress[2].first_event_of_name && !progress[3].begun_in_memory);
    assert_eq!(progress[3].previous_page.as_deref(), Some("/three"));
    let numbers: Vec<_> = sent.visits.iter().map(|(visit, _)| visit.state_number).collect();
    assert!(numbers[1].is_none() && numbers[0] != numbers[2] && numbers[2] != numbers[3]);
}

#[test]
fn hits_that_move_no_visit_on_are_credited_and_write_nothing() {
    let mut browser = Browser::new();
    for kind in [Kind::Leave, Kind::Outbound, Kind::Download] {
        let sent = browser.ask(at(START), vec![hit(kind, "/x")], 7);
        assert!(sent.is_of_memory() && sent.set.is_empty(), "no state begins with {kind:?}");
    }
    browser.view(START, "/landing?utm_source=news&utm_medium=email");
    for kind in [Kind::Leave, Kind::Outbound, Kind::Download] {
        let sent = browser.ask(at(START), vec![hit(kind, "/x")], 9);
        let progress = sent.progress();
        assert_eq!((&*progress.entry_page, &*progress.entry_campaign), ("/landing", "news / email / -"));
        assert!(sent.set.is_empty() && sent.visits[0].0.state_number.is_none());
        assert_eq!(sent.visits[0].1, 7);
    }
}

#[test]
fn who_allows_no_marketing_is_credited_to_no_campaign() {
    let mut browser = Browser::new();
    browser.view(START, "/landing?utm_source=news&utm_medium=email");
    let refused = Visit { marketing: false, ..view("/two") };
    let sent = browser.send(START, vec![refused]);
    assert_eq!((&*sent.progress().entry_source, &*sent.progress().entry_campaign), ("(direct)", ""));
    assert_eq!(browser.view(START, "/three").progress().entry_campaign, "", "forgotten for good");
}

#[test]
fn what_is_not_exactly_our_cookie_is_none() {
    let mut browser = Browser::new();
    let value = browser.view(START, "/").value().unwrap();
    let mut flipped = value.clone().into_bytes();
    flipped[30] = if flipped[30] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    let elsewhere = Browser::new().view(START, "/").value().unwrap();
    let cookies = [
        format!("{NAME}="),
        format!("{NAME}={}", value.strip_suffix(|_| true).unwrap()),
        format!("{NAME}={value}A"),
        format!("{NAME}={flipped}"),
        format!("{NAME}={elsewhere}"),
        format!("{NAME}={value}; {NAME}={value}"),
        format!("{NAME}=; {NAME}={value}"),
        format!("{NAME}={}", "A".repeat(5_000)),
        format!("__Host-visit-00000000={value}"),
        format!("x{NAME}={value}"),
    ];
    for cookie in cookies {
        browser.cookie = Some(cookie);
        let sent = browser.ask(at(START), vec![view("/two")], 7);
        assert!(sent.is_of_memory() && sent.value().is_some(), "{:?}", browser.cookie);
        let several = browser.cookie.as_deref().is_some_and(|cookie| cookie.contains("; "));
        assert_eq!(sent.set.len(), if several { 2 } else { 1 }, "several are removed first");
    }
    browser.cookie = Some(format!("{NAME}={value}"));
    assert!(!browser.ask(at(START), vec![view("/two")], 7).is_of_memory());
}

#[test]
fn a_cookie_is_of_one_site() {
    let mut browser = Browser::new();
    let value = browser.view(START, "/").value().unwrap();
    browser.rules = rules_of("example.org", "UTC");
    for name in [NAME.to_owned(), visit_cookie::name(&browser.rules.key)] {
        browser.cookie = Some(format!("{name}={value}"));
        assert!(browser.ask(at(START), vec![view("/")], 7).is_of_memory(), "{name}");
    }
}

#[test]
fn a_cookie_lives_for_thirteen_months_from_its_making() {
    let mut browser = Browser::new();
    let max_age = |sent: &Sent| -> i64 { sent.set[0].rsplit_once("Max-Age=").unwrap().1.parse().unwrap() };
    let whole_s = i64::from(VISIT_COOKIE_LIFE_DAYS) * 86_400;
    assert_eq!(max_age(&browser.view(START, "/")), whole_s - 10 * 3_600);
    browser.maintain("2027-06-01T10:00:00Z");
    let later = browser.view("2027-06-01T10:00:00Z", "/");
    assert!(later.progress().first_month && later.progress().weeks_since_first == 0);
    assert_eq!(max_age(&later), whole_s - 10 * 3_600 - 191 * 86_400, "never prolonged");
    browser.maintain("2027-12-16T23:59:59Z");
    let last = browser.view("2027-12-16T23:59:59Z", "/");
    assert_eq!((max_age(&last), last.progress().weeks_since_first), (1, 28));
    browser.maintain("2027-12-17T00:00:00Z");
    assert!(browser.view("2027-12-17T00:00:00Z", "/").is_of_memory());
}

#[test]
fn days_are_the_sites_own_through_a_change_of_its_clocks() {
    let mut browser = Browser::since("2026-10-01T00:00:00Z");
    browser.view("2026-10-24T21:59:00Z", "/");
    let next_day = browser.view("2026-10-24T22:01:00Z", "/");
    assert!(next_day.progress().first_today && next_day.progress().new_visit, "midnight in Berlin");
    let repeated_hour = browser.view("2026-10-25T00:59:00Z", "/");
    assert!(!repeated_hour.progress().first_today && repeated_hour.progress().new_visit);
    let after = browser.view("2026-10-25T01:01:00Z", "/");
    assert_eq!((after.progress().new_visit, after.progress().seconds_since_previous), (false, 120));
    let monday = browser.view("2026-10-25T23:00:00Z", "/");
    assert!(monday.progress().first_week && !monday.progress().first_month);
    assert!(browser.view("2026-10-31T23:00:00Z", "/").progress().first_month);
}

#[test]
fn a_clock_that_goes_back_ends_no_visit_and_one_from_afar_does_no_lasting_harm() {
    let mut browser = Browser::new();
    browser.view(START, "/");
    let back = browser.view("2026-11-22T09:30:00Z", "/two");
    assert_eq!((back.progress().new_visit, back.progress().seconds_since_previous), (false, 0));
    browser.view("2026-12-20T10:00:00Z", "/ahead");
    let right = browser.view("2026-11-22T10:05:00Z", "/three");
    assert!(right.progress().new_visit && right.progress().first_today && !right.progress().first_ever);
}

#[test]
fn the_fullest_cookie_stays_under_a_kilobyte_and_is_read_again() {
    let mut browser = Browser::new();
    let long = "größe/".repeat(60);
    for number in 0..40 {
        let url = format!("/{number}/{long}?utm_source={0}&utm_medium={0}&utm_campaign={0}", "a".repeat(40));
        browser.send(
            START,
            vec![view(&url), Visit { name: format!("event {number}"), ..hit(Kind::Event, &url) }],
        );
        let cookie = browser.cookie.clone().unwrap();
        assert!(cookie.len() - "theme=dark; ".len() <= 1_000, "{} bytes", cookie.len());
    }
    assert_eq!(browser.view(START, "/").progress().page_number, 3);
}

#[test]
fn a_program_has_no_state() {
    let mut browser = Browser::new();
    browser.view(START, "/");
    let sent = browser.ask(at(START), vec![Visit { bot: "Googlebot".into(), ..view("/") }], 7);
    assert!(sent.is_of_memory() && sent.set.is_empty());
}

#[test]
fn a_state_is_removed_where_there_is_one() {
    let mut browser = Browser::new();
    assert!(browser.expire().is_empty());
    browser.view(START, "/");
    let removed = "__Host-visit-a379a6f6=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0";
    assert_eq!(browser.expire(), [removed]);
    browser.cookie = Some(format!("{NAME}=whatever"));
    assert_eq!(browser.expire(), [removed], "whether it can be read or not");
    browser.host = "collector.example.net";
    let none = "HttpOnly; SameSite=None";
    assert_eq!(
        browser.expire(),
        [
            format!("{NAME}=; {none}; Partitioned; Secure; Path=/; Max-Age=0"),
            format!("{NAME}=; {none}; Secure; Path=/; Max-Age=0"),
        ]
    );
}

#[test]
fn a_cookie_is_kept_apart_where_the_page_is_of_another_site() {
    let mut headers = HeaderMap::new();
    let is_apart = |headers: &HeaderMap| {
        Sender::new(at(START), IpAddr::from([192, 0, 2, 1]), headers, &[]).is_embedded_elsewhere()
    };
    headers.insert("host", "collector.example.net".parse().unwrap());
    assert!(!is_apart(&headers), "nothing says so");
    headers.insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert!(is_apart(&headers), "an image without a referrer");
    headers.insert("referer", "https://www.example.net/page".parse().unwrap());
    assert!(!is_apart(&headers), "an image of the collector's own site");
    headers.insert("referer", "https://example.com/page".parse().unwrap());
    assert!(is_apart(&headers), "an image of another");
}
