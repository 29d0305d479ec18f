//! The forwarder ships the journal to Kafka, in order, and only what the disk has confirmed.
//!
//! ```text
//! journal ─▶ reader (confirmed records) ─▶ partition by lane ─▶ window (16,384 records, 16 MiB) ─▶ producer ─▶ brokers
//!    ▲                                                              │ acknowledged without a gap
//!    └────────────── trimmed after 10 minutes ◀── position file ◀───┘ stored about once a second
//! ```
//! While Kafka does not answer the journal grows, and when it reaches its cap hits are refused; nothing is dropped. After any failure the
//! producer is given up, and the next one begins at the acknowledged place: what was under way may come twice, which the
//! processor skips. The position file is the one that a processor on the same machine keeps, so that a machine that moves to
//! Kafka goes on where it was.

mod fault;
mod gaps;
mod in_flight;
mod lag;
mod looping;
mod progress;
mod shipment;
mod stop;
pub mod telemetry;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use schemas::configuration::Kafka;
use schemas::event::{Lost, Order};
use schemas::journal::{Position, PositionFile, PositionFileError, ReadError};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};

use crate::endpoints::Collector;
use crate::kafka::topic::{TopicError, ensure_topic};
use crate::refusal::Refusal;
use crate::service::Service;
pub use fault::FaultName;

use fault::Fault;
use gaps::Gaps;
use looping::Loop;
use progress::Progress;
use shipment::{Sent, Shipment};
use stop::Stop;
use telemetry::ForwarderTelemetry;

/// Time between two looks at what is to be stored and shown.
const UPKEEP: Duration = Duration::from_secs(1);
/// Time between two removals of old segments.
const TRIM: Duration = Duration::from_secs(60);

