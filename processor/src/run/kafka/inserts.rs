//! One insert at a time beside a loop that must not wait for it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::consumption::Sealed;
use crate::store::Store;

/// The insert that is under way, if one is.
#[derive(Debug)]
pub(super) struct Inserts {
    store: Store,
    runtime: Handle,
    sender: Sender<Sealed>,
    finished: Receiver<Sealed>,
    started: Option<Instant>,
}

impl Inserts {
    /// Inserts into `store`, on `runtime`.
    pub(super) fn new(store: Store, runtime: Handle) -> Self {
        let (sender, finished) = channel();
        Self { store, runtime, sender, finished, started: None }
    }

    /// Whether one is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.started.is_some()
    }

    /// Starts one; it is tried again until ClickHouse has answered. Nothing to insert is done at once.
    pub(super) fn start(&mut self, sealed: Sealed) {
        self.started = Some(Instant::now());
        let (store, sender) = (self.store.clone(), self.sender.clone());
        self.runtime.spawn(async move {
            if let Some(rows) = &sealed.rows {
                store.insert("open_hits", rows).await;
            }
            // The loop may have ended; what it left is read again.
            sender.send(sealed).ok();
        });
    }

    /// What was inserted, and how long it took, after `wait` at the latest.
    pub(super) fn finished(&mut self, wait: Duration) -> Option<(Sealed, Duration)> {
        let started = self.started?;
        match self.finished.recv_timeout(wait) {
            Ok(sealed) => {
                self.started = None;
                Some((sealed, started.elapsed()))
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
        }
    }
}
