//! The interface as curl, Grafana and other drivers use it.

use std::path::Path;

use embedded::engine::Engine;

use super::Fixture;

pub(crate) async fn story(fixture: &Fixture) {
    let http = fixture.http();
    http.post("/", "CREATE DATABASE plain").await;
    http.post("/", "CREATE TABLE plain.t (n UInt64, s String) ENGINE = MergeTree ORDER BY n").await;
    answers_to_ping_and_get(fixture).await;
    takes_data_in_every_place(fixture).await;
    compresses_both_ways(fixture).await;
    refuses_bad_blocks(fixture).await;
    takes_forms(fixture).await;
    gives_formats(fixture).await;
    writes_native_for_later_revisions(fixture).await;
    keeps_sessions(fixture).await;
    limits_what_is_sent(fixture).await;
    reaches_no_files(fixture).await;
}

async fn answers_to_ping_and_get(fixture: &Fixture) {
    let http = fixture.http();
    assert_eq!(http.get("/ping").await.text(), "Ok.\n");
    assert_eq!(http.get("/").await.text(), "Ok.\n");
    assert_eq!(http.get("/?query=SELECT+1").await.text(), "1\n");
    let head = http.send("HEAD", "/?query=SELECT+1", &[], "").await;
    assert_eq!((head.status.as_u16(), head.text()), (200, ""));
    assert_eq!(http.get("/elsewhere").await.status, 404);
    assert_eq!(http.send("PUT", "/", &[], "SELECT 1").await.status, 405);
    let write = http.get("/?query=CREATE+TABLE+plain.x+(a+UInt8)+ENGINE=Memory").await;
    assert_eq!(write.failure(), (500, "164"), "{}", write.text());
    assert_eq!(http.get("/?query=SELEC").await.failure(), (400, "62"));
    assert_eq!(http.post("/", "  ").await.failure(), (400, "62"));
    let page = http.get("/dashboard").await;
    assert_eq!((page.text(), page.header("content-type")), ("<h1>hello</h1>", "text/html; charset=utf-8"));
}

async fn takes_data_in_every_place(fixture: &Fixture) {
    let http = fixture.http();
    for (target, body) in [
        ("/?query=INSERT+INTO+plain.t+FORMAT+CSV", "1,url\n"),
        ("/?query=INSERT+INTO+plain.t+VALUES", "(2,'values')"),
        ("/?query=INSERT+INTO+plain.t", "FORMAT TSV\n3\tsplit\n"),
        ("/?database=plain", "INSERT INTO t FORMAT JSONEachRow {\"n\":4,\"s\":\"body\"}"),
        ("/?query=INSERT+INTO+plain.t+(s,+n)+FORMAT+RowBinary", "\x03bin\x05\0\0\0\0\0\0\0"),
    ] {
        let answer = http.post(target, body).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        let summary: serde_json::Value = serde_json::from_str(answer.header("X-ClickHouse-Summary")).unwrap();
        assert_eq!(summary["written_rows"], "1", "{target}");
    }
    let long: String = (0..200_000).map(|n| format!("({}, 'long'),", n + 1000)).collect();
    let long = format!("INSERT INTO plain.t VALUES {}", long.trim_end_matches(','));
    let answer = http.post("/", long).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sql = "SELECT n, s, count() FROM (SELECT if(s = 'long', 0, n) AS n, s FROM plain.t) GROUP BY n, s ORDER BY n";
    let expected = "0\tlong\t200000\n1\turl\t1\n2\tvalues\t1\n3\tsplit\t1\n4\tbody\t1\n5\tbin\t1\n";
    assert_eq!(http.post("/", sql).await.text(), expected);
}

/// What the server compresses it must read back itself; the `clickhouse` crate checks the rest.
async fn compresses_both_ways(fixture: &Fixture) {
    let http = fixture.http();
    let native =
        http.post("/?compress=1&default_format=Native", "SELECT number AS n, 'zip' AS s FROM numbers(7, 3)");
    let native = native.await;
    assert_eq!(native.header("content-encoding"), "");
    let back = http.post("/?query=INSERT+INTO+plain.t+FORMAT+Native&decompress=1", native.body).await;
    assert_eq!(back.status, 200, "{}", back.text());
    assert_eq!(http.post("/", "SELECT sum(n) FROM plain.t WHERE s = 'zip'").await.text(), "24\n");

    let zstd = http.send("POST", "/", &[("Accept-Encoding", "gzip, zstd")], "SELECT 'x' FORMAT JSONCompact");
    let zstd = zstd.await;
    assert_eq!(zstd.header("content-encoding"), "zstd");
    let text = zstd::decode_all(zstd.body.as_ref()).unwrap();
    assert!(String::from_utf8_lossy(&text).contains("\"data\""));
    let error = http.send("POST", "/", &[("Accept-Encoding", "zstd")], "SELEC").await;
    assert_eq!(error.header("content-encoding"), "");
    let none = http.send("POST", "/", &[("Accept-Encoding", "lz4")], "SELECT 1 WHERE 0").await;
    assert_eq!((none.header("content-encoding"), none.text()), ("", ""));
}

