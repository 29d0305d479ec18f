//! The forwarder's loop: one producer after the other, until the word to stop.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::time::sleep;

use super::fault::Fault;
use super::shipment::Shipment;
use super::stop::Stop;
use super::{FaultName, Forwarder, UPKEEP};

/// First pause after a failure; doubled up to the longest while nothing gets through.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// Pause when somebody has to change something.
const WRONG_PAUSE: Duration = Duration::from_secs(60);

/// The loop on its thread. Only waiting is asynchronous.
pub(super) struct Loop {
    pub(super) forwarder: Forwarder,
    pub(super) runtime: Handle,
    pub(super) stop: Stop,
}

impl Loop {
    /// Ships until it is told to stop, over all failures.
    pub(super) fn run(mut self) {
        let mut pause = PAUSE_MIN;
        let mut before = self.forwarder.progress.acknowledged();
        while let Err(fault) = self.ship() {
            let acknowledged = self.forwarder.progress.acknowledged();
            pause = if acknowledged > before { PAUSE_MIN } else { (2 * pause).min(PAUSE_MAX) };
            before = acknowledged;
            self.forwarder.telemetry().error(fault.name());
            match fault.name() {
                FaultName::Unreachable => tracing::warn!(error = %fault, "hits stay in the journal"),
                _ => tracing::error!(error = %fault, "forwarding is interrupted; hits stay in the journal"),
            }
            let is_wrong = fault.name() == FaultName::Topic;
            self.rest(if is_wrong { WRONG_PAUSE } else { pause });
            if self.stop.is_over() || (is_wrong && self.stop.is_told()) {
                break;
            }
        }
        self.end();
    }

    /// One producer's life. Ends well only after the word to stop.
    fn ship(&mut self) -> Result<(), Fault> {
        let checked = (self.forwarder.check)(self.forwarder.kafka().clone());
        let checked = self.runtime.block_on(async {
            tokio::select! {
                checked = checked => Some(checked),
                () = self.stop.over() => None,
            }
        });
        if checked.transpose()?.is_none() {
            return Ok(());
        }
        let from = self.forwarder.progress.acknowledged();
        let mut shipment = Shipment::begin(self.forwarder.kafka(), &self.forwarder.journal, from)?;
        self.forwarder.telemetry().forwarding.set(1);
        let followed = self.follow(&mut shipment);
        self.forwarder.telemetry().forwarding.set(0);
        followed
    }

    fn follow(&mut self, shipment: &mut Shipment) -> Result<(), Fault> {
        loop {
            let (acknowledged, failed) = shipment.take_reports();
            self.forwarder.telemetry().forwarded.inc_by(acknowledged);
            self.forwarder.progress.advance(shipment.acknowledged());
            if let Some(error) = failed {
                return Err(error.into());
            }
            self.forwarder.send(shipment)?;
            self.forwarder.upkeep(&self.runtime);
            let end = *self.forwarder.confirmed.borrow();
            if self.stop.is_over() || (self.stop.is_told() && shipment.is_done(end)) {
                return Ok(());
            }
            self.wait(shipment);
        }
    }

    /// Until there are reports, or records and room for them, or upkeep is due.
    fn wait(&mut self, shipment: &mut Shipment) {
        let may_send = shipment.has_room();
        let Self { forwarder: Forwarder { confirmed, .. }, runtime, stop } = self;
        runtime.block_on(async {
            tokio::select! {
                () = shipment.reported() => {}
                // A journal that is closed confirms nothing any more.
                Ok(()) = confirmed.changed(), if may_send => {}
                () = stop.heard() => {}
                () = sleep(UPKEEP) => {}
            }
        });
    }

    /// Pauses, with upkeep; not any longer when the word to stop comes.
    fn rest(&mut self, pause: Duration) {
        let until = Instant::now() + pause;
        loop {
            self.forwarder.upkeep(&self.runtime);
            let nap = until.saturating_duration_since(Instant::now()).min(UPKEEP);
            let stop = &mut self.stop;
            let is_told = self.runtime.block_on(async {
                tokio::select! { () = sleep(nap) => false, () = stop.heard() => true }
            });
            if is_told || self.stop.is_over() || Instant::now() >= until {
                return;
            }
        }
    }

    fn end(mut self) {
        self.forwarder.store();
        let left_bytes = self.forwarder.progress.lag_bytes(*self.forwarder.confirmed.borrow());
        if left_bytes > 0 {
            tracing::warn!(
                left_bytes,
                "Kafka has not taken everything; the rest stays in the journal for the next start"
            );
        } else {
            tracing::info!("everything is shipped");
        }
    }
}
