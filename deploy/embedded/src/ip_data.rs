//! Networks' owners: turns the free tables of autonomous systems (CSV) into the file the processor looks
//! addresses up in (MaxMind DB). Countries need no such step: they come in that form.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use mmdb_writer::ipnet::{IpSubnets, Ipv4Subnets, Ipv6Subnets};
use mmdb_writer::{Value, Writer};
use serde::Deserialize;

/// One line of a table: every address from `first` to `last`, both included, belongs to `system`.
#[derive(Deserialize)]
struct AddressRange {
    first: IpAddr,
    last: IpAddr,
    system: u32,
    organization: String,
}

impl AddressRange {
    /// The fewest networks that make up the range; none if its ends are of two kinds or the wrong way round.
    fn networks(&self) -> Option<IpSubnets> {
        if self.first > self.last {
            return None;
        }
        match (self.first, self.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => Some(Ipv4Subnets::new(first, last, 0).into()),
            (IpAddr::V6(first), IpAddr::V6(last)) => Some(Ipv6Subnets::new(first, last, 0).into()),
            _ => None,
        }
    }

    fn owner(&self) -> Value {
        Value::Map(BTreeMap::from([
            ("autonomous_system_number".to_owned(), Value::from(self.system)),
            ("autonomous_system_organization".to_owned(), Value::from(self.organization.as_str())),
        ]))
    }
}

/// What a conversion read and wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Networks now in the database.
    pub networks: u64,
    /// Networks left out because their addresses stand for IPv4 ones (6to4, Teredo, IPv4-mapped): a lookup there
    /// answers for the IPv4 address inside, as in MaxMind's own files.
    pub aliases: u64,
    /// Size of the database in bytes.
    pub bytes: u64,
}

