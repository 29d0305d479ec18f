//! Stories about the whole program, told over real sockets to the real engine.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a story that cannot go on has failed")]

mod audit;
mod bad_input;
mod canary;
mod chain;
mod clients;
mod damage;
mod documents;
mod erasure;
mod import;
mod ledger;
mod operator;
mod people;
mod refusal;
mod reports;
mod returning;
mod story;
