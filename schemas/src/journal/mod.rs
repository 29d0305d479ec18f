//! The journal on disk: what the collector writes and both programs read.
//!
//! A journal is a directory of numbered *segments*. A segment is a file: a header that names the collector and its first sequence
//! number there, then *frames*, one a record, then zeros. A [`Reader`] follows the frames from a [`Position`] to the writer's last
//! confirmed one. Bytes that can't be read are told as [`Item::Damaged`], sequence numbers that never came as [`Item::Missing`]:
//! damage is never an error and never silent. Payloads are opaque here except for the [`RecordId`] at their start.

pub mod frame;
mod position;
mod position_file;
mod reader;
mod record_id;
pub mod segment;
mod segment_reader;
mod window;

pub use position::{Position, PositionParseError};
pub use position_file::{PositionFile, PositionFileError};
pub use reader::{Item, Limit, ReadError, Reader};
pub use record_id::RecordId;

use crate::wire::CollectorId;
pub use segment_reader::{Bound, SegmentReader, Step};

#[cfg(test)]
mod tests;
