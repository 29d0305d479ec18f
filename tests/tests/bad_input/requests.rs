//! Wrong requests to a collector that runs.

use bytes::Bytes;
use hyper::Response;
use tests::server::{FIREFOX, Options, Server};

use crate::story::{get, header, post, refused, request, text, until};

const AGENT: (&str, &str) = ("user-agent", FIREFOX);
const HIT: &str = r#"{"site":"localhost","url":"http://localhost/a"}"#;

/// A wrong request, the status it gets, a part of the text that says what to do, and the counter it raises.
struct Wrong {
    body: String,
    headers: Vec<(&'static str, &'static str)>,
    status: u16,
    advice: &'static str,
    counter: &'static str,
}

fn wrong(body: &str, status: u16, advice: &'static str, counter: &'static str) -> Wrong {
    Wrong { body: body.to_owned(), headers: vec![AGENT], status, advice, counter }
}

fn wrong_hits() -> Vec<Wrong> {
    let foreign = Wrong {
        headers: vec![AGENT, ("origin", "https://example.org")],
        ..wrong(HIT, 403, "add it to the site's hosts in footfall.toml", "foreign_origin")
    };
    let large = format!(r#"{{"site":"localhost","url":"http://localhost/{}"}}"#, "a".repeat(65 * 1024));
    let long = format!(r#"{{"site":"localhost","url":"http://localhost/{}"}}"#, "a".repeat(9 * 1024));
    let many = format!("[{}]", vec![HIT; 21].join(","));
    let one_wrong = format!(r#"[{HIT},{{"site":"elsewhere","url":"http://localhost/a"}}]"#);
    vec![
        wrong(
            r#"{"site":"elsewhere","url":"http://localhost/a"}"#,
            403,
            "add it as [[site]] to footfall.toml",
            "unknown_site",
        ),
        wrong(&one_wrong, 403, "unknown site", "unknown_site"),
        foreign,
        wrong("no json", 400, "the body is no JSON hit", "bad_json"),
        wrong("", 400, "syntax error", "bad_json"),
        wrong("[]", 400, "the array is empty", "bad_json"),
        wrong(r#"{"site":"localhost"}"#, 400, "missing field url", "bad_json"),
        wrong(
            r#"{"site":"localhost","url":"ftp://localhost/a"}"#,
            400,
            "field url: must be an http or https address",
            "bad_field",
        ),
        wrong(&long, 400, "field url: too long", "bad_field"),
        wrong(
            r#"{"site":"localhost","url":"/a","kind":"look"}"#,
            400,
            "field kind: use view, leave",
            "bad_field",
        ),
        wrong(r#"{"site":"localhost","url":"/a","kind":"event"}"#, 400, "field name: an event", "bad_field"),
        wrong(
            r#"{"site":"localhost","url":"/a","engaged_ms":-1}"#,
            400,
            "field engaged_ms: must be",
            "bad_field",
        ),
        wrong(r#"{"site":"localhost","url":"/a","value":1e12}"#, 400, "field value: must be", "bad_field"),
        wrong(&large, 413, "more than 65536 bytes", "too_large"),
        wrong(&many, 413, "at most 20 hits", "too_many_hits"),
    ]
}

async fn assert_nothing_recorded(server: Server, options: Options<'_>) {
    assert_eq!(server.metric("footfall_collector_hits_recorded_total").await.unwrap(), 0);
    let (status, _) = server.stop().await.unwrap();
    assert!(status.success());
    let server = Server::start(options).await.unwrap();
    until(&server, "SELECT countIf(reason = 'opened') FROM open_hits FINAL", "2").await;
    assert_eq!(
        server.query("SELECT count() FROM open_hits FINAL WHERE kind != 'control'").await.unwrap(),
        "0\n"
    );
}

#[tokio::test]
async fn wrong_requests_are_refused_told_counted_and_not_recorded() {
    let data = tempfile::tempdir().unwrap();
    let options = Options::new(data.path());
    let server = Server::start(options).await.unwrap();
    for Wrong { body, headers, status, advice, counter } in wrong_hits() {
        let before = refused(&server, counter).await;
        let answer = post(&server, &headers, body).await;
        assert_eq!(answer.status(), status, "{advice}");
        assert!(text(&answer).contains(advice), "{advice:?} is not in {:?}", text(&answer));
        assert_eq!(header(&answer, "set-cookie"), "");
        assert_eq!(refused(&server, counter).await, before + 1, "{counter}");
    }
    wrong_places(&server).await;
    wrong_pixels(&server).await;
    assert_nothing_recorded(server, options).await;
}

async fn wrong_places(server: &Server) {
    for (method, path, status, advice, counter) in [
        ("GET", "/nowhere", 404, "see the README", "not_found"),
        ("GET", "/../../etc/passwd", 404, "see the README", "not_found"),
        ("DELETE", "/hit", 405, "takes POST, OPTIONS only", "method_not_allowed"),
        ("GET", "/hit", 405, "takes POST, OPTIONS only", "method_not_allowed"),
        ("POST", "/tag.js", 405, "takes GET, HEAD only", "method_not_allowed"),
        ("GET", "/privacy?site=elsewhere", 403, "[[site]]", "unknown_site"),
        ("POST", "/consent", 403, "[[site]]", "unknown_site"),
    ] {
        let before = refused(server, counter).await;
        let answer = request(server, (method, format!("{}{path}", server.collector)), &[AGENT], "").await;
        assert_eq!(answer.status(), status, "{method} {path}");
        assert!(text(&answer).contains(advice), "{method} {path}: {}", text(&answer));
        assert_eq!(refused(server, counter).await, before + 1, "{method} {path}: {counter}");
    }
}

/// The page never shows a broken image; the status is honest.
async fn wrong_pixels(server: &Server) {
    for (query, headers, status, counter) in [
        ("site=elsewhere&url=http://localhost/a", vec![AGENT], 403, "unknown_site"),
        ("site=localhost", vec![AGENT], 400, "bad_field"),
        ("url=http://localhost/a", vec![AGENT], 400, "bad_field"),
        ("site=localhost", vec![AGENT, ("referer", "https://example.org/page")], 403, "foreign_origin"),
    ] {
        let before = refused(server, counter).await;
        let answer = get(server, &format!("/pixel.gif?{query}"), &headers).await;
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "content-type")),
            (status, "image/gif"),
            "{query}"
        );
        assert!(answer.body().starts_with(b"GIF89a"), "{query}");
        assert_eq!(refused(server, counter).await, before + 1, "{query}: {counter}");
    }
}

#[tokio::test]
async fn a_network_that_sends_too_much_is_told_when_to_come_again() {
    let data = tempfile::tempdir().unwrap();
    let configuration = Some("[limits]\nhits_per_second = 1\nburst = 3\n");
    let server = Server::start(Options { configuration, ..Options::new(data.path()) }).await.unwrap();
    let mut answers: Vec<Response<Bytes>> = Vec::new();
    for _ in 0..10 {
        answers.push(post(&server, &[AGENT], HIT).await);
    }
    let recorded = answers.iter().filter(|answer| answer.status() == 204).count();
    let late: Vec<_> = answers.iter().filter(|answer| answer.status() == 429).collect();
    assert!(recorded >= 3 && recorded + late.len() == 10 && late.len() >= 5, "{recorded} recorded");
    for answer in &late {
        let seconds: u64 = header(answer, "retry-after").parse().unwrap();
        assert!((1..=3).contains(&seconds) && text(answer).contains("try again in"), "{}", text(answer));
    }
    assert_eq!(refused(&server, "too_many_requests").await, late.len() as u64);
    until(&server, "SELECT count() FROM open_hits FINAL WHERE kind = 'view'", &recorded.to_string()).await;
}

#[tokio::test]
async fn an_unknown_dimension_is_refused_with_those_there_are() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Options::new(data.path())).await.unwrap();
    let asked = |dimension: &str| {
        format!(
            "SELECT * FROM report_breakdown(site='localhost', from='2026-01-01', to='2026-12-31', dimension='{dimension}')"
        )
    };
    let refuse = async || {
        let error = format!("{:#}", server.query(&asked("colour")).await.unwrap_err());
        assert!(error.contains("unknown dimension: use page, entry_page"), "{error}");
    };
    server.query(&asked("country")).await.unwrap();
    // Even where there is nothing to report yet.
    refuse().await;
    let hit = serde_json::json!({"site": "localhost", "url": "/a"});
    assert_eq!(server.hit(&hit).await.unwrap(), 204);
    until(&server, "SELECT count() FROM open_hits FINAL WHERE kind = 'view'", "1").await;
    refuse().await;
}
