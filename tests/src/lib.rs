//! What the end-to-end tests share: the built program and its surroundings (a Kafka broker, a network with faults), the
//! ledger, and figures computed apart; and what `make bench` measures.

pub mod bench;
pub mod chain;
pub mod client;
pub mod command;
pub mod kafka;
pub mod port;
pub mod process;
pub mod program;
pub mod proxy;
pub mod server;

pub mod ledger;

pub mod figures;
pub mod oracle;
