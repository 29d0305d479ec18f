//! Where records come from. A source gives them in the order in which they were numbered, and remembers how far
//! their rows are written.

pub mod journal;
pub mod kafka;
pub mod log_file;

use std::fmt;

/// Kafka cluster and topic, journal directory, or import run: each seals its own rows.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SourceId(pub [u8; 16]);

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&schemas::wire::CollectorId(self.0), f)
    }
}

impl fmt::Debug for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
