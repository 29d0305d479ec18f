//! The journal's appends beside a loop that writes and syncs as many records at once as senders wait.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use collector::journal::{EncodeError, Journal, JournalSettings, Payload, RecordEncoder, Tail};
use schemas::journal::RecordId;
use schemas::wire::CollectorId;
use tokio::task::JoinSet;

use super::figures::{Figures, median};
use super::floor::{RECORD_BYTES, Written};

const TIME: Duration = Duration::from_secs(1);
const ROUNDS: usize = 5;
/// Senders that wait for an answer at any moment.
const SENDERS: usize = 256;

#[derive(Debug)]
struct Record;

impl Payload for Record {
    fn size_bytes(&self) -> usize {
        RECORD_BYTES
    }
}

#[derive(Debug)]
struct Plain;

impl RecordEncoder for Plain {
    type Payload = Record;

    fn fresh_collector(&mut self) -> CollectorId {
        CollectorId(rand::random())
    }

    fn opening(&mut self, _previous: Option<Tail>) -> Record {
        Record
    }

    fn encode(&mut self, id: RecordId, _record: Record, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let end = out.len() + RECORD_BYTES;
        out.push(1);
        out.extend_from_slice(&id.collector.0);
        out.extend_from_slice(&id.sequence.to_be_bytes());
        out.resize(end, b'x');
        Ok(())
    }
}

/// Measures both in turns.
///
/// # Errors
/// The disk's.
pub fn journal(folder: &Path, figures: &mut Figures) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (journal, _) = Journal::open(JournalSettings::new(folder.join("journal-alone")), Plain)?;
    let mut written = Written::new(&folder.join("journal-floor"))?;
    let (mut appends, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        appends.push(runtime.block_on(appends_per_second(&journal))?);
        floors.push(loop_per_second(&mut written)?);
    }
    runtime.block_on(journal.close());
    let (appends, floor) = (median(appends), median(floors));
    figures.set("journal_appends_per_s", appends);
    figures.set("journal_bare_loop_per_s", floor);
    figures.set("journal_appends_to_bare_loop", appends / floor);
    Ok(())
}

async fn appends_per_second(journal: &Journal<Record>) -> Result<f64> {
    let end = Instant::now() + TIME;
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let journal = journal.clone();
        senders.spawn(async move {
            let mut appended = 0_usize;
            while Instant::now() < end && journal.append(Record).await.is_ok() {
                appended += 1;
            }
            appended
        });
    }
    let appended: usize = senders.join_all().await.into_iter().sum();
    ensure!(appended > SENDERS, "the journal refused");
    Ok(appended as f64 / TIME.as_secs_f64())
}

fn loop_per_second(written: &mut Written) -> Result<f64> {
    let end = Instant::now() + TIME;
    let mut appended = 0;
    while Instant::now() < end {
        written.append(SENDERS).context("the floor's file")?;
        appended += SENDERS;
    }
    Ok(appended as f64 / TIME.as_secs_f64())
}
