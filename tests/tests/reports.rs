//! What an operator asks the report views, beside figures computed by hand.

use schemas::page::PagePattern;
use serde_json::{Value, json};
use tests::server::{Options, Server};

use crate::story::{post, until};

const ALL_TIME: &str = "site='localhost', from='2020-01-01', to='2100-01-01'";

async fn send(server: &Server, hit: &Value) {
    assert_eq!(server.hit(hit).await.unwrap(), 204);
}

#[tokio::test]
async fn an_operator_sees_which_rules_mask_and_nothing_of_what_they_masked() {
    let data = tempfile::tempdir().unwrap();
    let configuration = "[[site]]\nname = 'localhost'\ngroup_pages = ['/team/*']\n";
    let options = Options { configuration: Some(configuration), ..Options::new(data.path()) };
    let server = Server::start(options).await.unwrap();
    for url in
        ["/", "/user/anna/anna@example.org", "/user/bert?a=1&b=2", "/team/anna", "/reset/abcxyz?token=abcxyz"]
    {
        send(&server, &json!({"site": "localhost", "url": url})).await;
    }
    send(&server, &json!({"site": "localhost", "kind": "leave", "url": "/user/anna", "engaged_ms": 1})).await;
    let download = json!({"site": "localhost", "kind": "download", "url": "/", "name": "http://localhost/d/4111111111111111.pdf"});
    send(&server, &download).await;
    // A program that looks for holes says nothing of the site's own pages.
    post(&server, &[("user-agent", "curl/8.5.0")], r#"{"site":"localhost","url":"/user/anna"}"#).await;
    until(&server, "SELECT count() FROM open_hits FINAL WHERE kind != 'control'", "8").await;

    let report = server.query(&format!("SELECT * FROM report_masked({ALL_TIME})")).await.unwrap();
    let expected = ":name\t2\n:parameter\t2\n:email\t1\n:id\t1\n:pattern\t1\n:token\t1\n:encoded\t0\n:ip\t0\n:long\t0\n:phone\t0\n:rest\t0\n";
    assert_eq!(report, expected);
    let nowhere = server
        .query("SELECT sum(hits), count() FROM report_masked(site='x', from='2020-01-01', to='2100-01-01')");
    assert_eq!(nowhere.await.unwrap(), "0\t11\n");
}

#[tokio::test]
async fn an_operator_sees_how_long_and_how_far_pages_are_read() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Options::new(data.path())).await.unwrap();
    for url in ["/long", "/long", "/short"] {
        send(&server, &json!({"site": "localhost", "url": url})).await;
    }
    for (url, engaged_ms, scroll) in [("/long", 60_000, 80), ("/long", 12_000, 41), ("/short", 1500, 100)] {
        let leave = json!({"site": "localhost", "kind": "leave", "url": url, "engaged_ms": engaged_ms, "scroll": scroll});
        send(&server, &leave).await;
    }
    until(&server, "SELECT count() FROM open_hits FINAL WHERE kind = 'leave'", "3").await;
    let report = server.query(&format!("SELECT * FROM report_engagement({ALL_TIME})")).await.unwrap();
    assert_eq!(report, "/long\t2\t36\t60\n/short\t1\t1.5\t100\n");
}

const GOALS: &str = "
[[site.goal]]
name = 'Order'
event = 'order'
[[site.goal]]
name = 'Thanks'
page = '/thanks/*'
[[site.goal]]
name = 'Partner'
outbound = 'partner.org'
[[site.goal]]
name = 'Never'
event = 'never'
";

fn with_goals(goals: &str) -> String {
    format!("[collector]\ntrusted_proxies = ['127.0.0.1/32']\n[[site]]\nname = 'localhost'\n{goals}")
}

