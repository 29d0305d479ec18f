//! What the processor counts, in Prometheus' text format; no label says anything about a visitor.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Bounds of the batch duration's buckets.
const BATCH_SECONDS: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

/// Counters and gauges of one processor.
#[derive(Debug)]
pub struct Telemetry {
    registry: Registry,
    rows: Family<Kind, Counter>,
    /// Records read again and skipped.
    pub skipped: Counter,
    /// Records whose header cannot be read.
    pub malformed: Counter,
    /// Damaged bytes in the journal.
    pub damaged_bytes: Counter,
    /// Sequences without a row, as of the last hole check.
    pub missing_sequences: Gauge<u64, AtomicU64>,
    /// Visitors whose state is held in memory.
    pub visitors_held: Gauge<u64, AtomicU64>,
    batch_seconds: Histogram,
    /// Partitions that this processor has.
    pub partitions: Gauge<u64, AtomicU64>,
    /// Of these, those that it does not read because their log is too short.
    pub stopped_partitions: Gauge<u64, AtomicU64>,
    /// Partitions whose state is being rebuilt.
    pub warming_partitions: Gauge<u64, AtomicU64>,
    /// 1 once its partitions are being read.
    pub reading: Gauge<u64, AtomicU64>,
    /// Hole checks that were answered.
    pub hole_checks: Counter,
    /// Records in the whole topic without a committed row, as of the last hole check.
    pub unwritten: Gauge<u64, AtomicU64>,
    /// Records in Kafka that are not taken yet.
    pub lag: Gauge<u64, AtomicU64>,
    /// Times that a record waited for a key that should be on this machine.
    pub missing_keys: Counter,
    /// Erase orders that were carried out and that the audit chain does not tell yet, as of the last look.
    pub orders_not_chained: Gauge<u64, AtomicU64>,
    /// Erase orders that some partitions have carried out and others have not for ten minutes.
    pub orders_late: Gauge<u64, AtomicU64>,
    /// Hours since the oldest record that some key still opens was written.
    pub oldest_readable_hours: Gauge<u64, AtomicU64>,
}

impl Default for Telemetry {
    fn default() -> Self {
        let mut telemetry = Self {
            registry: Registry::with_prefix("footfall_processor"),
            rows: Family::default(),
            skipped: Counter::default(),
            malformed: Counter::default(),
            damaged_bytes: Counter::default(),
            missing_sequences: Gauge::default(),
            visitors_held: Gauge::default(),
            batch_seconds: Histogram::new(BATCH_SECONDS),
            partitions: Gauge::default(),
            stopped_partitions: Gauge::default(),
            warming_partitions: Gauge::default(),
            reading: Gauge::default(),
            hole_checks: Counter::default(),
            unwritten: Gauge::default(),
            lag: Gauge::default(),
            missing_keys: Counter::default(),
            orders_not_chained: Gauge::default(),
            orders_late: Gauge::default(),
            oldest_readable_hours: Gauge::default(),
        };
        telemetry.register();
        telemetry
    }
}

impl Telemetry {
    /// A row was made; one that is made again is counted again.
    pub fn row(&self, kind: &'static str) {
        self.rows.get_or_create(&Kind { kind }).inc();
    }

    /// A batch was inserted.
    pub fn batch(&self, took: Duration) {
        self.batch_seconds.observe(took.as_secs_f64());
    }

    /// Whether all partitions are read from where their rows end, or why not.
    ///
    /// # Errors
    /// What is still missing, in words.
    pub fn ready(&self) -> Result<(), String> {
        if self.reading.get() == 0 {
            return Err("waiting for ClickHouse, Kafka and partitions; see the log".into());
        }
        match (self.stopped_partitions.get(), self.warming_partitions.get()) {
            (0, 0) => Ok(()),
            (0, warming) => Err(format!("rebuilding the state of {warming} partitions")),
            (stopped, _) => Err(format!("{stopped} partitions are not read; see the log")),
        }
    }

    /// All of it in OpenMetrics text.
    pub fn encode(&self) -> String {
        let mut out = String::new();
        // INVARIANT: writing to a String does not fail.
        _ = text::encode(&mut out, &self.registry);
        out
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("rows", "Rows made, by kind", self.rows.clone());
        registry.register("skipped", "Records read again and skipped", self.skipped.clone());
        registry.register("malformed", "Records whose header cannot be read", self.malformed.clone());
        registry.register("damaged_bytes", "Damaged bytes in the journal", self.damaged_bytes.clone());
        registry.register("missing_sequences", "Sequences without a row", self.missing_sequences.clone());
        registry.register(
            "visitors_held",
            "Visitors whose state is held in memory",
            self.visitors_held.clone(),
        );
        let duration = "Seconds from the start of a batch's insert to ClickHouse's answer";
        registry.register("batch_seconds", duration, self.batch_seconds.clone());
        self.register_partitions();
    }

    fn register_partitions(&mut self) {
        let registry = &mut self.registry;
        registry.register("partitions", "Partitions that this processor has", self.partitions.clone());
        let stopped = "Partitions not read because their log is too short";
        registry.register("stopped_partitions", stopped, self.stopped_partitions.clone());
        let warming = "Partitions whose state is being rebuilt";
        registry.register("warming_partitions", warming, self.warming_partitions.clone());
        registry.register("reading", "1 once its partitions are being read", self.reading.clone());
        registry.register("hole_checks", "Hole checks that were answered", self.hole_checks.clone());
        let unwritten = "Records in the whole topic without a committed row, as of the last hole check";
        registry.register("unwritten", unwritten, self.unwritten.clone());
        registry.register("lag", "Records in Kafka that are not taken yet", self.lag.clone());
        let missing = "Times that a record waited for a key that should be on this machine";
        registry.register("missing_keys", missing, self.missing_keys.clone());
        let waiting = "Erase orders carried out that the audit chain does not tell yet";
        registry.register("orders_not_chained", waiting, self.orders_not_chained.clone());
        let late = "Erase orders carried out in some partitions and not in others for ten minutes";
        registry.register("orders_late", late, self.orders_late.clone());
        let oldest = "Hours since the oldest record that a key still opens may have been written";
        registry.register("oldest_readable_hours", oldest, self.oldest_readable_hours.clone());
    }
}
