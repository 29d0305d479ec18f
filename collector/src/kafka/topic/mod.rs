//! The topic of the encrypted visits: made when it is missing, else checked, by whichever program comes first.

mod found;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer as _};
use schemas::configuration::Kafka;

use super::{Listening, SettingsError, client_config};
pub use found::WrongSetting;

use found::Found;

/// How long brokers may take for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Looks at the cluster until a topic that was made must show.
const LOOKS_MAX: u32 = 20;
/// Time between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(250);

/// Why there is no topic to use.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// The configuration gives no client.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No broker answers, or none that can.
    #[error("cannot reach Kafka at {brokers}: {problem}")]
    Unreachable {
        /// `kafka.brokers`.
        brokers: String,
        /// What the client library says.
        problem: String,
    },
    /// The brokers do not let this user.
    #[error(
        "Kafka does not let this user see or make the topic {topic}: {problem}; grant it DESCRIBE and DESCRIBE_CONFIGS \
         there, and CREATE or make it yourself"
    )]
    NotAllowed {
        /// The topic.
        topic: String,
        /// What the broker says.
        problem: String,
    },
    /// More copies are asked for than there are brokers.
    #[error(
        "the topic {topic} cannot be made: kafka.replication is {replication}, but the number of brokers that answer is \
         {brokers}; set kafka.replication = 1 for a single broker"
    )]
    TooFewBrokers {
        /// The topic.
        topic: String,
        /// `kafka.replication`.
        replication: u16,
        /// Brokers that answer.
        brokers: usize,
    },
    /// The brokers refuse to make it.
    #[error("Kafka refuses to make the topic {topic}: {problem}; see the brokers' log, or make it yourself")]
    NotMade {
        /// The topic.
        topic: String,
        /// What the broker says.
        problem: String,
    },
    /// Another number of partitions than configured.
    #[error(
        "the topic {topic} has {there} partitions, but kafka.partitions is {configured}: set kafka.partitions = {there} \
         for all programs. To change the topic's own number, drain it first: stop the collectors, let the processors \
         come to its end and stop them, and only then change both"
    )]
    Partitions {
        /// The topic.
        topic: String,
        /// What it has.
        there: usize,
        /// `kafka.partitions`.
        configured: u32,
    },
    /// One of its settings is not what the promises need.
    #[error(transparent)]
    Setting(#[from] Box<WrongSetting>),
}