/// What four visitors do, the last number of whose addresses comes first.
fn four_visitors() -> Vec<(u8, Value)> {
    let view = |url: &str, referrer: &str| json!({"url": url, "referrer": referrer});
    let order = |value: f64| json!({"url": "/", "kind": "event", "name": "order", "value": value});
    let out = |to: &str| json!({"url": "/", "kind": "outbound", "name": to});
    vec![
        (1, view("/", "https://www.google.com/")),
        (1, order(10.5)),
        (1, order(2.0)),
        (2, view("/", "https://blog.example.org/")),
        (2, view("/thanks/a", "")),
        (2, view("/thanks/b?x=1", "")),
        (2, order(1.0)),
        (3, view("/thanks/x/y", "")),
        (3, out("https://www.partner.org/page")),
        (3, out("https://not-partner.org/")),
        (4, view("/", "")),
        (4, json!({"url": "/", "kind": "event", "name": "orders"})),
    ]
}

async fn send_all(server: &Server, hits: Vec<(u8, Value)>) {
    let count = hits.len();
    for (visitor, mut hit) in hits {
        hit["site"] = "localhost".into();
        let address = [198, 51, 100, visitor].into();
        assert_eq!(server.sender().hit_from(Some(address), &hit).await.unwrap(), 204);
    }
    until(server, "SELECT count() FROM open_hits FINAL WHERE kind != 'control'", &count.to_string()).await;
}

async fn credit(server: &Server, goal: &str, dimension: &str) -> String {
    let view = format!("report_goal_credit({ALL_TIME}, goal='{goal}', dimension='{dimension}')");
    server.query(&format!("SELECT * FROM {view}")).await.unwrap_or_else(|error| format!("{error:#}"))
}

#[tokio::test]
async fn goals_are_counted_and_credited_to_what_brought_the_visit() {
    let data = tempfile::tempdir().unwrap();
    let configuration = with_goals(GOALS);
    let options = Options { configuration: Some(&configuration), ..Options::new(data.path()) };
    let server = Server::start(options).await.unwrap();
    let report = format!("SELECT * FROM report_goals({ALL_TIME})");
    let none = "Order\t0\t0\t0\t0\nThanks\t0\t0\t0\t0\nPartner\t0\t0\t0\t0\nNever\t0\t0\t0\t0\n";
    assert_eq!(server.query(&report).await.unwrap(), none, "before any hit");
    send_all(&server, four_visitors()).await;

    // Of four visitors two order, one sees two pages of thanks, one follows the link.
    let expected =
        "Order\t3\t2\t0.5\t13.5\nThanks\t2\t2\t0.5\t0\nPartner\t1\t1\t0.25\t0\nNever\t0\t0\t0\t0\n";
    assert_eq!(server.query(&report).await.unwrap(), expected);
    for (goal, dimension, expected) in [
        (
            "Order",
            "source",
            "google\t2\t1\t1\t1\t12.5\nexample.org\t1\t1\t1\t1\t1\n(direct)\t0\t0\t2\t0\t0\n",
        ),
        ("Order", "channel", "search\t2\t1\t1\t1\t12.5\nreferral\t1\t1\t1\t1\t1\ndirect\t0\t0\t2\t0\t0\n"),
        ("Order", "entry_page", "/\t3\t2\t3\t0.6667\t13.5\n/thanks/x/y\t0\t0\t1\t0\t0\n"),
        ("Thanks", "source", "example.org\t2\t2\t1\t1\t0\n(direct)\t0\t0\t2\t0\t0\ngoogle\t0\t0\t1\t0\t0\n"),
        ("Partner", "device", "Desktop\t1\t1\t4\t0.25\t0\n"),
        ("Never", "browser", "Firefox\t0\t0\t4\t0\t0\n"),
        ("Order", "campaign", ""),
    ] {
        assert_eq!(credit(&server, goal, dimension).await, expected, "{goal} by {dimension}");
    }
    let unknown = credit(&server, "order", "source").await;
    assert!(unknown.contains("unknown goal: use Order, Thanks, Partner, Never"), "{unknown}");
    let unknown = credit(&server, "Order", "page").await;
    assert!(unknown.contains("unknown dimension: use source, channel"), "{unknown}");
}

