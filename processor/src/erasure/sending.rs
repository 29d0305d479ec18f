//! The way into the log of a command beside Kafka: it is a collector of its own, with a fresh id, one number for each copy, and the next
//! copy sent only after the last was acknowledged.

use std::net::IpAddr;
use std::time::Duration;

use collector::kafka::{Producer, ProducerError, SettingsError};
use collector::orders::Copies;
use schemas::configuration::Kafka;
use schemas::event::{self, Erase, Event, Order, Visit};
use schemas::keys::DayKey;
use schemas::local_time::Hour;
use schemas::personal::Personal;
use schemas::wire::{self, CollectorId, Header, NONCE_BYTES};

use super::Ordered;

/// How long Kafka may take for a copy. A wait for what follows says nothing of this: an order cut short is carried out in part.
const ACKNOWLEDGED: Duration = Duration::from_secs(60);

/// Why an order is not in the log, or not whole.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The configuration gives no client.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A copy was not taken.
    #[error(
        "{sent} of {copies} copies of the order are in Kafka: {error}; repeat the command, a second order does no harm"
    )]
    Producer {
        /// Copies that were acknowledged.
        sent: usize,
        /// All copies.
        copies: usize,
        /// What the producer says.
        error: ProducerError,
    },
    /// Kafka did not answer.
    #[error(
        "{sent} of {copies} copies of the order are in Kafka, which does not answer; check kafka.brokers and repeat the command, a \
         second order does no harm"
    )]
    Silent {
        /// Copies that were acknowledged.
        sent: usize,
        /// All copies.
        copies: usize,
    },
}

/// The copies of an order to forget an address, in the order of their partitions, encrypted with today's key.
pub fn records(
    ordered: &Ordered,
    address: &Personal<IpAddr>,
    (key, hour): (&DayKey, Hour),
    mut random: impl FnMut(&mut [u8]),
) -> Vec<Vec<u8>> {
    let mut collector = CollectorId::default();
    random(&mut collector.0);
    let copies = u32::try_from(ordered.copies).unwrap_or(u32::MAX);
    let erase = Erase::of_address(&Visit::address_bytes(*address.expose()), ordered.order.0, copies);
    let mut bytes = Vec::new();
    event::encode(Event::from(Order::Erase(erase)), &mut bytes);
    let lanes = (0..=u8::MAX).take(usize::try_from(ordered.copies).unwrap_or(usize::MAX));
    let record = |(lane, sequence)| {
        let site = ordered.site.clone();
        let header = Header { collector, sequence, site, written_hour: hour.epoch_hours(), lane };
        let mut nonce = [0; NONCE_BYTES];
        random(&mut nonce);
        let mut record = Vec::new();
        wire::seal(&header, key, nonce, &bytes, &mut record);
        record
    };
    lanes.zip(1..).map(record).collect()
}

/// Sends the copies, each into the partition of its place.
///
/// # Errors
/// [`SendError`].
pub async fn send(kafka: &Kafka, records: &[Vec<u8>]) -> Result<(), SendError> {
    let mut producer = Producer::new(kafka)?;
    let copies = records.len();
    for (sent, record) in records.iter().enumerate() {
        let acknowledged = tokio::time::timeout(ACKNOWLEDGED, send_one(&mut producer, sent, record)).await;
        let acknowledged = acknowledged.map_err(|_| SendError::Silent { sent, copies })?;
        acknowledged.map_err(|error| SendError::Producer { sent, copies, error })?;
    }
    Ok(())
}

async fn send_one(producer: &mut Producer, place: usize, record: &[u8]) -> Result<(), ProducerError> {
    producer.send(i32::try_from(place).unwrap_or(i32::MAX), record, place)?;
    let mut reports = Vec::new();
    loop {
        producer.reports(&mut reports, 1).await;
        for report in reports.drain(..) {
            report.delivered?;
            if report.serial == Some(place) {
                return Ok(());
            }
        }
    }
}

/// How many copies an order needs.
pub fn copies(kafka: &Kafka) -> u64 {
    Copies::for_partitions_of(kafka).count().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use collector::orders::OrderId;
    use schemas::keys::{KeyId, Keys};

    #[test]
    fn each_partition_has_its_copy_and_each_copy_its_number() {
        let ordered = Ordered { order: OrderId([7; 16]), copies: 3, site: "example.com".into() };
        let address = Personal::new("192.0.2.77".parse().unwrap());
        let key = DayKey::new(KeyId([2; 16]), [3; 32]);
        let mut next = 0;
        let random = |bytes: &mut [u8]| {
            next += 1;
            bytes.fill(next);
        };
        let records = records(&ordered, &address, (&key, Hour::from_epoch_hours(5)), random);
        let keys = Keys::from_iter([key]);
        for (place, record) in records.iter().enumerate() {
            let (header, bytes) = wire::open(record, &keys).unwrap();
            assert_eq!((usize::from(header.lane), header.sequence), (place, place as u64 + 1));
            assert_eq!((header.collector, header.site.as_str()), (CollectorId([1; 16]), "example.com"));
            let Event::Control(control) = event::decode(&bytes).unwrap() else { panic!("no control record") };
            let Some(Order::Erase(erase)) = control.order else { panic!("no order") };
            assert_eq!((erase.ip(), erase.whole_address), (Some(*address.expose()), true));
            assert_eq!((erase.order, erase.copies), (vec![7; 16], 3));
        }
        assert_eq!(records.len(), 3);
        let nonces: std::collections::HashSet<_> = records.iter().map(|record| &record[58..70]).collect();
        assert_eq!(nonces.len(), 3);
    }
}
