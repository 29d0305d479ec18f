//! SIGKILL at random moments: what was acknowledged is there, numbered without holes.
//!
//! The test starts its own executable again, as a program that appends all the time and prints each acknowledged number.

use super::*;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

const DIRECTORY: &str = "FOOTFALL_TEST_KILL_DIRECTORY";
const NAME: &str = "journal::tests::kill::acknowledged_records_survive_sigkill";
const MARK: &str = "acknowledged ";
const ROUNDS: usize = 8;

#[test]
fn acknowledged_records_survive_sigkill() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        append_until_killed(Path::new(&directory));
    }
    let directory = TempDir::new().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        acknowledged.extend(killed_round(directory.path()));
        let last = verify(directory.path(), &acknowledged);
        let (journal, opened) = open_large(directory.path());
        assert_eq!(opened.recovered.previous, last, "round {round}");
        tokio::runtime::Runtime::new().unwrap().block_on(journal.close());
    }
}

/// Runs the program up to a random number of acknowledgements.
fn killed_round(directory: &Path) -> Vec<(String, u64)> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", NAME, "--nocapture"]).env(DIRECTORY, directory);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let enough = rand::random_range(1..1500);
    let mut acknowledged: Vec<_> = lines.by_ref().filter_map(|line| parse(&line)).take(enough).collect();
    assert_eq!(acknowledged.len(), enough, "the program ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
    acknowledged.extend(lines.filter_map(|line| parse(&line)));
    acknowledged
}

fn parse(line: &str) -> Option<(String, u64)> {
    // The last line may be cut off; its end mark tells.
    let (collector, rest) = line.split_once(MARK)?.1.split_once(' ')?;
    Some((collector.to_owned(), rest.strip_suffix('.')?.parse().unwrap()))
}

/// Every acknowledged record can be read, each collector's numbers have no hole. Gives the last collector's last number.
fn verify(directory: &Path, acknowledged: &[(String, u64)]) -> Option<Tail> {
    let mut highest: BTreeMap<String, u64> = BTreeMap::new();
    let mut last = None;
    for (id, _) in read(directory, Limit::Everything) {
        let highest = highest.entry(id.collector.to_string()).or_default();
        assert_eq!(id.sequence, *highest + 1);
        *highest = id.sequence;
        last = Some(Tail { collector: id.collector, last_sequence: id.sequence });
    }
    for (collector, sequence) in acknowledged {
        assert!(
            highest.get(collector).is_some_and(|highest| sequence <= highest),
            "{collector} {sequence} is lost"
        );
    }
    last
}

fn open_large(directory: &Path) -> (Journal<Vec<u8>>, Opened) {
    Journal::open(JournalSettings { max_bytes: 1 << 30, ..settings(directory) }, TestEncoder).unwrap()
}

#[tokio::main]
async fn append_until_killed(directory: &Path) -> ! {
    let (journal, opened) = open_large(directory);
    for _ in 0..16 {
        let journal = journal.clone();
        tokio::spawn(async move {
            loop {
                let body = vec![7; rand::random_range(0..2000)];
                let sequence = journal.append(body).await.unwrap();
                let line = format!("\n{MARK}{} {sequence}.\n", opened.collector);
                std::io::stdout().write_all(line.as_bytes()).unwrap();
            }
        });
    }
    std::future::pending().await
}