impl TopicError {
    /// Whether to try again later may help without anybody changing anything: the cluster cannot be reached.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}

/// Makes the configured topic, or checks the one that is there. Several programs may do so at once.
///
/// # Errors
/// The cluster cannot be reached ([`TopicError::is_retryable`]), or the topic is wrong; the text says what to change.
pub async fn ensure_topic(kafka: &Kafka) -> Result<(), TopicError> {
    let config = client_config(kafka, &[])?;
    let cluster = config.create_with_context(Listening::default()).map_err(SettingsError::from)?;
    let cluster: Arc<BaseProducer<Listening>> = Arc::new(cluster);
    let admin = config.create().map_err(SettingsError::from)?;
    for _ in 0..LOOKS_MAX {
        let seen = look(Arc::clone(&cluster), kafka).await?;
        match seen.partitions {
            None => make(&admin, kafka, seen.brokers).await?,
            Some(partitions) => {
                if let Some(settings) = settings(&admin, kafka).await? {
                    return Found { partitions, settings }.check(kafka);
                }
            }
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    Err(unreachable(kafka, format!("the topic {} exists but does not show", kafka.topic)))
}

/// What the cluster says of itself.
struct Seen {
    brokers: usize,
    /// `None`: there is no such topic.
    partitions: Option<usize>,
}

/// Asks for all topics: to ask for one by name lets some brokers make it, with settings of their own.
async fn look(cluster: Arc<BaseProducer<Listening>>, kafka: &Kafka) -> Result<Seen, TopicError> {
    let topic = kafka.topic.clone();
    let looked = tokio::task::spawn_blocking(move || {
        let metadata = cluster.client().fetch_metadata(None, ANSWER_TIMEOUT).map_err(|error| {
            cluster.poll(Duration::from_millis(1));
            format!("{error}{}", cluster.context().complaint())
        })?;
        let there = metadata.topics().iter().find(|there| there.name() == topic);
        let partitions = there.map(|there| there.partitions().len()).filter(|partitions| *partitions > 0);
        Ok::<_, String>(Seen { brokers: metadata.brokers().len(), partitions })
    });
    let problem = match looked.await {
        Ok(Ok(seen)) => return Ok(seen),
        Ok(Err(problem)) => problem,
        Err(error) => error.to_string(),
    };
    Err(unreachable(kafka, problem))
}

async fn make(
    admin: &AdminClient<DefaultClientContext>,
    kafka: &Kafka,
    brokers: usize,
) -> Result<(), TopicError> {
    if usize::from(kafka.replication) > brokers {
        return Err(too_few(kafka, brokers));
    }
    let settings = found::for_new(kafka);
    let partitions = i32::try_from(kafka.partitions).unwrap_or(i32::MAX);
    let replication = TopicReplication::Fixed(kafka.replication.into());
    let topic = NewTopic {
        config: settings.iter().map(|(name, value)| (*name, value.as_str())).collect(),
        ..NewTopic::new(&kafka.topic, partitions, replication)
    };
    let made =
        admin.create_topics([&topic], &options()).await.map_err(|error| client_error(kafka, &error))?;
    match made.into_iter().next() {
        Some(Ok(_)) => {
            tracing::info!(topic = kafka.topic, partitions, replication = kafka.replication, "topic made");
            Ok(())
        }
        None | Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
        Some(Err((_, RDKafkaErrorCode::InvalidReplicationFactor))) => Err(too_few(kafka, brokers)),
        Some(Err((_, code))) => Err(broker_error(kafka, code)),
    }
}

/// The topic's settings; `None` while the broker asked does not know it yet.
async fn settings(
    admin: &AdminClient<DefaultClientContext>,
    kafka: &Kafka,
) -> Result<Option<HashMap<String, String>>, TopicError> {
    let resource = ResourceSpecifier::Topic(&kafka.topic);
    let described =
        admin.describe_configs([&resource], &options()).await.map_err(|error| client_error(kafka, &error))?;
    match described.into_iter().next() {
        Some(Ok(config)) => {
            let entries = config.entries.into_iter();
            Ok(Some(entries.filter_map(|entry| Some((entry.name, entry.value?))).collect()))
        }
        None | Some(Err(RDKafkaErrorCode::UnknownTopicOrPartition)) => Ok(None),
        Some(Err(code)) => Err(broker_error(kafka, code)),
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER_TIMEOUT)).operation_timeout(Some(ANSWER_TIMEOUT))
}

fn client_error(kafka: &Kafka, error: &KafkaError) -> TopicError {
    match error.rdkafka_error_code() {
        Some(code) => broker_error(kafka, code),
        None => unreachable(kafka, error.to_string()),
    }
}

/// What a broker refuses for good is told apart from what may go by.
fn broker_error(kafka: &Kafka, code: RDKafkaErrorCode) -> TopicError {
    let (topic, problem) = (kafka.topic.clone(), code.to_string());
    match code {
        RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed => {
            TopicError::NotAllowed { topic, problem }
        }
        RDKafkaErrorCode::PolicyViolation
        | RDKafkaErrorCode::InvalidConfig
        | RDKafkaErrorCode::InvalidTopic
        | RDKafkaErrorCode::InvalidPartitions => TopicError::NotMade { topic, problem },
        _ => unreachable(kafka, problem),
    }
}

fn too_few(kafka: &Kafka, brokers: usize) -> TopicError {
    TopicError::TooFewBrokers { topic: kafka.topic.clone(), replication: kafka.replication, brokers }
}

fn unreachable(kafka: &Kafka, problem: String) -> TopicError {
    TopicError::Unreachable { brokers: kafka.brokers.clone(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kafka(client: &[(&str, &str)]) -> Kafka {
        let client = client.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Kafka { brokers: "127.0.0.1:1".into(), client, ..Kafka::default() }
    }

    #[tokio::test]
    async fn a_setting_that_the_library_refuses_is_named() {
        for (client, named) in [
            ([("no.such.setting", "1")], "no.such.setting"),
            ([("security.protocol", "carrier-pigeon")], "security.protocol"),
            ([("ssl.key.password", "secret")], ""),
        ] {
            let error = ensure_topic(&kafka(&client)).await.unwrap_err();
            assert!(error.to_string().contains(named), "{error}");
            assert!(named.is_empty() || error.to_string().contains("kafka.client"), "{error}");
            assert!(named.is_empty() || !error.is_retryable());
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[tokio::test]
    async fn brokers_that_do_not_answer_may_do_so_later() {
        let error = ensure_topic(&kafka(&[])).await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        assert!(
            error.to_string().contains("127.0.0.1:1") && error.to_string().contains("refused"),
            "{error}"
        );
    }
}
