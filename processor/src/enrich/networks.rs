//! Country and provider of an address, remembered for those that come again and again.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;

use collector::ip_databases::{IpDatabaseError, IpDatabases, Network, UNKNOWN};
use quick_cache::sync::Cache;
use schemas::configuration::IpData;

/// Addresses whose network is remembered: about those that are on a busy site at once.
const REMEMBERED: usize = 10_000;

/// Both databases.
#[derive(Default)]
pub struct Networks {
    databases: IpDatabases,
    remembered: Remembered,
}

/// Networks that were looked up lately. It keeps no address, only 64 bits of a hash under a key of this process.
struct Remembered {
    hasher: RandomState,
    networks: Cache<u64, Arc<Network>>,
    unknown: Arc<Network>,
}

impl Default for Remembered {
    fn default() -> Self {
        let unknown = Arc::new(Network { country: UNKNOWN.to_owned(), isp: UNKNOWN.to_owned() });
        Self { hasher: RandomState::new(), networks: Cache::new(REMEMBERED), unknown }
    }
}

impl std::fmt::Debug for Networks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Networks").field("databases", &self.databases).finish_non_exhaustive()
    }
}

impl Networks {
    /// Reads the configured databases; without one, what it would tell is `(unknown)`.
    ///
    /// # Errors
    /// When a configured file cannot be read.
    pub fn open(files: &IpData) -> Result<Self, IpDatabaseError> {
        Ok(Self { databases: IpDatabases::open(files)?, ..Self::default() })
    }

    /// The same with files read again that changed; nothing when none did. A broken new file leaves the old data in use.
    pub fn refreshed(&self) -> Option<Self> {
        let databases = self.databases.refreshed()?;
        Some(Self { databases, ..Self::default() })
    }

    /// The network of an address; `(unknown)` without one.
    pub fn of(&self, ip: Option<IpAddr>) -> Arc<Network> {
        let Some(ip) = ip else { return Arc::clone(&self.remembered.unknown) };
        let key = self.remembered.hasher.hash_one(ip);
        self.remembered.networks.get(&key).unwrap_or_else(|| {
            let network = Arc::new(self.databases.network(ip));
            self.remembered.networks.insert(key, Arc::clone(&network));
            network
        })
    }
}
