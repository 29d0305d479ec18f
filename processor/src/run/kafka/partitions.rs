//! Partitions come and go: what is under way is written before they go, and each is begun where its rows end.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{RETRY, REVOKE_WAIT, Run};
use crate::consumption::Begin;
use crate::partition::{Log, LogTooShort, Offset};
use crate::source::kafka::{KafkaSourceError, Polled};

/// Where each partition is read from, or why it is not.
type Begun = BTreeMap<i32, Result<Offset, LogTooShort>>;

impl Run {
    /// Takes what is no record.
    pub(super) fn rebalance(&mut self, polled: Polled<'_>) -> Result<(), KafkaSourceError> {
        match polled {
            Polled::Assigned(partitions) => {
                tracing::info!(?partitions, "partitions assigned");
                self.standing.assigned = partitions;
                self.standing.begin_at = Some(Instant::now());
            }
            Polled::Revoked { lost } => self.revoked(lost)?,
            Polled::OutOfRange => {
                tracing::error!(
                    "the log has no such offset: it was cut, or lost its end; partitions are begun anew"
                );
                self.consumption.revoke();
                self.standing.begin_at = Some(Instant::now());
            }
            Polled::Record(_) | Polled::Nothing => {}
        }
        self.telemetry.partitions.set(self.standing.assigned.len() as u64);
        Ok(())
    }

    fn revoked(&mut self, lost: bool) -> Result<(), KafkaSourceError> {
        tracing::info!(lost, "partitions revoked");
        if !lost {
            self.flush(REVOKE_WAIT);
        }
        // A partition that is paused comes back paused.
        self.resume();
        self.gone();
        self.source.give_up()
    }

    /// No partition is this processor's any more.
    pub(super) fn gone(&mut self) {
        self.standing.assigned.clear();
        self.standing.begin_at = None;
        self.standing.is_paused = false;
        self.telemetry.reading.set(0);
        self.telemetry.partitions.set(0);
        self.consumption.revoke();
    }

    /// Begins assigned partitions; those whose broker does not answer are tried again and again.
    pub(super) fn begin_when_due(&mut self) {
        if self.standing.begin_at.is_none_or(|at| Instant::now() < at) {
            return;
        }
        let begun = self.begin_assigned();
        let is_done = begun.as_ref().is_ok_and(|is_done| *is_done);
        self.standing.begin_at = (!is_done).then(|| Instant::now() + RETRY);
        match begun {
            Ok(true) => _ = self.telemetry.reading.set(1),
            Ok(false) => tracing::warn!("some partitions cannot be begun yet; trying again"),
            Err(error) => tracing::warn!(%error, "partitions cannot be begun yet; trying again"),
        }
    }

    /// True when all are begun, or stopped for good.
    fn begin_assigned(&mut self) -> Result<bool, KafkaSourceError> {
        let read = self.consumption.positions();
        let waiting: Vec<i32> =
            self.standing.assigned.iter().copied().filter(|number| !read.contains_key(number)).collect();
        let logs = self.logs(&waiting)?;
        let is_done = logs.len() == waiting.len();
        let (mut replayed, mut usual) = (logs.clone(), logs);
        let is_new = |number: &i32| self.begin == Begin::Replay && !self.standing.replayed.contains(number);
        replayed.retain(|number, _| is_new(number));
        usual.retain(|number, _| !is_new(number));
        let usually = if self.begin == Begin::AcceptShorterLog { self.begin } else { Begin::Committed };
        let mut begun = self.consumption.assign(&usual, usually);
        begun.append(&mut self.consumption.assign(&replayed, Begin::Replay));
        let stopped = begun.values().filter(|begun| begun.is_err()).count();
        self.telemetry.stopped_partitions.set(stopped as u64);
        self.read(&begun)?;
        Ok(is_done)
    }

    /// Reads everything anew that is being read, so that missing rows come back; rows that know more than the new ones stay
    /// as they are.
    pub(super) fn replay(&mut self) -> Result<(), KafkaSourceError> {
        let numbers: Vec<i32> = self.consumption.positions().into_keys().collect();
        let logs = self.logs(&numbers)?;
        let begun = self.consumption.assign(&logs, Begin::Replay);
        self.read(&begun)
    }

    fn logs(&self, numbers: &[i32]) -> Result<BTreeMap<i32, Log>, KafkaSourceError> {
        self.source.logs(numbers, |appended| self.consumption.warm_up_from(appended))
    }

    /// Reads all partitions that are begun by now.
    fn read(&mut self, begun: &Begun) -> Result<(), KafkaSourceError> {
        for (number, begun) in begun {
            if let Err(error) = begun {
                tracing::error!(partition = number, %error, "this partition is not read");
            }
        }
        self.source.begin(&self.consumption.positions())
    }
}
