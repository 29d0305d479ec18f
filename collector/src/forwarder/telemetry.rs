//! What the forwarder counts.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::FaultName;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// Counters and gauges of the way to Kafka; all stay 0 where there is none.
#[derive(Debug, Default)]
pub struct ForwarderTelemetry {
    /// Records that the brokers have acknowledged.
    pub forwarded: Counter,
    errors: Family<Reason, Counter>,
    /// 1 while the topic is right and there is a producer for it.
    pub forwarding: Gauge<u64, AtomicU64>,
    /// Journal bytes that are not acknowledged.
    pub lag_bytes: Gauge<u64, AtomicU64>,
    /// Age of the oldest of them, as far as this program has seen it.
    pub lag_seconds: Gauge<u64, AtomicU64>,
    /// Sequences that the journal could not give any more.
    pub lost_sequences: Counter,
    /// Unreadable bytes that were passed over.
    pub damaged_bytes: Counter,
}

impl ForwarderTelemetry {
    /// Something went wrong.
    pub fn error(&self, name: FaultName) {
        self.errors.get_or_create(&Reason { reason: name.as_str() }).inc();
    }

    /// Puts all of it into a registry, each counter at 0.
    pub fn register(&self, registry: &mut Registry) {
        for name in FaultName::ALL {
            drop(self.errors.get_or_create(&Reason { reason: name.as_str() }));
        }
        registry.register("forwarded", "Records that Kafka has acknowledged", self.forwarded.clone());
        registry.register("forward_errors", "Failures on the way to Kafka", self.errors.clone());
        registry.register(
            "forwarding",
            "1 while the topic is right and there is a producer for it",
            self.forwarding.clone(),
        );
        registry.register(
            "forward_lag_bytes",
            "Journal bytes that Kafka has not acknowledged",
            self.lag_bytes.clone(),
        );
        registry.register(
            "forward_lag_seconds",
            "Age of the oldest record that Kafka has not acknowledged, since this program started at most",
            self.lag_seconds.clone(),
        );
        registry.register(
            "journal_lost_sequences",
            "Sequences that the journal could not give any more",
            self.lost_sequences.clone(),
        );
        registry.register(
            "forward_damaged_bytes",
            "Unreadable journal bytes that were passed over on the way to Kafka",
            self.damaged_bytes.clone(),
        );
    }
}
