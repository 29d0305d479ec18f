//! Orders that have passed are put into the audit chain beside a loop that must not wait for it.

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::audit::record_orders;
use crate::store::Store;

/// Looks for them, once at a time.
#[derive(Debug)]
pub(super) struct Audits {
    store: Store,
    runtime: Handle,
    at_work: Option<JoinHandle<()>>,
}

impl Audits {
    pub(super) fn new(store: Store, runtime: Handle) -> Self {
        Self { store, runtime, at_work: None }
    }

    /// Begins a look, unless one is under way.
    pub(super) fn begin(&mut self) {
        if self.at_work.as_ref().is_some_and(|work| !work.is_finished()) {
            return;
        }
        let store = self.store.clone();
        self.at_work = Some(self.runtime.spawn(async move {
            if let Err(error) = record_orders(&store, Timestamp::now()).await {
                tracing::warn!(%error, "erase orders that were carried out are not in the audit chain yet");
            }
        }));
    }
}
