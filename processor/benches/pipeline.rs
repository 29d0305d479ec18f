//! The stages of the processor, one by one and together, on a visitor's hit after hit.
#![expect(clippy::unwrap_used, reason = "a benchmark without its input has nothing to measure")]
#![expect(clippy::panic, reason = "a benchmark without its input has nothing to measure")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jiff::tz::TimeZone;
use processor::anonymize::anonymize;
use processor::enrich::{Networks, enrich};
use processor::open::{Opened, RawVisit, open};
use processor::pipeline::{Pipeline, Taken};
use processor::row;
use processor::source::SourceId;
use schemas::configuration::Configuration;
use schemas::event::{self, Event, Visit};
use schemas::keys::{DayKey, KeyId, Keys};
use schemas::page::PageRules;
use schemas::source::SiteHosts;
use schemas::wire::{self, CollectorId, Header, NONCE_BYTES};

fn visit(number: u64) -> Visit {
    Visit {
        received_ms: 1_793_000_000_000 + number * 1000,
        address: vec![8, 8, 8, (number % 200) as u8],
        url: format!("https://www.example.com/products/model-{}/details?utm_source=x", number % 300),
        referrer: "https://www.google.com/".into(),
        browser: "Chrome".into(),
        browser_version: 141,
        os: "Windows".into(),
        device: "desktop".into(),
        language: "de".into(),
        hit_id: number.to_be_bytes().to_vec(),
        policy_revision: 1,
        marketing: true,
        ..Visit::default()
    }
}

fn record(sequence: u64) -> (Vec<u8>, Keys) {
    let key = DayKey::new(KeyId([1; 16]), [2; 32]);
    let (collector, site) = (CollectorId([3; 16]), "example.com".into());
    let header = Header { collector, sequence, site, written_hour: 498_000, lane: 7 };
    let (mut encoded, mut record) = (Vec::new(), Vec::new());
    event::encode(Event::Visit(visit(sequence)), &mut encoded);
    let mut nonce = [0; NONCE_BYTES];
    nonce[..8].copy_from_slice(&sequence.to_be_bytes());
    wire::seal(&header, &key, nonce, &encoded, &mut record);
    (record, Keys::from_iter([key]))
}

fn raw() -> RawVisit {
    let (record, keys) = record(1);
    let Some(Opened::Visit(raw)) = open(record.as_slice().into(), &keys) else {
        panic!("a visit was sealed")
    };
    *raw
}

fn stages(criterion: &mut Criterion) {
    let (record, keys) = record(1);
    criterion
        .bench_function("open", |bencher| bencher.iter(|| open(black_box(record.as_slice()).into(), &keys)));
    let (networks, hosts) = (Networks::default(), SiteHosts::new(&["example.com"]));
    criterion.bench_function("enrich, without IP data", |bencher| {
        bencher.iter_batched(raw, |raw| enrich(raw, &networks, &hosts), BatchSize::SmallInput);
    });
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let rules = PageRules::default();
    criterion.bench_function("anonymize", |bencher| {
        let enriched = || enrich(raw(), &networks, &hosts);
        bencher.iter_batched(enriched, |enriched| anonymize(enriched, &rules, &zone), BatchSize::SmallInput);
    });
}

fn whole(criterion: &mut Criterion) {
    let file = "[[site]]\nname = \"example.com\"\ntime_zone = \"Europe/Berlin\"\n";
    let configuration = Configuration::parse(file, "benchmark", std::iter::empty()).unwrap();
    let (_, keys) = record(1);
    let records: Vec<_> = (1..=10_000).map(|sequence| record(sequence).0).collect();
    let fresh = || Pipeline::new(&configuration, Networks::default()).unwrap();
    criterion.bench_function("take 10,000 records", |bencher| {
        bencher.iter_batched_ref(
            fresh,
            |pipeline| {
                records.iter().map(|record| pipeline.take(record.as_slice(), &keys)).filter(is_row).count()
            },
            BatchSize::LargeInput,
        );
    });
    let mut pipeline = fresh();
    let rows: Vec<_> = records.iter().map(|record| pipeline.take(record.as_slice(), &keys)).collect();
    let mut block = row::block();
    criterion.bench_function("write 10,000 rows", |bencher| {
        bencher.iter(|| {
            for taken in &rows {
                let Taken::Row(row) = taken else { panic!("each record has its row") };
                row.write(&mut block, SourceId([5; 16]));
            }
            block.take().len()
        });
    });
}

fn is_row(taken: &Taken) -> bool {
    matches!(taken, Taken::Row(_))
}

criterion_group! {
    name = record_way;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = stages, whole
}
criterion_main!(record_way);
