//! An operator erases an address on one machine: the order is carried out, keys are destroyed, the audit chain tells of it, and nothing
//! tells whose address it was.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use schemas::journal::{Item, Limit, Position, Reader};
use schemas::keys::{KeyDirectory, Keys};
use schemas::wire::{self, Unreadable};
use serde_json::json;
use tests::command::Said;
use tests::program;
use tests::server::{Options, Server};

use crate::story::{files, tables, until, until_visitors_held};

const CONFIGURATION: &str = "[collector]\ntrusted_proxies = ['127.0.0.1/32']\n\
                             [limits]\nhits_per_second = 1000\nburst = 1000\n";
const ERASED: &str = "203.0.113.77";
const OTHER: &str = "203.0.113.78";
const VIEWS: &str = "SELECT count() FROM open_hits FINAL WHERE kind = 'view'";
const ROWS: &str = "SELECT * FROM open_hits FINAL WHERE kind = 'view' ORDER BY collector, sequence";
/// A processor looks once a minute which orders have passed.
const MINUTES: Duration = Duration::from_secs(150);

/// `footfall` with a command on the data directory, and what is typed into it.
fn footfall(data: &Path, arguments: &[&str], input: &str) -> Said {
    let mut command = Command::new(program::footfall());
    command.args(arguments).arg("--data").arg(data);
    let said = Said::of(command, input).unwrap();
    for text in [&said.out, &said.err] {
        assert!(!text.contains("203.0.113."), "an address in: {text}");
    }
    said
}

async fn view(server: &Server, address: &str, page: &str) {
    let hit = json!({ "site": "localhost", "url": format!("http://localhost{page}") });
    let address: IpAddr = address.parse().unwrap();
    assert_eq!(server.sender().hit_from(Some(address), &hit).await.unwrap(), 204);
}

/// All records in the journal.
fn records(data: &Path) -> Vec<Vec<u8>> {
    let mut reader = Reader::open(data.join("journal"), Position::START).unwrap();
    let mut records = Vec::new();
    loop {
        match reader.next(Limit::Everything).unwrap() {
            Item::Record { bytes, .. } => records.push(bytes.to_vec()),
            Item::End => return records,
            Item::Damaged { .. } | Item::Missing { .. } => {}
        }
    }
}

/// The keys that are left on disk.
fn keys(data: &Path) -> Keys {
    KeyDirectory::open(&data.join("keys")).unwrap().keys()
}

fn head(report: &str) -> String {
    let hash = report.lines().rfind(|line| line.starts_with("Audit entry"));
    hash.and_then(|line| line.rsplit_once(' ')).unwrap().1.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_without_now_forgets_the_address_and_keeps_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let options = Options { configuration: Some(CONFIGURATION), ..Options::new(&data) };
    let server = Server::start(options).await.unwrap();
    for (address, page) in [(ERASED, "/a"), (OTHER, "/b"), (ERASED, "/c")] {
        view(&server, address, page).await;
    }
    until(&server, "SELECT count(), sum(visitors) FROM open_hits FINAL WHERE kind = 'view'", "3\t2").await;
    until_visitors_held(&server, 2).await;
    let before = server.query(ROWS).await.unwrap();

    let said = footfall(&data, &["erase", "--ip", "-"], &format!("{ERASED}\n")).done().unwrap();
    assert!(said.out.contains("Carried out in 1 of 1 partitions"), "{}", said.out);
    assert!(said.out.contains("Destroyed: nothing before its time."), "{}", said.out);
    assert_eq!(server.query(ROWS).await.unwrap(), before, "what was counted is anonymous and stays");
    until_visitors_held(&server, 1).await;
    view(&server, ERASED, "/d").await;
    view(&server, OTHER, "/e").await;
    until(&server, "SELECT count(), sum(visitors) FROM open_hits FINAL WHERE kind = 'view'", "5\t3").await;
    assert!(records(&data).iter().all(|record| wire::open(record, &keys(&data)).is_ok()), "no key is gone");

    let verified = footfall(&data, &["audit", "verify", "--head", &head(&said.out)], "").done().unwrap();
    assert!(verified.out.contains("1 audit entries, no bad link"), "{}", verified.out);
    visitors_own_order(&server).await;
    nothing_tells_of_it(server, &data).await;
}

