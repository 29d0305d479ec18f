//! The word to stop, and the time that is left after it.

use std::future::pending;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::process::told;

/// How long the brokers may take for what is left.
const DRAIN: Duration = Duration::from_secs(10);

/// Not told yet, or the moment at which the time is over.
pub(super) struct Stop {
    word: watch::Receiver<bool>,
    end: Option<Instant>,
}

impl Stop {
    pub(super) fn new(word: watch::Receiver<bool>) -> Self {
        Self { word, end: None }
    }

    /// Whether the word was heard.
    pub(super) fn is_told(&self) -> bool {
        self.end.is_some()
    }

    /// Whether the time after it is over.
    pub(super) fn is_over(&self) -> bool {
        self.end.is_some_and(|end| Instant::now() >= end)
    }

    /// Hears the word, once.
    pub(super) async fn heard(&mut self) {
        if self.is_told() {
            return pending().await;
        }
        told(self.word.clone()).await;
        self.end = Some(Instant::now() + DRAIN);
    }

    /// Waits for the end of the time after the word.
    pub(super) async fn over(&mut self) {
        if !self.is_told() {
            self.heard().await;
        }
        match self.end {
            Some(end) => sleep_until(end).await,
            None => pending().await,
        }
    }
}