/// Why no database was written. A database that was there before is still there, whole.
#[derive(Debug, thiserror::Error)]
pub enum IpDataError {
    /// A table could not be opened.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The table.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A line is not `first address,last address,number,organization`; the text names the line.
    #[error("{}: {source}; expected first address,last address,AS number,organization", path.display())]
    Line {
        /// The table.
        path: PathBuf,
        /// Which line and what is wrong with it.
        source: csv::Error,
    },
    /// The two addresses of a line span no range.
    #[error("{} line {line}: the addresses must be of one kind (IPv4 or IPv6), the lower one first", path.display())]
    Range {
        /// The table.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
    },
    /// The tables together hold nothing: surely the wrong files.
    #[error("the tables hold no address ranges; give at least one CSV that does")]
    Empty,
    /// The ranges cannot be expressed as a MaxMind DB.
    #[error("the database cannot be built: {0}")]
    Build(#[from] mmdb_writer::Error),
    /// The database could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The database.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Writes the ranges of `tables` (IPv4 and IPv6, in any order) to `out` as a MaxMind DB with the fields of
/// MaxMind's own ASN databases: `autonomous_system_number`, `autonomous_system_organization`. Where ranges
/// overlap the later one wins. The database's build time is that of the newest table, so that it looks no
/// younger than its data. `out` appears whole or not at all.
///
/// # Errors
/// [`IpDataError`] names the file, and the line if one is to blame.
pub fn write_asn_database(tables: &[PathBuf], out: &Path) -> Result<Summary, IpDataError> {
    let mut database = AsnDatabase::built(newest(tables)?);
    for path in tables {
        let table = File::open(path).map_err(|source| IpDataError::Read { path: path.clone(), source })?;
        database.add(BufReader::new(table), path)?;
    }
    let image = database.image()?;
    replace(out, &image).map_err(|source| IpDataError::Write { path: out.into(), source })?;
    Ok(Summary { networks: database.networks, aliases: database.aliases, bytes: image.len() as u64 })
}

struct AsnDatabase {
    writer: Writer,
    networks: u64,
    aliases: u64,
}

impl AsnDatabase {
    fn built(epoch: SystemTime) -> Self {
        let writer = Writer::builder("Footfall-ASN").build_epoch(epoch).build();
        Self { writer, networks: 0, aliases: 0 }
    }

    fn add(&mut self, table: impl BufRead, path: &Path) -> Result<(), IpDataError> {
        let mut lines = csv::ReaderBuilder::new().has_headers(false).from_reader(table);
        let mut record = csv::StringRecord::new();
        loop {
            let blame = |source| IpDataError::Line { path: path.into(), source };
            if !lines.read_record(&mut record).map_err(blame)? {
                return Ok(());
            }
            let range: AddressRange = record.deserialize(None).map_err(blame)?;
            let line = record.position().map_or(0, csv::Position::line);
            let networks = range.networks().ok_or_else(|| IpDataError::Range { path: path.into(), line })?;
            self.insert(networks, &range.owner())?;
        }
    }

    fn insert(&mut self, networks: IpSubnets, owner: &Value) -> Result<(), IpDataError> {
        for network in networks {
            match self.writer.insert_value(network, owner.clone()) {
                Ok(()) => self.networks += 1,
                Err(mmdb_writer::Error::AliasedNetwork(_)) => self.aliases += 1,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn image(&self) -> Result<Vec<u8>, IpDataError> {
        if self.networks == 0 {
            return Err(IpDataError::Empty);
        }
        Ok(self.writer.to_bytes()?)
    }
}

fn newest(tables: &[PathBuf]) -> Result<SystemTime, IpDataError> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for path in tables {
        let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
        newest = newest.max(modified.map_err(|source| IpDataError::Read { path: path.clone(), source })?);
    }
    Ok(newest)
}

/// Puts `image` in the place of `path` in one step: a reader sees the old file or the new one.
fn replace(path: &Path, image: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut file = File::create(&part)?;
    file.write_all(image)?;
    file.sync_all()?;
    fs::rename(&part, path)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const IPV4: &str =
        "192.0.2.0,192.0.2.255,64496,\"Example, Inc.\"\n198.51.100.5,198.51.100.6,64497,Beispiel\n";
    const IPV6: &str = "2001::,2001::ffff:ffff:ffff:ffff:ffff:ffff,64499,Teredo\n2001:db8::,2001:db8:0:ffff:ffff:ffff:ffff:ffff,64498,Exemple é\n";

    #[derive(Deserialize)]
    struct Owner {
        autonomous_system_number: u32,
        autonomous_system_organization: String,
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn table(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.path().join(name);
            fs::write(&path, text).unwrap();
            path
        }

        fn out(&self) -> PathBuf {
            self.0.path().join("asn.mmdb")
        }

        fn error(&self, text: &str) -> String {
            let table = self.table("table.csv", text);
            write_asn_database(&[table], &self.out()).unwrap_err().to_string()
        }
    }

    fn owner(database: &Path, address: &str) -> Option<(u32, String)> {
        let reader = maxminddb::Reader::open_readfile(database).unwrap();
        let owner: Option<Owner> = reader.lookup(address.parse().unwrap()).unwrap().decode().unwrap();
        owner.map(|owner| (owner.autonomous_system_number, owner.autonomous_system_organization))
    }

    #[test]
    fn each_address_of_a_range_finds_its_owner_and_no_other_does() {
        let folder = Folder::new();
        let tables = [folder.table("4.csv", IPV4), folder.table("6.csv", IPV6)];
        let summary = write_asn_database(&tables, &folder.out()).unwrap();
        assert_eq!((summary.networks, summary.aliases), (4, 1));
        assert_eq!(summary.bytes, fs::metadata(folder.out()).unwrap().len());

        let example = Some((64496, "Example, Inc.".to_owned()));
        assert_eq!(owner(&folder.out(), "192.0.2.0"), example);
        assert_eq!(owner(&folder.out(), "192.0.2.255"), example);
        assert_eq!(owner(&folder.out(), "192.0.3.0"), None);
        assert_eq!(owner(&folder.out(), "198.51.100.4"), None);
        assert_eq!(owner(&folder.out(), "198.51.100.6"), Some((64497, "Beispiel".to_owned())));
        assert_eq!(owner(&folder.out(), "198.51.100.7"), None);
        assert_eq!(owner(&folder.out(), "2001:db8::1"), Some((64498, "Exemple é".to_owned())));
        assert_eq!(owner(&folder.out(), "2001:db8:1::1"), None);
    }

    #[test]
    fn an_ipv4_address_written_as_ipv6_finds_the_same_owner() {
        let folder = Folder::new();
        let tables = [folder.table("4.csv", IPV4), folder.table("6.csv", IPV6)];
        write_asn_database(&tables, &folder.out()).unwrap();
        assert_eq!(owner(&folder.out(), "::ffff:192.0.2.7"), Some((64496, "Example, Inc.".to_owned())));
    }

    #[test]
    fn the_database_is_as_old_as_its_newest_table() {
        let folder = Folder::new();
        let tables = [folder.table("4.csv", IPV4), folder.table("6.csv", IPV6)];
        for (table, seconds) in tables.iter().zip([1_000_000_000, 1_100_000_000]) {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            File::options().append(true).open(table).unwrap().set_modified(time).unwrap();
        }
        write_asn_database(&tables, &folder.out()).unwrap();
        let reader = maxminddb::Reader::open_readfile(folder.out()).unwrap();
        assert_eq!(reader.metadata().build_epoch, 1_100_000_000);
    }

    #[test]
    fn a_bad_line_is_named_with_its_number() {
        let folder = Folder::new();
        for (line, part) in [
            ("192.0.2.0,192.0.2.255,AS64496,Example", "field 2: invalid digit found in string"),
            ("192.0.2.0,192.0.2.256,64496,Example", "invalid IP address syntax"),
            ("192.0.2.0,192.0.2.255,4294967296,Example", "field 2: number too large"),
            ("192.0.2.0,192.0.2.255,64496", "found record with 3 fields"),
            ("192.0.2.255,192.0.2.0,64496,Example", "the lower one first"),
            ("192.0.2.0,2001:db8::,64496,Example", "of one kind"),
        ] {
            let error = folder.error(&format!("{IPV4}{line}\n"));
            assert!(error.contains("table.csv"), "{error}");
            assert!(error.contains("line 3") || error.contains("line: 3"), "{error}");
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_failed_conversion_leaves_the_old_database() {
        let folder = Folder::new();
        let table = folder.table("4.csv", IPV4);
        write_asn_database(&[table], &folder.out()).unwrap();
        folder.error("nonsense\n");
        assert_eq!(owner(&folder.out(), "192.0.2.7").unwrap().0, 64496);
    }

    #[test]
    fn tables_without_ranges_and_missing_tables_are_errors() {
        let folder = Folder::new();
        assert!(folder.error("").contains("no address ranges"));
        let missing = folder.0.path().join("missing.csv");
        let error = write_asn_database(&[missing], &folder.out()).unwrap_err().to_string();
        assert!(error.contains("missing.csv"), "{error}");
        assert!(!folder.out().exists());
    }

    #[test]
    fn an_unwritable_place_is_named() {
        let folder = Folder::new();
        let table = folder.table("4.csv", IPV4);
        let out = folder.0.path().join("nowhere/asn.mmdb");
        let error = write_asn_database(&[table], &out).unwrap_err().to_string();
        assert!(error.contains("nowhere/asn.mmdb"), "{error}");
    }
}
