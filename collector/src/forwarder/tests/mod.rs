//! The forwarder between a real journal and librdkafka's mock brokers, which keep what they are given and fail when told to.

mod faults;
mod stories;

use std::collections::HashSet;
use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use jiff::civil::date;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::{Offset, TopicPartitionList};
use schemas::choice::Reading;
use schemas::configuration::{Configuration, Limits, Site};
use schemas::event::{self, Control, Event, Visit};
use schemas::journal::{Item, Limit, Reader, RecordId};
use schemas::keys::KeyKeeper;
use schemas::local_time::LocalDay;
use schemas::visitor;
use schemas::wire;
use tempfile::TempDir;

use super::*;
use crate::consent::{Decision, Permit, Signals, decide};
use crate::orders::{Copies, OrderId};
use crate::recorder::PermittedVisit;

const TOPIC: &str = "visits.raw";
const PARTITIONS: u32 = 3;
/// Far longer than anything takes here; who waits so long has found a mistake.
const PATIENCE: Duration = Duration::from_secs(60);

/// Mock brokers and a data directory.
struct Bench {
    cluster: MockCluster<'static, DefaultProducerContext>,
    data: TempDir,
}

/// A collector on the bench's data directory.
struct Running {
    service: Service,
    keys: Arc<KeyKeeper>,
}

impl Bench {
    fn new() -> Self {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, PARTITIONS.try_into().unwrap(), 1).unwrap();
        Self { cluster, data: tempfile::tempdir().unwrap() }
    }

    fn kafka(&self) -> Kafka {
        // Without a pause between two attempts to connect, an outage is over when the broker is back.
        let client = [("reconnect.backoff.max.ms", "100"), ("retry.backoff.max.ms", "100")];
        let client = client.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Kafka {
            brokers: self.cluster.bootstrap_servers(),
            topic: TOPIC.into(),
            partitions: PARTITIONS,
            client: client.into_iter().collect(),
            ..Kafka::default()
        }
    }

    fn start(&self) -> Running {
        let configuration = Configuration {
            kafka: self.kafka(),
            limits: Limits { segment_bytes: 256 << 10, ..Limits::default() },
            ..Configuration::default()
        };
        let keys = Arc::new(KeyKeeper::open(&self.data.path().join("keys")).unwrap());
        let copies = Copies::for_partitions_of(&configuration.kafka);
        let service = Service::open(configuration, self.data.path(), Arc::clone(&keys), copies).unwrap();
        Running { service, keys }
    }

    /// The mock brokers cannot tell a topic's settings.
    fn forwarder(&self, running: &Running) -> Forwarder {
        let mut forwarder = Forwarder::open(&running.service, self.data.path()).unwrap();
        forwarder.check = Box::new(|_| Box::pin(std::future::ready(Ok(()))));
        forwarder
    }

    fn journal(&self) -> PathBuf {
        self.data.path().join("journal")
    }

    fn position_file(&self) -> PositionFile {
        PositionFile::new(self.data.path().join("position"))
    }

    /// All that the topic holds, by partition.
    fn topic(&self) -> Vec<Vec<Vec<u8>>> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.cluster.bootstrap_servers()).set("group.id", "test");
        let consumer: BaseConsumer = config.create().unwrap();
        let partitions = 0..i32::try_from(PARTITIONS).unwrap();
        partitions.map(|partition| read_partition(&consumer, partition)).collect()
    }

    /// What a processor makes rows of, by partition: the first copy of each record.
    fn first_copies(&self) -> Vec<Vec<Vec<u8>>> {
        let mut partitions = self.topic();
        for records in &mut partitions {
            let mut seen = HashSet::new();
            records.retain(|record| seen.insert(RecordId::of(record).unwrap()));
        }
        partitions
    }

    /// All that the journal holds up to `end`, by partition.
    fn confirmed(&self, end: Position) -> Vec<Vec<Vec<u8>>> {
        let mut partitions = vec![Vec::new(); PARTITIONS as usize];
        let mut reader = Reader::open(self.journal(), Position::START).unwrap();
        loop {
            match reader.next(Limit::Confirmed(end)).unwrap() {
                Item::Record { bytes, .. } => {
                    let lane = u32::from(wire::header(bytes).unwrap().lane);
                    partitions[(lane % PARTITIONS) as usize].push(bytes.to_vec());
                }
                Item::End => return partitions,
                Item::Missing { .. } | Item::Damaged { .. } => {}
            }
        }
    }
}

