//! Whoever speaks HTTP can be a client: bare programs, browsers without JavaScript, pages of other origins, monitoring,
//! and whatever asks ClickHouse.

use std::io::Read as _;
use std::net::SocketAddr;
use std::time::Duration;

use tests::command::Footfall;
use tests::server::{FIREFOX, Options, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::story::{get, header, post, request, text, until};

#[tokio::test]
async fn a_bare_program_is_recorded_as_what_it_says_it_is() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Options::new(data.path())).await.unwrap();
    let hit = |page: &str| format!(r#"{{"site":"localhost","url":"http://localhost/{page}"}}"#);
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (page, headers) in [
        ("curl", vec![("user-agent", "curl/8.5.0"), ("accept", "*/*"), form]),
        ("nameless", vec![]),
        ("browser", vec![("user-agent", FIREFOX)]),
        ("json", vec![("user-agent", FIREFOX), ("content-type", "application/json")]),
    ] {
        let answer = post(&server, &headers, hit(page)).await;
        assert_eq!((answer.status().as_u16(), text(&answer).as_str()), (204, ""), "{page}");
        assert_eq!(header(&answer, "footfall-hit"), "", "{page}");
        let is_browser = headers.contains(&("user-agent", FIREFOX));
        assert_eq!(header(&answer, "set-cookie").starts_with("__Host-visit-"), is_browser, "{page}");
    }
    let rows = "SELECT page, kind, bot, views FROM open_hits FINAL WHERE kind != 'control' ORDER BY page";
    let expected =
        "/browser\tview\t\t1\n/curl\tbot\tcurl\t0\n/json\tview\t\t1\n/nameless\tbot\t(no user agent)\t0";
    until(&server, rows, expected).await;
}

#[tokio::test]
async fn a_page_without_javascript_is_counted_by_its_image() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Options::new(data.path())).await.unwrap();
    let headers =
        [("user-agent", FIREFOX), ("referer", "http://localhost/from-referer?x=1"), ("accept", "image/*")];
    let image =
        get(&server, "/pixel.gif?site=localhost&referrer=https%3A%2F%2Fexample.org%2Fa", &headers).await;
    assert_eq!((image.status().as_u16(), header(&image, "content-type")), (200, "image/gif"));
    assert_eq!(header(&image, "cache-control"), "no-store");
    assert!(
        header(&image, "set-cookie").starts_with("__Host-visit-"),
        "the image's browser holds its visit too"
    );
    assert_eq!(header(&image, "cross-origin-resource-policy"), "cross-origin");
    assert!(image.body().starts_with(b"GIF89a") && image.body().len() < 64);
    let named = "/pixel.gif?site=localhost&url=http%3A%2F%2Flocalhost%2Fnamed";
    assert_eq!(get(&server, named, &[("user-agent", FIREFOX)]).await.status(), 200);
    let rows = "SELECT page, kind, source, visits, previous_page FROM open_hits FINAL WHERE kind != 'control' ORDER BY sequence";
    until(
        &server,
        rows,
        "/from-referer\tview\texample.org\t1\t\n/named\tview\texample.org\t0\t/from-referer",
    )
    .await;
}

#[tokio::test]
async fn the_tag_is_compressed_and_revalidated() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Options::new(data.path())).await.unwrap();
    let plain = get(&server, "/tag.js", &[]).await;
    assert_eq!((plain.status().as_u16(), header(&plain, "content-encoding")), (200, ""));
    assert!(header(&plain, "content-type").starts_with("text/javascript"));
    let compressed = get(&server, "/tag.js", &[("accept-encoding", "gzip, br")]).await;
    assert_eq!(header(&compressed, "content-encoding"), "gzip");
    assert_eq!(header(&compressed, "vary"), "Accept-Encoding");
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(compressed.body().as_ref()).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == plain.body().as_ref() && compressed.body().len() <= 1536);
    let etag = header(&plain, "etag").to_owned();
    // Weak: the same script goes out in two encodings (RFC 9110, 8.8.1).
    assert!(etag.starts_with("W/\"") && etag.len() > 6, "{etag}");
    let again = get(&server, "/tag.js", &[("if-none-match", &etag)]).await;
    assert_eq!((again.status().as_u16(), again.body().len()), (304, 0));
    assert_eq!(get(&server, "/tag.js", &[("if-none-match", "\"another\"")]).await.status(), 200);
    let head = request(&server, ("HEAD", format!("{}/tag.js", server.collector)), &[], "").await;
    assert_eq!((head.status().as_u16(), head.body().len()), (200, 0));
}

#[tokio::test]
async fn pages_of_the_site_may_send_across_origins_and_others_may_not() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Options::new(data.path())).await.unwrap();
    let own = ("origin", "http://localhost:3000");
    let ask =
        [own, ("access-control-request-method", "POST"), ("access-control-request-headers", "content-type")];
    let preflight = request(&server, ("OPTIONS", format!("{}/hit", server.collector)), &ask, "").await;
    assert_eq!(preflight.status(), 204);
    let hit = r#"{"site":"localhost","url":"http://localhost:3000/"}"#;
    let answer = post(&server, &[own, ("user-agent", FIREFOX)], hit).await;
    for response in [&preflight, &answer] {
        assert_eq!(header(response, "access-control-allow-origin"), own.1);
        assert_eq!(header(response, "access-control-allow-credentials"), "true");
        assert_eq!(header(response, "vary"), "Origin");
    }
    assert_eq!(header(&preflight, "access-control-allow-methods"), "POST");
    assert_eq!(header(&preflight, "access-control-allow-headers"), "content-type");
    assert!(header(&answer, "access-control-expose-headers").eq_ignore_ascii_case("footfall-hit"));

    let foreign = [("origin", "https://example.org"), ("access-control-request-method", "POST")];
    let refused = request(&server, ("OPTIONS", format!("{}/hit", server.collector)), &foreign, "").await;
    assert_eq!((refused.status().as_u16(), header(&refused, "access-control-allow-origin")), (403, ""));
    until(&server, "SELECT count() FROM open_hits FINAL WHERE kind = 'view'", "1").await;
}

