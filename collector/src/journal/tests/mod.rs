//! The journal against disks that obey, and disks that do not.

mod fake_disk;
mod kill;
mod model;
mod stories;

use super::*;
use fake_disk::FakeDisk;
use schemas::journal::{Item, Limit, Reader};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

impl Payload for Vec<u8> {
    fn size_bytes(&self) -> usize {
        self.len()
    }
}

/// Draws random ids; the body of a record is its payload.
pub(super) struct TestEncoder;

impl RecordEncoder for TestEncoder {
    type Payload = Vec<u8>;

    fn fresh_collector(&mut self) -> CollectorId {
        CollectorId(rand::random())
    }

    fn opening(&mut self, previous: Option<Tail>) -> Vec<u8> {
        opening(previous)
    }

    fn encode(&mut self, id: RecordId, payload: Vec<u8>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if payload == b"poison" {
            return Err(EncodeError::Encoder("poison".into()));
        }
        out.push(1);
        out.extend(id.collector.0);
        out.extend(if payload == b"wrong id" { 0 } else { id.sequence }.to_be_bytes());
        out.extend(payload);
        Ok(())
    }
}

/// The text of an opening record.
fn opening(previous: Option<Tail>) -> Vec<u8> {
    let named = previous.map(|tail| format!("{} {}", tail.collector, tail.last_sequence));
    format!("opening {}", named.unwrap_or_default()).into_bytes()
}

fn settings(directory: &Path) -> JournalSettings {
    JournalSettings {
        segment_bytes: 256 * 1024,
        max_bytes: 1 << 20,
        retry_after: Duration::from_secs(3600),
        ..JournalSettings::new(directory.to_path_buf())
    }
}

fn open(directory: &Path) -> (Journal<Vec<u8>>, Opened) {
    Journal::open(settings(directory), TestEncoder).unwrap()
}

fn open_on(disk: &FakeDisk, settings: JournalSettings) -> (Journal<Vec<u8>>, Opened) {
    Journal::open_on(Box::new(disk.clone()), settings, TestEncoder).unwrap()
}

/// All records up to `limit`: id and body. Damage and missing numbers fail the test.
fn read(directory: &Path, limit: Limit) -> Vec<(RecordId, Vec<u8>)> {
    let mut reader = Reader::open(directory, Position::START).unwrap();
    let mut records = Vec::new();
    loop {
        match reader.next(limit).unwrap() {
            Item::Record { bytes, .. } => {
                records.push((RecordId::of(bytes).unwrap(), bytes[RecordId::END..].to_vec()));
            }
            Item::End => return records,
            unexpected => panic!("{unexpected:?}"),
        }
    }
}

fn confirmed_records(directory: &Path, journal: &Journal<Vec<u8>>) -> Vec<(RecordId, Vec<u8>)> {
    let end = *journal.confirmed().borrow();
    read(directory, Limit::Confirmed(end))
}
