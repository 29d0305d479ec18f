//! What the processor counts, in Prometheus' text format; no label says anything about a visitor.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

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
    /// How long the last batch took from its first record to ClickHouse's answer.
    pub batch_ms: Gauge<u64, AtomicU64>,
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
            batch_ms: Gauge::default(),
        };
        telemetry.register();
        telemetry
    }
}

impl Telemetry {
    /// A row was written.
    pub fn row(&self, kind: &'static str) {
        self.rows.get_or_create(&Kind { kind }).inc();
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
        registry.register("batch_ms", "Duration of the last batch in milliseconds", self.batch_ms.clone());
    }
}
