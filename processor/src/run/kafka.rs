//! The loop of a processor on a Kafka topic. It has a thread of its own: the client's calls block.
//!
//! ```text
//! poll ─▶ take ─▶ batch (≤ 20,000 rows or 500 ms) ─▶ one insert at a time ─▶ commit
//!   ▲                │ full while an insert is under way: wait, then pause
//!   └────────────────┘
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use collector::service::keep_keys;
use jiff::Timestamp;
use rdkafka::consumer::CommitMode;
use schemas::keys::{Clocks, KeyKeeper, Keys};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::inserts::Inserts;
use super::kafka_holes::Holes;
use crate::batch::BATCH_ROWS;
use crate::consumption::{Begin, Consumption};
use crate::missing_keys::MissingKeys;
use crate::partition::{LogTooShort, Offset};
use crate::source::kafka::{KafkaRecord, KafkaSource, KafkaSourceError, Polled};
use crate::store::Store;
use crate::telemetry::Telemetry;

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
/// Time between two looks at what gauges show.
const GAUGES: Duration = Duration::from_millis(500);
/// Time between two rounds of upkeep.
const UPKEEP: Duration = Duration::from_secs(60);

/// Where each partition is read from, or why it is not.
type Begun = BTreeMap<i32, Result<Offset, LogTooShort>>;

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
    progress: Progress,
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

/// Where the loop stands.
#[derive(Debug)]
struct Progress {
    opened_by: Keys,
    missing_keys: MissingKeys,
    /// Assigned partitions.
    assigned: Vec<i32>,
    /// When they are to be begun, if they are not yet.
    begin_at: Option<Instant>,
    /// Partitions that were read from their beginning already.
    replayed: BTreeSet<i32>,
    is_paused: bool,
    batch_since: Option<Instant>,
    upkeep_at: Instant,
    gauges_at: Instant,
}

impl Run {
    /// A loop that inserts on `runtime`.
    pub fn new(parts: Parts, runtime: Handle) -> Self {
        let Parts { source, consumption, store, keys, telemetry, begin, partitions, hole_check } = parts;
        let source = Arc::new(source);
        let holes = Holes::new((store.clone(), Arc::clone(&source), partitions), runtime.clone(), hole_check);
        let progress = Progress {
            opened_by: keys.keys(),
            missing_keys: MissingKeys::default(),
            assigned: Vec::new(),
            begin_at: None,
            replayed: BTreeSet::new(),
            is_paused: false,
            batch_since: None,
            upkeep_at: Instant::now(),
            gauges_at: Instant::now(),
        };
        let inserts = Inserts::new(store, runtime);
        Self { source, consumption, keys, telemetry, begin, inserts, holes, progress }
    }

