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
pub mod local_time;
pub mod hit_kind;
pub mod visit_state;
pub mod measure;
pub mod dimension;
