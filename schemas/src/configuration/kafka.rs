//! How collector and processor reach Kafka. Only what Footfall itself depends on is fixed; everything else, TLS and SASL
//! among it, is handed to the client library as it stands.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

/// Longest life of a record in the topic, in hours: its key does not live longer (design of the keys, 24 h after its day).
const RETENTION_HOURS_MAX: u32 = 48;
/// A state is rebuilt from up to 27 hours of records, and what outlives its retention before it is counted is lost: an outage may
/// last for the rest.
const RETENTION_HOURS_MIN: u32 = 36;
/// A lane has 8 bits, so more partitions than that would stay empty.
const PARTITIONS_MAX: u32 = 256;

/// Settings that the promises rest on; a configuration must not change them.
const FIXED: [&str; 23] = [
    "acks",
    "allow.auto.create.topics",
    "auto.offset.reset",
    "bootstrap.servers",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.timeout.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "request.required.acks",
    "sasl.password",
];

/// The Kafka cluster between collectors and processors.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kafka {
    /// Brokers to begin with, as `host:port,host:port`.
    pub brokers: String,
    /// Topic of the encrypted visits. It is made when it is missing.
    pub topic: String,
    /// Consumer group of the processors.
    pub group: String,
    /// Partitions of the topic, 1 to 256: at most so many processors share the work. A change needs a drain.
    pub partitions: u32,
    /// Copies of each record when the topic is made; 1 where there is a single broker.
    pub replication: u16,
    /// Hours for which the topic keeps a record, 36 to 48. After an outage longer than that less 27 hours, visitors may count again.
    pub retention_hours: u32,
    /// File that holds the password for `sasl.username`.
    pub password_file: Option<PathBuf>,
    /// Further settings of the client library (librdkafka), such as `"security.protocol" = "SASL_SSL"`.
    pub client: BTreeMap<String, String>,
}

impl fmt::Debug for Kafka {
    /// Without the values of `client`, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { brokers, topic, group, partitions, client, .. } = self;
        let client: Vec<&String> = client.keys().collect();
        f.debug_struct("Kafka")
            .field("brokers", brokers)
            .field("topic", topic)
            .field("group", group)
            .field("partitions", partitions)
            .field("client", &client)
            .finish_non_exhaustive()
    }
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            brokers: "127.0.0.1:9092".into(),
            topic: "visits.raw".into(),
            group: "footfall".into(),
            partitions: 6,
            replication: 3,
            retention_hours: RETENTION_HOURS_MAX,
            password_file: None,
            client: BTreeMap::new(),
        }
    }
}

/// The password file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("kafka.password_file {path}: {error}")]
pub struct KafkaPasswordError {
    /// The file.
    pub path: PathBuf,
    /// The system's reason.
    pub error: std::io::Error,
}

impl Kafka {
    /// What every client is given: where the brokers are, the settings handed through, and the password.
    ///
    /// # Errors
    /// When the password file cannot be read.
    pub fn client_settings(&self) -> Result<Vec<(String, String)>, KafkaPasswordError> {
        let mut settings: Vec<(String, String)> =
            self.client.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        settings.push(("bootstrap.servers".into(), self.brokers.clone()));
        if let Some(path) = &self.password_file {
            let password = std::fs::read_to_string(path)
                .map_err(|error| KafkaPasswordError { path: path.clone(), error })?;
            settings.push(("sasl.password".into(), password.trim_end().to_owned()));
        }
        Ok(settings)
    }

    /// What is wrong with these settings, if anything is.
    pub(super) fn mistake(&self) -> Option<String> {
        if self.brokers.is_empty() || self.topic.is_empty() || self.group.is_empty() {
            return Some("kafka.brokers, kafka.topic and kafka.group must not be empty".into());
        }
        if !(1..=PARTITIONS_MAX).contains(&self.partitions) || self.replication == 0 {
            return Some("kafka.partitions must be 1 to 256, kafka.replication 1 or more".into());
        }
        if !(RETENTION_HOURS_MIN..=RETENTION_HOURS_MAX).contains(&self.retention_hours) {
            return Some(format!(
                "kafka.retention_hours must be {RETENTION_HOURS_MIN} to {RETENTION_HOURS_MAX}: shorter loses visits in an \
                 outage, longer keeps what nobody may read any more"
            ));
        }
        let fixed = self.client.keys().find(|name| FIXED.contains(&name.as_str()))?;
        Some(match fixed.as_str() {
            "sasl.password" => "kafka.client: name the password's file in kafka.password_file".into(),
            "bootstrap.servers" => "kafka.client: name the brokers in kafka.brokers".into(),
            "group.id" => "kafka.client: name the group in kafka.group".into(),
            "group.instance.id" => "kafka.client: name the instance in processor.instance".into(),
            name => format!("kafka.client: {name:?} cannot be set; that every visit counts once rests on it"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_promises_rest_on_cannot_be_set() {
        for name in FIXED {
            let client = BTreeMap::from([(name.to_owned(), "x".to_owned())]);
            let mistake = Kafka { client, ..Kafka::default() }.mistake().unwrap();
            assert!(mistake.starts_with("kafka.client: "), "{mistake}");
        }
        assert_eq!(Kafka::default().mistake(), None);
    }

    #[test]
    fn a_password_comes_from_its_file_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let kafka = Kafka { password_file: Some(path.clone()), ..Kafka::default() };
        assert!(kafka.client_settings().unwrap_err().to_string().contains("kafka.password_file"));
        std::fs::write(&path, "secret\n").unwrap();
        let settings = kafka.client_settings().unwrap();
        assert!(settings.contains(&("sasl.password".into(), "secret".into())));
        assert!(!format!("{kafka:?}").contains("secret"));
    }

    #[test]
    fn retention_and_partitions_have_bounds() {
        for kafka in [
            Kafka { retention_hours: 49, ..Kafka::default() },
            Kafka { retention_hours: 35, ..Kafka::default() },
            Kafka { partitions: 0, ..Kafka::default() },
            Kafka { partitions: 257, ..Kafka::default() },
            Kafka { brokers: String::new(), ..Kafka::default() },
        ] {
            assert!(kafka.mistake().is_some(), "{kafka:?}");
        }
    }
}
