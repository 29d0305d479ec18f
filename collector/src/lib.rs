//! The collector: records each visit a visitor permits, on disk before it answers.

pub mod journal;
