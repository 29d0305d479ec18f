//! Kafka, for the programs that share a cluster: the only module of this crate that knows the client library (librdkafka).
//!
//! Every client begins with [`client_config`]; [`topic`] makes or checks the topic, and the forwarder's producer ships to it.

mod producer;
pub mod topic;

pub use producer::{Producer, ProducerError, Report};

use std::sync::{Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};
use schemas::configuration::{Kafka, KafkaPasswordError};

/// Longest batch that a producer makes, beside the record that does not fit any more. The topic must take it.
const BATCH_BYTES_MAX: u32 = 512 * 1024;

/// The configuration gives no client.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The password's file cannot be read.
    #[error(transparent)]
    Password(#[from] KafkaPasswordError),
    /// The client library refuses a setting.
    #[error("kafka.client: {0}; librdkafka's CONFIGURATION.md lists all settings")]
    Refused(String),
}

impl From<KafkaError> for SettingsError {
    /// The library's own words name the setting; its value, which may be secret, stays away.
    fn from(error: KafkaError) -> Self {
        Self::Refused(match error {
            KafkaError::ClientConfig(_, problem, name, _) if problem.contains(&name) => problem,
            KafkaError::ClientConfig(_, problem, name, _) => format!("{name}: {problem}"),
            KafkaError::ClientCreation(problem) => problem,
            other => other.to_string(),
        })
    }
}

/// What every client is given, `defaults` first: the configuration may change them, and has been checked not to touch what the
/// promises rest on.
///
/// # Errors
/// When the password's file cannot be read.
pub fn client_config(kafka: &Kafka, defaults: &[(&str, &str)]) -> Result<ClientConfig, SettingsError> {
    let mut config = ClientConfig::new();
    config.set("client.id", "footfall");
    for (name, value) in defaults {
        config.set(*name, *value);
    }
    for (name, value) in kafka.client_settings()? {
        config.set(name, value);
    }
    // What a client does by itself, such as connecting again, is for those who look for it.
    config.set_log_level(RDKafkaLogLevel::Warning);
    Ok(config)
}

/// Listens to what the library says, and remembers its last complaint: a timeout alone does not tell why there was no answer.
#[derive(Debug, Default)]
pub struct Listening {
    complaint: Mutex<Option<String>>,
}

impl Listening {
    /// Hears an error. False when it is the last one again: the library says everything twice.
    pub fn hear(&self, error: &KafkaError, reason: &str) -> bool {
        // That all brokers are down is said after the reason for it.
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            return false;
        }
        let mut complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = complaint.as_deref() != Some(reason);
        *complaint = Some(reason.to_owned());
        is_new
    }

    /// The last complaint, in brackets to be put behind another text; empty when there was none.
    pub fn complaint(&self) -> String {
        let complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        complaint.as_ref().map(|text| format!(" ({text})")).unwrap_or_default()
    }
}

impl ClientContext for Listening {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        tracing::debug!(?level, facility, text, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.hear(&error, reason);
    }
}

impl ProducerContext for Listening {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}
