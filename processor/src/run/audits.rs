//! Orders that have passed are put into the audit chain beside a loop that must not wait for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::audit::{UnderWay, record_orders};
use crate::store::{Store, StoreError};
use crate::telemetry::Telemetry;

/// Looks for them, once at a time.
#[derive(Debug)]
pub(super) struct Audits {
    look: Look,
    runtime: Handle,
    at_work: Option<JoinHandle<()>>,
}

#[derive(Debug, Clone)]
struct Look {
    store: Store,
    telemetry: Arc<Telemetry>,
    under_way: Arc<Mutex<UnderWay>>,
}

impl Audits {
    pub(super) fn new(store: Store, telemetry: Arc<Telemetry>, runtime: Handle) -> Self {
        let look = Look { store, telemetry, under_way: Arc::default() };
        Self { look, runtime, at_work: None }
    }

    /// Begins a look, unless one is under way.
    pub(super) fn begin(&mut self) {
        if self.at_work.as_ref().is_some_and(|work| !work.is_finished()) {
            return;
        }
        let look = self.look.clone();
        self.at_work = Some(self.runtime.spawn(async move {
            if let Err(error) = look.run().await {
                tracing::warn!(
                    %error,
                    "erase orders that were carried out are not in the audit chain yet; they are tried again each minute, for seven days"
                );
            }
        }));
    }

    /// Another processor looks from now on.
    pub(super) fn end(&self) {
        self.look.telemetry.orders_not_chained.set(0);
        self.look.telemetry.orders_late.set(0);
    }
}

impl Look {
    async fn run(&self) -> Result<(), StoreError> {
        let mut orders = self.store.orders_not_chained().await?;
        self.telemetry.orders_not_chained.set(orders.passed() as u64);
        self.tell_late(std::mem::take(&mut orders.under_way));
        record_orders(&self.store, &orders, Timestamp::now()).await?;
        self.telemetry.orders_not_chained.set(0);
        Ok(())
    }

    fn tell_late(&self, under_way: Vec<String>) {
        let late =
            self.under_way.lock().unwrap_or_else(PoisonError::into_inner).late(under_way, Instant::now());
        self.telemetry.orders_late.set(late as u64);
        if late > 0 {
            tracing::warn!(
                orders = late,
                "erase orders were carried out in some partitions and not in others for ten minutes: see that all partitions are read \
                 (lag, stopped partitions) and what is missing (`processor reconcile`). An operator's order is given again by repeating the \
                 command; what a visitor's did not reach is forgotten when the site's day is over"
            );
        }
    }
}
