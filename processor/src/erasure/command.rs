//! `processor erase`: the order goes straight into Kafka.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use collector::kafka::topic::ensure_topic;
use collector::orders::OrderId;
use collector::process::say;
use jiff::Timestamp;
use schemas::configuration::Configuration;
use schemas::keys::{DayKey, KeyDirectory};
use schemas::local_time::Hour;

use super::{Erase, Erasure, Ordered, copies, records, send};
use crate::store::Store;

/// Orders, waits and prints the report.
///
/// # Errors
/// When there is no such address or site, when the order is not carried out in time, and when keys were to be destroyed and are not.
pub async fn erase(configuration: &Configuration, keys: PathBuf, arguments: &Erase) -> Result<()> {
    let address = arguments.address(io::stdin().lock())?;
    let site = site(configuration, arguments)?;
    let store = Store::new(&configuration.clickhouse)?;
    store.migrate().await?;
    ensure_topic(&configuration.kafka).await?;
    let ordered = Ordered { order: OrderId(rand::random()), copies: copies(&configuration.kafka), site };
    let now = Timestamp::now();
    let key = shared_key(&keys, now)?;
    let records = records(&ordered, &address, (&key, Hour::of(now)), |bytes| rand::fill(bytes));
    drop((address, key));
    send(&configuration.kafka, &records).await?;
    let erasure = Erasure { store: &store, keys, partitions: ordered.copies, wait: arguments.wait() };
    erasure.report(ordered, arguments).await
}

/// Today's key, which must be there already: an order under a key that no processor has would hold all of them up.
fn shared_key(keys: &Path, now: Timestamp) -> Result<DayKey> {
    let directory = KeyDirectory::open(keys)?;
    let key = directory.sealing_key(now).with_context(|| {
        format!(
            "{} must be the key directory that collectors and processors share (keys.directory)",
            keys.display()
        )
    })?;
    Ok(key.clone())
}

/// The site that the order concerns, which must be one; empty for all.
///
/// # Errors
/// When there is no such site.
pub fn site(configuration: &Configuration, arguments: &Erase) -> Result<String> {
    let Some(name) = &arguments.site else { return Ok(String::new()) };
    let site = configuration.sites.by_name(name);
    Ok(site.with_context(|| format!("there is no site {name:?} in the configuration"))?.name.clone())
}

impl Erasure<'_> {
    /// Follows an order to its end and prints the report.
    ///
    /// # Errors
    /// As [`Erasure::follow`], and when not all keys were destroyed.
    pub async fn report(&self, ordered: Ordered, arguments: &Erase) -> Result<()> {
        let report = self.follow(ordered, arguments).await?;
        say(&report);
        report.not_done().map_or(Ok(()), |not_done| Err(anyhow!(not_done)))
    }
}