    /// Follows the topic until `stop`; then writes what was taken and leaves the group. Blocks.
    ///
    /// # Errors
    /// When the client has failed for good, or another processor has taken this one's name.
    pub fn follow(mut self, stop: &watch::Receiver<bool>) -> Result<(), KafkaSourceError> {
        while !*stop.borrow() {
            self.finish_insert(Duration::ZERO, CommitMode::Async);
            self.start_insert_when_due();
            self.upkeep();
            self.begin_when_due();
            if self.consumption.rows() < BATCH_ROWS || !self.inserts.is_busy() {
                self.resume();
                self.take_records()?;
            } else {
                self.hold_back()?;
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
        let progress = &mut self.progress;
        let taken = record.record();
        if progress.missing_keys.must_wait(taken.bytes, &progress.opened_by, now) {
            self.wait_for_key();
            return false;
        }
        self.consumption.take(record.partition(), record.offset(), taken, &progress.opened_by);
        progress.batch_since.get_or_insert_with(Instant::now);
        true
    }

    fn rebalance(&mut self, polled: Polled<'_>) -> Result<(), KafkaSourceError> {
        match polled {
            Polled::Assigned(partitions) => {
                tracing::info!(?partitions, "partitions assigned");
                self.progress.assigned = partitions;
                self.progress.begin_at = Some(Instant::now());
            }
            Polled::Revoked { lost } => {
                tracing::info!(lost, "partitions revoked");
                if !lost {
                    self.flush(REVOKE_WAIT);
                }
                self.progress.assigned.clear();
                self.progress.begin_at = None;
                self.consumption.revoke();
                self.source.give_up()?;
            }
            Polled::OutOfRange => {
                tracing::error!(
                    "the log does not reach back to where a partition was to be read; records are lost"
                );
                self.progress.begin_at = Some(Instant::now());
            }
            Polled::Record(_) | Polled::Nothing => {}
        }
        self.telemetry.partitions.set(self.progress.assigned.len() as u64);
        Ok(())
    }

    /// Begins assigned partitions; while the cluster does not answer that is tried again and again.
    fn begin_when_due(&mut self) {
        if self.progress.begin_at.is_none_or(|at| Instant::now() < at) {
            return;
        }
        match self.begin_assigned() {
            Ok(()) => self.progress.begin_at = None,
            Err(error) => {
                tracing::warn!(%error, "partitions cannot be begun yet; trying again");
                self.progress.begin_at = Some(Instant::now() + RETRY);
            }
        }
    }

    fn begin_assigned(&mut self) -> Result<(), KafkaSourceError> {
        let consumption = &self.consumption;
        let logs =
            self.source.logs(&self.progress.assigned, |appended| consumption.warm_up_from(appended))?;
        let (mut replayed, mut usual) = (logs.clone(), logs);
        let is_new = |number: &i32| self.begin == Begin::Replay && !self.progress.replayed.contains(number);
        replayed.retain(|number, _| is_new(number));
        usual.retain(|number, _| !is_new(number));
        self.progress.replayed.extend(replayed.keys());
        let usually = if self.begin == Begin::AcceptShorterLog { self.begin } else { Begin::Committed };
        let mut begun = self.consumption.assign(&usual, usually);
        begun.append(&mut self.consumption.assign(&replayed, Begin::Replay));
        self.begin_at_offsets(begun)
    }

    fn begin_at_offsets(&mut self, begun: Begun) -> Result<(), KafkaSourceError> {
        let mut stopped = 0;
        let mut offsets = BTreeMap::new();
        for (number, offset) in begun {
            match offset {
                Ok(offset) => _ = offsets.insert(number, offset),
                Err(error) => {
                    stopped += 1;
                    tracing::error!(partition = number, %error, "this partition is not read");
                }
            }
        }
        self.telemetry.stopped_partitions.set(stopped);
        self.progress.is_paused = false;
        self.source.begin(&offsets)
    }

    /// Reads everything anew, so that missing rows come back; the other rows stay as they are.
    fn replay(&mut self) -> Result<(), KafkaSourceError> {
        let consumption = &self.consumption;
        let logs =
            self.source.logs(&self.progress.assigned, |appended| consumption.warm_up_from(appended))?;
        let begun = self.consumption.assign(&logs, Begin::Replay);
        self.begin_at_offsets(begun)
    }

    /// The record that was just given is to be given again later, and all others behind it.
    fn wait_for_key(&mut self) {
        tracing::error!(
            "a record's key is not on this machine, nothing is read until it is; share the collectors' key directory \
             (keys.directory) with this processor"
        );
        self.telemetry.missing_keys.inc();
        std::thread::sleep(RETRY);
        self.keep_keys();
        if let Err(error) = self.source.begin(&self.consumption.positions()) {
            tracing::warn!(%error, "the partitions cannot be read again");
            self.progress.begin_at = Some(Instant::now() + RETRY);
        }
    }

    fn start_insert_when_due(&mut self) {
        let due = self.progress.batch_since.is_some_and(|since| since.elapsed() >= BATCH_WAIT)
            || self.consumption.rows() >= BATCH_ROWS;
        if !due || self.inserts.is_busy() {
            return;
        }
        self.progress.batch_since = None;
        if self.consumption.has_news() {
            self.inserts.start(self.consumption.seal());
        }
    }

    /// Commits what was inserted; true if something was.
    fn finish_insert(&mut self, wait: Duration, mode: CommitMode) -> bool {
        let Some((sealed, took)) = self.inserts.finished(wait) else { return false };
        self.telemetry.batch(took);
        let reached = self.consumption.written(&sealed);
        if let Err(error) = self.source.commit(&reached, mode) {
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
                    return;
                }
                self.inserts.start(self.consumption.seal());
            }
            if !self.finish_insert(until.saturating_duration_since(Instant::now()), CommitMode::Sync) {
                return;
            }
        }
    }

    /// A batch is full and an insert is under way: nothing more is taken until it has ended.
    fn hold_back(&mut self) -> Result<(), KafkaSourceError> {
        if self.finish_insert(PAUSE_AFTER, CommitMode::Async) {
            return Ok(());
        }
        if !self.progress.is_paused {
            self.source.pause(true)?;
            self.progress.is_paused = true;
        }
        // The client must be asked all the same, or the group takes this processor for dead.
        match Arc::clone(&self.source).poll(Duration::ZERO)? {
            Polled::Record(record) => _ = self.take(&record, Timestamp::now()),
            other => self.rebalance(other)?,
        }
        Ok(())
    }

    fn resume(&mut self) {
        if self.progress.is_paused {
            match self.source.pause(false) {
                Ok(()) => self.progress.is_paused = false,
                Err(error) => tracing::warn!(%error, "the partitions cannot be read on yet"),
            }
        }
    }

    fn upkeep(&mut self) {
        if self.holes.missing_again(&self.telemetry)
            && let Err(error) = self.replay()
        {
            tracing::warn!(%error, "the log cannot be read again yet");
        }
        self.set_gauges();
        if Instant::now() < self.progress.upkeep_at {
            return;
        }
        self.progress.upkeep_at = Instant::now() + UPKEEP;
        self.keep_keys();
        self.consumption.refresh();
        self.consumption.forget_kept();
    }

    fn set_gauges(&mut self) {
        if Instant::now() < self.progress.gauges_at {
            return;
        }
        self.progress.gauges_at = Instant::now() + GAUGES;
        self.telemetry.lag.set(self.source.lag(&self.consumption.positions()));
        self.telemetry.warming_partitions.set(self.consumption.warming() as u64);
        self.telemetry.visitors_held.set(self.consumption.visitors_held() as u64);
    }

    fn keep_keys(&mut self) {
        let clocks = Clocks::read();
        keep_keys(&self.keys, clocks);
        self.progress.opened_by = self.keys.keys();
        self.progress.missing_keys.look_again(&self.progress.opened_by);
        self.telemetry.oldest_readable_hours.set(self.keys.oldest_readable_hours(clocks.now));
    }
}