impl Running {
    async fn visits(&self, visits: u32) {
        for visitor in 0..visits {
            let visit = Visit { address: visitor.to_be_bytes().to_vec(), ..Visit::default() };
            let day = LocalDay::from(date(2026, 11, 24));
            let lane = visitor::lane("localhost", day.epoch_days(), &visit);
            let visit = PermittedVisit::new(permit(), "localhost", lane, visit);
            self.service.collector.recorder.visits(vec![visit]).await.unwrap();
        }
    }

    fn end(&self) -> Position {
        *self.service.confirmed().borrow()
    }

    fn telemetry(&self) -> &ForwarderTelemetry {
        &self.service.collector.telemetry.forwarder
    }

    /// A metric as an operator sees it.
    fn metric(&self, name: &str) -> u64 {
        let text = self.service.collector.telemetry.encode();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("footfall_collector_{name} ")));
        line.unwrap_or_else(|| panic!("{name} is not in {text}")).parse().unwrap()
    }

    fn errors(&self, reason: &str) -> u64 {
        self.metric(&format!("forward_errors_total{{reason=\"{reason}\"}}"))
    }

    async fn until_shipped(&self, records: usize) {
        until(|| self.telemetry().forwarded.get() >= records as u64).await;
    }

    /// The lost sequences that records tell of, in all copies.
    fn lost(&self, partitions: &[Vec<Vec<u8>>]) -> Vec<(u64, u64)> {
        let opened = partitions.iter().flatten().map(|record| wire::open(record, &self.keys.keys()).unwrap());
        let lost = opened.filter_map(|(_, bytes)| match event::decode(&bytes).unwrap() {
            Event::Control(control) => match control.order {
                Some(Order::Lost(lost)) => Some((lost.from, lost.to)),
                _ => None,
            },
            Event::Visit(_) => None,
        });
        lost.collect()
    }

    /// How many records of a partition stand before its one copy of an erase order.
    fn before_order(&self, records: &[Vec<u8>], order: OrderId, address: IpAddr) -> usize {
        let is_copy = |record: &Vec<u8>| {
            let (header, bytes) = wire::open(record, &self.keys.keys()).unwrap();
            let Event::Control(Control { order: Some(Order::Erase(erase)) }) = event::decode(&bytes).unwrap()
            else {
                return false;
            };
            assert_eq!((header.site.as_str(), erase.order.as_slice()), ("", order.0.as_slice()));
            assert_eq!((erase.ip(), erase.whole_address, erase.copies), (Some(address), true, PARTITIONS));
            true
        };
        let places: Vec<usize> = (0..records.len()).filter(|place| is_copy(&records[*place])).collect();
        assert_eq!(places.len(), 1, "one copy");
        places[0]
    }

    async fn stop(self, forwarding: Forwarding) {
        self.service.close().await;
        forwarding.finish().await.unwrap();
    }
}

fn read_partition(consumer: &BaseConsumer, partition: i32) -> Vec<Vec<u8>> {
    let (_, end) = consumer.fetch_watermarks(TOPIC, partition, PATIENCE).unwrap();
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(TOPIC, partition, Offset::Beginning).unwrap();
    consumer.assign(&assignment).unwrap();
    let (started, mut records) = (Instant::now(), Vec::new());
    while (records.len() as i64) < end {
        // Nothing also means that something else than a record came.
        let Some(record) = consumer.poll(Duration::from_millis(100)) else {
            assert!(started.elapsed() < PATIENCE, "partition {partition} does not give its records");
            continue;
        };
        records.push(record.unwrap().payload().unwrap().to_vec());
    }
    records
}

fn permit() -> Permit {
    let signals = Signals { choice: Reading::None, gpc: false, dnt: false, internal: false };
    match decide(&Site::with_defaults("localhost"), &signals, 1) {
        Decision::Permitted(permit) => permit,
        Decision::Refused(outcome) => panic!("{outcome:?}"),
    }
}

async fn until(mut is_so: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.expect("what was waited for did not come");
}

/// The same records in the same order; what differs is told by sequences, not by bytes.
fn assert_same(shipped: &[Vec<Vec<u8>>], expected: &[Vec<Vec<u8>>]) {
    let sequences = |partitions: &[Vec<Vec<u8>>]| -> Vec<Vec<u64>> {
        let of = |records: &Vec<Vec<u8>>| {
            records.iter().map(|record| RecordId::of(record).unwrap().sequence).collect()
        };
        partitions.iter().map(of).collect()
    };
    assert_eq!(sequences(shipped), sequences(expected));
    assert!(shipped == expected, "other bytes");
}

fn count(partitions: &[Vec<Vec<u8>>]) -> usize {
    partitions.iter().map(Vec::len).sum()
}

/// Flips a byte in the middle of the only segment's records.
fn flip_a_byte(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end / 2] ^= 0x10;
    fs::write(path, bytes).unwrap();
}
