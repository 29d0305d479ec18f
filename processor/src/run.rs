//! The loop that joins a source, the pipeline and the store: warm up, then batch, insert, and only then remember how
//! far the rows are written.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use schemas::journal::Position;
use schemas::keys::{KeyKeeper, Keys};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::block::Block;
use crate::pipeline::{Pipeline, Taken};
use crate::reconcile::Reconciliation;
use crate::row::{self, OpenHit};
use crate::source::journal::{Given, JournalSource, JournalSourceError};
use crate::store::Store;
use crate::telemetry::Telemetry;

/// Rows in one insert.
const BATCH_ROWS: usize = 20_000;
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
                    self.pipeline.take(&bytes, &keys);
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
        let mut block = row::block();
        // Upkeep forgets days by the clock, so it must not come before what the journal still holds of them.
        confirmed.mark_changed();
        let mut upkeep = tokio::time::interval_at(tokio::time::Instant::now() + UPKEEP, UPKEEP);
        upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(stop);
        loop {
            let stopping = tokio::select! {
                biased;
                () = &mut stop => true,
                // Before the journal, which is always ready under load.
                _ = upkeep.tick() => { self.upkeep(); false }
                changed = confirmed.changed() => changed.is_err(),
            };
            // More hits are on their way; one insert for all of them costs ClickHouse as much as one for each.
            let stopping = stopping || tokio::time::timeout(BATCH_WAIT, &mut stop).await.is_ok();
            let end = *confirmed.borrow_and_update();
            while self.source.position() < end {
                self.batch(&mut block, end).await?;
            }
            if stopping {
                return Ok(());
            }
        }
    }

    /// Writes one batch and remembers it.
    async fn batch(&mut self, block: &mut Block, end: Position) -> Result<(), JournalSourceError> {
        let started = Instant::now();
        let keys = self.keys.keys();
        while block.rows() < BATCH_ROWS && self.source.position() < end {
            let given = self.source.next(end)?;
            if matches!(given, Given::End) {
                break;
            }
            self.fill(block, given, &keys);
        }
        // ClickHouse may be long in answering; keys that are destroyed meanwhile must not stay here.
        drop(keys);
        if block.rows() > 0 {
            self.store.insert("open_hits", &Bytes::from(block.take())).await;
        }
        self.source.commit(self.source.position())?;
        self.telemetry.batch_ms.set(u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX));
        self.telemetry.visitors_held.set(self.pipeline.visitors_held() as u64);
        Ok(())
    }

    fn fill(&mut self, block: &mut Block, given: Given, keys: &Keys) {
        let source = self.source.id();
        let mut write = |row: &OpenHit| {
            self.telemetry.row(row.kind());
            row.write(block, source);
        };
        match given {
            Given::Record(bytes) => match self.pipeline.take(&bytes, keys) {
                Taken::Row(row) => write(&row),
                Taken::Opened(row, lost) => {
                    if !lost.is_empty() {
                        tracing::error!(
                            sequences = lost.len(),
                            "the end of a collector is missing in the journal; it is counted as lost"
                        );
                    }
                    write(&row);
                    lost.iter().for_each(write);
                }
                Taken::Skipped => _ = self.telemetry.skipped.inc(),
                Taken::Malformed => _ = self.telemetry.malformed.inc(),
            },
            Given::Missing { collector, from, to, written_hour } => {
                tracing::error!(%collector, from, to, "sequences are missing in the journal; they are counted as lost");
                self.pipeline.lost(collector, from, to, written_hour).iter().for_each(write);
            }
            Given::Damaged { bytes } => {
                tracing::error!(bytes, "damaged bytes in the journal");
                self.telemetry.damaged_bytes.inc_by(bytes);
            }
            Given::End => {}
        }
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
