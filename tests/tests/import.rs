//! An operator imports access logs: the figures are those of a slow, independent computation, whatever is repeated,
//! grown, compressed or killed on the way.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mmdb_writer::{Value, Writer};
use tests::command::{Footfall, Said};
use tests::figures::{of_open_hits, of_reports};
use tests::oracle::Oracle;
use tests::server::FIREFOX;

const SITE: &str = "example.com";
const ZONE: &str = "Europe/Berlin";
const CONFIGURATION: &str = "
[[site]]
name = 'example.com'
hosts = ['example.com', 'www.example.com']
time_zone = 'Europe/Berlin'
";
const LOG: &str = include_str!("../data/access.log");
/// Lines of a log that takes several batches of 20,000 rows.
const MANY_LINES: usize = 60_000;

/// Databases of countries and providers, made for the log's networks.
struct IpData {
    _folder: tempfile::TempDir,
    country: PathBuf,
    asn: PathBuf,
}

impl IpData {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (country, asn) = (folder.path().join("country.mmdb"), folder.path().join("asn.mmdb"));
        let map = |name: &str, value: Value| Value::Map(BTreeMap::from([(name.to_owned(), value)]));
        let mut countries = Writer::new("Test-Country");
        let mut providers = Writer::new("Test-ASN");
        for (network, code) in [("203.0.113.0/24", "DE"), ("198.51.100.0/25", "FR"), ("192.0.2.32/29", "US")]
        {
            let inner = map("country", map("iso_code", code.into()));
            countries.insert_value(network.parse::<mmdb_writer::ipnet::IpNet>().unwrap(), inner).unwrap();
        }
        for (network, code) in [("2001:db8:1::/48", "CH"), ("66.249.66.0/24", "us")] {
            let inner = map("country_code", code.to_uppercase().as_str().into());
            countries.insert_value(network.parse::<mmdb_writer::ipnet::IpNet>().unwrap(), inner).unwrap();
        }
        for (network, name) in [
            ("203.0.113.0/25", "Beispiel Telekom"),
            ("2001:db8::/32", "Exemple é"),
            ("192.0.2.0/24", "Example, Inc."),
        ] {
            let inner = map("autonomous_system_organization", name.into());
            providers.insert_value(network.parse::<mmdb_writer::ipnet::IpNet>().unwrap(), inner).unwrap();
        }
        std::fs::write(&country, countries.to_bytes().unwrap()).unwrap();
        std::fs::write(&asn, providers.to_bytes().unwrap()).unwrap();
        Self { _folder: folder, country, asn }
    }

    fn footfall(&self) -> Footfall {
        Footfall::new(CONFIGURATION).unwrap().with_ip_data(&self.country, &self.asn)
    }

    fn oracle(&self) -> Oracle {
        let zone = jiff::tz::TimeZone::get(ZONE).unwrap();
        Oracle::new(SITE, zone, &self.country, &self.asn).unwrap()
    }
}

/// Everything that an import writes, but the moment of the import.
fn dump(footfall: &Footfall) -> Vec<Vec<String>> {
    let mut rows = footfall.query("SELECT * FROM open_hits FINAL ORDER BY ALL").unwrap();
    rows.extend(footfall.query("SELECT * EXCEPT imported_at FROM imports FINAL ORDER BY ALL").unwrap());
    rows
}

fn import(footfall: &Footfall, log: &Path) -> Said {
    footfall.import(SITE, log).unwrap()
}

#[test]
fn the_figures_of_a_log_are_those_of_a_slow_oracle() {
    let ip_data = IpData::new();
    let footfall = ip_data.footfall();
    let said = import(&footfall, &footfall.file("access.log", LOG.as_bytes()).unwrap());
    let expected = ip_data.oracle().figures(LOG.as_bytes()).unwrap();
    let views = expected.get(["", "kind", "view", "rows"]);
    assert!(views > 100, "the oracle must have found the log's views, not {views}");
    assert!(said.out.contains(&format!(" {views} views")), "{}", said.out);

    let rows = of_open_hits(&footfall, SITE).unwrap();
    assert_eq!(expected.differences(&rows), "", "the oracle's figure and that of open_hits");
    let reports = of_reports(&footfall, SITE, &expected.days()).unwrap();
    assert_eq!(
        expected.without("kind").differences(&reports),
        "",
        "the oracle's figure and that of the reports"
    );
}

#[test]
fn a_second_import_changes_nothing_and_a_grown_file_adds_its_new_lines() {
    let ip_data = IpData::new();
    let footfall = ip_data.footfall();
    let lines: Vec<&str> = LOG.split_inclusive('\n').collect();
    let begun: String = lines[..90].concat();
    let log = footfall.file("access.log", begun.as_bytes()).unwrap();
    import(&footfall, &log);
    let first = dump(&footfall);
    let said = import(&footfall, &log);
    assert!(said.out.contains(" 90 imported before"), "{}", said.out);
    assert_eq!(dump(&footfall), first);

    std::fs::write(&log, LOG).unwrap();
    let said = import(&footfall, &log);
    assert!(said.out.starts_with(&format!("{} lines", lines.len())), "{}", said.out);
    assert!(said.out.contains(" 90 imported before"), "{}", said.out);
    let grown = of_open_hits(&footfall, SITE).unwrap();
    let expected = ip_data.oracle().figures(LOG.as_bytes()).unwrap();
    assert_eq!(
        expected.differences(&grown),
        "",
        "the oracle's figure and that of the log imported in two parts"
    );
}

