//! What several stories tell in the same words: requests, waiting for a figure, all rows of all tables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use tests::server::Server;

/// Longest wait for what comes within a second or two.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a request with exactly these headers.
pub(crate) async fn request(
    server: &Server,
    (method, address): (&str, String),
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let mut request = Request::builder().method(method).uri(address);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(Full::from(body.into())).unwrap()).await.unwrap()
}

/// `POST /hit`.
pub(crate) async fn post(
    server: &Server,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    request(server, ("POST", format!("{}/hit", server.collector)), headers, body).await
}

/// `GET` of an address below the collector's.
pub(crate) async fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    request(server, ("GET", format!("{}{path}", server.collector)), headers, "").await
}

/// A header of a response; empty when it is not there.
pub(crate) fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// A response's body as text.
pub(crate) fn text(response: &Response<Bytes>) -> String {
    String::from_utf8_lossy(response.body()).into_owned()
}

/// Asks until the answer is the expected one.
pub(crate) async fn until(server: &Server, sql: &str, expected: &str) {
    let started = Instant::now();
    loop {
        let answer = server.query(sql).await.unwrap();
        if answer.trim_end() == expected {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{sql} still gives {answer:?}, not {expected:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the processor has committed its position for as many visitors as it holds.
pub(crate) async fn until_visitors_held(server: &Server, expected: u64) {
    let started = Instant::now();
    while server.metric("footfall_processor_visitors_held").await.unwrap() != expected {
        assert!(started.elapsed() < PATIENCE, "{expected} visitors are not held");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A refusal's counter.
pub(crate) async fn refused(server: &Server, reason: &str) -> u64 {
    server.metric(&format!("footfall_collector_refused_total{{reason=\"{reason}\"}}")).await.unwrap()
}

/// Every file below a folder, but ClickHouse's own, with its bytes.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("clickhouse") {
            found.extend(files(&path));
        } else if path.is_file() {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

/// All rows of Footfall's tables, a line each.
pub(crate) async fn tables(server: &Server) -> BTreeMap<String, String> {
    let names =
        "SELECT name FROM system.tables WHERE database = 'footfall' AND engine NOT LIKE '%View' FORMAT TSV";
    let mut rows = BTreeMap::new();
    for table in server.query(names).await.unwrap().lines() {
        let all = server.query(&format!("SELECT * FROM {table} ORDER BY ALL FORMAT TSV")).await.unwrap();
        rows.insert(table.to_owned(), all);
    }
    rows
}
