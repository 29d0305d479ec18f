//! Whether appends are let in: a full or failing journal is asked again only after a while.

use super::AppendError;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// `retry_after` grows to at most this many times itself.
const BACKOFF_MAX: u32 = 32;

/// Why the writer refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Full,
    Failed,
}

impl From<Refusal> for AppendError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Full => AppendError::Full,
            Refusal::Failed => AppendError::Failed,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum State {
    Open,
    Refusing { refusal: Refusal, until: Instant, times: u32 },
    Closed,
}

/// Shared by the handles, which ask, and the writer, which tells.
pub(super) struct Admission {
    state: Mutex<State>,
    retry_after: Duration,
}

impl Admission {
    pub(super) fn new(retry_after: Duration) -> Self {
        Admission { state: Mutex::new(State::Open), retry_after }
    }

    /// Lets in, also for a new try when a refusal's time is over.
    pub(super) fn admit(&self) -> Result<(), AppendError> {
        match *self.state() {
            State::Open => Ok(()),
            State::Refusing { until, .. } if Instant::now() >= until => Ok(()),
            State::Refusing { refusal, .. } => Err(refusal.into()),
            State::Closed => Err(AppendError::Closed),
        }
    }

    /// The writer could not write.
    pub(super) fn refuse(&self, refusal: Refusal) {
        let mut state = self.state();
        let times = match *state {
            State::Open => 1,
            State::Refusing { times, .. } => times.saturating_mul(2).min(BACKOFF_MAX),
            State::Closed => return,
        };
        *state = State::Refusing { refusal, until: Instant::now() + self.retry_after * times, times };
    }

    /// The writer has written.
    pub(super) fn written(&self) {
        let mut state = self.state();
        if matches!(*state, State::Refusing { .. }) {
            *state = State::Open;
        }
    }

    /// A full journal may have room again.
    pub(super) fn space_was_freed(&self) {
        let mut state = self.state();
        if matches!(*state, State::Refusing { refusal: Refusal::Full, .. }) {
            *state = State::Open;
        }
    }

    pub(super) fn close(&self) {
        *self.state() = State::Closed;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn a_full_journal_opens_when_space_is_freed_and_a_failed_one_does_not() {
        let admission = Admission::new(LONG);
        admission.refuse(Refusal::Full);
        assert!(matches!(admission.admit(), Err(AppendError::Full)));
        admission.space_was_freed();
        assert!(admission.admit().is_ok());
        admission.refuse(Refusal::Failed);
        admission.space_was_freed();
        assert!(matches!(admission.admit(), Err(AppendError::Failed)));
        admission.written();
        assert!(admission.admit().is_ok());
    }

    #[test]
    fn a_refusal_ends_by_itself_so_that_somebody_tries_again() {
        let admission = Admission::new(Duration::ZERO);
        admission.refuse(Refusal::Failed);
        assert!(admission.admit().is_ok());
    }

    #[test]
    fn waits_longer_each_time_up_to_a_limit() {
        let admission = Admission::new(LONG);
        for expected in [1, 2, 4, 8, 16, 32, 32] {
            admission.refuse(Refusal::Failed);
            assert!(matches!(*admission.state(), State::Refusing { times, .. } if times == expected));
        }
    }

    #[test]
    fn closed_is_for_good() {
        let admission = Admission::new(Duration::ZERO);
        admission.close();
        admission.written();
        admission.refuse(Refusal::Full);
        assert!(matches!(admission.admit(), Err(AppendError::Closed)));
    }
}
