//! When a round's kills fall.

use std::fmt;
use std::time::Duration;

use rand::{Rng, RngExt as _};

/// The moments of one round.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// From the load's begin to the kill.
    pub life: Duration,
    /// The kill waits until the processor has remembered once more how far rows are written: they must be there then.
    pub at_commit: bool,
    /// From a start to a second kill, while the journal is repaired, read again or written.
    pub second_life: Option<Duration>,
}

impl Schedule {
    /// Draws the next round's.
    pub fn draw(random: &mut impl Rng) -> Self {
        let life = Duration::from_millis(random.random_range(30..1200));
        let second_life = Duration::from_millis(random.random_range(0..1200));
        let second_life = random.random_bool(1.0 / 3.0).then_some(second_life);
        Self { life, at_commit: random.random_bool(1.0 / 3.0), second_life }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let commit = if self.at_commit { " at the next commit" } else { "" };
        write!(f, "killed after {} ms{commit}", self.life.as_millis())?;
        self.second_life.map_or(Ok(()), |life| write!(f, " and {} ms after its start", life.as_millis()))
    }
}
