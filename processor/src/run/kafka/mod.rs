//! The loop of a processor on a Kafka topic. It has a thread of its own: the client's calls block.
//!
//! ```text
//! poll ─▶ take ─▶ batch (≤ 20,000 rows or 500 ms) ─▶ one insert at a time ─▶ commit
//!   ▲                │ full while an insert is under way: wait, then pause
//!   └────────────────┘
//! ```

mod fences;
mod holes;
mod inserts;
mod partitions;
mod standing;

use std::sync::Arc;
use std::time::{Duration, Instant};

use collector::service::keep_keys;
use jiff::{SignedDuration, Timestamp};
use schemas::keys::{Clocks, KeyKeeper};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::audits::Audits;
use crate::batch::BATCH_ROWS;
use crate::consumption::{Begin, Consumption};
use crate::missing_keys::lacking;
use crate::source::kafka::{KafkaRecord, KafkaSource, KafkaSourceError, Polled};
use crate::store::Store;
use crate::telemetry::Telemetry;
use fences::Fences;
use holes::Holes;
use inserts::Inserts;
use standing::Standing;

/// Longest wait for a batch to fill.
const BATCH_WAIT: Duration = Duration::from_millis(500);
/// Longest wait for a record.
const POLL: Duration = Duration::from_millis(50);
/// Records taken between two looks at everything else.
const RECORDS_AT_ONCE: usize = 1000;
/// An insert longer than this stops the delivery of records. Pausing makes the client fetch again what it has already.
const PAUSE_AFTER: Duration = Duration::from_secs(1);
/// How long rows may take when partitions go to another processor: it makes again what is left.
const REVOKE_WAIT: Duration = Duration::from_secs(5);
/// How long rows may take when the program ends.
const DRAIN: Duration = Duration::from_secs(20);
/// Wait before the next try when the cluster did not answer, or a key is missing.
const RETRY: Duration = Duration::from_secs(1);
/// Time between two looks for a key that a record needs; not every record without one may read the directory.
const KEY_LOOK: Duration = Duration::from_secs(1);
/// How far this machine's clock may be ahead of the broker's.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(10);
/// Time between two looks at what gauges show.
const GAUGES: Duration = Duration::from_millis(500);
/// Time between two rounds of upkeep.
const UPKEEP: Duration = Duration::from_secs(60);

/// Whoever has this partition speaks for all.
const FIRST_PARTITION: i32 = 0;

/// Everything the loop works on.
#[derive(Debug)]
pub struct Run {
    source: Arc<KafkaSource>,
    consumption: Consumption,
    keys: Arc<KeyKeeper>,
    telemetry: Arc<Telemetry>,
    begin: Begin,
    inserts: Inserts,
    holes: Holes,
    audits: Audits,
    fences: Fences,
    standing: Standing,
}

/// What a [`Run`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// The topic.
    pub source: KafkaSource,
    /// The transform.
    pub consumption: Consumption,
    /// ClickHouse.
    pub store: Store,
    /// Keys that open records.
    pub keys: Arc<KeyKeeper>,
    /// Counters.
    pub telemetry: Arc<Telemetry>,
    /// How partitions are begun.
    pub begin: Begin,
    /// Partitions of the topic.
    pub partitions: u32,
    /// Time between two hole checks.
    pub hole_check: Duration,
}

impl Run {
    /// A loop that inserts on `runtime`.
    pub fn new(parts: Parts, runtime: Handle) -> Self {
        let Parts { source, consumption, store, keys, telemetry, begin, partitions, hole_check } = parts;
        let source = Arc::new(source);
        let holes = Holes::new((store.clone(), Arc::clone(&source), partitions), runtime.clone(), hole_check);
        let standing = Standing::new(keys.keys());
        let audits = Audits::new(store.clone(), Arc::clone(&telemetry), runtime.clone());
        let inserts = Inserts::new(store, runtime);
        let fences = Fences::default();
        Self { source, consumption, keys, telemetry, begin, inserts, holes, audits, fences, standing }
    }

