//! The producer: what was handed over is reported as delivered, or the producer is of no use any more.

use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext as _, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseRecord, DeliveryResult, ProducerContext, ThreadedProducer};
use schemas::configuration::Kafka;
use tokio::sync::mpsc;

use super::{BATCH_BYTES_MAX, Listening, SettingsError, client_config};

/// A wait for more records that makes large batches under load and nobody notices.
const LINGER_MS: &str = "10";

/// Settings that are not for a configuration to change.
///
/// A visit's hits are to be in the log in their order. So no record may be there whose predecessor is not: idempotence keeps the order
/// through retries, records never time out one by one, and an error that leaves a gap ends the producer, whereupon the forwarder
/// goes back. One request at a time to each broker is fast enough for batches of this size, and the order rests on one thing less.
const FIXED: [(&str, &str); 8] = [
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("enable.gapless.guarantee", "true"),
    ("max.in.flight.requests.per.connection", "1"),
    ("message.timeout.ms", "0"),
    // A topic that somebody else's settings made would be the wrong one.
    ("allow.auto.create.topics", "false"),
    // More than the forwarder has in flight: its own bounds hold before these.
    ("queue.buffering.max.messages", "100000"),
    ("queue.buffering.max.kbytes", "65536"),
];

/// What became of a record.
#[derive(Debug)]
pub struct Report {
    /// The serial number it was sent with; none when the producer itself gave up.
    pub serial: Option<usize>,
    /// The broker has it; or it may have it or not.
    pub delivered: Result<(), ProducerError>,
}

/// The producer failed; a new one may do better.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProducerError {
    /// A record was refused.
    #[error("a record was not delivered: {0}")]
    NotDelivered(KafkaError),
    /// The producer gave up, for good.
    #[error("the producer gave up: {0}")]
    Fatal(String),
}

/// Sends to one topic. Dropped, it takes back what was not sent yet.
pub struct Producer {
    client: ThreadedProducer<Reporting>,
    topic: String,
    reports: mpsc::UnboundedReceiver<Report>,
}

impl Producer {
    /// A producer for the configured topic. It connects by itself, again and again.
    ///
    /// # Errors
    /// When the configuration gives no client.
    pub fn new(kafka: &Kafka) -> Result<Self, SettingsError> {
        let batch_bytes = BATCH_BYTES_MAX.to_string();
        let mut config = client_config(kafka, &[("linger.ms", LINGER_MS), ("batch.size", &batch_bytes)])?;
        for (name, value) in FIXED {
            config.set(name, value);
        }
        // As many as there are records in flight, which the forwarder bounds.
        let (sender, reports) = mpsc::unbounded_channel();
        let reporting = Reporting { reports: sender, listening: Listening::default() };
        let client = ThreadedProducer::from_config_and_context(&config, reporting)?;
        Ok(Self { client, topic: kafka.topic.clone(), reports })
    }

    /// Hands a record over; its report will carry `serial`.
    ///
    /// # Errors
    /// When it was not taken: it will have no report.
    pub fn send(&self, partition: i32, bytes: &[u8], serial: usize) -> Result<(), ProducerError> {
        let record = BaseRecord::<(), [u8], usize>::with_opaque_to(&self.topic, serial).partition(partition);
        self.client.send(record.payload(bytes)).map_err(|(error, _record)| ProducerError::NotDelivered(error))
    }

    /// Waits for reports and puts them into `reports`, `max` of them at most.
    pub async fn reports(&mut self, reports: &mut Vec<Report>, max: usize) {
        self.reports.recv_many(reports, max).await;
    }

    /// The next report, if there is one.
    pub fn try_report(&mut self) -> Option<Report> {
        self.reports.try_recv().ok()
    }
}

/// Passes reports on; runs on the library's polling thread, so it must not wait.
struct Reporting {
    reports: mpsc::UnboundedSender<Report>,
    listening: Listening,
}

impl ClientContext for Reporting {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.listening.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if self.listening.hear(&error, reason) {
            tracing::warn!(%error, reason, "Kafka");
        }
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            self.report(None, Err(ProducerError::Fatal(reason.to_owned())));
        }
    }
}

impl ProducerContext for Reporting {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, serial: usize) {
        let delivered = result.as_ref().map(|_| ()).map_err(|(error, record)| {
            tracing::debug!(%error, partition = record.partition(), "a record was not delivered");
            ProducerError::NotDelivered(error.clone())
        });
        self.report(Some(serial), delivered);
    }
}

impl Reporting {
    /// Nobody listens any more once the forwarder has given this producer up.
    fn report(&self, serial: Option<usize>, delivered: Result<(), ProducerError>) {
        self.reports.send(Report { serial, delivered }).ok();
    }
}
