//! An operator's erase order, from the command to the printed report.
//!
//! ```text
//! address ─▶ order, one copy in each partition ─▶ all copies passed ─▶ audit entry ─▶ report
//!            (Kafka: `sending`;                     └─ --now: new key ─▶ every collector uses it ─▶ audit entry ─▶ older keys destroyed ─▶
//!                                                                      audit entry
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
use schemas::keys::{DestroyedKey, Destruction, KeyDirectory, KeyDirectoryError, Replaced};

use crate::audit::{Entry, Facts, KeysDestroyed, OrderPassed, append};
use crate::store::{Store, StoreError};

pub use arguments::{AddressError, Erase};
pub use command::{erase, site};
pub use in_use::{Missing, missing};
pub use report::{Keys, Report};
pub use sending::{SendError, copies, records, send};

/// Time between two looks at an order's copies.
const LOOK: Duration = Duration::from_millis(500);
/// Time between two looks at all collectors, which cost ClickHouse more.
const LOOK_AT_COLLECTORS: Duration = Duration::from_secs(3);
/// No sooner after a new key is made may older ones go: a collector looks at the keys every 15 s and encrypts with the old one until
/// then, and one that has just started has no row yet by which it is known; its records take some seconds to become rows.
const TAKEN_UP: Duration = Duration::from_secs(30);

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
    /// Keys are destroyed, and the chain has no entry of it.
    #[error(
        "order {order}: {keys} keys are destroyed, but the audit chain tells only that they were to be (`destroying_keys`); keep this \
         message with the report: {error}"
    )]
    NotTold {
        /// The order after which it was done.
        order: String,
        /// How many keys.
        keys: u64,
        /// Why the chain did not take it.
        error: StoreError,
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
        let facts = |keys: &[DestroyedKey]| key_facts(ordered, keys, missing.len());
        // Killed between the two entries, or with ClickHouse gone, the chain tells what was to be destroyed.
        let announced = Facts::DestroyingKeys(facts(&directory.all_but(new.key)?));
        append(self.store, &announced, Timestamp::now()).await?;
        let Destruction { destroyed, failed } = directory.destroy_all_but(new.key)?;
        let entry = self.audited(facts(&destroyed)).await?;
        Ok(Keys::Destroyed { destroyed, failed, missing, entry })
    }

    /// What was destroyed must be told, whatever ClickHouse does at that moment.
    async fn audited(&self, destroyed: KeysDestroyed) -> Result<Entry, ErasureError> {
        let (until, keys) = (Instant::now() + self.wait, destroyed.keys);
        let facts = Facts::KeysDestroyed(destroyed);
        loop {
            match append(self.store, &facts, Timestamp::now()).await {
                Ok(entry) => return Ok(entry),
                Err(error) if Instant::now() >= until => {
                    return Err(ErasureError::NotTold { order: facts.orders().concat(), keys, error });
                }
                Err(error) => {
                    complain(format!(
                        "{keys} keys are destroyed, but the audit chain does not take it yet: {error}"
                    ));
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    /// Waits until every collector encrypts with the new key and all before is read; gives those of which that cannot be said.
    async fn wait_for_collectors(
        &self,
        directory: &mut KeyDirectory,
        new: &Replaced,
    ) -> Result<Vec<Missing>, ErasureError> {
        let begun = Instant::now();
        let mut told = None;
        loop {
            // After midnight they use the next day's key, and may never have used this one.
            let keys = directory.in_use_since(new.day)?;
            let seen = self.store.collectors_seen(&keys).await?;
            let mut missing = missing(&seen, &[], self.partitions);
            if missing.is_empty() || begun.elapsed() >= self.wait {
                missing = in_use::missing(&seen, &self.store.holes().await?, self.partitions);
            }
            if told.replace(missing.len()) != Some(missing.len()) {
                let (using, all) = (seen.len().saturating_sub(missing.len()), seen.len());
                complain(format!("{using} of {all} collectors of the last 48 hours need no older key"));
            }
            let Some(pause) = pause(&missing, begun.elapsed(), self.wait) else { return Ok(missing) };
            tokio::time::sleep(pause).await;
        }
    }
}

/// How long until the next look at the collectors; nothing when this one counts.
fn pause(missing: &[Missing], waited: Duration, wait: Duration) -> Option<Duration> {
    let enough = if missing.is_empty() { TAKEN_UP } else { wait };
    let left = enough.saturating_sub(waited);
    (!left.is_zero()).then(|| left.min(LOOK_AT_COLLECTORS))
}

fn passed(ordered: &Ordered) -> Facts {
    let Ordered { order, copies, site } = ordered;
    Facts::AddressErased(OrderPassed { copies: *copies, order: order.to_string(), site: site.clone() })
}

fn key_facts(ordered: &Ordered, keys: &[DestroyedKey], missing: usize) -> KeysDestroyed {
    let mut days: Vec<_> = keys.iter().map(|key| key.day).collect();
    days.dedup();
    KeysDestroyed {
        days,
        forced: missing > 0,
        keys: keys.len() as u64,
        missing_collectors: missing as u64,
        order: ordered.order.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::wire::CollectorId;

    #[test]
    fn that_all_use_the_new_key_is_believed_after_half_a_minute_and_that_some_do_not_after_the_wait() {
        let seconds = Duration::from_secs;
        let lagging =
            Missing { collector: CollectorId([9; 16]), in_use_rows: Some(0), partitions: 3, unread: 0 };
        for wait in [0, 10, 300].map(seconds) {
            assert_eq!(pause(&[], seconds(0), wait), Some(LOOK_AT_COLLECTORS), "{wait:?}");
            assert_eq!(pause(&[], seconds(29), wait), Some(seconds(1)), "{wait:?}");
            assert_eq!(pause(&[], seconds(30), wait), None, "{wait:?}");
            assert_eq!(pause(std::slice::from_ref(&lagging), wait, wait), None);
        }
        assert_eq!(pause(&[lagging], seconds(299), seconds(300)), Some(seconds(1)));
    }
}
