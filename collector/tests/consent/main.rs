//! What visitors are asked, what of their answers is stored, what they are shown and how they are forgotten: over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails fails the test")]

mod answers;
mod cookies;
mod erasure;
mod internal;
mod keys;
mod operator;
mod pages;
mod questions;
mod records;
mod running;
