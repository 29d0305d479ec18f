//! The loops that join a source, the pipeline and the store. Both warm up, then gather rows, insert them, and only then
//! remember how far the rows are written; what is read twice gives the same rows.

mod audits;
pub mod journal;
pub mod kafka;
