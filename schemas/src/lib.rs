//! What all parts of Footfall agree on, in the order in which a hit meets it. All of it is pure but for key and
//! journal files: the clock, randomness and configuration are arguments.
//!
//! - Before a hit: the sites and their regime ([`configuration`]), the [`texts`] that a visitor is asked with and the proof
//!   of what they said ([`notices`]), the visitor's [`choice`], and the bare counts that remain of a refusal ([`outcome`]).
//! - A hit as personal information ([`personal`]): the [`event`], sealed into a record ([`wire`]) with the [`keys`] of
//!   the day, and appended to a [`journal`]; the [`visitor`] tuple.
//! - A hit as anonymous information: the scrubbed [`page`], what brought the visit ([`source`]), [`names`] that pages
//!   choose, the only other names that may occur ([`closed_lists`], [`language`]); the site's own calendar
//!   ([`local_time`]), what a hit can be ([`hit_kind`]), what its site's rules make of it ([`site_rules`]), how a visit goes on
//!   ([`visit_state`]), what is counted ([`measure`]) by what ([`dimension`]), and where it is written ([`tables`]).

pub mod configuration;

pub mod choice;
pub mod notices;
pub mod outcome;
pub mod texts;

pub mod event;
pub mod journal;
pub mod keys;
pub mod personal;
pub mod visitor;
pub mod wire;

pub mod closed_lists;
pub mod language;
pub mod names;
pub mod page;
pub mod source;

pub mod dimension;
pub mod hit_kind;
pub mod local_time;
pub mod measure;
pub mod site_rules;
pub mod tables;
pub mod visit_state;
