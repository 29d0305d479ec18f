//! Marked personal information is sent in every field that a request has. None of it is found again: in no file, no
//! table, no log line and no metric. A harmless mark is found, so the search works.

use std::fmt::Write as _;
use std::path::Path;

use tests::server::{Options, Server};

use crate::story::{files, get, post, request, until};

const CONFIGURATION: &str = "[collector]\ntrusted_proxies = ['127.0.0.1/32', '::1/128']\n";
const IPV4: &str = "203.0.113.77";
const IPV6: &str = "2001:db8:77:77::77";
/// A page that tells nobody anything.
const LIGHTHOUSE: &str = "/canary-lighthouse";

/// What must not be found, each under its own mark.
const MARKS: [&str; 20] = [
    IPV4,
    IPV6,
    "canaryagent",
    "canary.anna",
    "canarytoken",
    "canary9f86d0",
    "canaryreferrer",
    "canaryquery",
    "canary.event",
    "canary.utm",
    "canarycookie",
    "canarylanguage",
    "canaryhitid",
    "canaryuser",
    "canarypass",
    "canaryfragment",
    "canaryclick",
    "canary.file",
    "canarypath",
    "canarysite",
];

const AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0 canaryagent/77.canaryagent";
const URL: &str = "http://canaryuser:canarypass@localhost/user/canary.anna@example.org/reset/canary9f86d081884c7d659a2fea?token=canarytoken77&utm_source=canary.utm@example.org&utm_medium=email&utm_campaign=canary.utm%40example.org&gclid=canaryclick77#canaryfragment77";
const REFERRER: &str = "https://example.net/canaryreferrer77/inbox?q=canaryquery77";

fn headers(address: &str) -> Vec<(&str, &str)> {
    vec![
        ("user-agent", AGENT),
        ("x-forwarded-for", address),
        ("cookie", "session=canarycookie77; __Host-visit-x=canarycookie77"),
        ("accept-language", "de-x-canarylanguage,en;q=0.5,canarylanguage"),
        ("x-request-id", "canaryhitid77"),
    ]
}

/// Every kind of hit, recorded and refused.
async fn send_everything(server: &Server) {
    for address in [IPV4, IPV6] {
        let headers = headers(address);
        for (kind, name) in [
            ("view", ""),
            ("event", "canary.event@example.org"),
            ("outbound", "https://canaryuser@shop.example.org/canarypath77?canaryquery77"),
            ("download", "http://localhost/files/canary.file@example.org/canary9f86d081884c7d659a2fea.pdf"),
            ("leave", ""),
        ] {
            let hit = serde_json::json!({"site": "localhost", "kind": kind, "url": URL, "referrer": REFERRER, "name": name,
                "id": format!("canaryhitid77{kind}{}", address.len()), "ip": IPV4});
            assert_eq!(post(server, &headers, hit.to_string()).await.status(), 204, "{kind}");
        }
        let id = format!("canaryhitid78{}", address.len());
        let pairs = [("site", "localhost"), ("url", URL), ("referrer", REFERRER), ("id", id.as_str())];
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        assert_eq!(get(server, &format!("/pixel.gif?{query}"), &headers).await.status(), 200);
        refuse(server, &headers).await;
        // The one page that shows a visitor his own; it must stay with him.
        let shown = get(server, "/privacy?site=localhost", &headers).await;
        assert!(shown.status() == 200 && crate::story::text(&shown).contains("canaryagent"));
    }
    be_forgotten(server).await;
    let lighthouse = serde_json::json!({"site": "localhost", "url": format!("http://localhost{LIGHTHOUSE}")});
    assert_eq!(post(server, &headers(IPV4), lighthouse.to_string()).await.status(), 204);
}

/// Orders name whom they concern, encrypted like his visits: of the visitor himself, and of an operator.
async fn be_forgotten(server: &Server) {
    let address = format!("{}/erase", server.collector);
    assert_eq!(request(server, ("POST", address), &headers(IPV4), "site=localhost").await.status(), 303);
    let operator = [("footfall-operator", "erase")];
    for (order, status) in [
        (serde_json::json!({"address": IPV6}), 200),
        (serde_json::json!({"address": IPV6, "site": "canarysite77"}), 403),
        (serde_json::json!({"address": format!("{IPV4}/canarytoken77")}), 400),
    ] {
        let address = format!("{}/erase", server.admin);
        let answer = request(server, ("POST", address), &operator, order.to_string()).await;
        assert_eq!(answer.status(), status);
        assert_eq!(found(answer.body()), Vec::<&str>::new(), "in an answer");
    }
}

/// Requests that are refused or not recorded must not be told of either.
async fn refuse(server: &Server, headers: &[(&str, &str)]) {
    let hit = |site: &str, url: &str| serde_json::json!({"site": site, "url": url}).to_string();
    let mut gpc = headers.to_vec();
    gpc.push(("sec-gpc", "1"));
    assert_eq!(post(server, &gpc, hit("localhost", URL)).await.status(), 204);
    let mut foreign = headers.to_vec();
    foreign.push(("origin", "https://canaryreferrer.example.net"));
    for (headers, body, status) in [
        (headers, hit("canarysite77", URL), 403),
        (&foreign, hit("localhost", URL), 403),
        (headers, hit("localhost", "canary.anna@example.org"), 400),
        (
            headers,
            format!("{{\"site\":\"localhost\",\"url\":\"{URL}\",\"value\":\"canary.anna@example.org\"}}"),
            400,
        ),
        (headers, format!("canarytoken77 {URL}"), 400),
    ] {
        let answer = post(server, headers, body).await;
        assert_eq!(answer.status(), status);
        let said = crate::story::text(&answer);
        assert!(!said.contains("canary"), "an answer repeats what was sent: {said}");
    }
    assert_eq!(get(server, "/canarypath77?canaryquery77", headers).await.status(), 404);
    assert_eq!(
        get(server, "/pixel.gif?site=canarysite77&url=http://localhost/canarypath77", headers).await.status(),
        403
    );
    let form = "site=localhost&statistics=accept&return=http%3A%2F%2Fcanaryuser%40localhost%2Fcanarypath77";
    let address = format!("{}/consent", server.collector);
    assert_eq!(request(server, ("POST", address), headers, form).await.status(), 303);
}

