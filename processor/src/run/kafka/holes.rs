//! The hole check beside a loop that must not wait for it, and what is done about a hole: the log is read again.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::runtime::Handle;

use crate::hole_watch::{HoleWatch, Progress, common};
use crate::source::kafka::KafkaSource;
use crate::store::{Hole, Store};
use crate::telemetry::Telemetry;

/// Longest time of a check.
const CHECK: Duration = Duration::from_secs(120);
/// Time between two readings of the whole log because of holes.
const REPLAY_PAUSE: Duration = Duration::from_secs(60 * 60);

/// Checks again and again.
#[derive(Debug)]
pub(super) struct Holes {
    asked: Asked,
    runtime: Handle,
    every: Duration,
    sender: Sender<Option<Checked>>,
    checked: Receiver<Option<Checked>>,
    watch: HoleWatch,
    /// Missing, as of the last check.
    missing: Vec<Hole>,
    /// Those for which the log was read again.
    tried: Vec<Hole>,
    is_checking: bool,
    check_at: Instant,
    replay_at: Instant,
}

/// Who is asked: ClickHouse, and the topic with its number of partitions.
type Asked = (Store, Arc<KafkaSource>, u32);
/// What a check found.
#[derive(Debug)]
pub(super) struct Checked {
    holes: Vec<Hole>,
    /// How far all partitions were written before the holes were asked for.
    pub(super) progress: Progress,
    /// Before both.
    pub(super) at: Timestamp,
}

impl Holes {
    pub(super) fn new(asked: Asked, runtime: Handle, every: Duration) -> Self {
        let ((sender, checked), now) = (channel(), Instant::now());
        Self {
            asked,
            runtime,
            every,
            sender,
            checked,
            watch: HoleWatch::default(),
            missing: Vec::new(),
            tried: Vec::new(),
            is_checking: false,
            check_at: now + every,
            replay_at: now,
        }
    }

    /// From now on asks the topic through another client.
    pub(super) fn ask(&mut self, source: &Arc<KafkaSource>) {
        self.asked.1 = Arc::clone(source);
    }

    /// Starts a check when one is due and takes what the last one found; gives how far everything was written by then.
    pub(super) fn check(&mut self, telemetry: &Telemetry) -> Option<Checked> {
        let now = Instant::now();
        if now >= self.check_at && !self.is_checking {
            self.check_at = now + self.every;
            self.is_checking = true;
            self.start();
        }
        let checked = self.checked.try_recv().ok()?;
        self.is_checking = false;
        let checked = checked?;
        telemetry.hole_checks.inc();
        telemetry.unwritten.set(checked.progress.unwritten());
        self.missing = self.watch.observe(&checked.holes, &checked.progress).to_vec();
        let sequences = self.missing.iter().fold(0, |sum: u64, hole| sum.saturating_add(hole.sequences()));
        telemetry.missing_sequences.set(sequences);
        if let Some(Hole { collector, from, to, .. }) = self.missing.first() {
            tracing::error!(
                sequences,
                %collector,
                from,
                to,
                "acknowledged records have no row; the first of them are named, `processor reconcile` names all"
            );
        }
        Some(checked)
    }

    /// Whether something is missing for which the log was not read again yet.
    pub(super) fn wants_replay(&self) -> bool {
        Instant::now() >= self.replay_at && common(&self.missing, &self.tried) != self.missing
    }

    /// The log is being read again for all that is missing now. What that does not bring back is not in the log.
    pub(super) fn replayed(&mut self) {
        tracing::warn!("reading the log again for missing records");
        self.tried = self.missing.clone();
        self.replay_at = Instant::now() + REPLAY_PAUSE;
    }

    fn start(&self) {
        let (sender, (store, source, partitions)) = (self.sender.clone(), self.asked.clone());
        self.runtime.spawn(async move {
            let checked = tokio::time::timeout(CHECK, check(&store, source, partitions)).await;
            // The loop may have ended.
            sender.send(checked.ok().flatten()).ok();
        });
    }
}

/// Asks both, Kafka first.
async fn check(store: &Store, source: Arc<KafkaSource>, partitions: u32) -> Option<Checked> {
    let at = Timestamp::now();
    let progress = tokio::task::spawn_blocking(move || source.progress(partitions)).await;
    let Ok(Ok(progress)) = progress else {
        tracing::warn!("hole check: Kafka does not answer");
        return None;
    };
    match store.holes().await {
        Ok(holes) => Some(Checked { holes, progress, at }),
        Err(error) => {
            tracing::warn!(%error, "hole check failed");
            None
        }
    }
}
