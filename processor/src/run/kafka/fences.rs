//! How often the group may say that this processor's name is another member's.
//!
//! A client that lost its session joins again by itself under a new member id (KIP-345). A request of before that the broker sees
//! only then is taken for another process of the same name, and the client has failed for good: a new one must join. Two
//! processes that really have the same name put each other out in turn; the first of them gives way.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// One more in [`WINDOW`] is not bad luck any more.
const FENCES_MAX: usize = 2;
const WINDOW: Duration = Duration::from_secs(5 * 60);

/// The moments when it was said.
#[derive(Debug, Default)]
pub(super) struct Fences(VecDeque<Instant>);

impl Fences {
    /// Notes one more; false when it cannot be borne.
    pub(super) fn bear(&mut self, now: Instant) -> bool {
        self.0.retain(|at| now.saturating_duration_since(*at) < WINDOW);
        self.0.push_back(now);
        self.0.len() <= FENCES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_in_five_minutes_are_borne_and_a_third_is_not() {
        let (start, mut fences) = (Instant::now(), Fences::default());
        let borne = [0, 10, 320, 325, 330].map(|at_s| fences.bear(start + Duration::from_secs(at_s)));
        assert_eq!(borne, [true, true, true, true, false]);
    }
}
