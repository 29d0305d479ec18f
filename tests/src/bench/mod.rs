//! What `make bench` measures, each thing beside what the machine itself can do, in one run.
//!
//! - [`traffic`] makes visits and log lines of a busy site, the same at every run;
//! - [`floor`] and [`collector`] are the servers, each a process of its own ([`server`]) on one core, while [`load`]
//!   comes from another; [`requests`] measures them in turns;
//! - [`journal`], [`pipeline`] and [`import`] measure parts and the whole way of an access log, [`end_to_end`] the way from
//!   Kafka to ClickHouse;
//! - [`figures`] keeps the results, as a table and as `target/bench.json`.

pub mod traffic;

pub mod collector;
pub mod floor;
pub mod load;
pub mod requests;
pub mod server;

pub mod end_to_end;
pub mod import;
pub mod journal;
pub mod pipeline;

pub mod figures;
