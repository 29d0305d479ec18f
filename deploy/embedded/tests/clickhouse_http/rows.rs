//! The `clickhouse` crate: types there and back, parameters, settings, errors.

use std::net::{Ipv4Addr, Ipv6Addr};

use clickhouse::{Client, Row};
use serde::{Deserialize, Serialize};

const TABLE: &str = "CREATE TABLE visits (
    site LowCardinality(String), hour UInt32, share Float64, referrer Nullable(String), tags Array(String),
    counts Map(String, UInt64), ip4 IPv4, ip6 IPv6, delta Int64, pair Tuple(UInt8, String), flag Bool,
    added DateTime DEFAULT now()
) ENGINE = MergeTree ORDER BY (site, hour)";

#[derive(Row, Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Visit {
    site: String,
    hour: u32,
    share: f64,
    referrer: Option<String>,
    tags: Vec<String>,
    counts: Vec<(String, u64)>,
    #[serde(with = "clickhouse::serde::ipv4")]
    ip4: Ipv4Addr,
    ip6: Ipv6Addr,
    delta: i64,
    pair: (u8, String),
    flag: bool,
}

fn visit(number: u32) -> Visit {
    Visit {
        site: format!("site-{}", number % 3),
        hour: number,
        share: f64::from(number) / 3.0,
        referrer: (!number.is_multiple_of(5)).then(|| format!("r{number}")),
        tags: vec!["it's\\\n\t".into(), "žluťoučký 🐎".into()],
        counts: vec![("views".into(), u64::from(number))],
        ip4: Ipv4Addr::new(192, 0, 2, (number % 250) as u8),
        ip6: "2001:db8::1".parse().unwrap(),
        delta: -i64::from(number),
        pair: (7, "seven".into()),
        flag: number.is_multiple_of(2),
    }
}

pub(crate) async fn story(client: &Client) {
    client.query(TABLE).execute().await.unwrap();
    inserts_and_reads_back(client).await;
    parameters_keep_every_character(client).await;
    settings_last_for_one_request(client).await;
    errors_carry_clickhouses_code(client).await;
    statements_without_rows_work(client).await;
    twenty_queries_at_once(client).await;
}

async fn inserts_and_reads_back(client: &Client) {
    let mut insert = client.insert::<Visit>("visits").await.unwrap();
    for number in 0..1000 {
        insert.write(&visit(number)).await.unwrap();
    }
    insert.end().await.unwrap();
    let mut inserter = client.inserter::<Visit>("visits").with_max_rows(300);
    for number in 1000..2000 {
        inserter.write(&visit(number)).await.unwrap();
        inserter.commit().await.unwrap();
    }
    inserter.end().await.unwrap();
    let rows: Vec<Visit> =
        client.query("SELECT ?fields FROM visits ORDER BY hour").fetch_all().await.unwrap();
    assert_eq!(rows.len(), 2000);
    assert!(rows.iter().zip(0..).all(|(row, number)| *row == visit(number)));
    let none: Vec<u64> = client.query("SELECT number FROM numbers(0)").fetch_all().await.unwrap();
    assert!(none.is_empty());
}

async fn parameters_keep_every_character(client: &Client) {
    let text = "a'b\\c\n\td;--é `x` \"y\" {z:String}";
    let echoed: String = client.query("SELECT {text:String}").param("text", text).fetch_one().await.unwrap();
    assert_eq!(echoed, text);
    let sites = vec!["site-0", "it's\\"];
    let count: u64 = client
        .query("SELECT count() FROM visits WHERE site IN {sites:Array(String)} AND hour < {limit:UInt32}")
        .param("sites", sites)
        .param("limit", 30)
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(count, 10);
    let bound: String = client.query("SELECT ?").bind(text).fetch_one().await.unwrap();
    assert_eq!(bound, text);
}

async fn settings_last_for_one_request(client: &Client) {
    const SQL: &str = "SELECT toUInt64(getSetting('max_threads'))";
    let inside: u64 = client.query(SQL).with_setting("max_threads", "7").fetch_one().await.unwrap();
    let after: u64 = client.query(SQL).fetch_one().await.unwrap();
    assert_eq!(inside, 7);
    assert_ne!(after, 7);
    let unknown = client.query("SELECT 1").with_setting("no_such_setting", "1").execute().await;
    assert!(unknown.unwrap_err().to_string().contains("Code: 115"));
}

async fn errors_carry_clickhouses_code(client: &Client) {
    for (sql, code) in [
        ("SELECT * FROM nowhere", "Code: 60"),
        ("SELEC 1", "Code: 62"),
        ("SELECT 1; SELECT 2", "Code: 62"),
        ("SELECT throwIf(number = 100) FROM numbers(1000)", "Code: 395"),
        ("INSERT INTO visits (nothing) VALUES (1)", "Code: 16"),
    ] {
        let error = client.query(sql).execute().await.unwrap_err().to_string();
        assert!(error.contains(code), "{sql}: {error}");
    }
}

async fn statements_without_rows_work(client: &Client) {
    client
        .query("INSERT INTO visits (site, hour) VALUES ({site:String}, 1 + 1), ('v', 3)")
        .param("site", "v")
        .execute()
        .await
        .unwrap();
    client
        .query("INSERT INTO visits (site, hour) SELECT 'w', hour FROM visits WHERE site = 'v'")
        .execute()
        .await
        .unwrap();
    let hours: Vec<u32> =
        client.query("SELECT hour FROM visits WHERE site = 'w' ORDER BY hour").fetch_all().await.unwrap();
    assert_eq!(hours, [2, 3]);
    client.query("ALTER TABLE visits DELETE WHERE site = 'w'").execute().await.unwrap();
}

async fn twenty_queries_at_once(client: &Client) {
    let queries = (0..20u64).map(|number| {
        let client = client.clone();
        tokio::spawn(async move {
            let sql = "SELECT ? + sum(number) FROM numbers(1000)";
            let sum: u64 = client.query(sql).bind(number).fetch_one().await.unwrap();
            sum - number
        })
    });
    for query in queries.collect::<Vec<_>>() {
        assert_eq!(query.await.unwrap(), 499_500);
    }
}
