//! An operator erases an address from the whole chain: one order in each partition, new keys, old records that nobody can read.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use schemas::keys::{KeyDirectory, Keys};
use schemas::wire::{self, Unreadable};
use serde_json::json;
use tests::chain::{Chain, Member, Plan};
use tests::client::ClickHouse;
use tests::command::Said;
use tests::program::built;
use tokio::time::Instant;

use super::{LOOK, PATIENCE, chain, until, until_metric};

const PARTITIONS: u32 = 3;
const ERASED: &str = "203.0.113.77";
/// A processor looks once a minute which orders have passed.
const MINUTES: Duration = Duration::from_secs(150);
const VIEWS: &str = "SELECT count(), sum(visitors) FROM open_hits FINAL WHERE kind = 'view'";
const ROWS: &str =
    "SELECT * FROM open_hits FINAL WHERE kind = 'view' ORDER BY written_date, collector, sequence";

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_address_is_new_and_its_records_open_with_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = chain(Plan { partitions: PARTITIONS, ..Plan::default() }, folder.path()).await;
    let operator = chain.operator().unwrap();
    // Others in every partition, and one who is to be forgotten.
    for host in 1..=30 {
        view(&mut chain, &format!("203.0.113.{host}"), "/before").await;
    }
    view(&mut chain, ERASED, "/before").await;
    until(&operator, VIEWS, "31\t31").await;
    let (before, written) = (operator.query(ROWS).await.unwrap(), records(&chain));
    assert!(written.iter().all(|partition| !partition.is_empty()), "a partition is empty");

    let said = erase(&chain, &["--now"]).done().unwrap();
    assert!(said.out.contains("Carried out in 3 of 3 partitions"), "{}", said.out);
    assert!(said.out.contains("No record that was encrypted with them can be read any more"), "{}", said.out);
    assert_eq!(operator.query(ROWS).await.unwrap(), before, "what was counted stays");
    let left = keys(&chain.folder);
    for record in written.iter().flatten() {
        assert_eq!(wire::open(record, &left), Err(Unreadable::KeyGone));
    }

    view(&mut chain, ERASED, "/after").await;
    view(&mut chain, "203.0.113.1", "/after").await;
    until(&operator, VIEWS, "33\t32").await;
    let left = keys(&chain.folder);
    let opened: BTreeSet<bool> = records(&chain)
        .iter()
        .zip(&written)
        .flat_map(|(all, before)| all.iter().skip(before.len()))
        .map(|record| wire::open(record, &left).is_ok())
        .collect();
    assert_eq!(
        opened,
        BTreeSet::from([false, true]),
        "the order itself has died with its key, what came later opens"
    );
    let unreadable = "SELECT count() FROM open_hits FINAL WHERE readable = 0";
    assert_eq!(operator.query(unreadable).await.unwrap().trim(), "0", "nothing was lost");
    assert_eq!(chain.reconcile().await.unwrap().0, 0, "the order's numbers have no hole");

    // A start reads the day again, and does not wait for keys that will not come.
    chain.stop(Member::Processor(0)).await.unwrap();
    chain.begin(Member::Processor(0)).await.unwrap();
    view(&mut chain, "203.0.113.2", "/again").await;
    until(&operator, "SELECT count() FROM open_hits FINAL WHERE kind = 'view'", "34").await;
    assert_eq!(operator.query(unreadable).await.unwrap().trim(), "0", "what was counted stays counted");

    let verified = processor(&chain, &["audit", "verify", "--head", &head(&said.out)], "").done().unwrap();
    assert!(verified.out.contains("3 audit entries, no bad link"), "{}", verified.out);
    nothing_tells_of_it(&mut chain, &operator).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_may_need_an_older_key_is_named_and_keeps_it_until_force() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { collectors: 2, partitions: PARTITIONS, ..Plan::default() };
    let mut chain = chain(plan, folder.path()).await;
    let operator = chain.operator().unwrap();
    for collector in 0..2 {
        let hit = json!({ "site": "localhost", "url": "http://localhost/before" });
        assert_eq!(chain.sender(collector).unwrap().hit(&hit).await.unwrap(), 204);
    }
    until(&operator, "SELECT count() FROM open_hits FINAL WHERE kind = 'view'", "2").await;
    let old = key_files(&chain.folder);
    chain.pause(Member::Collector(1), true).unwrap();
    // Long enough for the one that runs: it looks for a new key every 15 s.
    let said = erase(&chain, &["--now", "--wait", "25"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(
        said.out.contains("Destroyed: nothing.") && said.err.contains("no key was destroyed"),
        "{}",
        said.out
    );
    let named: Vec<&str> = said.out.lines().filter(|line| line.starts_with("- collector ")).collect();
    assert_eq!(named.len(), 1, "{}", said.out);
    assert!(named[0].ends_with("the new key is in use in 0 of 3 partitions"), "{}", said.out);
    let after = key_files(&chain.folder);
    assert!(old.is_subset(&after) && after.len() == old.len() + 1, "{old:?} became {after:?}");

    let forced = erase(&chain, &["--now", "--force", "--wait", "1"]).done().unwrap();
    assert!(forced.out.contains("Lost with them, counted as `expired`"), "{}", forced.out);
    let chained = "SELECT JSONExtractBool(facts, 'forced'), JSONExtractUInt(facts, 'missing_collectors') > 0 \
                   FROM audit_chain WHERE action = 'keys_destroyed'";
    assert_eq!(operator.query(chained).await.unwrap().trim(), "1\t1");
    chain.pause(Member::Collector(1), false).unwrap();
    chain.stop(Member::Collector(1)).await.unwrap();
    nothing_tells_of_it(&mut chain, &operator).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_nobody_reads_yet_is_carried_out_later_and_chained_by_the_processor() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = chain(Plan { partitions: PARTITIONS, ..Plan::default() }, folder.path()).await;
    let operator = chain.operator().unwrap();
    view(&mut chain, ERASED, "/before").await;
    until(&operator, VIEWS, "1\t1").await;
    chain.stop(Member::Processor(0)).await.unwrap();
    let said = erase(&chain, &["--wait", "1"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("0 of 3 copies have passed") && said.out.is_empty(), "{}", said.err);
    let unknown = erase(&chain, &["--site", "elsewhere"]);
    assert!(unknown.code == Some(1) && unknown.err.contains("there is no site"), "{}", unknown.err);

    let mut elsewhere = command(&chain, &["erase", "--ip", "-"]);
    elsewhere.env("FOOTFALL_KEYS_DIRECTORY", folder.path().join("other-keys"));
    let refused = Said::of(elsewhere, ERASED).unwrap();
    assert!(refused.err.contains("must be the key directory that"), "{}", refused.err);

    chain.begin(Member::Processor(0)).await.unwrap();
    view(&mut chain, ERASED, "/after").await;
    until(&operator, VIEWS, "2\t2").await;
    let chained = "SELECT action, JSONExtractUInt(facts, 'copies') FROM audit_chain";
    let until = Instant::now() + MINUTES;
    while operator.query(chained).await.unwrap().trim() != "erase_address\t3" {
        assert!(Instant::now() < until, "the order is not in the audit chain");
        tokio::time::sleep(LOOK).await;
    }
    until_metric(&mut chain, Member::Processor(0), "footfall_processor_missing_sequences", |missing| {
        missing == 0
    })
    .await;
    nothing_tells_of_it(&mut chain, &operator).await;
}

async fn view(chain: &mut Chain, address: &str, page: &str) {
    let hit = json!({ "site": "localhost", "url": format!("http://localhost{page}") });
    let address: IpAddr = address.parse().unwrap();
    assert_eq!(chain.sender(0).unwrap().hit_from(Some(address), &hit).await.unwrap(), 204);
}

/// `processor erase --ip -`, with the address on its standard input.
fn erase(chain: &Chain, arguments: &[&str]) -> Said {
    processor(chain, &[&["erase", "--ip", "-"], arguments].concat(), ERASED)
}

fn command(chain: &Chain, arguments: &[&str]) -> Command {
    let mut command = Command::new(built("processor"));
    command.args(arguments).arg("--config").arg(chain.configuration("processor"));
    command
}

fn processor(chain: &Chain, arguments: &[&str], input: &str) -> Said {
    let said = Said::of(command(chain, arguments), input).unwrap();
    for text in [&said.out, &said.err] {
        assert!(!text.contains(ERASED), "the address in: {text}");
    }
    said
}

/// No table and no log has the address.
async fn nothing_tells_of_it(chain: &mut Chain, operator: &ClickHouse) {
    let raw = ERASED.parse::<Ipv4Addr>().unwrap().octets();
    let is_told = |text: &[u8]| {
        text.windows(ERASED.len()).any(|part| part == ERASED.as_bytes())
            || text.windows(raw.len()).any(|part| part == raw)
    };
    assert!(is_told(&[1, 203, 0, 113, 77, 9]) && is_told(b"of 203.0.113.77,"));
    for table in ["open_hits", "audit", "imports", "complete"] {
        let rows = operator.query(&format!("SELECT * FROM {table}")).await.unwrap();
        assert!(!is_told(rows.as_bytes()), "the address in {table}");
    }
    for member in [Member::Collector(0), Member::Processor(0), Member::ClickHouse] {
        let data = chain.data(member).unwrap();
        let log = std::fs::read(data.with_extension("log")).unwrap();
        assert!(!is_told(&log) && !log.is_empty(), "{member:?} says the address");
    }
}

/// The raw records of each partition.
fn records(chain: &Chain) -> Vec<Vec<Vec<u8>>> {
    (0..i32::try_from(PARTITIONS).unwrap()).map(|partition| partition_records(chain, partition)).collect()
}

fn partition_records(chain: &Chain, partition: i32) -> Vec<Vec<u8>> {
    let consumer: BaseConsumer = chain.broker.client().set("group.id", "reader").create().unwrap();
    let (low, high) = consumer.fetch_watermarks("visits.raw", partition, PATIENCE).unwrap();
    let mut from = TopicPartitionList::new();
    from.add_partition_offset("visits.raw", partition, Offset::Offset(low)).unwrap();
    consumer.assign(&from).unwrap();
    let mut records = Vec::new();
    let mut next = low;
    while next < high {
        let record = consumer.poll(PATIENCE).unwrap().unwrap();
        next = record.offset() + 1;
        records.push(record.payload().unwrap().to_vec());
    }
    records
}

/// The keys that are left on disk.
fn keys(folder: &Path) -> Keys {
    KeyDirectory::open(&folder.join("keys")).unwrap().keys()
}

/// The bytes of every key file.
fn key_files(folder: &Path) -> BTreeSet<Vec<u8>> {
    let entries = std::fs::read_dir(folder.join("keys")).unwrap();
    entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}

fn head(report: &str) -> String {
    let hash = report.lines().rfind(|line| line.starts_with("Audit entry"));
    hash.and_then(|line| line.rsplit_once(' ')).unwrap().1.to_owned()
}