#[tokio::test]
async fn monitoring_learns_whether_the_collector_lives_is_ready_and_counts() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Options::new(data.path())).await.unwrap();
    let admin = |path: &str| format!("{}{path}", server.admin);
    assert_eq!(server.get(&admin("/livez")).await.unwrap(), "alive\n");
    assert_eq!(server.get(&admin("/readyz")).await.unwrap(), "ready\n");
    assert_eq!(server.metric("footfall_collector_hits_recorded_total").await.unwrap(), 0);
    let hit = serde_json::json!([{"site": "localhost", "url": "/a"}, {"site": "localhost", "url": "/b"}]);
    assert_eq!(server.hit(&hit).await.unwrap(), 204);
    assert_eq!(server.metric("footfall_collector_hits_recorded_total").await.unwrap(), 2);
    let metrics = request(&server, ("GET", admin("/metrics")), &[], "").await;
    assert!(header(&metrics, "content-type").starts_with("application/openmetrics-text"));
    let metrics = text(&metrics);
    assert!(metrics.ends_with("# EOF\n") && metrics.matches("# EOF").count() == 1);
    let elsewhere = request(&server, ("GET", admin("/")), &[], "").await;
    assert_eq!(elsewhere.status(), 404);
    assert_eq!(get(&server, "/metrics", &[]).await.status(), 404, "the public listener has no metrics");
}

#[tokio::test]
async fn whatever_asks_clickhouse_is_answered() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Options::new(data.path())).await.unwrap();
    assert_eq!(server.hit(&serde_json::json!({"site": "localhost", "url": "/asked"})).await.unwrap(), 204);
    until(&server, "SELECT page FROM open_hits FINAL WHERE kind = 'view'", "/asked").await;
    let address = format!("{}/", server.clickhouse);
    assert_eq!(server.get(&address).await.unwrap(), "Ok.\n");
    assert_eq!(server.get(&format!("{}/ping", server.clickhouse)).await.unwrap(), "Ok.\n");
    let asked = format!(
        "{address}?query=SELECT%20page%20FROM%20footfall.hits%20WHERE%20views%3D1%20FORMAT%20JSONEachRow"
    );
    assert_eq!(server.get(&asked).await.unwrap(), "{\"page\":\"\\/asked\"}\n");
    let parameters = format!("{address}?param_site=localhost&param_from=2020-01-01&param_to=2100-01-01");
    let overview = "SELECT views, visitors FROM footfall.report_overview(site={site:String}, from={from:Date}, to={to:Date})";
    let answer = request(&server, ("POST", parameters), &[], overview).await;
    assert_eq!((answer.status().as_u16(), text(&answer).as_str()), (200, "1\t1\n"));
    let wrong = request(&server, ("POST", address), &[], "SELECT nothing FROM nowhere").await;
    assert!(!wrong.status().is_success() && !header(&wrong, "x-clickhouse-exception-code").is_empty());
    assert!(text(&wrong).contains("nowhere"), "{}", text(&wrong));
}

/// A hit whose body is under way when the program is told to stop.
struct Underway(TcpStream);

impl Underway {
    const BODY: &str = r#"{"site":"localhost","url":"http://localhost/last-words"}"#;

    /// Sends the head, and waits until the collector asks for the body.
    async fn begin(collector: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(collector).await.unwrap();
        let head = format!(
            "POST /hit HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {FIREFOX}\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            Self::BODY.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut asked = [0; 25];
        stream.read_exact(&mut asked).await.unwrap();
        assert!(asked.starts_with(b"HTTP/1.1 100 Continue"));
        Self(stream)
    }

    /// Sends the body, and reads what is answered until the connection ends.
    async fn finish(mut self) -> String {
        self.0.write_all(Self::BODY.as_bytes()).await.unwrap();
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way_and_takes_nothing_new() {
    let footfall = Footfall::new("").unwrap();
    let data = footfall.data();
    let server = Server::start(Options::new(&data)).await.unwrap();
    let collector: SocketAddr = server.collector.trim_start_matches("http://").parse().unwrap();
    let underway = Underway::begin(collector).await;
    let finish = async {
        while TcpStream::connect(collector).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        underway.finish().await
    };
    let (stopped, answer) = tokio::join!(server.stop(), finish);
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    let (status, said) = stopped.unwrap();
    assert_eq!(status.code(), Some(0), "{said}");
    let counted =
        footfall.query("SELECT kind, page, views FROM open_hits FINAL WHERE kind = 'view'").unwrap();
    assert_eq!(counted, [["view", "/last-words", "1"]]);
    let goodbye = footfall.query("SELECT count() FROM open_hits FINAL WHERE reason = 'goodbye'").unwrap();
    assert_eq!(goodbye, [["1"]]);
    assert!(!data.join("running").exists());
}
