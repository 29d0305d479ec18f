//! The collector: the way of a hit from a browser to the disk.
//!
//! 1. [`server`] accepts a connection and [`endpoints`] find what the request asks for;
//! 2. [`limits`] and the journal say whether more may come; only then a body is read, and [`hit`] parses it;
//! 3. [`request`] tells what it says of its sender: the address ([`client_address`]), the choice, the [`browser`];
//! 4. [`consent::decide`] gives a permit, or the hit is only counted ([`counts`]);
//!    where it may hold the state of its visit itself, that moves on by the hit ([`device_hold`]);
//! 5. the [`recorder`] numbers, encrypts and appends it to the [`journal`], and answers when the disk has it;
//! 6. the [`forwarder`] ships what the disk has confirmed to [`kafka`], where there is a cluster.
//!
//! A visitor is asked only when there is something to ask ([`question`]), in his language ([`texts`]); what he answers
//! ([`submission`]) becomes a cookie ([`choice_cookie`]). The [`privacy_page`] shows him what would be recorded and
//! what his address tells ([`lookup`], [`ip_databases`]); [`policy_mail`] tells customers what changes.
//!
//! He is forgotten when he withdraws or presses the button for it: [`orders`] stand in the log behind his visits, a copy in every
//! partition, and the cookie of his visit ends (`visit_cookie`). An operator's order comes through [`admin`]. What stands there too is
//! which key is in use (`keys_in_use`), so that it is known when older ones can go.
//!
//! Whatever is refused has its name in [`refusal`]; [`telemetry`] counts. [`service`] joins all of this and keeps it up;
//! [`listeners`] are the public one and the operator's ([`admin`]), [`data`] is the directory of its files, [`process`] what every program
//! does when it starts and stops, [`run`] the program `collector run` ([`cli`]). A [`snippet`] is what websites embed.

pub mod server;

pub mod endpoints;

pub mod hit;
pub mod limits;

mod bot;
pub mod browser;
pub mod browser_cache;
pub mod client_address;
pub mod request;

pub mod consent;
pub mod counts;

pub mod device_hold;
mod host_cookie;
mod visit_cookie;

pub mod choice_cookie;
pub mod ip_databases;
pub mod lookup;
pub mod policy_mail;
pub mod privacy_page;
pub mod question;
pub mod submission;
pub mod texts;

pub mod journal;
mod keys_in_use;
pub mod orders;
pub mod recorder;

pub mod forwarder;
pub mod kafka;

pub mod admin;
pub mod cli;
pub mod data;
pub mod listeners;
pub mod process;
pub mod refusal;
pub mod run;
pub mod service;
pub mod snippet;
pub mod telemetry;