async fn refuses_bad_blocks(fixture: &Fixture) {
    let http = fixture.http();
    let target = "/?query=INSERT+INTO+plain.t+FORMAT+Native&decompress=1";
    let good =
        http.post("/?compress=1&default_format=Native", "SELECT 1::UInt64 AS n, 'bad' AS s").await.body;
    let mut flipped = good.to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let short = good.slice(..good.len() - 1);
    for (body, code) in
        [(flipped.into(), "40"), (short, "33"), ("not compressed at all, not at all".into(), "39")]
    {
        let answer = http.post(target, body).await;
        assert_eq!(answer.header("X-ClickHouse-Exception-Code"), code, "{}", answer.text());
    }
    assert_eq!(http.post("/", "SELECT count() FROM plain.t WHERE s = 'bad'").await.text(), "0\n");
    let gzip = http.send("POST", "/", &[("Content-Encoding", "gzip")], "SELECT 1").await;
    assert_eq!(gzip.failure(), (501, "48"));
}

async fn takes_forms(fixture: &Fixture) {
    let http = fixture.http();
    let form = [("Content-Type", "multipart/form-data; boundary=XX")];
    let part = |name: &str, value: &str| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = part("query", "SELECT {a:String}, getSetting('max_threads')") + &part("param_a", "it's");
    let answer = http.send("POST", "/?max_threads=3", &form, body.clone() + "--XX--\r\n").await;
    assert_eq!(answer.text(), "it\\'s\t3\n");
    assert_eq!(http.send("POST", "/", &form, body).await.failure(), (400, "36"));
    let large = part("query", &"x".repeat(2 << 20)) + "--XX--\r\n";
    assert_eq!(http.send("POST", "/", &form, large).await.failure(), (413, "229"));
    let file = "--XX\r\nContent-Disposition: form-data; name=\"t\"; filename=\"t\"\r\n\r\n1\r\n--XX--\r\n";
    assert_eq!(http.send("POST", "/", &form, file).await.failure(), (501, "48"));
}

async fn gives_formats(fixture: &Fixture) {
    let http = fixture.http();
    let json = http.post("/?default_format=CSV", "SELECT 1 AS a FORMAT JSONEachRow").await;
    assert_eq!((json.text(), json.header("X-ClickHouse-Format")), ("{\"a\":1}\n", "JSONEachRow"));
    let headers = [("X-ClickHouse-Format", "CSV"), ("X-ClickHouse-User", "me"), ("X-ClickHouse-Key", "k")];
    let csv = http.send("POST", "/", &headers, "SELECT 'a', 2").await;
    assert_eq!(
        (csv.text(), csv.header("content-type")),
        ("\"a\",2\n", "text/csv; charset=UTF-8; header=absent")
    );
    let empty = http.post("/?default_format=JSON", "SELECT 1 AS a WHERE 0").await;
    assert!(empty.text().contains("\"rows\": 0"), "{}", empty.text());
    let names = http.post("/?default_format=RowBinaryWithNamesAndTypes", "SELECT 1 AS a WHERE 0").await;
    assert_eq!(names.body.as_ref(), b"\x01\x01a\x05UInt8");
    assert_eq!(http.post("/", "SHOW DATABASES LIKE 'plain'").await.text(), "plain\n");
    assert_eq!(http.post("/?default_format=Nonsense", "SELECT 1").await.failure(), (404, "73"));
}

/// As clickhouse-go (Grafana) asks for it: a block info of 8 bytes, a flag for each column.
async fn writes_native_for_later_revisions(fixture: &Fixture) {
    let types = "a UInt8, b Nullable(String), c LowCardinality(String), d Map(String, Array(UInt64)),
        e Array(LowCardinality(Nullable(String))), f Tuple(x UInt8, y DateTime64(3)), g Decimal(20, 3),
        h FixedString(7), i IPv6, j Enum8(\\'a,\\' = 1, \\'b)\\' = 2), k UUID, l Array(Array(Nullable(Date))),
        m Nullable(DateTime(\\'Europe/Vienna\\')), n Bool, o Int256, p Array(Tuple(a String, `b c` UInt8))";
    let sql = format!("SELECT * FROM generateRandom('{types}', 1, 10, 3) LIMIT 500");
    let http = fixture.http();
    let plain = http.post("/?default_format=Native", sql.clone()).await;
    assert_eq!(plain.status, 200, "{:?}", plain.body);
    let later = http.post("/?default_format=Native&client_protocol_version=54460", sql).await;
    assert_eq!(later.status, 200, "{:?}", later.body);
    assert_eq!(later.body.len(), plain.body.len() + 8 + 16);
    let json = "/?default_format=Native&client_protocol_version=54460";
    assert_eq!(http.post(json, "SELECT '{}'::JSON").await.failure(), (501, "48"));
}