#[test]
fn a_compressed_log_gives_the_same_rows() {
    let ip_data = IpData::new();
    let (plain, compressed) = (ip_data.footfall(), ip_data.footfall());
    import(&plain, &plain.file("access.log", LOG.as_bytes()).unwrap());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(LOG.as_bytes()).unwrap();
    import(&compressed, &compressed.file("access.log.1.gz", &gzip.finish().unwrap()).unwrap());
    assert_eq!(dump(&compressed), dump(&plain));
}

#[test]
fn lines_that_do_not_parse_are_counted_and_named_by_their_numbers() {
    let ip_data = IpData::new();
    let footfall = ip_data.footfall();
    let said = import(&footfall, &footfall.file("access.log", LOG.as_bytes()).unwrap());
    let number = LOG.lines().position(|line| line == "nonsense").unwrap() + 1;
    for number in [number - 1, number, number + 1] {
        assert!(said.err.contains(&format!("access.log:{number}: not a line")), "{number}: {}", said.err);
    }
    let named = said.err.lines().filter(|line| line.contains("not a line of an access log")).count();
    assert!(named > 3 && said.out.contains(&format!(" {named} unparsed")), "{named} named: {}", said.out);
    assert!(!said.err.contains("nonsense"), "what a line says is not repeated");
}

#[test]
fn lines_of_the_sites_own_people_are_dropped_by_name() {
    let footfall = Footfall::new(&format!("{CONFIGURATION}internal = ['203.0.113.0/24']\n")).unwrap();
    let line = |address: &str, path: &str| {
        format!(
            "{address} - - [17/May/2015:10:05:03 +0000] \"GET {path} HTTP/1.1\" 200 1 \"-\" \"{FIREFOX}\"\n"
        )
    };
    let log =
        [line("203.0.113.7", "/within"), line("198.51.100.9", "/without"), line("203.0.113.7", "/a.css")]
            .concat();
    import(&footfall, &footfall.file("access.log", log.as_bytes()).unwrap());
    let rows = footfall.query("SELECT kind, reason, page FROM open_hits FINAL ORDER BY sequence").unwrap();
    assert_eq!(rows, [["dropped", "internal", ""], ["view", "", "/without"], ["dropped", "asset", ""]]);
}

#[test]
fn a_killed_import_that_is_repeated_equals_one_that_was_not_killed() {
    let ip_data = IpData::new();
    let (whole, killed) = (ip_data.footfall(), ip_data.footfall());
    let text = many_lines();
    import(&whole, &whole.file("access.log", text.as_bytes()).unwrap());
    let log = killed.file("access.log", text.as_bytes()).unwrap();
    // Once between an insert and its remembrance, when the next try writes the same rows again; once after it.
    for is_part in [is_of_the_day as fn(&Path) -> bool, is_of_imports] {
        kill_at(&killed, &log, is_part);
        let rows: usize = killed.query("SELECT count() FROM open_hits FINAL").unwrap()[0][0].parse().unwrap();
        assert!((20_000..MANY_LINES).contains(&rows), "{rows} rows were written before the kill");
    }
    let said = import(&killed, &log);
    assert!(said.out.starts_with(&format!("{MANY_LINES} lines")), "{}", said.out);
    assert_eq!(of_open_hits(&whole, SITE).unwrap().differences(&of_open_hits(&killed, SITE).unwrap()), "");
    assert!(dump(&killed) == dump(&whole), "the rows differ though their figures do not");
}

/// Visits of 300 visitors that overlap: each batch goes on with the state of the one before it.
fn many_lines() -> String {
    let mut text = String::new();
    for number in 0..MANY_LINES {
        let (visitor, page) = (number * 7 % 300, number % 11);
        let (hour, minute, second) = (number / 3600, number / 60 % 60, number % 60);
        writeln!(
            text,
            "203.0.113.{} - - [10/Mar/2026:{hour:02}:{minute:02}:{second:02} +0100] \"GET /page-{page} HTTP/1.1\" 200 1 \
             \"-\" \"Mozilla/5.0 (X11; Linux x86_64; rv:1{}.0) Gecko/20100101 Firefox/1{}.0\"",
            visitor % 100,
            40 + visitor / 100,
            40 + visitor / 100,
        )
        .unwrap();
    }
    text
}

/// Starts an import and kills it as soon as a part of a table is there.
fn kill_at(footfall: &Footfall, log: &Path, is_part: fn(&Path) -> bool) {
    let mut child = footfall
        .command("import", ["--site", SITE])
        .arg(log)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !has_part(&footfall.data(), is_part) {
        assert!(child.try_wait().unwrap().is_none(), "the import ended before it could be killed");
        assert!(Instant::now() < deadline, "no batch was written");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Whether a folder below is such a part of a table.
fn has_part(folder: &Path, is_part: fn(&Path) -> bool) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.any(|entry| is_part(&entry.path()) || has_part(&entry.path(), is_part))
}

/// A part of `open_hits` with rows of the log's day; one that is not whole yet has another beginning.
fn is_of_the_day(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("20260310_"))
}

/// A part of `imports`.
fn is_of_imports(folder: &Path) -> bool {
    let is_whole = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("all_"));
    let columns = std::fs::read_to_string(folder.join("columns.txt")).unwrap_or_default();
    is_whole && columns.contains("head_bytes")
}
