//! Counters and gauges in Prometheus' text format; none has a label that says anything about a visitor.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use schemas::outcome::Outcome;

use crate::forwarder::telemetry::ForwarderTelemetry;
use crate::refusal::{self, Refusal};

/// The one label of the counters below.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// What the collector counts.
#[derive(Debug)]
pub struct Telemetry {
    registry: Registry,
    recorded: Counter,
    not_recorded: Family<Reason, Counter>,
    refused: Family<Reason, Counter>,
    /// Erase orders on disk, each counted once, however many copies it has.
    pub erase_orders: Counter,
    /// Withdrawals, and refusals of visitors recorded without a choice, whose order to forget the visit was not written; the refusal holds all the same.
    pub withdrawals_not_forgotten: Counter,
    /// Bytes of all journal segments.
    pub journal_bytes: Gauge<u64, AtomicU64>,
    /// Hours since the oldest record that some key still opens was written.
    pub oldest_readable_hours: Gauge<u64, AtomicU64>,
    /// Open connections.
    pub connections: Gauge,
    /// Torn bytes found at the journal's tail when it was opened.
    pub journal_torn_bytes: Gauge<u64, AtomicU64>,
    /// Bytes before it that could not be read.
    pub journal_damaged_bytes: Gauge<u64, AtomicU64>,
    /// The way to Kafka.
    pub forwarder: ForwarderTelemetry,
}

impl Default for Telemetry {
    fn default() -> Self {
        let mut telemetry = Self {
            registry: Registry::with_prefix("footfall_collector"),
            recorded: Counter::default(),
            not_recorded: Family::default(),
            refused: Family::default(),
            erase_orders: Counter::default(),
            withdrawals_not_forgotten: Counter::default(),
            journal_bytes: Gauge::default(),
            oldest_readable_hours: Gauge::default(),
            connections: Gauge::default(),
            journal_torn_bytes: Gauge::default(),
            journal_damaged_bytes: Gauge::default(),
            forwarder: ForwarderTelemetry::default(),
        };
        telemetry.register();
        for outcome in Outcome::ALL {
            drop(telemetry.not_recorded.get_or_create(&Reason { reason: outcome.as_str() }));
        }
        for reason in refusal::NAMES {
            drop(telemetry.refused.get_or_create(&Reason { reason }));
        }
        telemetry
    }
}

impl Telemetry {
    /// Hits are on disk.
    pub fn recorded(&self, hits: u64) {
        self.recorded.inc_by(hits);
    }

    /// A hit was not recorded for lack of consent or because it is internal, a question was shown, or a choice was made.
    pub fn consent(&self, outcome: Outcome) {
        self.not_recorded.get_or_create(&Reason { reason: outcome.as_str() }).inc();
    }

    /// A request was refused.
    pub fn refused(&self, refusal: &Refusal) {
        self.refused.get_or_create(&Reason { reason: refusal.name() }).inc();
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
        registry.register("hits_recorded", "Hits that are on disk", self.recorded.clone());
        registry.register(
            "consent",
            "Hits not recorded for lack of consent or because they are internal, questions shown and choices made",
            self.not_recorded.clone(),
        );
        registry.register("refused", "Requests refused", self.refused.clone());
        registry.register("erase_orders", "Erase orders on disk", self.erase_orders.clone());
        registry.register(
            "withdrawals_not_forgotten",
            "Withdrawals whose order to forget the visit was not written; the refusal holds",
            self.withdrawals_not_forgotten.clone(),
        );
        registry.register("journal_bytes", "Bytes of all journal segments", self.journal_bytes.clone());
        registry.register(
            "oldest_readable_hours",
            "Hours since the oldest record that a key still opens may have been written",
            self.oldest_readable_hours.clone(),
        );
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register(
            "journal_torn_bytes",
            "Torn bytes found at the last start",
            self.journal_torn_bytes.clone(),
        );
        registry.register(
            "journal_damaged_bytes",
            "Unreadable bytes found in the middle of the journal at the last start",
            self.journal_damaged_bytes.clone(),
        );
        self.forwarder.register(registry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_is_there_before_its_first_event() {
        let text = Telemetry::default().encode();
        for reason in refusal::NAMES.into_iter().chain(Outcome::ALL.map(Outcome::as_str)) {
            assert!(text.contains(&format!("reason=\"{reason}\"")), "{reason}");
        }
    }

    #[test]
    fn a_refusal_raises_its_own_counter() {
        let telemetry = Telemetry::default();
        telemetry.refused(&Refusal::UnknownSite);
        assert!(telemetry.encode().contains("footfall_collector_refused_total{reason=\"unknown_site\"} 1"));
    }
}
