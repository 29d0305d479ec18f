//! Bytes on the disk are damaged, files are lost, rows are written twice or deleted: what cannot be repaired is named,
//! and nothing else changes.

#![expect(clippy::unwrap_used, reason = "what these stories share is test code too")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemas::journal::{Bound, SegmentReader, Step, frame, segment};
use serde_json::json;
use tests::ledger::round::catch_up;
use tests::program;
use tests::server::{Options, Server};
use tokio::time::Instant;

const CONFIGURATION: &str = "[limits]\nhits_per_second = 1000000\nburst = 1000000\n";
const HITS: u64 = 200;
/// A start's first records are no hits: they name the collector and its key.
const FIRST_SEQUENCE: u64 = 3;

#[tokio::test]
async fn a_torn_tail_is_cut_off_and_takes_no_hit_with_it() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path()).await;
    send_numbered(&server).await;
    server.kill().await.unwrap();

    // A write that was cut off: half of a frame, behind it the zeros of the unused rest.
    let (path, frames) = frames(data.path(), 1);
    let torn = fs::read(&path).unwrap()[frames[5].start()..][..77].to_vec();
    write_at(&path, frames.last().unwrap().end(), &torn);
    let server = start(data.path()).await;
    assert_eq!(server.metric("footfall_collector_journal_torn_bytes").await.unwrap(), 77);
    catch_up(&server, "/after-the-kill").await.unwrap();
    assert_eq!(numbered(&server).await, once(|_| true));
    server.stop().await.unwrap();

    // The end of the last record, which the processor has read already, gives way to other bytes.
    let (path, frames) = self::frames(data.path(), 2);
    let last = frames.last().unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(last.end() as u64 - 5).unwrap();
    write_at(&path, last.end() - 5, &[0xA5; 40]);
    let server = start(data.path()).await;
    let torn_bytes = server.metric("footfall_collector_journal_torn_bytes").await.unwrap();
    assert_eq!(torn_bytes, last.bytes as u64 - 5 + 40);
    catch_up(&server, "/after-the-cut").await.unwrap();
    assert_eq!(numbered(&server).await, once(|_| true));
    assert_eq!(lost(&server).await, BTreeSet::new());
    assert_no_hole(data.path()).await;
}

#[tokio::test]
async fn damaged_records_are_counted_as_lost_and_all_others_once() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path()).await;
    send_numbered(&server).await;
    server.stop().await.unwrap();
    forget_what_was_counted(data.path());

    // A bit in a payload, one in a length, one in a checksum, three records in a row overwritten.
    let (path, frames) = frames(data.path(), 1);
    let damaged: BTreeSet<usize> = [20, 40, 60, 80, 81, 82].into();
    flip(&path, frames[20].start() + frame::HEAD_BYTES + 30);
    flip(&path, frames[40].start());
    flip(&path, frames[60].start() + 5);
    let three = frames[80].bytes + frames[81].bytes + frames[82].bytes;
    write_at(&path, frames[80].start(), &vec![0xA5; three]);
    let bytes: u64 = damaged.iter().map(|index| frames[*index].bytes as u64).sum();
    let sequences: BTreeSet<u64> = damaged.iter().map(|index| *index as u64 + 1).collect();

    let server = start(data.path()).await;
    catch_up(&server, "/after-the-damage").await.unwrap();
    assert_eq!(server.metric("footfall_collector_journal_damaged_bytes").await.unwrap(), bytes);
    assert_eq!(server.metric("footfall_processor_damaged_bytes_total").await.unwrap(), bytes);
    assert_eq!(lost(&server).await, sequences);
    let is_left = |number: u64| !sequences.contains(&(number + FIRST_SEQUENCE));
    assert_eq!(numbered(&server).await, once(is_left));
    assert_no_hole(data.path()).await;

    // What is lost stays lost, once.
    server.stop().await.unwrap();
    fs::remove_file(data.path().join("position")).unwrap();
    let server = start(data.path()).await;
    catch_up(&server, "/after-the-replay").await.unwrap();
    assert_eq!(lost(&server).await, sequences);
    assert_eq!(numbered(&server).await, once(is_left));
    assert_no_hole(data.path()).await;
}

