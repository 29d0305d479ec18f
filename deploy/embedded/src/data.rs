//! The data directory: everything that one machine keeps.
//!
//! ```text
//! journal/  keys/  clickhouse/     what was recorded, what opens it, what was counted
//! position  source.id              how far the processor has written, and of which journal
//! running                          addresses of the ClickHouse interface and of /livez, /metrics and /erase while `footfall up` runs
//! engine/   ip/                    what `make` fetched
//! ```

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use collector::data::DataError;
use schemas::configuration::IpData;

use crate::engine::is_in_use;

/// How long a running program may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The directory, which exists and is writable.
#[derive(Debug, Clone)]
pub struct Data(PathBuf);

impl Data {
    /// Makes the directory where missing, for its owner only.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        collector::data::open(path).map(Self)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the engine keeps its tables.
    pub fn clickhouse(&self) -> PathBuf {
        self.0.join("clickhouse")
    }

    /// Where a sample log of the demonstration is put.
    pub fn demo_log(&self) -> PathBuf {
        self.0.join("demo-access.log")
    }

    /// The IP databases of a program that runs on this directory.
    pub fn ip_data(&self, configured: &IpData) -> IpData {
        configured.or_found_beside(&self.0)
    }

    /// The ClickHouse interface of the program that runs on this directory, if one does.
    pub fn running(&self) -> Option<SocketAddr> {
        self.running_at(0)
    }

    /// The operator's listener of the collector that runs on this directory, if one does.
    pub fn running_admin(&self) -> Option<SocketAddr> {
        self.running_at(1)
    }

    fn running_at(&self, line: usize) -> Option<SocketAddr> {
        // A program that was killed leaves its addresses behind; somebody else may have the ports by now.
        if !is_in_use(&self.clickhouse()) {
            return None;
        }
        let running = std::fs::read_to_string(self.0.join("running")).ok()?;
        let address = running.lines().nth(line)?.trim().parse().ok()?;
        TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).ok().map(|_| address)
    }

    /// Tells others where this program's ClickHouse interface is, and its operator's listener if it has one.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn set_running(&self, clickhouse: SocketAddr, admin: Option<SocketAddr>) -> Result<(), DataError> {
        let lines: String =
            [Some(clickhouse), admin].iter().flatten().map(|address| format!("{address}\n")).collect();
        let written = std::fs::write(self.0.join("running"), lines);
        written.map_err(|error| DataError::new(&self.0, error))
    }

    /// Takes that back.
    pub fn clear_running(&self) {
        std::fs::remove_file(self.0.join("running")).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maxminds_own_files_are_preferred() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::open(folder.path()).unwrap();
        std::fs::create_dir(data.path().join("ip")).unwrap();
        for name in ["country.mmdb", "GeoLite2-Country.mmdb"] {
            std::fs::write(data.path().join("ip").join(name), b"").unwrap();
        }
        let found = data.ip_data(&IpData::default()).country.unwrap();
        assert!(found.ends_with("GeoLite2-Country.mmdb"));
        let own = IpData { country: Some("own.mmdb".into()), asn: None };
        assert_eq!(data.ip_data(&own).country, own.country);
    }

    #[test]
    fn nothing_runs_where_nobody_listens() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::open(folder.path()).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let operators = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let admin = operators.local_addr().unwrap();
        data.set_running(address, Some(admin)).unwrap();
        assert_eq!(data.running(), None, "somebody listens there, but nobody has this directory open");
        std::fs::create_dir(data.clickhouse()).unwrap();
        let status = std::fs::File::create(data.clickhouse().join("status")).unwrap();
        rustix::fs::flock(&status, rustix::fs::FlockOperation::LockExclusive).unwrap();
        assert_eq!((data.running(), data.running_admin()), (Some(address), Some(admin)));
        drop(listener);
        assert_eq!((data.running(), data.running_admin()), (None, Some(admin)), "nobody listens any more");
        data.set_running(address, None).unwrap();
        assert_eq!(data.running_admin(), None, "ClickHouse alone has no collector");
    }
}
