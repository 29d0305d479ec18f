//! What the client tells of itself: partitions that come and go, answers to commits, where logs end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use collector::kafka::Listening;
use rdkafka::bindings::rd_kafka_resp_err_t as Code;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{TopicPartitionList, TopicPartitionListElem};

use crate::partition::Offset;

/// Partitions that came or went, until the next poll tells.
pub(super) enum Rebalance {
    /// These partitions came.
    Assign(Vec<i32>),
    /// All went.
    Revoke,
}

/// Notes rebalances in place of carrying them out: what is under way must be written first, outside of the client's callback.
#[derive(Default)]
pub(super) struct Context {
    rebalance: Mutex<Option<Rebalance>>,
    /// Where each partition's log ended when the client last looked.
    ends: Mutex<BTreeMap<i32, Offset>>,
    /// Nobody polls any more.
    pub(super) is_closing: AtomicBool,
    /// Commits without an answer.
    pub(super) commits: AtomicI64,
    listening: Listening,
}

impl Context {
    /// The rebalance that was noted, if one was.
    pub(super) fn take(&self) -> Option<Rebalance> {
        self.rebalance.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Context {
    /// Where each partition's log ended when the client last looked.
    pub(super) fn ends(&self) -> MutexGuard<'_, BTreeMap<i32, Offset>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.listening.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if self.listening.hear(&error, reason) {
            tracing::warn!(%error, reason, "Kafka");
        }
    }

    fn stats(&self, statistics: Statistics) {
        let partitions = statistics.topics.into_values().flat_map(|topic| topic.partitions);
        let known = partitions.filter(|(_, partition)| partition.hi_offset >= 0);
        let ends = known.map(|(number, partition)| (number, partition.hi_offset)).collect();
        *self.ends() = ends;
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: Code, partitions: &mut TopicPartitionList) {
        let assigned = code == Code::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.is_closing.load(Ordering::Relaxed) || consumer.closed() {
            // Nobody polls any more; without an answer the client would not close.
            if let Err(error) = consumer.unassign() {
                tracing::warn!(%error, "partitions were not given up in good order");
            }
            return;
        }
        let numbers = partitions.elements().iter().map(TopicPartitionListElem::partition).collect();
        let rebalance = if assigned { Rebalance::Assign(numbers) } else { Rebalance::Revoke };
        *self.rebalance.lock().unwrap_or_else(PoisonError::into_inner) = Some(rebalance);
    }

    fn commit_callback(&self, result: Result<(), KafkaError>, _: &TopicPartitionList) {
        self.commits.fetch_sub(1, Ordering::Relaxed);
        if let Err(error) = result {
            tracing::warn!(%error, "offsets were not committed; their records will be read again");
        }
    }
}
