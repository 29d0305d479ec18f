//! Rows on their way into one insert.

use std::sync::Arc;

use bytes::Bytes;

use crate::block::Block;
use crate::pipeline::Taken;
use crate::row::{self, OpenHit};
use crate::source::SourceId;
use crate::telemetry::Telemetry;

/// Rows that one insert should have: a larger one costs ClickHouse no less per row.
pub const BATCH_ROWS: usize = 20_000;

/// A block of `open_hits` under construction; it counts what it is given.
#[derive(Debug)]
pub struct Batch {
    block: Block,
    source: SourceId,
    telemetry: Arc<Telemetry>,
}

impl Batch {
    /// An empty one, for rows of `source`.
    pub fn new(source: SourceId, telemetry: Arc<Telemetry>) -> Self {
        Self { block: row::block(), source, telemetry }
    }

    /// Adds the rows that a record gave.
    pub fn add(&mut self, taken: &Taken) {
        match taken {
            Taken::Row(row) | Taken::Opened(row, _) => self.row(row),
            Taken::Lost(row, lost) => {
                self.row(row);
                lost.iter().for_each(|row| self.row(row));
            }
            Taken::Skipped => _ = self.telemetry.skipped.inc(),
            Taken::Malformed => _ = self.telemetry.malformed.inc(),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, row: &OpenHit) {
        self.telemetry.row(row.kind());
        row.write(&mut self.block, self.source);
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.block.rows()
    }

    /// Drops its rows.
    pub fn clear(&mut self) {
        self.block.clear();
    }

    /// The encoded rows; the next ones start anew.
    pub fn take(&mut self) -> Bytes {
        Bytes::from(self.block.take())
    }
}