#[tokio::test]
async fn a_collectors_last_records_are_missed_although_none_follows_them() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path()).await;
    send_numbered(&server).await;
    server.kill().await.unwrap();
    start(data.path()).await.stop().await.unwrap();
    forget_what_was_counted(data.path());
    let (path, frames) = frames(data.path(), 1);
    for place in &frames[frames.len() - 2..] {
        flip(&path, place.start() + frame::HEAD_BYTES);
    }

    let server = start(data.path()).await;
    catch_up(&server, "/after-the-damage").await.unwrap();
    let behind = HITS + FIRST_SEQUENCE;
    assert_eq!(lost(&server).await, [behind - 2, behind - 1].into());
    assert_eq!(numbered(&server).await, once(|number| number < HITS - 2));
    assert_no_hole(data.path()).await;
}

#[tokio::test]
async fn a_replay_changes_no_figure() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path()).await;
    let views = send_visits(&server).await;
    let before = figures(&server).await;
    server.stop().await.unwrap();
    fs::remove_file(data.path().join("position")).unwrap();
    let server = start(data.path()).await;
    wait_for_rows(&server, views).await;
    assert_eq!(figures(&server).await, before);
    assert_no_hole(data.path()).await;

    // The same from nothing: the journal alone holds all of it.
    server.stop().await.unwrap();
    forget_what_was_counted(data.path());
    let server = start(data.path()).await;
    wait_for_rows(&server, views).await;
    assert_eq!(figures(&server).await, before);
    assert_no_hole(data.path()).await;
}

#[tokio::test]
async fn rows_written_twice_change_no_figure_and_a_deleted_one_is_named() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path()).await;
    send_visits(&server).await;
    let before = figures(&server).await;
    let rows = || async {
        server.query("SELECT count() FROM open_hits").await.unwrap().trim().parse::<u64>().unwrap()
    };
    let once = rows().await;
    // Merges would take the doubles out sooner or later; here they must be there when the reports are read.
    server.query("SYSTEM STOP MERGES footfall.open_hits").await.unwrap();
    server.query("INSERT INTO open_hits SELECT * FROM open_hits").await.unwrap();
    assert_eq!(rows().await, 2 * once);
    assert_eq!(figures(&server).await, before);
    assert_no_hole(data.path()).await;
    server.query("SYSTEM START MERGES footfall.open_hits").await.unwrap();
    server.query("OPTIMIZE TABLE open_hits FINAL").await.unwrap();
    assert_eq!(figures(&server).await, before);

    server
        .query("ALTER TABLE open_hits DELETE WHERE sequence = 7 SETTINGS mutations_sync = 1")
        .await
        .unwrap();
    let running = program::reconcile(data.path()).await.unwrap();
    server.stop().await.unwrap();
    let stopped = program::reconcile(data.path()).await.unwrap();
    for ended in [running, stopped] {
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.said.contains(" sequences 7 to 7\n"), "{ended:?}");
        assert!(ended.said.ends_with(", 1 sequences missing\n"), "{ended:?}");
    }
}

async fn start(data: &Path) -> Server {
    let options = Options { configuration: Some(CONFIGURATION), ..Options::new(data) };
    Server::start(options).await.unwrap()
}

/// Removes all but the journal, the keys and the journal's id.
fn forget_what_was_counted(data: &Path) {
    fs::remove_file(data.join("position")).unwrap();
    fs::remove_dir_all(data.join("clickhouse")).unwrap();
}

async fn assert_no_hole(data: &Path) {
    let ended = program::reconcile(data).await.unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.said.ends_with(", 0 sequences missing\n"), "{ended:?}");
}

/// One after the other, so that hit `number` has the sequence `number + FIRST_SEQUENCE`.
async fn send_numbered(server: &Server) {
    for number in 0..HITS {
        let hit = json!({ "site": "localhost", "url": format!("http://localhost/n{number}") });
        assert_eq!(server.hit(&hit).await.unwrap(), 204);
    }
}

/// How often each of them is counted.
async fn numbered(server: &Server) -> BTreeMap<String, u64> {
    let question = "SELECT page, count() FROM open_hits FINAL WHERE kind = 'view' AND startsWith(page, '/n') GROUP BY page";
    server.rows::<(String, u64)>(question).await.unwrap().into_iter().collect()
}

fn once(is_counted: impl Fn(u64) -> bool) -> BTreeMap<String, u64> {
    (0..HITS).filter(|number| is_counted(*number)).map(|number| (format!("/n{number}"), 1)).collect()
}