/// A visitor's own order is put into the chain by the processor itself.
async fn visitors_own_order(server: &Server) {
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-forwarded-for", OTHER),
        ("origin", server.collector.as_str()),
    ];
    let address = format!("{}/erase", server.collector);
    let pressed = crate::story::request(server, ("POST", address), &headers, "site=localhost&erase=1").await;
    assert!(pressed.status().is_redirection(), "{}", crate::story::text(&pressed));
    let chained = "SELECT groupArray(toString(action)) FROM (SELECT action FROM audit_chain ORDER BY number)";
    let until = Instant::now() + MINUTES;
    while server.query(chained).await.unwrap().trim() != "['erase_address','erase']" {
        assert!(Instant::now() < until, "the visitor's order is not in the audit chain");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Stops the program and looks everywhere.
async fn nothing_tells_of_it(server: Server, data: &Path) {
    let raw = ERASED.parse::<Ipv4Addr>().unwrap().octets();
    let is_told = |text: &[u8]| {
        text.windows(ERASED.len()).any(|part| part == ERASED.as_bytes())
            || text.windows(raw.len()).any(|part| part == raw)
    };
    assert!(
        is_told(&[1, 203, 0, 113, 77, 9]) && is_told(b"of 203.0.113.77,") && !is_told(&[203, 0, 113, 78])
    );
    let rows: BTreeMap<String, String> = tables(&server).await;
    assert!(rows["audit"].contains("erase_address"), "the search reads the chain");
    assert!(!rows.values().any(|rows| is_told(rows.as_bytes())));
    let (status, said) = server.stop().await.unwrap();
    assert!(status.success() && !is_told(said.as_bytes()), "{said}");
    let told: Vec<_> = files(data).into_iter().filter(|(_, bytes)| is_told(bytes)).collect();
    assert!(told.is_empty(), "in {:?}", told.iter().map(|(path, _)| path).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_with_now_leaves_no_record_readable_and_no_count_changed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let options = Options { configuration: Some(CONFIGURATION), ..Options::new(&data) };
    let server = Server::start(options).await.unwrap();
    for page in ["/a", "/b"] {
        view(&server, ERASED, page).await;
    }
    until(&server, VIEWS, "2").await;
    let rows = server.query(ROWS).await.unwrap();
    let said = footfall(&data, &["erase", "--ip", "-", "--now"], ERASED).done().unwrap();
    assert!(said.out.contains("Destroyed: ") && said.out.contains("may count twice"), "{}", said.out);
    let written = records(&data);
    let opened: Vec<bool> = written.iter().map(|record| wire::open(record, &keys(&data)).is_ok()).collect();
    let visits = written.iter().filter(|record| !wire::header(record).unwrap().site.is_empty());
    for record in visits {
        assert_eq!(wire::open(record, &keys(&data)), Err(Unreadable::KeyGone));
    }
    let from = opened.iter().position(|opens| *opens).unwrap();
    assert!(opened[from..].iter().all(|opens| *opens), "from the new key on everything opens: {opened:?}");

    view(&server, OTHER, "/c").await;
    until(&server, VIEWS, "3").await;
    assert!(wire::open(records(&data).last().unwrap(), &keys(&data)).is_ok());
    assert!(server.query(ROWS).await.unwrap().starts_with(&rows), "the rows from before are as they were");
    server.stop().await.unwrap();

    let server = Server::start(options).await.unwrap();
    view(&server, OTHER, "/d").await;
    until(&server, VIEWS, "4").await;
    let unreadable = "SELECT count() FROM open_hits FINAL WHERE readable = 0";
    assert_eq!(server.query(unreadable).await.unwrap().trim(), "0", "nothing was lost");
    let listed = footfall(&data, &["audit", "list"], "").done().unwrap().out;
    let actions: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').nth(2)).collect();
    assert_eq!(actions, ["erase_address", "destroying_keys", "keys_destroyed"], "{listed}");
    assert!(listed.contains(r#""forced":false"#) && listed.contains(r#""missing_collectors":0"#), "{listed}");
    footfall(&data, &["audit", "verify", "--head", &head(&said.out)], "").done().unwrap();
    server.query("ALTER TABLE audit UPDATE facts = replace(facts, 'false', 'true') WHERE 1 SETTINGS mutations_sync = 1").await.unwrap();
    let verified = footfall(&data, &["audit", "verify"], "");
    assert_eq!(verified.code, Some(1));
    assert!(verified.err.contains("audit entry 2: hash"), "{}", verified.err);
    nothing_tells_of_it(server, &data).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_cannot_be_given_says_why_without_the_address() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let idle = footfall(&data, &["erase", "--ip", "-"], ERASED);
    assert_eq!(idle.code, Some(1));
    assert!(idle.err.contains("`footfall up` must run"), "{}", idle.err);
    let options = Options { configuration: Some(CONFIGURATION), ..Options::new(&data) };
    let server = Server::start(options).await.unwrap();
    for (arguments, input, expected) in [
        (&["erase", "--ip", "203.0.113.777"][..], "", "no IP address"),
        (&["erase", "--ip", "-"], "203.0.113.777", "no IP address"),
        (&["erase", "--ip", "-", "--site", "elsewhere"], ERASED, "there is no site \"elsewhere\""),
    ] {
        let said = footfall(&data, arguments, input);
        assert_eq!(said.code, Some(1), "{}", said.err);
        assert!(said.err.contains(expected), "{}", said.err);
    }
    let body = json!({ "address": ERASED }).to_string();
    let page = [("origin", "http://localhost"), ("footfall-operator", "erase")];
    let forged =
        crate::story::request(&server, ("POST", format!("{}/erase", server.admin)), &page, body).await;
    assert_eq!(forged.status(), 403, "a web page gives no orders");
    let operator = [("footfall-operator", "erase")];
    let empty =
        crate::story::request(&server, ("POST", format!("{}/erase", server.admin)), &operator, "{}").await;
    assert_eq!(empty.status(), 400, "{}", crate::story::text(&empty));
    assert_eq!(server.query("SELECT count() FROM audit").await.unwrap().trim(), "0");
}
