//! Footfall on one machine: [`up`] joins collector, processor and ClickHouse in one process.
//!
//! [`engine`] is ClickHouse as a library, [`clickhouse_http`] its usual interface before it, [`host`] both for one command.
//! What differs from many machines is only where things are: one [`data`] directory, the journal read directly.

pub mod cli;
pub mod clickhouse;
pub mod commands;
pub mod data;
pub mod erase;
pub mod up;

pub mod host;

pub mod clickhouse_http;
pub mod engine;

pub mod demo;
pub mod ip_data;
pub mod listeners;
pub mod retention;
