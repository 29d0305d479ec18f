//! A journal without room refuses hits until there is room again; what it has acknowledged is counted.

use std::path::Path;
use std::process::Command;

use hyper::Response;
use tests::server::{FIREFOX, Options, Server};

use crate::story::{header, post, refused, text, until};

/// Mounts a file system of that size; unmounts it when dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// Nothing where mounting is not permitted.
    fn mount(place: &'a Path, mib: u32) -> Option<Self> {
        std::fs::create_dir_all(place).unwrap();
        let size = format!("size={mib}m,mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(place).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(place))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "{} is still mounted", self.0.display());
    }
}

/// Sends hits, each with a page of its own, until one is refused; how many were acknowledged, and the refusal.
async fn fill(server: &Server) -> (u64, Response<bytes::Bytes>) {
    let headers = [("user-agent", FIREFOX)];
    let rest = "x".repeat(7000);
    for number in 0..20_000 {
        let hit = serde_json::json!({"site": "localhost", "url": format!("/page-{number}?{rest}")});
        let answer = post(server, &headers, hit.to_string()).await;
        if answer.status() != 204 {
            return (number, answer);
        }
    }
    panic!("the journal took everything");
}

async fn fills_and_refuses(options: Options<'_>) {
    let server = Server::start(options).await.unwrap();
    let (acknowledged, refusal) = fill(&server).await;
    assert!(acknowledged > 50, "{acknowledged} hits fit in");
    assert_eq!(refusal.status(), 503, "{}", text(&refusal));
    assert!(header(&refusal, "retry-after").parse::<u64>().unwrap() > 0);
    let known = [("journal_full", "the journal is full"), ("not_written", "could not be written")];
    let (counter, _) = known.into_iter().find(|(_, advice)| text(&refusal).contains(advice)).unwrap();
    assert!(refused(&server, counter).await > 0, "{counter}");
    let next = post(&server, &[("user-agent", FIREFOX)], r#"{"site":"localhost","url":"/next"}"#).await;
    assert_eq!(next.status(), 503, "{}", text(&next));
    assert!(text(&next).contains("the journal is full"), "{}", text(&next));
    assert!(refused(&server, "journal_full").await > 0);

    let counted = "SELECT count(), uniqExact(sequence) FROM open_hits FINAL WHERE kind = 'view' AND page LIKE '/page-%'";
    until(&server, counted, &format!("{acknowledged}\t{acknowledged}")).await;
    let (status, said) = server.stop().await.unwrap();
    assert!(status.success(), "{said}");
}

#[tokio::test]
async fn a_journal_at_its_size_refuses_and_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let limits = "[limits]\nburst = 100000\nhits_per_second = 100000\nsegment_bytes = 1048576\njournal_bytes = 2097152\n";
    fills_and_refuses(Options { configuration: Some(limits), ..Options::new(folder.path()) }).await;
}

#[tokio::test]
async fn a_full_disk_refuses_and_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    // Where nobody may mount, the story of the journal's own size stands for this one.
    let disk = SmallDisk::mount(&journal, 3);
    let journal_bytes = if disk.is_some() { 1 << 30 } else { 2 << 20 };
    let limits = format!(
        "[limits]\nburst = 100000\nhits_per_second = 100000\nsegment_bytes = 1048576\njournal_bytes = {journal_bytes}\n"
    );
    fills_and_refuses(Options { configuration: Some(&limits), ..Options::new(folder.path()) }).await;
}
