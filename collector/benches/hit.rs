//! The pure parts of a hit's way to the journal: parse, decide, recognise, seal.
#![expect(clippy::unwrap_used, reason = "a benchmark without its input has nothing to measure")]

use std::hash::RandomState;
use std::hint::black_box;
use std::net::IpAddr;
use std::time::Duration;

use collector::browser::{ClientHints, recognise};
use collector::browser_cache::BrowserCache;
use collector::device_hold::DeviceHolds;
use collector::request::Sender;
use collector::{consent, hit};
use criterion::{Criterion, criterion_group, criterion_main};
use hyper::HeaderMap;
use hyper::header::{COOKIE, HeaderValue, USER_AGENT};
use jiff::Timestamp;
use schemas::choice::Choice;
use schemas::configuration::Site;
use schemas::event::{self, Event, Visit};
use schemas::keys::{DayKey, KeyId, KeyKeeper};
use schemas::site_rules::SiteRules;
use schemas::wire::{self, CollectorId, Header, NONCE_BYTES};

const BODY: &[u8] =
    br#"{"site":"example.com","kind":"view","url":"https://www.example.com/products/model-17/details",
    "referrer":"https://www.google.com/","id":"5f2a9c81b2d45f2a9c81b2d4"}"#;
const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";

fn parse(criterion: &mut Criterion) {
    criterion.bench_function("parse", |bencher| bencher.iter(|| hit::parse(black_box(BODY)).unwrap()));
}

fn decide(criterion: &mut Criterion) {
    let site = Site::with_defaults("example.com");
    let address: IpAddr = "192.0.2.7".parse().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(CHROME));
    let now = Timestamp::now();
    for (name, cookie) in [("decide without a choice", None), ("decide by a choice", Some("1.1.11.2900.b"))] {
        if let Some(value) = cookie {
            let cookie = format!("theme=dark; {}={value}", Choice::cookie_name(&site.name));
            headers.insert(COOKIE, cookie.parse().unwrap());
        }
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| {
                let sender = Sender::new(now, address, &headers, &[]);
                consent::decide(&site, &sender.signals(&site), 1)
            });
        });
    }
}

/// A view of a browser that holds its state: opened, moved on, sealed again.
fn hold(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let keys = KeyKeeper::open(folder.path()).unwrap().visit_keys();
    let rules = SiteRules::new(&Site::with_defaults("example.com")).unwrap();
    let address: IpAddr = "192.0.2.7".parse().unwrap();
    let url = "https://www.example.com/products/model-17/details";
    let visit = Visit { url: url.into(), marketing: true, ..Visit::default() };
    let mut headers = HeaderMap::new();
    let once = |headers: &HeaderMap| {
        let sender = Sender::new(Timestamp::now(), address, headers, &[]);
        let mut holds = DeviceHolds::new(&sender, &keys);
        holds.take(&rules, &mut visit.clone(), 7);
        holds.into_cookies()
    };
    criterion.bench_function("hold without a state", |bencher| bencher.iter(|| once(&headers)));
    headers.insert(COOKIE, once(&headers).swap_remove(0));
    criterion.bench_function("hold by a state", |bencher| bencher.iter(|| once(&headers)));
}

fn recognise_browser(criterion: &mut Criterion) {
    let hints = ClientHints::default();
    let cache = BrowserCache::new(1000, RandomState::new());
    criterion.bench_function("recognise, not cached", |bencher| {
        bencher.iter(|| recognise(black_box(CHROME), &hints));
    });
    criterion.bench_function("recognise, cached", |bencher| {
        bencher.iter(|| cache.recognise(black_box(CHROME), &hints));
    });
}

fn seal(criterion: &mut Criterion) {
    let key = DayKey::new(KeyId([1; 16]), [2; 32]);
    let header = Header {
        collector: CollectorId([3; 16]),
        sequence: 1,
        site: "example.com".into(),
        written_hour: 498_000,
        lane: 7,
    };
    let visit = Visit {
        received_ms: 1_793_000_000_000,
        address: vec![192, 0, 2, 7],
        url: "https://www.example.com/products/model-17/details".into(),
        referrer: "https://www.google.com/".into(),
        browser: "Chrome".into(),
        os: "Windows".into(),
        device: "desktop".into(),
        language: "de".into(),
        hit_id: b"5f2a9c81b2d45f2a9c81b2d4".to_vec(),
        ..Visit::default()
    };
    let (mut encoded, mut record) = (Vec::new(), Vec::new());
    criterion.bench_function("encode and seal", |bencher| {
        bencher.iter(|| {
            encoded.clear();
            record.clear();
            event::encode(Event::Visit(visit.clone()), &mut encoded);
            // Nothing of it leaves this program.
            wire::seal(&header, &key, [4; NONCE_BYTES], &encoded, &mut record);
            record.len()
        });
    });
}

criterion_group! {
    name = hit_way;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = parse, decide, hold, recognise_browser, seal
}
criterion_main!(hit_way);
