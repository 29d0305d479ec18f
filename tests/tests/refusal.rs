//! A visitor who refused leaves no trace: no record, no cookie, not a byte on disk, but a bare count.

use jiff::Timestamp;
use schemas::choice::{Choice, Method, week_of};
use tests::server::{FIREFOX, Options, Server};

use crate::story::{files, get, header, post, tables, text, until, until_visitors_held};

const CONFIGURATION: &str = "[limits]\nhits_per_second = 1000\nburst = 1000\nsegment_bytes = 1048576\n";
const HIT: &str =
    r#"{"site":"localhost","url":"http://localhost/refused-page","referrer":"https://example.org/"}"#;
/// Hits of each kind of refusal.
const TIMES: usize = 10;

/// What a browser that refuses sends, and the count it is.
fn refusals() -> Vec<([(&'static str, String); 2], &'static str)> {
    let agent = || ("user-agent", FIREFOX.to_owned());
    let (statistics, marketing) = (false, false);
    let week = week_of(Timestamp::now());
    let refusal = Choice { policy_revision: 1, statistics, marketing, week, method: Method::Banner };
    let cookie =
        |value: &str| ("cookie", format!("theme=dark; {}={value}", Choice::cookie_name("localhost")));
    vec![
        ([agent(), cookie(&refusal.to_value())], "refused"),
        ([agent(), cookie("nonsense")], "refused_by_malformed_choice"),
        ([agent(), ("sec-gpc", "1".to_owned())], "refused_by_gpc"),
        ([agent(), ("dnt", "1".to_owned())], "refused_by_dnt"),
    ]
}

async fn send_refused(server: &Server) {
    for (headers, _) in refusals() {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for number in 0..TIMES {
            let answer = if number % 2 == 0 {
                post(server, &headers, HIT).await
            } else {
                get(server, "/pixel.gif?site=localhost&url=http%3A%2F%2Flocalhost%2Frefused-page", &headers)
                    .await
            };
            let expected = if number % 2 == 0 { 204 } else { 200 };
            assert_eq!(answer.status(), expected, "{}", text(&answer));
            assert_eq!(header(&answer, "footfall-hit"), "not-recorded", "{headers:?}");
            assert_eq!(header(&answer, "set-cookie"), "", "{headers:?}");
        }
    }
}

#[tokio::test]
async fn who_refuses_leaves_nothing_but_a_bare_count() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let options = Options { configuration: Some(CONFIGURATION), ..Options::new(&data) };
    let server = Server::start(options).await.unwrap();
    let permitted = serde_json::json!({"site": "localhost", "url": "http://localhost/permitted-page"});
    assert_eq!(server.hit(&permitted).await.unwrap(), 204);
    until_visitors_held(&server, 1).await;
    let (files_before, tables_before) = (files(&data), tables(&server).await);
    assert!(tables_before["open_hits"].contains("/permitted-page"));

    send_refused(&server).await;
    let changed: Vec<_> = {
        let after = files(&data);
        let names = files_before.keys().chain(after.keys());
        names.filter(|name| files_before.get(*name) != after.get(*name)).cloned().collect()
    };
    assert_eq!(changed, Vec::<std::path::PathBuf>::new(), "files that refused hits changed");
    assert_eq!(tables(&server).await, tables_before);
    let (status, said) = server.stop().await.unwrap();
    assert!(status.success() && !said.contains("refused-page"), "{said}");

    // What the stop writes is told by the next start.
    let server = Server::start(options).await.unwrap();
    until(&server, "SELECT countIf(reason = 'opened') FROM open_hits FINAL", "2").await;
    let new = server
        .query(
            "SELECT kind, reason, sum(count), count(), max(policy_revision), max(local_day) >= today() - 1, any(page) \
             FROM open_hits FINAL GROUP BY kind, reason ORDER BY kind, reason",
        )
        .await
        .unwrap();
    let mut expected: Vec<String> =
        refusals().iter().map(|(_, outcome)| format!("consent\t{outcome}\t{TIMES}\t1\t1\t1\t")).collect();
    expected.sort();
    expected.push("control\tgoodbye\t0\t1\t0\t1\t".into());
    expected.push("control\tkey_in_use\t0\t2\t0\t1\t".into());
    expected.push("control\topened\t0\t2\t0\t1\t".into());
    expected.push("view\t\t0\t1\t1\t1\t/permitted-page".into());
    assert_eq!(new.lines().collect::<Vec<_>>(), expected);
    assert!(!format!("{:?}", tables(&server).await).contains("refused-page"));
}

#[tokio::test]
async fn a_report_says_which_share_of_the_traffic_it_does_not_cover() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Options::new(folder.path())).await.unwrap();
    let coverage =
        "SELECT * FROM report_coverage(site='a', from='2026-03-01', to='2026-03-04') FORMAT TabSeparated";
    let nothing: String = (1..=4).map(|day| format!("2026-03-0{day}\t0\t0\t\\N\n")).collect();
    assert_eq!(server.query(coverage).await.unwrap(), nothing, "without hits there is no share");
    // Site, kind, reason, day, count: those of another site, bots, repeats and choices are in neither figure.
    let rows = [
        ("a", "view", "", 1, 0),
        ("a", "event", "", 1, 0),
        ("a", "leave", "late", 1, 0),
        ("a", "bot", "", 1, 0),
        ("a", "repeat", "", 1, 0),
        ("b", "view", "", 1, 0),
        ("a", "consent", "refused", 1, 2),
        ("a", "consent", "refused", 1, 1),
        ("a", "consent", "refused_by_gpc", 1, 1),
        ("a", "consent", "refused_by_dnt", 1, 1),
        ("a", "consent", "refused_by_malformed_choice", 1, 1),
        ("a", "consent", "unasked", 1, 3),
        ("a", "consent", "chose_refusal", 1, 50),
        ("a", "consent", "shown", 1, 50),
        ("b", "consent", "refused", 1, 50),
        ("a", "download", "", 2, 0),
        ("a", "consent", "refused", 4, 7),
    ];
    let values: Vec<String> = (1..)
        .zip(rows)
        .map(|(sequence, (site, kind, reason, day, count))| {
            format!("('{site}', generateUUIDv4(), {sequence}, '2026-03-05', 2, '{kind}', '{reason}', '2026-03-0{day}', {count})")
        })
        .collect();
    let columns = "site, collector, sequence, written_date, readable, kind, reason, local_day, count";
    server.query(&format!("INSERT INTO open_hits ({columns}) VALUES {}", values.join(","))).await.unwrap();
    assert_eq!(
        server.query(coverage).await.unwrap(),
        "2026-03-01\t3\t9\t0.75\n2026-03-02\t1\t0\t0\n2026-03-03\t0\t0\t\\N\n2026-03-04\t0\t7\t1\n"
    );
}
