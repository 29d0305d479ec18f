//! What an acknowledged INSERT is worth: it is there after SIGKILL, once, however often it was sent.
//!
//! The engine that is killed runs in a child process: this test started again with `CHILD` set.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a step that fails fails the test; the child tells its parent how far it is"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use embedded::engine::{Engine, EngineError, find_library};

const CHILD: &str = "FOOTFALL_TEST_DURABILITY_DATA";
const ACKNOWLEDGED: &str = "acknowledged batch ";
const BATCHES: usize = 5;
const FINAL: &str = "SETTINGS do_not_merge_across_partitions_select_final = 0";

fn open(data: &Path) -> Result<Engine, EngineError> {
    let library = find_library(None, None).unwrap_or_else(|error| panic!("{error}"));
    Engine::open(&library, data, None)
}

fn run(engine: &Engine, sql: &str) -> String {
    let answer = engine.query(sql, "TSV").unwrap_or_else(|exception| panic!("{sql}: {exception}"));
    String::from_utf8(answer).unwrap()
}

/// Every batch is sent twice, first with rows that could not be read: 100 keys, readable rows win.
fn insert_until_killed(data: &Path) {
    let engine = open(data).unwrap();
    run(&engine, "CREATE DATABASE footfall");
    run(
        &engine,
        "CREATE TABLE footfall.hits (sequence UInt64, day Date, readable UInt8, views UInt32)
         ENGINE = ReplacingMergeTree(readable) PARTITION BY day ORDER BY sequence
         SETTINGS fsync_after_insert = 1, fsync_part_directory = 1",
    );
    for batch in 0..BATCHES {
        for readable in [0, 1, 1] {
            run(
                &engine,
                &format!(
                    "INSERT INTO footfall.hits SETTINGS deduplicate_insert = 'disable'
                     SELECT {batch} * 100 + number, toDate('2026-01-01') + number % 2, {readable}, {readable} * 3
                     FROM numbers(100)"
                ),
            );
        }
        println!("\n{ACKNOWLEDGED}{batch}");
    }
    // Until the parent kills this process.
    std::thread::park();
}

fn start_child(data: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "acknowledged_inserts_survive_a_kill_and_count_once", "--nocapture"])
        .env(CHILD, data)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn acknowledged_inserts_survive_a_kill_and_count_once() {
    if let Some(data) = std::env::var_os(CHILD) {
        return insert_until_killed(Path::new(&data));
    }
    let data = tempfile::tempdir().unwrap();
    let mut child = start_child(data.path());
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let acknowledged = lines.filter(|line| line.starts_with(ACKNOWLEDGED)).take(BATCHES).count();

    let locked = open(data.path());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(acknowledged, BATCHES);
    let locked = locked.err().expect("two processes can't have one directory");
    assert!(matches!(locked, EngineError::Locked { .. }), "{locked}");
    let text = locked.to_string();
    assert!(text.contains(&data.path().display().to_string()) && text.contains("--data"), "{text}");

    let engine = open(data.path()).unwrap();
    let sql = format!("SELECT count(), sum(readable), sum(views) FROM footfall.hits FINAL {FINAL}");
    assert_eq!(run(&engine, &sql), "500\t500\t1500\n");
    run(&engine, "OPTIMIZE TABLE footfall.hits FINAL");
    assert_eq!(run(&engine, "SELECT count(), sum(views) FROM footfall.hits"), "500\t1500\n");
}
