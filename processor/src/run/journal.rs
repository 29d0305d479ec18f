//! The loop of one machine: it follows the collector's own journal.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use schemas::journal::Position;
use schemas::keys::{KeyKeeper, Keys};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::audits::Audits;
use crate::batch::{BATCH_ROWS, Batch};
use crate::pipeline::{Pipeline, Taken};
use crate::reconcile::Reconciliation;
use crate::row::OpenHit;
use crate::source::journal::{Given, JournalSource, JournalSourceError};
use crate::store::Store;
use crate::telemetry::Telemetry;

/// Longest wait for a batch to fill.
const BATCH_WAIT: Duration = Duration::from_millis(500);
/// Time between two looks at changed IP databases and at missing sequences.
const UPKEEP: Duration = Duration::from_secs(60);

/// Everything the loop works on.
#[derive(Debug)]
pub struct Run {
    /// The journal and how far it is written.
    pub source: JournalSource,
    /// The transform.
    pub pipeline: Pipeline,
    /// ClickHouse.
    pub store: Store,
    /// Keys that open records.
    pub keys: Arc<KeyKeeper>,
    /// Counters.
    pub telemetry: Arc<Telemetry>,
}

impl Run {
    /// Rebuilds the state in memory from records whose rows are written: everything before the restart point.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn warm_up(&mut self) -> Result<u64, JournalSourceError> {
        let (started, end) = (Instant::now(), self.source.written());
        let keys = self.keys.keys();
        let mut records = 0;
        while self.source.position() < end {
            match self.source.next(end)? {
                Given::Record(bytes) => {
                    self.take(&bytes, &keys);
                    records += 1;
                }
                Given::Missing { collector, from, to, written_hour } => {
                    self.pipeline.lost(collector, from, to, written_hour);
                }
                Given::Damaged { .. } => {}
                Given::End => break,
            }
        }
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(records, elapsed_ms, "state in memory rebuilt");
        Ok(records)
    }

    /// Follows the journal until `stop`; then writes what is confirmed and ends.
    ///
    /// # Errors
    /// When the journal cannot be read or the position cannot be kept.
    pub async fn follow(
        mut self,
        mut confirmed: watch::Receiver<Position>,
        stop: impl Future<Output = ()>,
    ) -> Result<(), JournalSourceError> {
        let mut batch = Batch::new(self.source.id(), Arc::clone(&self.telemetry));
        // Upkeep forgets days by the clock, so it must not come before what the journal still holds of them.
        confirmed.mark_changed();
        let mut audits = Audits::new(self.store.clone(), Arc::clone(&self.telemetry), Handle::current());
        let mut upkeep = tokio::time::interval_at(tokio::time::Instant::now() + UPKEEP, UPKEEP);
        upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(stop);
        loop {
            let stopping = tokio::select! {
                biased;
                () = &mut stop => true,
                // Before the journal, which is always ready under load.
                _ = upkeep.tick() => { self.upkeep(); audits.begin(); false }
                changed = confirmed.changed() => changed.is_err(),
            };
            // More hits are on their way; one insert for all of them costs ClickHouse as much as one for each.
            let stopping = stopping || tokio::time::timeout(BATCH_WAIT, &mut stop).await.is_ok();
            let end = *confirmed.borrow_and_update();
            while self.source.position() < end {
                self.batch(&mut batch, end).await?;
            }
            if stopping {
                return Ok(());
            }
        }
    }

    /// Writes one batch and remembers it.
    async fn batch(&mut self, batch: &mut Batch, end: Position) -> Result<(), JournalSourceError> {
        let started = Instant::now();
        let keys = self.keys.keys();
        while batch.rows() < BATCH_ROWS && self.source.position() < end {
            let given = self.source.next(end)?;
            if matches!(given, Given::End) {
                break;
            }
            self.fill(batch, given, &keys);
        }
        // ClickHouse may be long in answering; keys that are destroyed meanwhile must not stay here.
        drop(keys);
        if batch.rows() > 0 {
            self.store.insert("open_hits", &batch.take()).await;
        }
        self.source.commit(self.source.position())?;
        self.telemetry.batch(started.elapsed());
        self.telemetry.visitors_held.set(self.pipeline.visitors_held() as u64);
        Ok(())
    }

    fn fill(&mut self, batch: &mut Batch, given: Given, keys: &Keys) {
        match given {
            Given::Record(bytes) => {
                let (taken, lost) = self.take(&bytes, keys);
                batch.add(&taken);
                if !lost.is_empty() {
                    let sequences = lost.len();
                    tracing::error!(
                        sequences,
                        "the end of a collector is missing in the journal; it is counted as lost"
                    );
                }
                lost.iter().for_each(|row| batch.row(row));
            }
            Given::Missing { collector, from, to, written_hour } => {
                tracing::error!(%collector, from, to, "sequences are missing in the journal; they are counted as lost");
                let lost = self.pipeline.lost(collector, from, to, written_hour);
                lost.iter().for_each(|row| batch.row(row));
            }
            Given::Damaged { bytes } => {
                tracing::error!(bytes, "damaged bytes in the journal");
                self.telemetry.damaged_bytes.inc_by(bytes);
            }
            Given::End => {}
        }
    }

    /// What a record gives, and the rows of the sequences that it shows to be lost.
    fn take(&mut self, bytes: &[u8], keys: &Keys) -> (Taken, Vec<OpenHit>) {
        let taken = self.pipeline.take(bytes, keys);
        let lost = match &taken {
            Taken::Opened(_, start) => self.pipeline.lost_before(start, self.source.latest_hour()),
            _ => Vec::new(),
        };
        (taken, lost)
    }

    /// Called between batches, when all that is confirmed has been read. Hits do not wait for the hole check.
    fn upkeep(&mut self) {
        self.pipeline.refresh();
        self.pipeline.forget_days_before(Timestamp::now());
        let (store, telemetry) = (self.store.clone(), Arc::clone(&self.telemetry));
        tokio::spawn(async move {
            match Reconciliation::run(&store).await {
                Ok(found) => _ = telemetry.missing_sequences.set(found.missing()),
                Err(error) => tracing::warn!(%error, "hole check failed"),
            }
        });
    }
}
