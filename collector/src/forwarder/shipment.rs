//! One producer's life: what it sends, from the acknowledged place on, until it fails.

use std::path::Path;

use schemas::configuration::Kafka;
use schemas::journal::{Item, Limit, Position, Reader};
use schemas::wire;

use super::Fault;
use super::gaps::Gap;
use super::in_flight::InFlight;
use crate::kafka::{Producer, ProducerError, Report};

/// Reports taken at once.
const REPORTS_MAX: usize = 1024;

/// A reader, a producer, and what is between them.
pub(super) struct Shipment {
    reader: Reader,
    producer: Producer,
    partitions: u32,
    window: InFlight,
    reports: Vec<Report>,
    /// Behind the last record that was read.
    behind: Position,
}

/// What became of the next thing in the journal.
pub(super) enum Sent {
    /// A record is on its way.
    Record,
    /// There are numbers that cannot be read.
    Gap(Gap),
    /// There are bytes that cannot be read.
    Damaged { bytes: u64, next: Position },
    /// There is nothing more for now.
    Nothing,
}

impl Shipment {
    /// Begins where everything is acknowledged.
    pub(super) fn begin(kafka: &Kafka, journal: &Path, from: Position) -> Result<Self, Fault> {
        Ok(Self {
            reader: Reader::open(journal, from)?,
            producer: Producer::new(kafka)?,
            partitions: kafka.partitions,
            window: InFlight::new(from),
            reports: Vec::new(),
            behind: from,
        })
    }

    pub(super) fn has_room(&self) -> bool {
        self.window.has_room()
    }

    pub(super) fn acknowledged(&self) -> Position {
        self.window.acknowledged()
    }

    /// Whether all up to `end` is acknowledged.
    pub(super) fn is_done(&self, end: Position) -> bool {
        self.window.is_empty() && self.reader.position() >= end
    }

    /// Sends the next record that is confirmed, before `end`.
    pub(super) fn send_next(&mut self, end: Position) -> Result<Sent, Fault> {
        match self.reader.next(Limit::Confirmed(end))? {
            Item::Record { bytes, next } => {
                let partition = partition(bytes, self.partitions);
                self.producer.send(partition, bytes, self.window.next_serial())?;
                self.window.sent(bytes.len(), next);
                self.behind = next;
                Ok(Sent::Record)
            }
            Item::Missing { collector, first, last, .. } => {
                Ok(Sent::Gap(Gap { collector, first, last, behind: self.behind }))
            }
            Item::Damaged { bytes, next, .. } => Ok(Sent::Damaged { bytes, next }),
            Item::End => Ok(Sent::Nothing),
        }
    }

    /// Waits until there are reports.
    pub(super) async fn reported(&mut self) {
        self.producer.reports(&mut self.reports, REPORTS_MAX).await;
    }

    /// Takes all reports and gives how many records are acknowledged by them, and the first that was not delivered: after it the
    /// producer is of no use, for what it still sends would stand in the log before that record.
    pub(super) fn take_reports(&mut self) -> (u64, Option<ProducerError>) {
        let (mut acknowledged, mut failed) = (0, None);
        let more = std::iter::from_fn(|| self.producer.try_report());
        for report in self.reports.drain(..).chain(more) {
            match (report.delivered, report.serial) {
                (Ok(()), serial) => {
                    acknowledged += serial.map_or(0, |serial| self.window.delivered(serial));
                }
                (Err(error), _) => failed = failed.or(Some(error)),
            }
        }
        (acknowledged, failed)
    }
}

/// Lane mod partitions; what has no readable lane goes to the first partition, for it needs its row too.
fn partition(record: &[u8], partitions: u32) -> i32 {
    let lane = wire::header(record).map_or(0, |header| u32::from(header.lane));
    i32::try_from(lane % partitions.max(1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::keys::{DayKey, KeyId};
    use schemas::wire::{CollectorId, Header, NONCE_BYTES};

    fn record(lane: u8) -> Vec<u8> {
        let header = Header {
            collector: CollectorId([1; 16]),
            sequence: 1,
            site: "example.com".into(),
            written_hour: 1,
            lane,
        };
        let mut out = Vec::new();
        wire::seal(&header, &DayKey::new(KeyId([2; 16]), [3; 32]), [4; NONCE_BYTES], b"event", &mut out);
        out
    }

    #[test]
    fn the_lane_decides_the_partition() {
        for (lane, partitions, expected) in [(0, 6, 0), (7, 6, 1), (255, 256, 255), (255, 1, 0)] {
            assert_eq!(partition(&record(lane), partitions), expected, "lane {lane} of {partitions}");
        }
        assert_eq!(partition(b"of another version", 6), 0);
    }
}
