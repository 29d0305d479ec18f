//! Kafka as a source, and the one module of this crate that knows its client. It says which partitions came and went, gives
//! records, and commits; what that means is decided in [`crate::consumption`].
//!
//! Offsets are never committed by the client itself, and a partition is begun where we say: a wrong place is an error, not
//! a jump to the end of the log.

mod context;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use collector::kafka::{SettingsError, client_config};
use jiff::Timestamp;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset as Place, TopicPartitionList};
use ring::digest;
use schemas::configuration::Kafka;

use context::{Context, Rebalance};

use super::SourceId;
use crate::consumption::Reached;
use crate::hole_watch::Progress;
use crate::open::Record;
use crate::partition::{Log, Offset, WarmUp};

/// Longest wait for a broker's answer.
const ANSWER: Duration = Duration::from_secs(10);
/// What the promises rest on, and what keeps memory bounded; the rest may be changed with `kafka.client`.
const FIXED: [(&str, &str); 5] = [
    ("auto.offset.reset", "error"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "false"),
    // Partitions move as a whole, each with its state; the incremental protocol has troubles with commits of our own.
    ("partition.assignment.strategy", "range,roundrobin"),
];
const DEFAULTS: [(&str, &str); 6] = [
    ("queued.max.messages.kbytes", "32768"),
    ("queued.min.messages", "50000"),
    // A full queue is looked at again soon: a second, the client's own default, starves a fast processor.
    ("fetch.queue.backoff.ms", "20"),
    ("session.timeout.ms", "30000"),
    ("statistics.interval.ms", "2000"),
    // What a client remembers of a cluster that failed over must not hold it up for its own default of five minutes.
    ("topic.metadata.refresh.interval.ms", "10000"),
];
/// Time between two looks for commits' answers.
const COMMIT_LOOK: Duration = Duration::from_millis(20);
/// The commit's note about when the broker took the latest record.
const APPENDED: &str = "appended_ms=";

/// Why Kafka cannot be used as a source.
#[derive(Debug, thiserror::Error)]
pub enum KafkaSourceError {
    /// The configuration gives no client.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Another processor came with the same name.
    #[error(
        "another processor runs under the same processor.instance and took its partitions; give each its own name"
    )]
    Fenced,
    /// The client has failed for good.
    #[error("Kafka client: {0}; the processor must be started again")]
    Fatal(KafkaError),
    /// The cluster does not answer, or refuses.
    #[error("Kafka: {0}")]
    Unanswered(#[from] KafkaError),
}

/// A member of the processors' group.
pub struct KafkaSource {
    consumer: BaseConsumer<Context>,
    settings: ClientConfig,
    topic: String,
}

impl std::fmt::Debug for KafkaSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KafkaSource({})", self.topic)
    }
}

/// What a poll brings.
pub enum Polled<'a> {
    /// Nothing yet.
    Nothing,
    /// These partitions are to be begun.
    Assigned(Vec<i32>),
    /// All partitions are to be given up; `lost` when others may have them already.
    Revoked {
        /// Whether it is too late to commit.
        lost: bool,
    },
    /// A record.
    Record(KafkaRecord<'a>),
    /// The log does not have the offset at which a partition was to be read.
    OutOfRange,
}

/// A record, with its place.
pub struct KafkaRecord<'a>(BorrowedMessage<'a>);

impl KafkaRecord<'_> {
    /// Its partition.
    pub fn partition(&self) -> i32 {
        self.0.partition()
    }

    /// Its place there.
    pub fn offset(&self) -> Offset {
        self.0.offset()
    }

    /// Its bytes, and when the broker took them. One without bytes is as good as an empty one.
    pub fn record(&self) -> Record<'_> {
        let appended = self.0.timestamp().to_millis().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        Record { bytes: self.0.payload().unwrap_or_default(), appended }
    }
}

impl KafkaSource {
    /// Makes the client and joins the group; the cluster need not be there yet. `instance` makes it a static member (KIP-345).
    ///
    /// # Errors
    /// [`KafkaSourceError::Settings`].
    pub fn join(kafka: &Kafka, instance: Option<&str>) -> Result<Self, KafkaSourceError> {
        let mut settings = client_config(kafka, &DEFAULTS)?;
        for (name, value) in FIXED {
            settings.set(name, value);
        }
        settings.set("group.id", &kafka.group);
        if let Some(instance) = instance {
            settings.set("group.instance.id", instance);
        }
        Self::with(settings, kafka.topic.clone())
    }

    /// Joins the group with a new client, under the same name.
    ///
    /// # Errors
    /// [`KafkaSourceError::Settings`].
    pub fn again(&self) -> Result<Self, KafkaSourceError> {
        Self::with(self.settings.clone(), self.topic.clone())
    }

