//! The collector: records each visit a visitor permits, on disk before it answers.

mod bot;
pub mod browser;
pub mod browser_cache;
pub mod journal;