    /// Follows the topic until `stop`; then writes what was taken and leaves the group. Blocks.
    ///
    /// # Errors
    /// When the client has failed for good, or another processor has taken this one's name.
    pub fn follow(mut self, stop: &watch::Receiver<bool>) -> Result<(), KafkaSourceError> {
        while !*stop.borrow() {
            match self.step() {
                Err(KafkaSourceError::Fenced) => self.join_again()?,
                stepped => stepped?,
            }
        }
        self.flush(DRAIN);
        if self.inserts.is_busy() {
            tracing::warn!(
                "ClickHouse does not take rows; what is not written is read again at the next start"
            );
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), KafkaSourceError> {
        self.finish_insert(Duration::ZERO);
        self.start_insert_when_due();
        self.upkeep();
        self.begin_when_due();
        let stepped = if self.consumption.rows() < BATCH_ROWS || !self.inserts.is_busy() {
            self.resume();
            self.take_records()
        } else {
            self.hold_back()
        };
        stepped.map_err(|error| self.source.explained(error))
    }

    /// Joins the group anew in place of whoever has this processor's name now: most often it is itself, as a client that lost
    /// its session had joined again already when the broker saw its last commit.
    fn join_again(&mut self) -> Result<(), KafkaSourceError> {
        if !self.fences.bear(Instant::now()) {
            return Err(KafkaSourceError::Fenced);
        }
        tracing::warn!("the group has another member of this name; joining it again");
        self.gone();
        std::thread::sleep(RETRY);
        self.source = Arc::new(self.source.again()?);
        self.holes.ask(&self.source);
        Ok(())
    }

    /// Takes what the client has, some records at most; waits a moment for the first.
    fn take_records(&mut self) -> Result<(), KafkaSourceError> {
        let (now, source) = (Timestamp::now(), Arc::clone(&self.source));
        let mut wait = POLL;
        for _ in 0..RECORDS_AT_ONCE {
            match source.poll(wait)? {
                Polled::Record(record) => {
                    if !self.take(&record, now) {
                        return Ok(());
                    }
                }
                Polled::Nothing => return Ok(()),
                other => return self.rebalance(other),
            }
            wait = Duration::ZERO;
        }
        Ok(())
    }

    /// False when the record has to wait for its key.
    fn take(&mut self, record: &KafkaRecord<'_>, now: Timestamp) -> bool {
        let taken = record.record();
        if lacking(taken.bytes, &self.standing.opened_by, now).is_some() {
            self.look_for_key();
            let standing = &mut self.standing;
            if standing.missing_keys.must_wait(taken.bytes, &standing.opened_by, now) {
                self.wait_for_key();
                return false;
            }
        }
        let standing = &mut self.standing;
        self.consumption.take(record.partition(), record.offset(), taken, &standing.opened_by);
        standing.batch_since.get_or_insert_with(Instant::now);
        true
    }

    /// A key that an operator has put in place of another is in use at once: it may be here and not yet read.
    fn look_for_key(&mut self) {
        if self.standing.looked_for_key.is_some_and(|at| at.elapsed() < KEY_LOOK) {
            return;
        }
        self.standing.looked_for_key = Some(Instant::now());
        keep_keys(&self.keys, Clocks::read());
        self.look_at_keys();
    }

    /// The record that was just given is to be given again later, and all others behind it.
    fn wait_for_key(&mut self) {
        tracing::error!(
            "a record's key is not on this machine, nothing is read until it is; share the collectors' key directory \
             (keys.directory) with this processor"
        );
        self.telemetry.missing_keys.inc();
        std::thread::sleep(RETRY);
        keep_keys(&self.keys, Clocks::read());
        self.look_at_keys();
        if let Err(error) = self.source.begin(&self.consumption.positions()) {
            tracing::warn!(%error, "the partitions cannot be read again");
            self.standing.begin_at = Some(Instant::now() + RETRY);
        }
    }

    fn start_insert_when_due(&mut self) {
        let due = self.standing.batch_since.is_some_and(|since| since.elapsed() >= BATCH_WAIT)
            || self.consumption.rows() >= BATCH_ROWS;
        if !due || self.inserts.is_busy() {
            return;
        }
        self.standing.batch_since = None;
        if self.consumption.has_news() {
            self.inserts.start(self.consumption.seal());
        }
    }

    /// Commits what was inserted; true if something was.
    fn finish_insert(&mut self, wait: Duration) -> bool {
        let Some((sealed, took)) = self.inserts.finished(wait) else { return false };
        self.telemetry.batch(took);
        let reached = self.consumption.written(&sealed);
        // Beyond what was committed before, so everything up to there has been written anew.
        self.standing.replayed.extend(reached.iter().map(|(number, _)| number));
        if let Err(error) = self.source.commit(&reached) {
            tracing::warn!(%error, "offsets were not committed; their records will be read again");
        }
        true
    }

    /// Writes what was taken, as far as it goes in `limit`.
    fn flush(&mut self, limit: Duration) {
        let until = Instant::now() + limit;
        loop {
            if !self.inserts.is_busy() {
                if !self.consumption.has_news() {
                    break;
                }
                self.inserts.start(self.consumption.seal());
            }
            if !self.finish_insert(until.saturating_duration_since(Instant::now())) {
                break;
            }
        }
        self.source.wait_for_commits(until.saturating_duration_since(Instant::now()));
    }

    /// A batch is full and an insert is under way: nothing more is taken until it has ended.
    fn hold_back(&mut self) -> Result<(), KafkaSourceError> {
        if self.finish_insert(PAUSE_AFTER) {
            return Ok(());
        }
        if !self.standing.is_paused {
            tracing::warn!("a batch is full and the one before is not written yet: waiting for ClickHouse");
            self.source.pause(true)?;
            self.standing.is_paused = true;
        }
        // The client must be asked all the same, or the group takes this processor for dead.
        match Arc::clone(&self.source).poll(Duration::ZERO)? {
            Polled::Record(record) => _ = self.take(&record, Timestamp::now()),
            other => self.rebalance(other)?,
        }
        Ok(())
    }

    fn resume(&mut self) {
        if self.standing.is_paused {
            match self.source.pause(false) {
                Ok(()) => self.standing.is_paused = false,
                Err(error) => tracing::warn!(%error, "the partitions cannot be read on yet"),
            }
        }
    }

    fn upkeep(&mut self) {
        self.check_holes();
        self.set_gauges();
        if Instant::now() < self.standing.upkeep_at {
            return;
        }
        self.standing.upkeep_at = Instant::now() + UPKEEP;
        self.look_at_keys();
        self.consumption.refresh();
        self.consumption.forget_kept();
        if self.standing.assigned.contains(&FIRST_PARTITION) {
            self.audits.begin();
        } else {
            self.audits.end();
        }
    }

    /// Rows that are missing come back when the log is read again. What the check knows of the log's ends also tells which
    /// days are over.
    fn check_holes(&mut self) {
        let Some(checked) = self.holes.check(&self.telemetry) else { return };
        let at = checked.at.saturating_sub(CLOCKS_APART).unwrap_or(checked.at);
        self.consumption.forget_days_before(at, &checked.progress.ends);
        if self.holes.wants_replay() {
            match self.replay() {
                Ok(()) => self.holes.replayed(),
                Err(error) => tracing::warn!(%error, "the log cannot be read again yet"),
            }
        }
    }

    fn set_gauges(&mut self) {
        if Instant::now() < self.standing.gauges_at {
            return;
        }
        self.standing.gauges_at = Instant::now() + GAUGES;
        self.telemetry.lag.set(self.source.lag(&self.consumption.positions()));
        self.telemetry.warming_partitions.set(self.consumption.warming() as u64);
        self.telemetry.visitors_held.set(self.consumption.visitors_held() as u64);
    }

    /// Takes over the keys that came and went.
    fn look_at_keys(&mut self) {
        self.standing.opened_by = self.keys.keys();
        self.standing.missing_keys.look_again(&self.standing.opened_by);
    }
}