async fn keeps_sessions(fixture: &Fixture) {
    let http = fixture.http();
    assert_eq!(
        http.post("/?session_id=a&session_check=1", "SELECT 1").await.header("X-ClickHouse-Exception-Code"),
        "372"
    );
    let made = http.post("/?session_id=a&max_threads=5", "CREATE TEMPORARY TABLE kept (n UInt8)").await;
    assert_eq!(made.status, 200, "{}", made.text());
    for _ in 0..20 {
        let insert = http.post("/?session_id=a", "INSERT INTO kept VALUES (5)").await;
        assert_eq!(insert.status, 200, "the session is free once it has answered: {}", insert.text());
    }
    assert_eq!(http.get("/?session_id=a&query=SELECT+sum(n)+FROM+kept").await.text(), "100\n");
    let threads = http.post("/?session_id=a", "SELECT getSetting('max_threads')").await;
    assert_ne!(threads.text(), "5\n", "a URL's setting lasts for one request");
    assert_eq!(http.post("/", "SELECT * FROM kept").await.failure(), (404, "60"));
    for id in ["b", "c"] {
        assert_eq!(http.post(&format!("/?session_id={id}"), "SELECT 1").await.status, 200);
    }
    assert_eq!(http.post("/?session_id=d", "SELECT 1").await.failure(), (503, "202"));
    assert_eq!(http.post("/?session_id=a&close_session=1", "SELECT 1").await.status, 200);
    assert_eq!(http.post("/?session_id=d&session_timeout=0", "SELECT 1").await.status, 200);
    assert_eq!(http.post("/?session_id=e&close_session=1", "SELECT 1").await.status, 200, "0 s are over");
    for id in ["b", "c"] {
        http.post(&format!("/?session_id={id}&close_session=1"), "SELECT 1").await;
    }
}

async fn limits_what_is_sent(fixture: &Fixture) {
    let http = fixture.http();
    let large = format!("SELECT 1 -- {}", "x".repeat(2 << 20));
    assert_eq!(http.post("/", large).await.failure(), (413, "229"));
    let target = format!("/?query=SELECT+1&x={}", "y".repeat(50 << 10));
    assert_eq!(http.get(&target).await.failure(), (404, "115"));
    let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "z".repeat(1 << 20));
    let answer = http.bytes(head.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert!(http.bytes(b"\x16\x03\x01 nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400"));
}

async fn reaches_no_files(fixture: &Fixture) {
    let http = fixture.http();
    for (sql, code) in [
        ("SELECT * FROM file('/etc/hostname', 'LineAsString')", "497"),
        ("SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')", "497"),
        ("SELECT * FROM s3('http://127.0.0.1:1/bucket/x', 'LineAsString')", "497"),
        ("SELECT * FROM remote('127.0.0.1:1', system.one)", "497"),
        ("CREATE TABLE plain.f (a String) ENGINE = File(TSV, '/etc/hostname')", "497"),
        ("CREATE DATABASE f ENGINE = Filesystem('/etc')", "497"),
        ("SELECT * FROM `/etc/hostname`", "497"),
        ("BACKUP TABLE plain.t TO File('/tmp/x')", "344"),
        ("INSERT INTO FUNCTION file('/tmp/x', 'TSV') SELECT 1", "497"),
        ("INSERT INTO FUNCTION file('/tmp/x', 'TSV') VALUES (1)", "497"),
        ("SELECT 1 INTO OUTFILE '/tmp/footfall-outfile'", "344"),
        ("DROP TABLE IF EXISTS plain.x INTO OUTFILE '/tmp/footfall-outfile'", "344"),
        ("SET x = 1; SELECT 1 INTO OUTFILE '/tmp/footfall-outfile'", "62"),
        ("INSERT INTO plain.t FROM INFILE '/etc/hostname'", "344"),
        ("INSERT INTO plain.t FROM INFILE '/etc/hostname' FORMAT TSV", "344"),
    ] {
        let answer = http.post("/", sql).await;
        assert_eq!(answer.header("X-ClickHouse-Exception-Code"), code, "{sql}: {}", answer.text());
    }
    assert!(!Path::new("/tmp/footfall-outfile").exists());
}

/// Statements may hold what somebody searched for; nothing of them may outlive their run.
pub(crate) fn the_engine_keeps_no_statement_texts(engine: &Engine, data: &Path) {
    let marker = "a_marker_that_stands_in_one_statement_only";
    engine.query(&format!("SELECT '{marker}', throwIf(number = 0) FROM numbers(3)"), "TSV").unwrap_err();
    let tables = engine.query("SELECT name FROM system.tables WHERE name LIKE '%\\_log'", "TSV").unwrap();
    assert_eq!(String::from_utf8(tables).unwrap(), "");
    let mut folders = vec![data.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.file_type().unwrap().is_file() {
                let content = std::fs::read(entry.path()).unwrap();
                let found = content.windows(marker.len()).any(|window| window == marker.as_bytes());
                assert!(!found, "{}", entry.path().display());
            }
        }
    }
}
