//! The ledger over the whole chain: two collectors, Apache Kafka, three processors, ClickHouse; faults everywhere.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::{Instant, sleep, sleep_until};

use super::Plan;
use super::fault::{Planned, SESSION_TIMEOUT};
use super::hit::prefix;
use super::load;
use super::verdict::{self, Book, Entry, Verdict};
use crate::chain::{self, Chain};

const COLLECTORS: usize = 2;
const PROCESSORS: usize = 3;
const PARTITIONS: u32 = 6;
/// How long a round's load lasts at least; faults that last longer keep it going.
const LOAD: Duration = Duration::from_secs(6);
/// Longest time to write what was acknowledged once all is well again.
const CATCH_UP: Duration = Duration::from_secs(240);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(250);

/// Plays all rounds on one chain; `tell` hears of each. The verdict is on all hits of all rounds together, judged once more
/// at the end.
///
/// # Errors
/// When a program does not start or answer.
pub async fn play(plan: Plan, folder: &Path, mut tell: impl FnMut(&str)) -> Result<Verdict> {
    let mut random = StdRng::seed_from_u64(plan.seed);
    let mut chain = Chain::prepare(&setup(Timestamp::now()), folder).await?;
    chain.begin_all().await?;
    let mut book = Book::default();
    for number in 1..=plan.rounds {
        let count = random.random_range(1..=4);
        let faults: Vec<_> =
            (0..count).map(|_| Planned::draw(&mut random, (COLLECTORS, PROCESSORS))).collect();
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let told = told.join(", ");
        let entries = round(&mut chain, plan, number, &faults).await.with_context(|| told.clone())?;
        let verdict = settled(&chain, &Book::of(&entries), &prefix(number)).await?;
        tell(&format!("round {number}, {told}: {verdict}"));
        book.add(entries);
        if !verdict.is_right() {
            break;
        }
    }
    settled(&chain, &book, "/").await
}

fn setup(now: Timestamp) -> chain::Plan {
    let configuration = format!(
        "[collector]\ntrusted_proxies = [\"127.0.0.1/32\"]\n\n[processor]\nhole_check_seconds = 10\n\n{}",
        super::configuration(now)
    );
    let client = format!(
        "\"session.timeout.ms\" = \"{}\"\n\"heartbeat.interval.ms\" = \"500\"",
        SESSION_TIMEOUT.as_millis()
    );
    chain::Plan {
        collectors: COLLECTORS,
        processors: PROCESSORS,
        partitions: PARTITIONS,
        configuration,
        client,
        secured: false,
    }
}

/// Load and faults; when it ends all is well again.
async fn round(chain: &mut Chain, plan: Plan, number: u32, faults: &[Planned]) -> Result<Vec<Entry>> {
    let senders = (0..COLLECTORS).map(|number| chain.sender(number)).collect::<Result<Vec<_>>>()?;
    let (stop, first) = (Arc::new(AtomicBool::new(false)), senders.first().cloned());
    let sending = tokio::spawn(load::send_until(senders, number, plan.clients, Arc::clone(&stop)));
    let started = Instant::now();
    let begins = faults.iter().map(|planned| (planned.begin, planned.fault, true));
    let ends = faults.iter().map(|planned| (planned.begin + planned.length, planned.fault, false));
    let mut happenings: Vec<_> = begins.chain(ends).collect();
    happenings.sort_by_key(|(at, ..)| *at);
    for (at, fault, begins) in happenings {
        sleep_until(started + at).await;
        if begins { fault.begin(chain).await? } else { fault.end(chain).await? }
    }
    sleep_until(started + LOAD).await;
    stop.store(true, Ordering::Relaxed);
    let mut entries = sending.await?;
    load::send_again(&first.context("there is a collector")?, &mut entries).await;
    Ok(entries)
}

/// The verdict once all is written, or when it should be: hits that are missing may still come, doubled ones do not go.
async fn settled(chain: &Chain, book: &Book, prefix: &str) -> Result<Verdict> {
    let until = Instant::now() + CATCH_UP;
    loop {
        let mut verdict = verdict::by_rows(&chain.operator()?, book, prefix).await?;
        if verdict.lost == 0 || Instant::now() > until {
            verdict.missing = chain.reconcile().await?.0;
        }
        if (verdict.lost == 0 && verdict.missing == 0) || Instant::now() > until {
            verdict.repairs = repairs(&chain.folder)?;
            return Ok(verdict);
        }
        sleep(LOOK).await;
    }
}

/// How often the processors' logs tell that the topic was read again for missing rows.
fn repairs(folder: &Path) -> Result<u64> {
    let logs = (0..PROCESSORS).map(|number| folder.join(format!("processor-{number}.log")));
    let said = logs.map(std::fs::read_to_string).collect::<std::io::Result<String>>()?;
    Ok(said.matches("reading the log again for missing records").count() as u64)
}
