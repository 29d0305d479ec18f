//! What visitors are asked, what of their answers is stored, and what they are shown: over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails fails the test")]

mod answers;
mod cookies;
mod pages;
mod questions;
mod records;
mod running;