/// Why the forwarder cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ForwarderError {
    /// Its place cannot be read.
    #[error(transparent)]
    Position(#[from] PositionFileError),
    /// Its place is not in this journal.
    #[error(transparent)]
    Journal(#[from] ReadError),
}

/// Makes or checks the topic.
type TopicCheck = Box<dyn Fn(Kafka) -> Pin<Box<dyn Future<Output = Result<(), TopicError>>>> + Send>;

/// Everything the loop works on.
pub struct Forwarder {
    collector: Arc<Collector>,
    confirmed: watch::Receiver<Position>,
    journal: PathBuf,
    check: TopicCheck,
    progress: Progress,
    gaps: Gaps,
    /// Behind the damage that was told last.
    damage_told: Position,
    upkeep_due: Instant,
    trim_due: Instant,
}

/// A forwarder at work.
pub struct Forwarding {
    stop: watch::Sender<bool>,
    ended: JoinHandle<()>,
}

impl Forwarder {
    /// Takes up the place that was stored last in `data`.
    ///
    /// # Errors
    /// When the place cannot be read, or is beyond the journal's end.
    pub fn open(service: &Service, data: &Path) -> Result<Self, ForwarderError> {
        let (journal, confirmed) = (data.join("journal"), service.confirmed());
        let progress = Progress::load(journal.clone(), PositionFile::new(data.join("position")))?;
        let (position, end) = (progress.acknowledged(), *confirmed.borrow());
        if position > end {
            return Err(ReadError::Ahead { position, end }.into());
        }
        Ok(Self {
            collector: Arc::clone(&service.collector),
            confirmed,
            journal,
            check: Box::new(|kafka| Box::pin(async move { ensure_topic(&kafka).await })),
            progress,
            gaps: Gaps::default(),
            damage_told: Position::START,
            upkeep_due: Instant::now(),
            trim_due: Instant::now(),
        })
    }

    /// Begins to ship, on a thread of its own: reading blocks. To be called in a runtime with several threads.
    pub fn start(self) -> Forwarding {
        let (stop, word) = watch::channel(false);
        let runtime = Handle::current();
        let ended = tokio::task::spawn_blocking(move || {
            Loop { forwarder: self, runtime, stop: Stop::new(word) }.run();
        });
        Forwarding { stop, ended }
    }

    fn kafka(&self) -> &Kafka {
        &self.collector.configuration.kafka
    }

    fn telemetry(&self) -> &ForwarderTelemetry {
        &self.collector.telemetry.forwarder
    }

    /// Sends what is confirmed, as long as there is room.
    fn send(&mut self, shipment: &mut Shipment) -> Result<(), Fault> {
        let end = *self.confirmed.borrow_and_update();
        while shipment.has_room() {
            match shipment.send_next(end)? {
                Sent::Record => {}
                Sent::Gap(gap) => {
                    if self.gaps.found(gap) {
                        let (collector, first, last) = (gap.collector, gap.first, gap.last);
                        tracing::error!(%collector, first, last, "sequences are missing in the journal; they are told as lost");
                        self.telemetry().lost_sequences.inc_by((last - first).saturating_add(1));
                    }
                }
                Sent::Damaged { bytes, next } if next > self.damage_told => {
                    tracing::error!(bytes, "damaged bytes in the journal");
                    self.telemetry().damaged_bytes.inc_by(bytes);
                    self.damage_told = next;
                }
                Sent::Damaged { .. } => {}
                Sent::Nothing => break,
            }
        }
        Ok(())
    }

    /// Stores the place, tells the gaps, sets the gauges, removes old segments: whatever of it is due.
    fn upkeep(&mut self, runtime: &Handle) {
        let now = Instant::now();
        if now < self.upkeep_due {
            return;
        }
        self.upkeep_due = now + UPKEEP;
        self.tell_gaps(runtime);
        self.store();
        self.progress.show(*self.confirmed.borrow(), &self.collector.telemetry.forwarder);
        if now >= self.trim_due {
            self.trim_due = now + TRIM;
            self.trim();
        }
    }

    /// A piece that the journal does not take is told at the next upkeep; records are shipped meanwhile, for only that makes room.
    fn tell_gaps(&mut self, runtime: &Handle) {
        while let Some(lost) = self.gaps.untold() {
            let Lost { from, to, .. } = lost;
            let told = runtime.block_on(self.collector.recorder.control(String::new(), Order::Lost(lost)));
            if let Err(refusal) = told {
                tracing::error!(from, to, %refusal, "it cannot be told yet which sequences are lost");
                self.telemetry().error(FaultName::Lost);
                return;
            }
            self.gaps.told();
        }
    }

    fn store(&mut self) {
        let place = self.gaps.before_untold(self.progress.acknowledged());
        match self.progress.store(place) {
            Ok(()) => self.gaps.forget_before(place),
            Err(error) => {
                tracing::error!(%error, "the forwarder's place is not stored; after a restart more is shipped again");
                self.telemetry().error(FaultName::Position);
            }
        }
    }

    fn trim(&mut self) {
        let recorder = &self.collector.recorder;
        let is_full = matches!(recorder.admit(), Err(Refusal::JournalFull));
        match recorder.journal().trim(self.progress.due(is_full)) {
            Ok(0) => {}
            Ok(bytes) => tracing::info!(bytes, "acknowledged journal segments removed"),
            Err(error) => {
                tracing::error!(%error, "acknowledged journal segments could not be removed");
                self.telemetry().error(FaultName::Trim);
            }
        }
    }
}

impl Forwarding {
    /// Returns when the forwarder has ended by itself, which it does not.
    ///
    /// # Errors
    /// It panicked.
    pub async fn ended(&mut self) -> Result<(), JoinError> {
        (&mut self.ended).await
    }

    /// Lets it ship what the closed journal holds, for a while, and end. What is left stays in the journal for the next start.
    ///
    /// # Errors
    /// It panicked.
    pub async fn finish(self) -> Result<(), JoinError> {
        self.stop.send(true).ok();
        self.ended.await
    }
}

#[cfg(test)]
mod tests;
