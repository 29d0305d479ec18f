//! An operator's erase order, from the command to the printed report.
//!
//! ```text
//! address ─▶ order, one copy in each partition ─▶ all copies passed ─▶ audit entry ─▶ report
//!            (Kafka: `sending`;                     └─ --now: new key ─▶ every collector uses it ─▶ older keys destroyed ─▶ audit entry
//!             one machine: its collector's journal)
//! ```
//! [`Erasure::follow`] is all but the way into the log, which differs. Nothing here prints or logs whom an order names.

mod arguments;
mod command;
mod in_use;
mod report;
mod sending;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use collector::orders::OrderId;
use collector::process::complain;
use jiff::Timestamp;
use schemas::keys::{DestroyedKey, KeyDirectory, KeyDirectoryError, Replaced};

use crate::audit::{Entry, Facts, KeysDestroyed, OrderPassed, append};
use crate::store::{Store, StoreError};

pub use arguments::{AddressError, Erase};
pub use command::{erase, site};
pub use in_use::{Missing, missing};
pub use report::{Keys, Report};
pub use sending::{SendError, copies, records, send};

/// Time between two looks at ClickHouse.
const LOOK: Duration = Duration::from_millis(500);

/// An order that is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    /// Its id.
    pub order: OrderId,
    /// Its copies, one for each partition.
    pub copies: u64,
    /// The only site that it concerns; empty for all.
    pub site: String,
}

/// Why an order was not followed to its end.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// Not all copies passed in time.
    #[error(
        "order {order}: {passed} of {copies} copies have passed after {seconds} s. It stays in the log and is carried out as soon \
         as it is read: see that a processor runs and what it says (lag, missing keys, ClickHouse), then ask `audit list` for the order; \
         with --now repeat the command instead"
    )]
    NotPassed {
        /// The order.
        order: OrderId,
        /// Copies that passed.
        passed: u64,
        /// All copies.
        copies: u64,
        /// How long it was waited.
        seconds: u64,
    },
    /// ClickHouse's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key directory's.
    #[error(transparent)]
    Keys(#[from] KeyDirectoryError),
}

/// What follows an order.
#[derive(Debug)]
pub struct Erasure<'a> {
    /// ClickHouse.
    pub store: &'a Store,
    /// The key directory.
    pub keys: PathBuf,
    /// Partitions of the log.
    pub partitions: u64,
    /// How long each wait may be.
    pub wait: Duration,
}

impl Erasure<'_> {
    /// Waits until all copies of an order have passed and, if it is wanted at once, destroys the keys of what was written before.
    ///
    /// # Errors
    /// [`ErasureError`]. That collectors use older keys still is no error but in the report.
    pub async fn follow(&self, ordered: Ordered, arguments: &Erase) -> Result<Report, ErasureError> {
        self.wait_for_copies(&ordered).await?;
        let entry = append(self.store, &passed(&ordered), Timestamp::now()).await?;
        let keys = if arguments.now {
            self.destroy_keys(&ordered, arguments.force).await?
        } else {
            Keys::Kept { now: Timestamp::now() }
        };
        Ok(Report { ordered, entry, keys })
    }

    async fn wait_for_copies(&self, ordered: &Ordered) -> Result<(), ErasureError> {
        let Ordered { order, copies, .. } = ordered;
        let (until, name) = (Instant::now() + self.wait, order.to_string());
        let mut told = None;
        loop {
            let passed = self.store.copies_passed(&name).await?;
            if told.replace(passed) != Some(passed) {
                complain(format!("order {order}: {passed} of {copies} copies have passed"));
            }
            if passed >= *copies {
                return Ok(());
            }
            if Instant::now() >= until {
                let seconds = self.wait.as_secs();
                return Err(ErasureError::NotPassed { order: *order, passed, copies: *copies, seconds });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn destroy_keys(&self, ordered: &Ordered, force: bool) -> Result<Keys, ErasureError> {
        let mut directory = KeyDirectory::open(&self.keys)?;
        let new = directory.replace(Timestamp::now(), |bytes| rand::fill(bytes))?;
        complain(format!("a new key for {} is made; waiting until every collector uses it", new.day));
        let missing = self.wait_for_collectors(&mut directory, &new).await?;
        if !missing.is_empty() && !force {
            return Ok(Keys::StillInUse { missing });
        }
        let destroyed = directory.destroy_all_but(new.key)?;
        let facts = destroyed_facts(ordered, &destroyed, missing.len());
        let entry = self.audited(&facts, &destroyed).await?;
        Ok(Keys::Destroyed { destroyed, missing, entry })
    }

    /// What was destroyed must be told, whatever ClickHouse does at that moment.
    async fn audited(&self, facts: &Facts, destroyed: &[DestroyedKey]) -> Result<Entry, StoreError> {
        let until = Instant::now() + self.wait;
        loop {
            match append(self.store, facts, Timestamp::now()).await {
                Err(error) if Instant::now() < until => {
                    complain(format!(
                        "{} keys are destroyed, but the audit chain does not take it yet: {error}",
                        destroyed.len()
                    ));
                    tokio::time::sleep(LOOK).await;
                }
                appended => return appended,
            }
        }
    }

    /// Waits until every collector encrypts with the new key and all before is read; gives those of which that cannot be said.
    async fn wait_for_collectors(
        &self,
        directory: &mut KeyDirectory,
        new: &Replaced,
    ) -> Result<Vec<Missing>, ErasureError> {
        let until = Instant::now() + self.wait;
        let mut told = None;
        loop {
            // After midnight they use the next day's key, and may never have used this one.
            let keys = directory.in_use_since(new.day)?;
            let seen = self.store.collectors_seen(&keys).await?;
            let missing = missing(&seen, &self.store.holes().await?, self.partitions);
            if told.replace(missing.len()) != Some(missing.len()) {
                let (using, all) = (seen.len().saturating_sub(missing.len()), seen.len());
                complain(format!("{using} of {all} collectors of the last 48 hours need no older key"));
            }
            if missing.is_empty() || Instant::now() >= until {
                return Ok(missing);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn passed(ordered: &Ordered) -> Facts {
    let Ordered { order, copies, site } = ordered;
    Facts::AddressErased(OrderPassed { copies: *copies, order: order.to_string(), site: site.clone() })
}

fn destroyed_facts(ordered: &Ordered, destroyed: &[DestroyedKey], missing: usize) -> Facts {
    let mut days: Vec<_> = destroyed.iter().map(|key| key.day).collect();
    days.dedup();
    Facts::KeysDestroyed(KeysDestroyed {
        days,
        forced: missing > 0,
        keys: destroyed.len() as u64,
        missing_collectors: missing as u64,
        order: ordered.order.to_string(),
    })
}