/// The forms in which a mark could be written: as it is, percent-encoded, as Base64 at each offset, as hex.
fn forms(mark: &str) -> Vec<String> {
    let hex = mark.bytes().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    let encoded = mark.replace('@', "%40").replace('.', "%2e").replace(':', "%3a");
    let mut forms = vec![mark.to_owned(), hex, encoded];
    forms.extend((0..3).map(|offset| base64_inside(mark.as_bytes(), offset)));
    forms
}

/// The characters of a Base64 text (RFC 4648) that depend on `bytes` alone when `offset` other bytes come before.
fn base64_inside(bytes: &[u8], offset: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bit = |number: usize| {
        let byte = (number / 8).checked_sub(offset).and_then(|place| bytes.get(place))?;
        Some(byte >> (7 - number % 8) & 1)
    };
    let character = |number: usize| {
        let bits: Option<Vec<u8>> = (0..6).map(|place| bit(number * 6 + place)).collect();
        Some(char::from(ALPHABET[usize::from(bits?.iter().fold(0, |sum, bit| sum << 1 | bit))]))
    };
    (0..(bytes.len() + offset) * 8 / 6).filter_map(character).collect()
}

/// The marks that are in some bytes, whatever their case.
fn found(bytes: &[u8]) -> Vec<&'static str> {
    let lower = bytes.to_ascii_lowercase();
    let holds = |form: &String| {
        let form = form.to_ascii_lowercase().into_bytes();
        lower.windows(form.len()).any(|window| window == form)
    };
    MARKS.into_iter().filter(|mark| forms(mark).iter().any(holds)).collect()
}

/// All rows of Footfall's tables and of what ClickHouse logs about itself.
async fn dump(server: &Server) -> Vec<(String, String)> {
    let tables = "SELECT concat(database, '.', name) FROM system.tables WHERE engine NOT LIKE '%View' AND \
                  (database = 'footfall' OR database = 'system' AND (name LIKE '%log%' OR name LIKE '%quer%' OR name = 'errors')) FORMAT TSV";
    let mut rows = Vec::new();
    for table in server.query(tables).await.unwrap().lines() {
        let all = format!("SELECT * FROM {table} FORMAT JSONEachRow");
        rows.push((table.to_owned(), server.query(&all).await.unwrap_or_default()));
    }
    rows
}

fn all_files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let clickhouse = files(&folder.join("clickhouse"));
    let own = files(folder);
    own.into_iter().chain(clickhouse).map(|(path, bytes)| (path.display().to_string(), bytes)).collect()
}

#[tokio::test]
async fn no_mark_of_a_person_is_found_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let environment = [("FOOTFALL_LOG", "trace")];
    let options =
        Options { configuration: Some(CONFIGURATION), environment: &environment, ..Options::new(&data) };
    let server = Server::start(options).await.unwrap();
    send_everything(&server).await;
    until(&server, &format!("SELECT count() FROM open_hits FINAL WHERE page = '{LIGHTHOUSE}'"), "1").await;
    let recorded = server
        .query(
            "SELECT countIf(kind IN ('view', 'leave', 'event', 'outbound', 'download')) FROM open_hits FINAL",
        )
        .await
        .unwrap();
    assert_eq!(recorded.trim_end(), "13", "each hit that was permitted has its row");

    let rows = dump(&server).await;
    let own: String = rows
        .iter()
        .filter(|(table, _)| table.starts_with("footfall."))
        .map(|(_, rows)| rows.as_str())
        .collect();
    assert!(own.contains(LIGHTHOUSE), "the search finds what is there");
    for (table, rows) in &rows {
        assert_eq!(found(rows.as_bytes()), Vec::<&str>::new(), "in table {table}");
    }
    let metrics = server.get(&format!("{}/metrics", server.admin)).await.unwrap();
    assert_eq!(found(metrics.as_bytes()), Vec::<&str>::new(), "in /metrics");
    let (_, said) = server.stop().await.unwrap();
    assert!(said.contains("TRACE") && said.contains("journal opened"), "the log is told in full");
    for line in said.lines() {
        assert_eq!(found(line.as_bytes()), Vec::<&str>::new(), "in the log: {line}");
    }

    let files = all_files(&data);
    let journal = files.iter().find(|(path, _)| path.contains("/journal/"));
    assert!(journal.is_some_and(|(_, bytes)| bytes.windows(9).any(|window| window == b"localhost")));
    assert!(files.iter().any(|(path, _)| path.contains("/clickhouse/")), "ClickHouse's files are searched");
    for (path, bytes) in &files {
        assert_eq!(found(bytes), Vec::<&str>::new(), "in {path}");
    }
}

#[test]
fn the_search_finds_a_mark_in_every_form() {
    for text in [
        "x CANARYTOKEN77",
        "Y2FuYXJ5dG9rZW4=",
        "x%20canary%2eanna%40",
        "eGNhbmFyeXRva2Vu",
        "63616e617279746f6b656e",
    ] {
        assert_eq!(found(text.as_bytes()).len(), 1, "{text}");
    }
    assert!(found(b"canary-lighthouse").is_empty());
}
