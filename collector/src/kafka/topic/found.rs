//! What the topic must be like, without any I/O.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use schemas::configuration::Kafka;

use super::TopicError;
use crate::kafka::BATCH_BYTES_MAX;

const HOUR_MS: u64 = 60 * 60 * 1000;
/// What a topic may keep; the configuration has the same bounds and says why.
const RETENTION: RangeInclusive<u64> = 36 * HOUR_MS..=48 * HOUR_MS;
/// Largest batch of a new topic: Kafka's own default.
const MESSAGE_BYTES: u64 = 1_048_588;
/// What a producer may send: a full batch and the record that filled it, which has at most 64 KiB.
const MESSAGE_BYTES_MIN: u64 = BATCH_BYTES_MAX as u64 + 128 * 1024;
/// Only closed segments are removed, so a record may stay for so much longer than the topic's retention.
const SEGMENT_MS: u64 = HOUR_MS / 2;
/// A segment that fills earlier is closed earlier.
const SEGMENT_BYTES: u64 = 256 << 20;

const TIMESTAMP_TYPE: &str = "message.timestamp.type";
const RETENTION_MS: &str = "retention.ms";
const RETENTION_BYTES: &str = "retention.bytes";
const CLEANUP_POLICY: &str = "cleanup.policy";
const MAX_MESSAGE_BYTES: &str = "max.message.bytes";

/// The settings with which a topic is made. Each is named although it may be the broker's default: that can be changed.
pub(super) fn for_new(kafka: &Kafka) -> Vec<(&'static str, String)> {
    // Two of three copies survive the loss of a machine. With two, the loss of one must not stop everything.
    let in_sync_min = if kafka.replication >= 3 { 2 } else { 1 };
    vec![
        (TIMESTAMP_TYPE, "LogAppendTime".into()),
        (RETENTION_MS, (u64::from(kafka.retention_hours) * HOUR_MS).to_string()),
        (RETENTION_BYTES, "-1".into()),
        (CLEANUP_POLICY, "delete".into()),
        (MAX_MESSAGE_BYTES, MESSAGE_BYTES.to_string()),
        ("min.insync.replicas", in_sync_min.to_string()),
        ("unclean.leader.election.enable", "false".into()),
        ("segment.ms", SEGMENT_MS.to_string()),
        ("segment.bytes", SEGMENT_BYTES.to_string()),
    ]
}

/// A setting of the topic that breaks a promise.
#[derive(Debug, thiserror::Error)]
#[error(
    "the topic {topic} has {name}={there}: {why}. Run kafka-configs.sh --bootstrap-server {brokers} --alter \
     --entity-type topics --entity-name {topic} --add-config {name}={needed}"
)]
pub struct WrongSetting {
    /// The topic.
    pub topic: String,
    /// `kafka.brokers`.
    pub brokers: String,
    /// The setting.
    pub name: &'static str,
    /// Its value.
    pub there: String,
    /// The value that it should have.
    pub needed: String,
    /// What is bad about the present one.
    pub why: &'static str,
}

/// A topic that is there.
pub(super) struct Found {
    pub(super) partitions: usize,
    pub(super) settings: HashMap<String, String>,
}

impl Found {
    /// Refuses a topic that breaks a promise. What the brokers do not tell is taken for right.
    pub(super) fn check(&self, kafka: &Kafka) -> Result<(), TopicError> {
        if u32::try_from(self.partitions) != Ok(kafka.partitions) {
            return Err(TopicError::Partitions {
                topic: kafka.topic.clone(),
                there: self.partitions,
                configured: kafka.partitions,
            });
        }
        for (name, is_right, why) in RULES {
            let there = self.settings.get(name).filter(|there| !is_right(there));
            if let Some(there) = there {
                let needed = for_new(kafka).into_iter().find(|(known, _)| *known == name);
                let wrong = WrongSetting {
                    topic: kafka.topic.clone(),
                    brokers: kafka.brokers.clone(),
                    name,
                    there: there.clone(),
                    needed: needed.map(|(_, value)| value).unwrap_or_default(),
                    why,
                };
                return Err(Box::new(wrong).into());
            }
        }
        Ok(())
    }
}

/// A setting, whether a value of it is right, and what is bad about others.
type Rule = (&'static str, fn(&str) -> bool, &'static str);

const RULES: [Rule; 5] = [
    (
        TIMESTAMP_TYPE,
        |there| there == "LogAppendTime",
        "the brokers must stamp records themselves, for retention and for telling late visits",
    ),
    (
        RETENTION_MS,
        |there| there.parse::<u64>().is_ok_and(|ms| RETENTION.contains(&ms)),
        "shorter than 36 hours loses visits in an outage, longer than 48 keeps what nobody may read any more",
    ),
    (
        RETENTION_BYTES,
        |there| there == "-1",
        "a burst of visits would push out others that are not counted yet",
    ),
    (CLEANUP_POLICY, |there| there == "delete", "compaction keeps records for ever, and drops others"),
    (
        MAX_MESSAGE_BYTES,
        |there| there.parse::<u64>().is_ok_and(|bytes| bytes >= MESSAGE_BYTES_MIN),
        "the collectors' batches would be refused",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kafka: &Kafka) -> Found {
        let settings = for_new(kafka).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Found { partitions: kafka.partitions as usize, settings }
    }

    #[test]
    fn what_is_made_is_right() {
        for retention_hours in 36..=48 {
            let kafka = Kafka { retention_hours, ..Kafka::default() };
            found(&kafka).check(&kafka).unwrap();
        }
    }

    #[test]
    fn each_wrong_setting_is_named_with_the_command_that_corrects_it() {
        let kafka = Kafka::default();
        for (name, wrong) in [
            (TIMESTAMP_TYPE, "CreateTime"),
            (RETENTION_MS, "-1"),
            (RETENTION_MS, "89999999"),
            (RETENTION_MS, "172800001"),
            (RETENTION_BYTES, "1000000"),
            (CLEANUP_POLICY, "compact"),
            (CLEANUP_POLICY, "compact,delete"),
            (MAX_MESSAGE_BYTES, "1000"),
        ] {
            let mut found = found(&kafka);
            found.settings.insert(name.to_owned(), wrong.to_owned());
            let error = found.check(&kafka).unwrap_err();
            let needed = for_new(&kafka).into_iter().find(|(known, _)| *known == name).unwrap().1;
            let command = format!("--entity-name visits.raw --add-config {name}={needed}");
            assert!(error.to_string().ends_with(&command), "{error}");
            assert!(error.to_string().contains(&format!("{name}={wrong}")), "{error}");
            assert!(!error.is_retryable());
        }
    }

    #[test]
    fn another_number_of_partitions_needs_a_drain() {
        let kafka = Kafka { partitions: 7, ..Kafka::default() };
        let error = found(&Kafka::default()).check(&kafka).unwrap_err().to_string();
        assert!(error.contains("set kafka.partitions = 6") && error.contains("drain"), "{error}");
    }

    #[test]
    fn in_sync_copies_are_one_less_than_three() {
        for (replication, expected) in [(1, "1"), (2, "1"), (3, "2"), (5, "2")] {
            let settings = for_new(&Kafka { replication, ..Kafka::default() });
            assert!(settings.contains(&("min.insync.replicas", expected.into())), "{replication}");
        }
    }
}
