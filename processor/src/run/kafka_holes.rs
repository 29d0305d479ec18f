//! The hole check beside a loop that must not wait for it, and what is done about a hole: the log is read again.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::hole_watch::{HoleWatch, Progress};
use crate::source::kafka::KafkaSource;
use crate::store::{Hole, Store};
use crate::telemetry::Telemetry;

/// Time between two readings of the whole log because of holes: what one did not fill, the next one will hardly fill.
const REPLAY_PAUSE: Duration = Duration::from_secs(60 * 60);

/// Checks again and again.
#[derive(Debug)]
pub(super) struct Holes {
    asked: Asked,
    runtime: Handle,
    every: Duration,
    sender: Sender<Checked>,
    checked: Receiver<Checked>,
    watch: HoleWatch,
    check_at: Instant,
    replay_at: Instant,
}

/// Who is asked: ClickHouse, and the topic with its number of partitions.
type Asked = (Store, Arc<KafkaSource>, u32);
/// Holes, and how far all partitions were written before they were asked for.
type Checked = (Vec<Hole>, Progress);

impl Holes {
    pub(super) fn new(asked: Asked, runtime: Handle, every: Duration) -> Self {
        let ((sender, checked), now) = (channel(), Instant::now());
        let (watch, check_at) = (HoleWatch::default(), now + every);
        Self { asked, runtime, every, sender, checked, watch, check_at, replay_at: now }
    }

    /// Starts a check when one is due and takes what the last one found. True when something is missing, and the log was
    /// not read again because of that lately.
    pub(super) fn missing_again(&mut self, telemetry: &Telemetry) -> bool {
        let now = Instant::now();
        if now >= self.check_at {
            self.check_at = now + self.every;
            self.start();
        }
        let Ok((holes, progress)) = self.checked.try_recv() else { return false };
        let missing = self.watch.observe(&holes, &progress);
        let sequences = missing.iter().map(Hole::sequences).sum();
        telemetry.missing_sequences.set(sequences);
        if let Some(Hole { collector, from, to, .. }) = missing.first() {
            tracing::error!(
                sequences,
                %collector,
                from,
                to,
                "acknowledged records have no row; the first of them are named, `processor reconcile` names all"
            );
        }
        if missing.is_empty() || now < self.replay_at {
            return false;
        }
        self.replay_at = now + REPLAY_PAUSE;
        tracing::warn!("reading the log again for missing records");
        true
    }

    fn start(&self) {
        let (sender, (store, source, partitions)) = (self.sender.clone(), self.asked.clone());
        self.runtime.spawn(async move {
            let progress = tokio::task::spawn_blocking(move || source.progress(partitions)).await;
            let Ok(Ok(progress)) = progress else {
                return tracing::warn!("hole check: Kafka does not answer");
            };
            match store.holes().await {
                // The loop may have ended.
                Ok(holes) => _ = sender.send((holes, progress)),
                Err(error) => tracing::warn!(%error, "hole check failed"),
            }
        });
    }
}