/// Sequences that are known to be lost; a set, and no sequence twice in it.
async fn lost(server: &Server) -> BTreeSet<u64> {
    let question = "SELECT sequence FROM open_hits FINAL WHERE kind = 'lost'";
    let rows = server.rows::<u64>(question).await.unwrap();
    let sequences: BTreeSet<u64> = rows.iter().copied().collect();
    assert_eq!(rows.len(), sequences.len());
    sequences
}

/// Visits of several pages, sources and events; gives how many views they are.
async fn send_visits(server: &Server) -> u64 {
    let pages = ["/", "/pricing", "/blog", "/blog/counting-visits", "/contact"];
    let referrers = ["https://www.google.com/", "https://news.ycombinator.com/", "", "https://example.org/a"];
    let mut views = 0;
    for number in 0..60 {
        let url = format!("http://localhost{}", pages[number * 7 % pages.len()]);
        let view =
            json!({ "site": "localhost", "url": url, "referrer": referrers[number * 5 % referrers.len()] });
        assert_eq!(server.hit(&view).await.unwrap(), 204);
        let leave = json!({ "site": "localhost", "kind": "leave", "url": url, "engaged_ms": 1000 + number });
        let event =
            json!({ "site": "localhost", "kind": "event", "url": url, "name": "signup", "value": 12.5 });
        assert_eq!(server.hit(&json!([leave, event])).await.unwrap(), 204);
        views += 1;
    }
    wait_for_rows(server, views).await;
    views
}

/// Waits until all rows of so many visits are there, and until this start of the program has written its first batch:
/// after a replay's start that is the whole journal.
async fn wait_for_rows(server: &Server, views: u64) {
    let until = Instant::now() + Duration::from_secs(60);
    let question = "SELECT count() FROM open_hits FINAL WHERE kind IN ('view', 'leave', 'event')";
    let all = (3 * views).to_string();
    while server.query(question).await.unwrap().trim() != all
        || server.metric("footfall_processor_visitors_held").await.unwrap() == 0
    {
        assert!(Instant::now() < until, "the processor did not catch up");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Every figure of every report, as text.
async fn figures(server: &Server) -> String {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let (from, to) = (today.yesterday().unwrap(), today.tomorrow().unwrap());
    let place = format!("site = 'localhost', from = '{from}', to = '{to}'");
    let mut figures = String::new();
    for report in ["report_overview", "report_timeline", "report_bots", "report_consent", "report_coverage"] {
        let question = format!("SELECT * FROM {report}({place})");
        figures += &format!("{report}\n{}\n", server.query(&question).await.unwrap());
    }
    for dimension in ["page", "entry_page", "exit_page", "source", "channel", "country", "browser", "event"] {
        let question = format!("SELECT * FROM report_breakdown({place}, dimension = '{dimension}')");
        figures += &format!("{dimension}\n{}\n", server.query(&question).await.unwrap());
    }
    assert!(figures.contains("/blog/counting-visits") && figures.contains("signup"), "{figures}");
    figures
}

/// Where a frame lies in its segment.
struct Place {
    offset: u64,
    bytes: usize,
}

impl Place {
    fn start(&self) -> usize {
        usize::try_from(self.offset).unwrap()
    }

    fn end(&self) -> usize {
        self.start() + self.bytes
    }
}

/// The frames of a segment; the first has sequence 1 where a start began the segment.
fn frames(data: &Path, number: u64) -> (PathBuf, Vec<Place>) {
    let directory = data.join("journal");
    let mut reader = SegmentReader::open(&directory, number).unwrap().unwrap();
    let mut frames = Vec::new();
    while let Step::Frame { payload_bytes } = reader.step(Bound::Unknown).unwrap() {
        frames.push(Place { offset: reader.offset(), bytes: frame::HEAD_BYTES + payload_bytes });
        reader.take(payload_bytes).unwrap();
    }
    (segment::path(&directory, number), frames)
}

fn write_at(path: &Path, offset: usize, bytes: &[u8]) {
    OpenOptions::new().write(true).open(path).unwrap().write_all_at(bytes, offset as u64).unwrap();
}

fn flip(path: &Path, offset: usize) {
    let byte = fs::read(path).unwrap()[offset];
    write_at(path, offset, &[byte ^ 1]);
}