    fn with(settings: ClientConfig, topic: String) -> Result<Self, KafkaSourceError> {
        let consumer: BaseConsumer<Context> =
            settings.create_with_context(Context::default()).map_err(SettingsError::from)?;
        consumer.subscribe(&[&topic]).map_err(SettingsError::from)?;
        Ok(Self { consumer, settings, topic })
    }

    /// Which source this is: the cluster and the topic's name. Nothing when the cluster does not answer.
    pub fn id(&self) -> Option<SourceId> {
        let cluster = self.consumer.client().fetch_cluster_id(ANSWER)?;
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(b"footfall kafka topic");
        for text in [&cluster, &self.topic] {
            hash.update(&(text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        let mut id = [0; 16];
        id.iter_mut().zip(hash.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Some(SourceId(id))
    }

    /// The next of what happened, after `wait` at the latest. What may pass by itself is logged.
    ///
    /// # Errors
    /// [`KafkaSourceError::Fenced`] and `Fatal`.
    pub fn poll(&self, wait: Duration) -> Result<Polled<'_>, KafkaSourceError> {
        if let Some(rebalanced) = self.rebalanced() {
            return Ok(rebalanced);
        }
        match self.consumer.poll(wait) {
            Some(Ok(message)) => Ok(Polled::Record(KafkaRecord(message))),
            Some(Err(error)) => self.failed(error),
            None => Ok(self.rebalanced().unwrap_or(Polled::Nothing)),
        }
    }

    fn rebalanced(&self) -> Option<Polled<'static>> {
        let rebalance = self.consumer.context().take()?;
        Some(match rebalance {
            Rebalance::Assign(partitions) => Polled::Assigned(partitions),
            Rebalance::Revoke => Polled::Revoked { lost: self.consumer.assignment_lost() },
        })
    }

    /// An error of this source, or the deeper one that has befallen its client for good.
    pub fn explained(&self, error: KafkaSourceError) -> KafkaSourceError {
        match self.consumer.client().fatal_error() {
            Some((RDKafkaErrorCode::FencedInstanceId, _)) => KafkaSourceError::Fenced,
            _ => error,
        }
    }

    fn failed(&self, error: KafkaError) -> Result<Polled<'_>, KafkaSourceError> {
        let is_fatal = self.consumer.client().fatal_error().is_some();
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::FencedInstanceId) => Err(KafkaSourceError::Fenced),
            _ if is_fatal => Err(self.explained(KafkaSourceError::Fatal(error))),
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                Ok(Polled::OutOfRange)
            }
            _ => {
                // The client tries again, and tells why it must.
                tracing::debug!(%error, "Kafka");
                Ok(Polled::Nothing)
            }
        }
    }

    /// Where the logs of these partitions begin and end, how far they are committed, and where a warm-up for that begins,
    /// as far as their brokers answer. The warm-up begins as `warm_up_from` tells of the moment when the latest written record was appended.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub fn logs(
        &self,
        partitions: &[i32],
        warm_up_from: impl Fn(Timestamp) -> Timestamp,
    ) -> Result<BTreeMap<i32, Log>, KafkaSourceError> {
        if partitions.is_empty() {
            return Ok(BTreeMap::new());
        }
        let committed = self.committed(partitions)?;
        let since: BTreeMap<i32, Timestamp> = committed
            .iter()
            .filter_map(|(number, reached)| Some((*number, warm_up_from(reached.appended?))))
            .collect();
        let mut warm = TopicPartitionList::new();
        for (number, since) in &since {
            warm.add_partition_offset(&self.topic, *number, Place::Offset(since.as_millisecond()))?;
        }
        let asked = if warm.count() > 0 { self.consumer.offsets_for_times(warm, ANSWER) } else { Ok(warm) };
        let warm = asked.inspect_err(|_| self.look_for_leaders())?;
        let from = |number: i32| Some(warm.find_partition(&self.topic, number)?.offset());
        let mut logs = BTreeMap::new();
        for number in partitions {
            let (low, high) = match self.consumer.fetch_watermarks(&self.topic, *number, ANSWER) {
                Ok(marks) => marks,
                Err(error) => {
                    tracing::warn!(partition = number, %error, "a partition's broker does not answer");
                    continue;
                }
            };
            let warm_up = since.get(number).and_then(|since| {
                let from = match from(*number)? {
                    Place::Offset(offset) => offset,
                    // No record is as young as that.
                    Place::End => high,
                    _ => return None,
                };
                Some(WarmUp { since: *since, from })
            });
            let committed = committed.get(number).map(|reached| reached.offset);
            logs.insert(*number, Log { low, high, committed, warm_up });
        }
        if logs.len() < partitions.len() {
            self.look_for_leaders();
        }
        Ok(logs)
    }

    /// What is remembered of a cluster that failed over may be why it does not answer.
    fn look_for_leaders(&self) {
        if let Err(error) = self.consumer.fetch_metadata(Some(&self.topic), ANSWER) {
            tracing::warn!(%error, "no broker tells who leads the partitions");
        }
    }

    fn committed(&self, partitions: &[i32]) -> Result<BTreeMap<i32, Reached>, KafkaSourceError> {
        let mut asked = TopicPartitionList::new();
        partitions.iter().for_each(|number| _ = asked.add_partition(&self.topic, *number));
        let found = self.consumer.committed_offsets(asked, ANSWER)?;
        let reached = found.elements().into_iter().filter_map(|element| {
            let Place::Offset(offset) = element.offset() else { return None };
            let appended = element.metadata().strip_prefix(APPENDED).and_then(|text| text.parse().ok());
            let appended = appended.and_then(|ms| Timestamp::from_millisecond(ms).ok());
            Some((element.partition(), Reached { offset, appended }))
        });
        Ok(reached.collect())
    }

    /// Begins partitions, each at its offset; those that had been begun before are begun anew.
    ///
    /// # Errors
    /// When the client refuses.
    pub fn begin(&self, offsets: &BTreeMap<i32, Offset>) -> Result<(), KafkaSourceError> {
        let mut places = TopicPartitionList::new();
        for (number, offset) in offsets {
            places.add_partition_offset(&self.topic, *number, Place::Offset(*offset))?;
        }
        Ok(self.consumer.assign(&places)?)
    }

    /// Gives all partitions up.
    ///
    /// # Errors
    /// When the client refuses.
    pub fn give_up(&self) -> Result<(), KafkaSourceError> {
        Ok(self.consumer.unassign()?)
    }

    /// Commits, without waiting for the answer. Nothing is lost by a refusal: records are read again, and give the same rows.
    ///
    /// # Errors
    /// When the client refuses.
    pub fn commit(&self, reached: &[(i32, Reached)]) -> Result<(), KafkaSourceError> {
        if reached.is_empty() {
            return Ok(());
        }
        let mut places = TopicPartitionList::new();
        for (number, reached) in reached {
            let mut element = places.add_partition(&self.topic, *number);
            element.set_offset(Place::Offset(reached.offset))?;
            if let Some(appended) = reached.appended {
                element.set_metadata(format!("{APPENDED}{}", appended.as_millisecond()));
            }
        }
        self.consumer.commit(&places, CommitMode::Async)?;
        self.consumer.context().commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Waits until all commits are answered, but not for ever. Records that come meanwhile are dropped: to be called only
    /// before partitions are given up.
    pub fn wait_for_commits(&self, limit: Duration) {
        let until = Instant::now() + limit;
        while self.consumer.context().commits.load(Ordering::Relaxed) > 0 && Instant::now() < until {
            drop(self.consumer.poll(COMMIT_LOOK));
        }
    }

    /// Stops or resumes the delivery of records; everything else goes on.
    ///
    /// # Errors
    /// When the client refuses.
    pub fn pause(&self, is_paused: bool) -> Result<(), KafkaSourceError> {
        let assigned = self.consumer.assignment()?;
        let done = if is_paused { self.consumer.pause(&assigned) } else { self.consumer.resume(&assigned) };
        Ok(done?)
    }

    /// Records behind these positions, as of seconds ago.
    pub fn lag(&self, positions: &BTreeMap<i32, Offset>) -> u64 {
        let ends = self.consumer.context().ends();
        let behind = positions.iter().filter_map(|(number, next)| Some(ends.get(number)? - next));
        behind.filter_map(|records| u64::try_from(records).ok()).sum()
    }

    /// How far all partitions are written, and where they end.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub fn progress(&self, partitions: u32) -> Result<Progress, KafkaSourceError> {
        let all: Vec<i32> = (0..i32::try_from(partitions).unwrap_or(0)).collect();
        let committed = self.committed(&all)?;
        let mut progress = Progress::default();
        for number in all {
            let (low, high) = self.consumer.fetch_watermarks(&self.topic, number, ANSWER)?;
            if high > low {
                progress.begins.insert(number, low);
                progress.ends.insert(number, high);
            }
        }
        progress.committed =
            committed.into_iter().map(|(number, reached)| (number, reached.offset)).collect();
        Ok(progress)
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        self.consumer.context().is_closing.store(true, Ordering::Relaxed);
    }
}
