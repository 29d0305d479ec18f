//! Country and provider of an address, from databases in MaxMind's format, read again when their file changes. The processor
//! counts by them; the collector shows them to the visitor they are of.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use maxminddb::{MaxMindDbError, Reader};
use schemas::configuration::IpData;
use serde::Deserialize;

/// Stands for what no database knows.
pub const UNKNOWN: &str = "(unknown)";
/// Longest provider name kept, in bytes.
const ORGANISATION_BYTES_MAX: usize = 80;

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IpDatabaseError {
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

/// Both databases; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct IpDatabases {
    country: Option<Database>,
    asn: Option<Database>,
}

#[derive(Debug, Clone)]
struct Database {
    path: PathBuf,
    modified: Option<SystemTime>,
    reader: Arc<Reader<Vec<u8>>>,
}

impl IpDatabases {
    /// Reads the configured databases; without one, what it would tell is `(unknown)`.
    ///
    /// # Errors
    /// When a configured file cannot be read.
    pub fn open(files: &IpData) -> Result<Self, IpDatabaseError> {
        let open = |path: &Option<PathBuf>| path.as_deref().map(Database::open).transpose();
        Ok(Self { country: open(&files.country)?, asn: open(&files.asn)? })
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
        })
    }

    /// The network of an address.
    pub fn network(&self, ip: IpAddr) -> Network {
        Network { country: self.country(ip), isp: self.isp(ip) }
    }

    /// ISO 3166-1 alpha-2 code of the address's country.
    fn country(&self, ip: IpAddr) -> String {
        let found: Option<Country<'_>> = self.country.as_ref().and_then(|database| database.look_up(ip));
        let code = found
            .and_then(|country| country.country_code.or(country.country.and_then(|inner| inner.iso_code)));
        // Codes are two capital letters: a database of another make must not bring text of its own into a report.
        let code = code.filter(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()));
        code.unwrap_or(UNKNOWN).to_owned()
    }

    /// Name of the organisation that announces the address's network.
    fn isp(&self, ip: IpAddr) -> String {
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
    fn open(path: &Path) -> Result<Self, IpDatabaseError> {
        let bytes = std::fs::read(path)
            .map_err(|error| IpDatabaseError::Unreadable { path: path.to_owned(), error })?;
        let reader = Reader::from_source(bytes)
            .map_err(|error| IpDatabaseError::Broken { path: path.to_owned(), error })?;
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

    #[test]
    fn without_databases_everything_is_unknown() {
        let databases = IpDatabases::open(&IpData::default()).unwrap();
        let unknown = Network { country: UNKNOWN.into(), isp: UNKNOWN.into() };
        assert_eq!(databases.network("192.0.2.1".parse().unwrap()), unknown);
    }

    #[test]
    fn a_broken_database_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("country.mmdb");
        std::fs::write(&path, b"not a database").unwrap();
        let files = IpData { country: Some(path), asn: None };
        let error = IpDatabases::open(&files).unwrap_err().to_string();
        assert!(error.contains("country.mmdb is damaged"), "{error}");
        let files = IpData { country: None, asn: Some(folder.path().join("missing.mmdb")) };
        assert!(IpDatabases::open(&files).unwrap_err().to_string().contains("make ip-data"));
    }
}
