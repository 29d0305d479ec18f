//! Whether every collector is known to need no older key: it says in every partition that it uses the new one, and everything that
//! it wrote before has its row.

use std::fmt;

use schemas::wire::CollectorId;

use crate::store::{Hole, SeenCollector};

/// A collector of which that cannot be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Which one.
    pub collector: CollectorId,
    /// Rows in which it says that it uses the new key; nothing of one that has ended.
    pub in_use_rows: Option<u64>,
    /// How many there should be.
    pub partitions: u64,
    /// Sequences before them without a row.
    pub unread: u64,
}

/// Those of `seen` that may need an older key.
pub fn missing(seen: &[SeenCollector], holes: &[Hole], partitions: u64) -> Vec<Missing> {
    let of_one = |seen: &SeenCollector| Missing {
        collector: seen.collector,
        in_use_rows: (!seen.has_ended).then_some(seen.in_use_rows),
        partitions,
        unread: holes.iter().filter(|hole| seen.needs(hole)).map(Hole::sequences).sum(),
    };
    let is_missing = |missing: &Missing| {
        missing.unread > 0 || missing.in_use_rows.is_some_and(|rows| rows < missing.partitions)
    };
    seen.iter().map(of_one).filter(is_missing).collect()
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { collector, in_use_rows, partitions, unread } = self;
        write!(f, "collector {collector}")?;
        if let Some(rows) = in_use_rows.filter(|rows| rows < partitions) {
            write!(f, ": the new key is in use in {rows} of {partitions} partitions")?;
        }
        if *unread > 0 {
            write!(f, ": {unread} of its records are not read yet, or lost")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIVE: SeenCollector = SeenCollector {
        collector: CollectorId([1; 16]),
        has_ended: false,
        in_use_rows: 3,
        in_use_through: 90,
    };
    const ENDED: SeenCollector =
        SeenCollector { collector: CollectorId([2; 16]), has_ended: true, in_use_rows: 0, in_use_through: 0 };

    fn hole(collector: u8, from: u64, to: u64) -> Hole {
        Hole { collector: CollectorId([collector; 16]), from, to, written_hour: 0 }
    }

    #[test]
    fn who_says_in_every_partition_that_he_uses_the_key_is_not_missed() {
        assert_eq!(missing(&[ALIVE, ENDED], &[], 3), []);
        let silent = SeenCollector { in_use_rows: 2, ..ALIVE };
        let found = missing(&[silent, ENDED], &[], 3);
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().ends_with("in use in 2 of 3 partitions"), "{}", found[0]);
    }

    #[test]
    fn what_was_written_before_must_have_been_read() {
        let unread = |holes: &[Hole]| -> Vec<u64> {
            missing(&[ALIVE, ENDED], holes, 3).iter().map(|missing| missing.unread).collect()
        };
        assert_eq!(unread(&[hole(1, 91, 95), hole(9, 1, 5)]), [0; 0], "written later, or by nobody of these");
        assert_eq!(unread(&[hole(1, 80, 81), hole(1, 91, 95)]), [2]);
        assert_eq!(unread(&[hole(2, 500, 500)]), [1], "of one that has ended everything is older");
    }
}
