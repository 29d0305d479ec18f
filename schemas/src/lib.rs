//! What all parts of Footfall agree on. All of it is pure but for key and journal files: the clock, randomness and
//! configuration are arguments.

pub mod configuration;
pub mod choice;
pub mod outcome;
pub mod event;
pub mod keys;
pub mod personal;
pub mod visitor;
pub mod wire;
pub mod tables;
pub mod page;
pub mod source;
pub mod names;
pub mod closed_lists;
pub mod language;
