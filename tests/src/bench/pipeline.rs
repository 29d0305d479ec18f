//! The processor's core on one thread: sealed records in memory become rows of a block in ClickHouse's format. Beside
//! it the same records are only decrypted, which is what cannot be spared.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};
use processor::enrich::Networks;
use processor::pipeline::{Pipeline, Taken};
use processor::row;
use processor::source::SourceId;
use schemas::configuration::IpData;
use schemas::event::{self, Event};
use schemas::keys::{DayKey, KeyId, Keys};
use schemas::visitor;
use schemas::wire::{self, CollectorId, Header};

use super::collector::configuration;
use super::figures::{Figures, median, per_second};
use super::traffic::{SITE, Traffic};
use crate::program::repository;

const RECORDS: usize = 200_000;
const ROUNDS: usize = 5;
/// Rows of one insert, as the processor makes them.
const BLOCK_ROWS: usize = 20_000;

/// The records' key as a key file holds it: its name, and the key itself.
pub const KEY_BYTES: [u8; 48] = {
    let mut bytes = [1; 48];
    let mut at = 0;
    while at < 16 {
        bytes[at] = 9;
        at += 1;
    }
    bytes
};

/// Records of the day and the key that opens them.
#[derive(Debug)]
pub struct Sealed {
    /// In the order of their numbers.
    pub records: Vec<Vec<u8>>,
    /// What opens them.
    pub keys: Keys,
}

impl Sealed {
    /// So many records, written in the last hours.
    pub fn new(count: usize) -> Self {
        let start = Timestamp::now() - SignedDuration::from_hours(4);
        let key = DayKey::new(KeyId([9; 16]), [1; 32]);
        let records = Traffic::starting(start).take(count).zip(1..).map(|(sample, sequence)| {
            let written_hour = u32::try_from(sample.visit.received_ms / 3_600_000).unwrap_or(0);
            let collector = CollectorId([7; 16]);
            let lane = visitor::lane(SITE, 0, &sample.visit);
            let header = Header { collector, sequence, site: SITE.into(), written_hour, lane };
            let (mut encoded, mut record) = (Vec::new(), Vec::new());
            event::encode(Event::Visit(sample.visit), &mut encoded);
            let mut nonce = [0; wire::NONCE_BYTES];
            nonce[..8].copy_from_slice(&sequence.to_be_bytes());
            wire::seal(&header, &key, nonce, &encoded, &mut record);
            record
        });
        Self { records: records.collect(), keys: Keys::from_iter([key.clone()]) }
    }
}

/// A fresh pipeline with the IP data that `make ip-data` fetches, as far as they are there.
///
/// # Errors
/// When they are damaged.
pub fn fresh() -> Result<Pipeline> {
    let file = |name: &str| -> Option<PathBuf> {
        Some(repository().join("data/ip").join(name)).filter(|path| path.is_file())
    };
    let files = IpData { country: file("country.mmdb"), asn: file("asn.mmdb") };
    Ok(Pipeline::new(&configuration()?, Networks::open(&files)?)?)
}

/// Measures both in turns.
///
/// # Errors
/// When a record gives no row.
pub fn pipeline(figures: &mut Figures) -> Result<()> {
    let sealed = Sealed::new(RECORDS);
    let (mut hits, mut opened) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut pipeline = fresh()?;
        let started = Instant::now();
        let rows = all(&mut pipeline, &sealed);
        hits.push(per_second(RECORDS, started.elapsed()));
        ensure!(rows == RECORDS, "{rows} rows of {RECORDS} records");
        let started = Instant::now();
        for record in &sealed.records {
            black_box(wire::open(record, &sealed.keys).is_ok());
        }
        opened.push(per_second(RECORDS, started.elapsed()));
    }
    let (hits, opened) = (median(hits), median(opened));
    figures.set("processor_core_hits_per_s", hits);
    figures.set("processor_core_to_decryption", hits / opened);
    Ok(())
}

/// Takes all records; how many rows they gave.
pub fn all(pipeline: &mut Pipeline, sealed: &Sealed) -> usize {
    let mut block = row::block();
    let mut rows = 0;
    for record in &sealed.records {
        if let Taken::Row(row) = pipeline.take(record.as_slice(), &sealed.keys) {
            row.write(&mut block, SourceId([5; 16]));
            rows += 1;
        }
        if block.rows() == BLOCK_ROWS {
            black_box(block.take());
        }
    }
    black_box(block.take());
    rows
}
