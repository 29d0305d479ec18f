//! The processor: the way of a record from a source to a row.
//!
//! 1. a [`source`] gives records in order;
//! 2. the [`pipeline`] takes only their [`first_copies`], [`open`]s them, [`enrich`]es and [`anonymize`]s them, and moves
//!    the visitor's state on ([`visits`]), where the visitor's own browser does not hold it and tell what the hit adds;
//! 3. what is left is a [`row`], many rows a [`batch`], encoded as a [`block`], and the [`store`] writes it;
//! 4. [`run`] joins these; [`import`] does the same for access logs; [`reconcile`] checks that nothing is missing;
//! 5. an operator erases ([`erasure`]), and the [`audit`] chain shows that it was done.
//!
//! `RawVisit → EnrichedVisit → AnonymousVisit → OpenHit`: each stage consumes the one before, and only the last is written.

pub mod source;

pub mod pipeline;

pub mod consumption;
pub mod partition;

pub mod first_copies;
pub mod missing_keys;
pub mod open;

pub mod enrich;

pub mod anonymize;
pub mod visits;

pub mod batch;
pub mod block;
pub mod row;
pub mod store;

pub mod import;

pub mod audit;
pub mod erasure;

pub mod hole_watch;
pub mod reconcile;
pub mod run;
pub mod service;
pub mod telemetry;
