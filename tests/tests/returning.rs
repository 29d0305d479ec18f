//! A visitor whose own browser holds the state of its visit: one visit of several pages, known again after a restart, forgotten at once
//! when he refuses.

use std::os::unix::fs::PermissionsExt as _;

use bytes::Bytes;
use hyper::Response;
use tests::server::{FIREFOX, Options, Server};

use crate::story::{files, header, post, request, tables, until};

const NAME: &str = "__Host-visit-";

/// A browser's cookies, by name.
#[derive(Clone, Default)]
struct Jar(std::collections::BTreeMap<String, String>);

impl Jar {
    /// Keeps what an answer sets, and drops what it removes.
    fn keep(&mut self, answer: &Response<Bytes>) {
        for cookie in answer.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(
                cookie.contains("HttpOnly") && cookie.contains("Secure") && cookie.contains("Path=/"),
                "{cookie}"
            );
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.ends_with("Max-Age=0") {
                self.0.remove(name);
            } else {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    fn header(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn holds_a_visit(&self) -> bool {
        self.0.keys().any(|name| name.starts_with(NAME))
    }

    async fn view(&mut self, server: &Server, page: &str) -> Response<Bytes> {
        let hit = serde_json::json!({"site": "localhost", "url": format!("http://localhost/{page}")});
        let (agent, cookies) = (("user-agent", FIREFOX), self.header());
        let answer = post(server, &[agent, ("cookie", &cookies)], hit.to_string()).await;
        assert_eq!(answer.status(), 204);
        self.keep(&answer);
        answer
    }

    async fn choose(&mut self, server: &Server, statistics: &str) {
        let choice = format!(r#"{{"site":"localhost","statistics":"{statistics}"}}"#);
        let address = format!("{}/consent", server.collector);
        let headers = [("content-type", "text/plain"), ("cookie", &self.header())];
        let answer = request(server, ("POST", address), &headers, choice).await;
        assert_eq!(answer.status(), 204);
        self.keep(&answer);
    }
}

const FIGURES: &str = "SELECT sum(views), sum(visits), sum(bounces), sum(visitors), sum(new_visitors), sum(weekly_first), \
    countIf(device_held) FROM open_hits FINAL WHERE kind = 'view'";

#[tokio::test]
async fn a_browser_is_known_again_by_what_it_holds_itself() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let options = Options::new(&data);
    let server = Server::start(options).await.unwrap();
    let mut jar = Jar::default();
    jar.view(&server, "landing").await;
    until(&server, FIGURES, "1\t1\t1\t1\t0\t0\t0").await;
    assert!(jar.holds_a_visit());
    jar.view(&server, "second").await;
    until(&server, FIGURES, "2\t1\t0\t1\t1\t1\t1").await;

    let restored = jar.clone();
    for _ in 0..3 {
        restored.clone().view(&server, "tab").await;
    }
    until(&server, FIGURES, "5\t1\t0\t1\t1\t1\t4").await;
    let entry = "SELECT DISTINCT entry_page FROM open_hits FINAL WHERE page = '/tab'";
    assert_eq!(server.query(entry).await.unwrap().trim_end(), "/landing");

    let stored = format!("{:?}", tables(&server).await);
    let (status, said) = server.stop().await.unwrap();
    assert!(status.success());
    for value in jar.0.values().chain(restored.0.values()) {
        let is_kept = files(&data)
            .values()
            .any(|bytes| bytes.windows(value.len()).any(|part| part == value.as_bytes()));
        assert!(
            !is_kept && !stored.contains(value) && !said.contains(value),
            "no cookie is kept by the program"
        );
    }
    let server = Server::start(options).await.unwrap();
    jar.view(&server, "after-the-restart").await;
    until(&server, FIGURES, "6\t1\t0\t1\t1\t1\t5").await;
    let keys: Vec<_> = std::fs::read_dir(data.join("keys")).unwrap().map(|entry| entry.unwrap()).collect();
    let months = keys.iter().filter(|entry| entry.file_name().to_string_lossy().starts_with("visit-"));
    assert!(months.clone().count() >= 2);
    for month in months {
        assert_eq!(month.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    let before = jar.clone();
    jar.choose(&server, "refuse").await;
    assert!(!jar.holds_a_visit(), "the refusal removes it");
    let mut kept = Jar([jar.0, before.0].into_iter().flatten().collect());
    assert!(kept.holds_a_visit());
    let refused = kept.view(&server, "refused").await;
    assert_eq!(header(&refused, "footfall-hit"), "not-recorded");
    assert!(!kept.holds_a_visit(), "so does a hit that is refused");
    kept.choose(&server, "accept").await;
    kept.view(&server, "again").await;
    until(&server, FIGURES, "7\t2\t1\t2\t1\t1\t5").await;
}
