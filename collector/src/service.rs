//! A collector from start to stop: it opens journal and keys, keeps them up while it runs, and says goodbye.

use std::collections::hash_map::RandomState;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use schemas::configuration::{Configuration, Site};
use schemas::journal::Position;
use schemas::keys::{Clocks, KeyKeeper};
use schemas::local_time::Hour;
use schemas::page::PageRuleError;
use schemas::site_rules::SiteRules;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::browser_cache::BrowserCache;
use crate::counts::ConsentCounts;
use crate::endpoints::{Banners, Collector};
use crate::journal::{Journal, JournalError, JournalSettings};
use crate::keys_in_use::KeyInUse;
use crate::limits::NetworkLimits;
use crate::lookup::Lookup;
use crate::orders::Copies;
use crate::recorder::{Recorder, Sealer};
use crate::telemetry::Telemetry;

/// Browsers remembered; the thousand most common ones make nearly all of the traffic.
const BROWSERS: usize = 10_000;
/// Time between two rounds of upkeep, and so the longest until a key that an operator put in place is used.
const UPKEEP: Duration = Duration::from_secs(15);

/// A collector that is ready for requests.
#[derive(Debug, Clone)]
pub struct Service {
    /// What answers requests.
    pub collector: Arc<Collector>,
    keys: Arc<KeyKeeper>,
    key_in_use: Arc<KeyInUse>,
}

/// Why a collector cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A site's rules for pages are wrong.
    #[error(transparent)]
    Pages(#[from] PageRuleError),
}

impl Service {
    /// Opens the journal under `data`, whose orders need so many copies. Blocks; meant for a program's start.
    ///
    /// # Errors
    /// When the journal or a site's rules cannot be used; the text says what to do.
    pub fn open(
        configuration: Configuration,
        data: &Path,
        keys: Arc<KeyKeeper>,
        copies: Copies,
    ) -> Result<Self, ServiceError> {
        let rules = |site: &Site| Ok((site.name.clone(), SiteRules::new(site)?));
        let rules = configuration.sites.iter().map(rules).collect::<Result<_, PageRuleError>>()?;
        let settings = JournalSettings {
            segment_bytes: configuration.limits.segment_bytes,
            max_bytes: configuration.limits.journal_bytes,
            ..JournalSettings::new(data.join("journal"))
        };
        let sealer = Sealer::new(Arc::clone(&keys));
        let key_in_use = Arc::new(sealer.key_in_use());
        let (journal, opened) = Journal::open(settings, sealer)?;
        let telemetry = Telemetry::default();
        telemetry.journal_torn_bytes.set(opened.recovered.torn_bytes);
        telemetry.journal_damaged_bytes.set(opened.recovered.damaged_bytes);
        tracing::info!(
            collector = %opened.collector,
            torn_bytes = opened.recovered.torn_bytes,
            damaged_bytes = opened.recovered.damaged_bytes,
            full = opened.full,
            "journal opened"
        );
        let collector = Arc::new(Collector {
            limits: NetworkLimits::new(&configuration.limits),
            order_limits: NetworkLimits::of_orders(&configuration.limits),
            browsers: BrowserCache::new(BROWSERS, RandomState::new()),
            banners: Banners::new(&configuration),
            counts: ConsentCounts::default(),
            lookup: Lookup::new(configuration.ip_data.or_found_beside(data)),
            recorder: Recorder::new(journal, copies),
            keys: Arc::clone(&keys),
            rules,
            stopping: AtomicBool::new(false),
            configuration,
            telemetry,
        });
        Ok(Self { collector, keys, key_in_use })
    }

    /// Up to where records are on disk.
    pub fn confirmed(&self) -> watch::Receiver<Position> {
        self.collector.recorder.journal().confirmed()
    }

    /// Keys are made and destroyed on time and told in the log, consent counts are written at each full hour, gauges are kept, IP
    /// databases that changed are read again, and client networks that are idle are forgotten. Runs until it is dropped.
    pub async fn upkeep(&self) {
        let mut ticks = interval(UPKEEP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut hour = Hour::of(Timestamp::now());
        let mut key_changes = self.key_in_use.changes();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                // A journal that is closed changes nothing any more.
                Ok(()) = key_changes.changed() => {}
            }
            let clocks = Clocks::read();
            keep_keys(&self.keys, clocks);
            self.tell_key().await;
            let telemetry = &self.collector.telemetry;
            telemetry.oldest_readable_hours.set(self.keys.oldest_readable_hours(clocks.now));
            self.collector.lookup.refresh();
            self.collector.limits.forget_idle();
            self.collector.order_limits.forget_idle();
            telemetry.journal_bytes.set(self.collector.recorder.journal().used_bytes());
            if Hour::of(clocks.now) != hour {
                hour = Hour::of(clocks.now);
                self.write_counts().await;
            }
        }
    }

    /// Tells in the log which key is in use, unless that is told already. What cannot be written is tried again by upkeep.
    pub async fn tell_key(&self) {
        let current = match self.keys.sealing_key(Timestamp::now()) {
            Ok(key) => key.id(),
            Err(error) => return tracing::error!(%error, "there is no key to encrypt with"),
        };
        if let Err(refusal) = self.key_in_use.tell(&self.collector.recorder, current).await {
            tracing::error!(%refusal, "the log does not tell yet which key is in use");
        }
    }

    /// Refuses what comes from now on.
    pub fn stop(&self) {
        self.collector.stopping.store(true, Ordering::Relaxed);
    }

    /// Writes what is only in memory and closes the journal; to be called when no request is under way.
    pub async fn close(&self) {
        self.write_counts().await;
        if let Err(refusal) = self.collector.recorder.close().await {
            tracing::error!(%refusal, "the journal did not take the goodbye");
        }
    }

    async fn write_counts(&self) {
        for (site, order) in self.collector.counts.take() {
            if let Err(refusal) = self.collector.recorder.control(site.clone(), order.clone()).await {
                tracing::error!(%refusal, "a consent count was not written; it waits for the next hour");
                self.collector.counts.put_back(&site, &order);
            }
        }
    }
}

/// Makes and destroys the keys that are due, and reads those that other programs made.
pub fn keep_keys(keys: &KeyKeeper, clocks: Clocks) {
    match keys.maintain(clocks) {
        Ok((done, agree)) => {
            for path in done.damaged {
                tracing::error!(path = %path.display(), "this is no key; copy it again, or move it away: what it opened is lost");
            }
            for day in done.destroyed {
                tracing::info!(%day, "key destroyed: its records are unreadable from now on");
            }
            for month in done.destroyed_months {
                tracing::info!(%month, "key destroyed: visit cookies of that month are unreadable from now on");
            }
            if let Err(error) = agree {
                tracing::error!(%error, "no key was destroyed");
            }
        }
        Err(error) => tracing::error!(%error, "keys could not be kept"),
    }
}
