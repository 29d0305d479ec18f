//! What is wrong is refused: with a status or exit code, a text that says what to do, and a counter; and nothing of it
//! is recorded.

mod commands;
mod disk;
mod requests;
