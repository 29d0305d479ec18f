//! The audit chain: what was erased and what was destroyed, as entries that nobody can change unseen (table `footfall.audit`).
//! It holds no personal information: not whom an order named, nor a time finer than the hour.
//!
//! - [`Facts`] are what an entry tells, an [`Entry`] its place in the chain.
//! - [`append()`] adds one, [`record_orders`] tells of the orders that have passed all partitions: an operator's each in an entry of its
//!   own, visitors' together.
//! - A [`Verification`] follows the chain and names the first link that is bad.

mod append;
mod command;
mod entry;
mod facts;
mod orders;
mod verification;

pub use append::append;
pub use command::{AuditCommand, AuditError, Verify, audit};
pub use entry::{Entry, Head};
pub use facts::{Facts, KeysDestroyed, OrderPassed, OrdersPassed};
pub use orders::{NotChained, UnderWay, record_orders};
pub use verification::{BadLink, Link, Verification, Verified, Wrong};
