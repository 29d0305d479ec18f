//! The audit chain and the questions about orders and collectors, on the real engine.

use std::path::Path;

use jiff::Timestamp;
use processor::audit::{
    AuditCommand, AuditError, Entry, Facts, Head, OrderPassed, OrdersPassed, Verify, Wrong, append, audit,
    record_orders,
};
use processor::erasure::missing;
use processor::store::Store;
use schemas::configuration::{self, Configuration};
use schemas::keys::KeyId;
use schemas::wire::CollectorId;
use tests::client::ClickHouse;
use tests::process::Process;
use tests::program;
use tokio::process::Command;

/// Collector, sequence, readable, kind, reason, subject, tail collector, count; a number stands for a UUID.
type Row<'a> = (u8, u64, u8, &'a str, &'a str, u8, u8, u64);

/// ClickHouse alone, migrated.
struct Engine {
    operator: ClickHouse,
    store: Store,
    _process: Process,
}

impl Engine {
    async fn start(data: &Path) -> Self {
        let mut command = Command::new(program::footfall());
        command.args(["clickhouse", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        let process = Process::start(command).await.unwrap();
        let url = process.address("clickhouse").unwrap();
        let settings = configuration::ClickHouse { url: url.clone(), ..Configuration::default().clickhouse };
        Self { operator: ClickHouse::new(url), store: Store::new(&settings).unwrap(), _process: process }
    }

    async fn run(&self, sql: &str) {
        self.operator.query(sql).await.unwrap();
    }

    /// Rows of today.
    async fn rows(&self, rows: &[Row<'_>]) {
        let values: Vec<String> = rows
            .iter()
            .map(|(collector, sequence, readable, kind, reason, subject, tail, count)| {
                format!(
                    "('a', '{}', {sequence}, today(), {readable}, '{kind}', '{reason}', '{}', '{}', {count})",
                    uuid(*collector),
                    uuid(*subject),
                    uuid(*tail)
                )
            })
            .collect();
        let columns =
            "site, collector, sequence, written_date, readable, kind, reason, subject, tail_collector, count";
        self.run(&format!("INSERT INTO open_hits ({columns}) VALUES {}", values.join(","))).await;
    }

    /// Tells of the orders that have passed; how many entries that made, and which orders are under way.
    async fn record(&self, now: Timestamp) -> (usize, Vec<String>) {
        let orders = self.store.orders_not_chained().await.unwrap();
        (record_orders(&self.store, &orders, now).await.unwrap(), orders.under_way)
    }

    async fn first_order(&self) -> String {
        let first = "SELECT min(subject) FROM open_hits WHERE reason = 'erase'";
        self.operator.query(first).await.unwrap().trim().to_owned()
    }

    async fn verify(&self, head: Option<String>) -> Result<(), AuditError> {
        audit(&self.store, &AuditCommand::Verify(Verify { head })).await
    }

    async fn bad_link(&self) -> (u64, Wrong) {
        match self.verify(None).await {
            Err(AuditError::BadLink(link)) => (link.number, link.wrong),
            other => panic!("{other:?}"),
        }
    }
}

fn uuid(byte: u8) -> String {
    CollectorId([byte; 16]).to_string()
}

fn order(number: u8) -> Facts {
    Facts::AddressErased(OrderPassed { copies: 3, order: uuid(number), site: "münchen.example".into() })
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_passed_all_partitions_are_chained_once() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path()).await;
    engine
        .rows(&[
            (1, 10, 2, "control", "erase", 21, 0, 2),
            (1, 11, 2, "control", "erase", 21, 0, 2),
            (1, 11, 2, "control", "erase", 21, 0, 2),
            (2, 1, 2, "control", "erase_address", 22, 0, 2),
            (3, 1, 2, "control", "erase_address", 23, 0, 2),
            (3, 2, 0, "control", "erase_address", 23, 0, 2),
            (4, 1, 2, "control", "key_in_use", 24, 0, 0),
        ])
        .await;
    let now = Timestamp::now();
    assert_eq!(
        engine.record(now).await,
        (1, vec![uuid(22), uuid(23)]),
        "others lack a copy, or one was not read"
    );
    engine.rows(&[(2, 2, 2, "control", "erase_address", 22, 0, 2)]).await;
    assert_eq!(engine.record(now).await, (1, vec![uuid(23)]));
    assert_eq!(engine.record(now).await.0, 0);
    let entries =
        engine.operator.query("SELECT number, action, facts FROM audit_chain ORDER BY number").await.unwrap();
    let visitors = format!(r#"{{"count":1,"orders":["{}"]}}"#, uuid(21));
    let operators = format!(r#"{{"copies":2,"order":"{}","site":"a"}}"#, uuid(22));
    assert_eq!(entries, format!("1\terase\t{visitors}\n2\terase_address\t{operators}\n"));
    engine.verify(None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_orders_make_few_entries_and_each_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path()).await;
    let many = "INSERT INTO open_hits (site, collector, sequence, written_date, readable, kind, reason, subject, count) \
                SELECT 'a', toUUID('01010101-0101-0101-0101-010101010101'), number + 1, today(), 2, 'control', 'erase', \
                    toUUID(concat('00000000-0000-0000-0000-', leftPad(toString(number + 1), 12, '0'))), 1 FROM numbers(1001)";
    engine.run(many).await;
    // An entry as it was when each order had its own.
    let alone = OrderPassed { copies: 1, order: engine.first_order().await, site: "a".into() };
    let entry = Entry::after(&Head::default(), &Facts::AddressErased(alone), Timestamp::now());
    let mut old = Entry { action: "erase".into(), ..entry };
    old.hash = old.computed_hash();
    engine.store.audit_insert(&old).await.unwrap();
    engine.rows(&[(2, 1, 2, "control", "erase", 21, 0, 1)]).await;

    assert_eq!(engine.record(Timestamp::now()).await, (2, vec![]));
    assert_eq!(engine.record(Timestamp::now()).await, (0, vec![]));
    let told = "SELECT count(), sum(length(JSONExtract(facts, 'orders', 'Array(String)'))), \
                    sum(JSONExtractUInt(facts, 'count')), max(length(JSONExtract(facts, 'orders', 'Array(String)'))) FROM audit_chain";
    assert_eq!(engine.operator.query(told).await.unwrap().trim(), "3\t1001\t1001\t1000");
    engine.verify(None).await.unwrap();

    // Another processor that saw some of the same orders at the same moment.
    let seen = Facts::Erased(OrdersPassed { count: 2, orders: vec![uuid(21), uuid(22)] });
    append(&engine.store, &seen, Timestamp::now()).await.unwrap();
    assert_eq!(engine.operator.query("SELECT count() FROM audit").await.unwrap().trim(), "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_at_once_make_one_chain_that_anybody_can_recompute() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path()).await;
    let now = Timestamp::now();
    let append_one = |number| {
        let store = engine.store.clone();
        tokio::spawn(async move { append(&store, &order(number), now).await.unwrap() })
    };
    let mut numbers = Vec::new();
    // Each order twice, as a command and a processor may tell of it at the same moment.
    for appending in [1, 2, 3, 1, 2, 3].map(append_one) {
        numbers.push(appending.await.unwrap().number);
    }
    assert_eq!(numbers[..3], numbers[3..], "both are given the entry that counts");
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 1, 2, 2, 3, 3]);
    engine.verify(None).await.unwrap();
    let recomputed = "SELECT count(), countIf(hash = lower(hex(SHA256(concat('{\"action\":', toJSONString(toString(action)), \
        ',\"at\":\"', formatDateTime(at, '%Y-%m-%dT%H:%i:%SZ', 'UTC'), '\",\"facts\":', toJSONString(facts), ',\"number\":', \
        toString(number), ',\"previous\":\"', previous, '\"}'))))), countIf(toStartOfHour(at) != at) FROM audit_chain";
    assert_eq!(engine.operator.query(recomputed).await.unwrap().trim(), "3\t3\t0");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tampers_with_the_chain_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path()).await;
    for number in 1..=3 {
        append(&engine.store, &order(number), Timestamp::now()).await.unwrap();
    }
    let head =
        engine.operator.query("SELECT hash FROM audit WHERE number = 3").await.unwrap().trim().to_owned();
    engine.verify(Some(head.clone())).await.unwrap();

    let change =
        |set: &str| format!("ALTER TABLE audit UPDATE {set} WHERE number = 2 SETTINGS mutations_sync = 1");
    engine.run(&change("facts = replace(facts, '\"copies\":3', '\"copies\":2')")).await;
    assert_eq!(engine.bad_link().await, (2, Wrong::Hash));
    engine.run(&change("facts = replace(facts, '\"copies\":2', '\"copies\":3')")).await;
    engine.verify(None).await.unwrap();
    engine.run(&change("facts = unhex('FF')")).await;
    assert_eq!(engine.bad_link().await, (2, Wrong::Hash), "what is no text is named as well");

    engine.run("ALTER TABLE audit DELETE WHERE number = 2 SETTINGS mutations_sync = 1").await;
    assert_eq!(engine.bad_link().await, (2, Wrong::Gap));
    engine.run("ALTER TABLE audit DELETE WHERE number > 1 SETTINGS mutations_sync = 1").await;
    engine.verify(None).await.unwrap();
    let cut = engine.verify(Some(head)).await.unwrap_err();
    assert!(matches!(cut, AuditError::NotedMissing(1)), "{cut}");

    engine
        .run("INSERT INTO audit SELECT 2, now(), 'erase', '{}', repeat('0', 64), repeat('1', 64), now64(6)")
        .await;
    assert_eq!(engine.bad_link().await, (2, Wrong::Hash), "a row put in by hand");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_still_need_an_older_key_is_known_from_the_rows() {
    const KEY: u8 = 90;
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path()).await;
    engine
        .rows(&[
            // One that says in both partitions that it uses the key; one that says it in one, and once of another key.
            (1, 1, 2, "view", "", 0, 0, 0),
            (1, 2, 2, "control", "key_in_use", KEY, 0, 0),
            (1, 3, 2, "control", "key_in_use", KEY, 0, 0),
            (2, 1, 2, "control", "opened", 0, 9, 0),
            (2, 2, 2, "control", "key_in_use", KEY, 0, 0),
            (2, 3, 2, "control", "key_in_use", 91, 0, 0),
            // Ended: one said goodbye, one was followed by 2, one gave an order and nothing else.
            (3, 1, 2, "view", "", 0, 0, 0),
            (3, 2, 2, "control", "goodbye", 0, 0, 0),
            (9, 1, 2, "view", "", 0, 0, 0),
            (4, 1, 2, "control", "erase_address", 50, 0, 2),
            (4, 2, 2, "control", "erase_address", 50, 0, 2),
            // A visitor's order comes from a collector that lives.
            (5, 1, 2, "control", "erase", 51, 0, 2),
            // Nobody could read it, so nobody knows who wrote it; an import; one that was silent for three days.
            (6, 1, 0, "expired", "expired", 0, 0, 0),
            (7, 1, 2, "view", "", 0, 0, 0),
            (8, 1, 2, "view", "", 0, 0, 0),
        ])
        .await;
    let import = format!(
        "INSERT INTO imports (collector, source_id, site, head_bytes, through, imported_at) VALUES ('{}', '{}', 'a', 1, 1, now())",
        uuid(7),
        uuid(7)
    );
    engine.run(&import).await;
    let old = format!(
        "INSERT INTO open_hits (site, collector, sequence, written_date, readable, kind) VALUES ('a', '{}', 1, today() - 3, 2, 'view')",
        uuid(10)
    );
    engine.run(&old).await;
    let names = async |partitions| -> Vec<u8> {
        let seen = engine.store.collectors_seen(&[KeyId([KEY; 16])]).await.unwrap();
        let missing = missing(&seen, &engine.store.holes().await.unwrap(), partitions);
        missing.iter().map(|missing| missing.collector.0[0]).collect()
    };
    assert_eq!(names(2).await, [2, 5, 8]);
    assert_eq!(names(1).await, [5, 8]);
    // Of one that has ended, and of one that uses the key, a record from before is not read yet.
    engine.rows(&[(3, 4, 2, "view", "", 0, 0, 0), (1, 7, 2, "control", "key_in_use", KEY, 0, 0)]).await;
    assert_eq!(names(1).await, [1, 3, 5, 8]);
}
