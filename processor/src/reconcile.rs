//! The hole check: does every sequence of every collector have its row?

use std::fmt;

use crate::store::{Hole, Store, StoreError};

/// What the check found.
#[derive(Debug, PartialEq, Eq)]
pub struct Reconciliation {
    /// Rows in `open_hits`, each counted once.
    pub rows: u64,
    /// Collectors they come from.
    pub collectors: u64,
    /// Runs of sequences without a row.
    pub holes: Vec<Hole>,
}

impl Reconciliation {
    /// Asks ClickHouse.
    ///
    /// # Errors
    /// ClickHouse's.
    pub async fn run(store: &Store) -> Result<Self, StoreError> {
        let (rows, collectors) = store.rows().await?;
        Ok(Self { rows, collectors, holes: store.holes().await? })
    }

    /// Sequences without a row.
    pub fn missing(&self) -> u64 {
        self.holes.iter().fold(0, |sum, hole| sum.saturating_add(hole.sequences()))
    }
}

impl fmt::Display for Reconciliation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for hole in &self.holes {
            writeln!(f, "missing: collector {} sequences {} to {}", hole.collector, hole.from, hole.to)?;
        }
        write!(
            f,
            "{} rows of {} collectors, {} sequences missing",
            self.rows,
            self.collectors,
            self.missing()
        )
    }
}
