//! Bare counts: how many hits were not recorded for lack of consent and what was chosen. They are summed in
//! memory and written once an hour, so that a count never tells a moment. A collector that is killed loses the sums of
//! its last hour: better than a trace of somebody who refused.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use schemas::event::{ConsentCount, Order};
use schemas::outcome::Outcome;

/// What one count is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Cell {
    site: String,
    local_day: i32,
    policy_revision: u32,
    outcome: Outcome,
}

/// The sums of the current hour. Bounded: configured sites × two days × revisions × outcomes.
#[derive(Debug, Default)]
pub struct ConsentCounts(Mutex<HashMap<Cell, u64>>);

impl ConsentCounts {
    /// Counts one outcome.
    pub fn add(&self, site: &str, local_day: i32, policy_revision: u32, outcome: Outcome) {
        let cell = Cell { site: site.to_owned(), local_day, policy_revision, outcome };
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *sums.entry(cell).or_default() += 1;
    }

    /// Puts a sum back that could not be written.
    pub fn put_back(&self, site: &str, order: &Order) {
        let Order::ConsentCount(counted) = order else { return };
        let Some(outcome) = Outcome::from_name(&counted.outcome) else { return };
        let (local_day, policy_revision) = (counted.local_day, counted.policy_revision);
        let cell = Cell { site: site.to_owned(), local_day, policy_revision, outcome };
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *sums.entry(cell).or_default() += counted.count;
    }

    /// Takes the sums out, each with its site, as records to write.
    pub fn take(&self) -> Vec<(String, Order)> {
        let sums = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let record = |(cell, count): (Cell, u64)| {
            let Cell { site, local_day, policy_revision, outcome } = cell;
            let outcome = outcome.as_str().to_owned();
            (site, Order::ConsentCount(ConsentCount { local_day, policy_revision, outcome, count }))
        };
        sums.into_iter().map(record).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_summed_and_taken_once() {
        let counts = ConsentCounts::default();
        for _ in 0..3 {
            counts.add("a", 20_000, 1, Outcome::Refused);
        }
        counts.add("a", 20_000, 1, Outcome::RefusedByGpc);
        let mut sums: Vec<u64> = counts
            .take()
            .into_iter()
            .filter_map(
                |(_, order)| if let Order::ConsentCount(count) = order { Some(count.count) } else { None },
            )
            .collect();
        sums.sort_unstable();
        assert_eq!(sums, [1, 3]);
        assert_eq!(counts.take(), []);
    }

    #[test]
    fn what_could_not_be_written_is_not_forgotten() {
        let counts = ConsentCounts::default();
        counts.add("a", 20_000, 1, Outcome::Refused);
        let taken = counts.take();
        taken.iter().for_each(|(site, order)| counts.put_back(site, order));
        assert_eq!(counts.take(), taken);
    }
}
