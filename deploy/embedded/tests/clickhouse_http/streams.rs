//! Long answers and inserts: pieces in order, exceptions in the middle, bodies that break off.

use clickhouse::Client;
use clickhouse::sql::Identifier;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Fixture;

const ROWS: u64 = 1_000_000;

#[derive(clickhouse::Row, Serialize)]
struct Number {
    number: u64,
}

pub(crate) async fn crate_story(client: &Client) {
    a_long_answer_comes_whole(client).await;
    an_exception_in_the_middle_is_an_error(client).await;
    an_abandoned_answer_is_cancelled(client).await;
    an_abandoned_insert_leaves_nothing(client).await;
}

async fn a_long_answer_comes_whole(client: &Client) {
    let sql = format!("SELECT number, toString(number) FROM numbers({ROWS})");
    let mut rows = client.query(&sql).fetch::<(u64, String)>().unwrap();
    let mut expected = 0;
    while let Some((number, text)) = rows.next().await.unwrap() {
        assert_eq!((number, text), (expected, expected.to_string()));
        expected += 1;
    }
    assert_eq!(expected, ROWS);
}

async fn an_exception_in_the_middle_is_an_error(client: &Client) {
    let sql = format!("SELECT number, throwIf(number = {}) FROM numbers({ROWS})", ROWS - 1);
    let query = client.query(&sql).with_setting("max_block_size", "10000").with_setting("max_threads", "1");
    let mut rows = query.fetch::<(u64, u8)>().unwrap();
    let mut seen = 0;
    let error = loop {
        match rows.next().await {
            Ok(Some(_)) => seen += 1,
            Ok(None) => panic!("the answer ended as if it were whole after {seen} rows"),
            Err(error) => break error.to_string(),
        }
    };
    assert!(seen > 0, "the exception comes after the first rows");
    assert!(error.contains("Code: 395"), "{error}");
}

async fn an_abandoned_answer_is_cancelled(client: &Client) {
    let marker = "abandoned_select";
    let sql = format!("SELECT number AS {marker} FROM system.numbers");
    let mut rows = client.query(&sql).fetch::<u64>().unwrap();
    assert_eq!(rows.next().await.unwrap(), Some(0));
    drop(rows);
    let running = "SELECT count() FROM system.processes WHERE query LIKE concat('%number AS ', ?, '%')";
    until(async || client.query(running).bind(marker).fetch_one::<u64>().await.unwrap() == 0).await;
}

async fn an_abandoned_insert_leaves_nothing(client: &Client) {
    let table = Identifier("abandoned");
    client
        .query("CREATE TABLE ? (number UInt64) ENGINE = MergeTree ORDER BY number")
        .bind(table)
        .execute()
        .await
        .unwrap();
    let mut insert = client.insert::<Number>("abandoned").await.unwrap();
    for number in 0..300_000 {
        insert.write(&Number { number }).await.unwrap();
    }
    drop(insert);
    let running = "SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO%abandoned%'";
    until(async || client.query(running).fetch_one::<u64>().await.unwrap() == 0).await;
    let rows: u64 = client.query("SELECT count() FROM abandoned").fetch_one().await.unwrap();
    assert_eq!(rows, 0);
}

/// Asks again until it is so; ten seconds are a failure.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), waiting).await.expect("it becomes so in 10 s");
}

pub(crate) async fn raw_story(fixture: &Fixture) {
    let client = fixture.client("raw").await;
    client.query("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n").execute().await.unwrap();
    a_body_that_breaks_off_leaves_nothing(fixture, &client).await;
    an_exception_in_the_middle_is_tagged(fixture).await;
    an_early_refusal_is_heard_while_sending(fixture).await;
}

async fn a_body_that_breaks_off_leaves_nothing(fixture: &Fixture, client: &Client) {
    let mut stream = TcpStream::connect(fixture.address).await.unwrap();
    let head = "POST /?query=INSERT+INTO+raw.t+FORMAT+TSV HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"4\r\n1\n2\n\r\n").await.unwrap();
    // Half-closed without the last chunk.
    stream.shutdown().await.unwrap();
    let mut answer = vec![];
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(!String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 200"), "{answer:?}");
    let running = "SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO raw.t%'";
    until(async || client.query(running).fetch_one::<u64>().await.unwrap() == 0).await;
    let rows: u64 = client.query("SELECT count() FROM t").fetch_one().await.unwrap();
    assert_eq!(rows, 0);
}

async fn an_exception_in_the_middle_is_tagged(fixture: &Fixture) {
    let sql = "SELECT number, throwIf(number = 400000) FROM numbers(500000)";
    let answer = fixture.http().post("/?max_block_size=1000&max_threads=1", sql).await;
    assert_eq!(answer.status, 200);
    let tag = answer.header("X-ClickHouse-Exception-Tag");
    let end = format!(" {tag}\r\n__exception__\r\n");
    assert!(tag.len() == 16 && answer.text().ends_with(&end), "{tag}");
    let (rows, rest) = answer.text().split_once("\r\n__exception__\r\n").unwrap();
    assert!(rows.starts_with("0\t0\n1\t0\n") && rest.contains("Code: 395."));
}

async fn an_early_refusal_is_heard_while_sending(fixture: &Fixture) {
    let body = "1\n".repeat(4 << 20);
    let answer = fixture.http().post("/?query=INSERT+INTO+raw.nowhere+FORMAT+TSV", body).await;
    assert_eq!(answer.failure(), (404, "60"), "{}", answer.text());
}
