//! The network of a visitor who asks what is known of him. The databases are opened when the first one asks: hits need none,
//! and a collector that nobody asks keeps its memory.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use schemas::configuration::IpData;

use crate::ip_databases::{IpDatabases, Network};

/// Looks addresses up in the databases of a configuration.
#[derive(Debug)]
pub struct Lookup {
    files: IpData,
    opened: OnceLock<ArcSwap<IpDatabases>>,
}

impl Lookup {
    /// Opens nothing yet.
    pub fn new(files: IpData) -> Self {
        Self { files, opened: OnceLock::new() }
    }

    /// The network of an address; `(unknown)` without databases. It is not remembered.
    pub fn network(&self, ip: IpAddr) -> Network {
        self.opened.get_or_init(|| ArcSwap::from_pointee(self.open())).load().network(ip)
    }

    /// Reads databases again that changed.
    pub fn refresh(&self) {
        let Some(opened) = self.opened.get() else { return };
        if let Some(newer) = opened.load().refreshed() {
            opened.store(Arc::new(newer));
        }
    }

    /// A page without a country is better than none: it is the processor that refuses to start without a database it was given.
    fn open(&self) -> IpDatabases {
        let opened = IpDatabases::open(&self.files);
        opened
            .inspect_err(|error| tracing::warn!(%error, "the privacy page shows no networks"))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ip_databases::UNKNOWN;

    #[test]
    fn a_broken_database_leaves_the_page() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("country.mmdb");
        std::fs::write(&path, b"not a database").unwrap();
        let lookup = Lookup::new(IpData { country: Some(path), asn: None });
        lookup.refresh();
        assert_eq!(lookup.network("192.0.2.1".parse().unwrap()).country, UNKNOWN);
        lookup.refresh();
    }
}