#[tokio::test]
async fn clickhouse_finds_the_pages_that_a_pattern_covers() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Options::new(data.path())).await.unwrap();
    let pages =
        ["/", "/?x=1", "/a", "/a?x=/b", "/a/b", "/a/b?x=1", "/a/b/c", "/ab", "/a/…", "/c++", "(none)"];
    for pattern in ["/", "/**", "/*", "/a", "/a/*", "/a/**", "/*/b", "/c++"].map(PagePattern::of_whole_pages)
    {
        let pattern = pattern.unwrap();
        let question = format!(
            "SELECT arrayMap(page -> match(page, '{}'), {pages:?})",
            pattern.regular_expression().replace('\\', r"\\")
        )
        .replace('"', "'");
        let covered = format!("{:?}", pages.map(|page| u8::from(pattern.covers(page)))).replace(' ', "");
        assert_eq!(server.query(&question).await.unwrap().trim(), covered, "{pattern}");
    }
}

#[tokio::test]
async fn a_goal_that_is_no_longer_configured_goes_and_a_new_one_knows_what_was_before() {
    let data = tempfile::tempdir().unwrap();
    let (before, after) = (with_goals(GOALS), with_goals("[[site.goal]]\nname = 'Home'\npage = '/'\n"));
    let options = Options { configuration: Some(&before), ..Options::new(data.path()) };
    let server = Server::start(options).await.unwrap();
    send_all(&server, four_visitors()).await;
    let lists = "SELECT written_at FROM goal_lists FINAL";
    let mut written_at = server.query(lists).await.unwrap();
    assert!(server.stop().await.unwrap().0.success());
    for (configuration, is_written, expected) in [
        (&before, false, "Order\t3\nThanks\t2\nPartner\t1\nNever\t0\n"),
        (&after, true, "Home\t3\n"),
        (&with_goals(""), true, ""),
        (&with_goals(""), false, ""),
    ] {
        let server = Server::start(Options { configuration: Some(configuration), ..options }).await.unwrap();
        let report = format!("SELECT goal, conversions FROM report_goals({ALL_TIME})");
        assert_eq!(server.query(&report).await.unwrap(), expected);
        let before = std::mem::replace(&mut written_at, server.query(lists).await.unwrap());
        assert_eq!((written_at.lines().count(), written_at != before), (1, is_written), "{written_at}");
        assert!(server.stop().await.unwrap().0.success());
    }
}

#[tokio::test]
async fn every_channel_is_counted_and_spam_is_dropped_by_name() {
    let data = tempfile::tempdir().unwrap();
    let configuration = with_goals("");
    let options = Options { configuration: Some(&configuration), ..Options::new(data.path()) };
    let server = Server::start(options).await.unwrap();
    let page = "http://localhost/";
    let view = |url: &str, referrer: &str| json!({"url": url, "referrer": referrer});
    let hits = [
        view(page, ""),
        view(page, "http://localhost/before"),
        view(page, "https://www.google.de/"),
        view(page, "https://t.co/x"),
        view(page, "https://chatgpt.com/"),
        view(page, "https://mail.google.com/"),
        view(&format!("{page}?gclid=x"), ""),
        view(page, "https://blog.example.org/"),
        view(&format!("{page}?utm_source=flyer&utm_medium=qr"), ""),
        view(page, "https://semalt.com/"),
    ];
    send_all(&server, (1..).zip(hits).collect()).await;
    let report =
        format!("SELECT value, visits FROM report_breakdown({ALL_TIME}, dimension='channel') ORDER BY value");
    let expected = "ai_assistant\t1\ncampaign\t1\ndirect\t1\nemail\t1\ninternal\t1\npaid\t1\nreferral\t1\nsearch\t1\nsocial\t1\n";
    assert_eq!(server.query(&report).await.unwrap(), expected);
    let dropped = format!("SELECT reason, records FROM report_quality({ALL_TIME}) WHERE kind = 'dropped'");
    assert_eq!(server.query(&dropped).await.unwrap(), "referrer_spam\t1\n");
}
