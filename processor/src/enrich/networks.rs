//! Country and provider of an address, from databases in MaxMind's format, read again when their file changes.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use maxminddb::{MaxMindDbError, Reader};
use quick_cache::sync::Cache;
use schemas::configuration::IpData;
use serde::Deserialize;

/// Stands for what no database knows.
const UNKNOWN: &str = "(unknown)";
/// Longest provider name kept, in bytes.
const ORGANISATION_BYTES_MAX: usize = 80;
/// Addresses whose network is remembered: about those that are on a busy site at once.
const REMEMBERED: usize = 10_000;

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NetworksError {
    /// It cannot be read.
    #[error(
        "IP database {path}: {error}; `make ip-data` fetches the free ones, ip_data.country and ip_data.asn name your own"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// It is no database in MaxMind's format, or it is damaged.
    #[error("IP database {path} is damaged or no MaxMind DB: {error}")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What the reader found.
        error: MaxMindDbError,
    },
}

/// Where an address is, as coarsely as it is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// ISO 3166-1 alpha-2 code of its country.
    pub country: String,
    /// Name of the organisation that announces it.
    pub isp: String,
}

/// Both databases.
#[derive(Default)]
pub struct Networks {
    country: Option<Database>,
    asn: Option<Database>,
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
        f.debug_struct("Networks")
            .field("country", &self.country)
            .field("asn", &self.asn)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone)]
struct Database {
    path: PathBuf,
    modified: Option<SystemTime>,
    reader: Arc<Reader<Vec<u8>>>,
}

impl Networks {
    /// Reads the configured databases; without one, what it would tell is `(unknown)`.
    ///
    /// # Errors
    /// When a configured file cannot be read.
    pub fn open(files: &IpData) -> Result<Self, NetworksError> {
        let open = |path: &Option<PathBuf>| path.as_deref().map(Database::open).transpose();
        Ok(Self { country: open(&files.country)?, asn: open(&files.asn)?, ..Self::default() })
    }

    /// The same with files read again that changed; nothing when none did. A broken new file leaves the old data in use.
    pub fn refreshed(&self) -> Option<Self> {
        let newer = [&self.country, &self.asn].map(|database| database.as_ref().and_then(Database::newer));
        if newer.iter().all(Option::is_none) {
            return None;
        }
        let [country, asn] = newer;
        Some(Self {
            country: country.or_else(|| self.country.clone()),
            asn: asn.or_else(|| self.asn.clone()),
            ..Self::default()
        })
    }

    /// The network of an address; `(unknown)` without one.
    pub fn of(&self, ip: Option<IpAddr>) -> Arc<Network> {
        let Some(ip) = ip else { return Arc::clone(&self.remembered.unknown) };
        let key = self.remembered.hasher.hash_one(ip);
        self.remembered.networks.get(&key).unwrap_or_else(|| {
            let network = Arc::new(Network { country: self.country(ip), isp: self.isp(ip) });
            self.remembered.networks.insert(key, Arc::clone(&network));
            network
        })
    }

    /// ISO 3166-1 alpha-2 code of the address's country.
    pub fn country(&self, ip: IpAddr) -> String {
        let found: Option<Country<'_>> = self.country.as_ref().and_then(|database| database.look_up(ip));
        let code = found
            .and_then(|country| country.country_code.or(country.country.and_then(|inner| inner.iso_code)));
        // Codes are two capital letters: a database of another make must not bring text of its own into a report.
        let code = code.filter(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()));
        code.unwrap_or(UNKNOWN).to_owned()
    }

    /// Name of the organisation that announces the address's network.
    pub fn isp(&self, ip: IpAddr) -> String {
        let found: Option<Asn<'_>> = self.asn.as_ref().and_then(|database| database.look_up(ip));
        let name = found.and_then(|asn| asn.isp.or(asn.autonomous_system_organization));
        let name =
            name.map(str::trim).filter(|name| !name.is_empty() && name.len() <= ORGANISATION_BYTES_MAX);
        name.unwrap_or(UNKNOWN).to_owned()
    }
}

/// Both forms of a country: MaxMind's and that of the free databases.
#[derive(Deserialize)]
struct Country<'a> {
    #[serde(borrow, default)]
    country_code: Option<&'a str>,
    #[serde(borrow, default)]
    country: Option<IsoCode<'a>>,
}

#[derive(Deserialize)]
struct IsoCode<'a> {
    #[serde(borrow, default)]
    iso_code: Option<&'a str>,
}

#[derive(Deserialize)]
struct Asn<'a> {
    #[serde(borrow, default)]
    isp: Option<&'a str>,
    #[serde(borrow, default)]
    autonomous_system_organization: Option<&'a str>,
}

impl Database {
    fn open(path: &Path) -> Result<Self, NetworksError> {
        let bytes = std::fs::read(path)
            .map_err(|error| NetworksError::Unreadable { path: path.to_owned(), error })?;
        let reader = Reader::from_source(bytes)
            .map_err(|error| NetworksError::Broken { path: path.to_owned(), error })?;
        Ok(Self { path: path.to_owned(), modified: modified(path), reader: Arc::new(reader) })
    }

    /// The file's present content, if it changed.
    fn newer(&self) -> Option<Self> {
        if modified(&self.path) == self.modified {
            return None;
        }
        let newer = Self::open(&self.path);
        newer.inspect_err(|error| tracing::warn!(%error, "keeping the old data")).ok()
    }

    /// IPv4 addresses written as IPv6 are looked up as what they are: not every database has aliases for them.
    fn look_up<'a, T: Deserialize<'a>>(&'a self, ip: IpAddr) -> Option<T> {
        self.reader.lookup(ip.to_canonical()).ok()?.decode().ok()?
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|file| file.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn without_databases_everything_is_unknown() {
        let networks = Networks::open(&IpData::default()).unwrap();
        assert_eq!(
            (networks.country(ip("192.0.2.1")), networks.isp(ip("192.0.2.1"))),
            (UNKNOWN.into(), UNKNOWN.into())
        );
    }

    #[test]
    fn a_broken_database_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("country.mmdb");
        std::fs::write(&path, b"not a database").unwrap();
        let files = IpData { country: Some(path), asn: None };
        let error = Networks::open(&files).unwrap_err().to_string();
        assert!(error.contains("country.mmdb is damaged"), "{error}");
        let files = IpData { country: None, asn: Some(folder.path().join("missing.mmdb")) };
        assert!(Networks::open(&files).unwrap_err().to_string().contains("make ip-data"));
    }
}
