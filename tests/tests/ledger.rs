//! The program is killed twenty times under load; the whole chain has two rounds of faults. Whoever was told that his hit is
//! counted was told the truth.

use std::path::Path;

use tests::ledger::{Plan, kafka, play};
use tokio::sync::Mutex;

/// Both load the machine as much as they can, so they take turns.
static TURN: Mutex<()> = Mutex::const_new(());
/// Of this seed, collectors and processors are killed while they send, and one is paused until it is taken for dead.
const KAFKA_SEED: u64 = 190;
/// Lines of each program's log that a failure shows.
const LINES: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_lose_nothing_and_double_nothing() {
    let _turn = TURN.lock().await;
    let data = tempfile::tempdir().unwrap();
    let plan = Plan { rounds: 20, seed: 20, clients: 32 };
    let verdict = play(plan, data.path(), |told| println!("{told}")).await.unwrap();
    assert!(verdict.is_right(), "{verdict}\n{}", verdict.wrong.join("\n"));
    assert!(verdict.acknowledged > 1000 && verdict.unknown > 0, "too little load: {verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_chain_lose_nothing_and_double_nothing() {
    let _turn = TURN.lock().await;
    let data = tempfile::tempdir().unwrap();
    let plan = Plan { rounds: 2, seed: KAFKA_SEED, clients: 32 };
    let verdict = kafka::play(plan, data.path(), |told| println!("{told}")).await.unwrap();
    let wrong = verdict.wrong.join("\n");
    assert!(verdict.is_right(), "{verdict}\n{wrong}\n{}", logs(data.path()));
    assert!(verdict.acknowledged > 1000, "too little load: {verdict}");
}

/// The ends of the programs' logs.
fn logs(folder: &Path) -> String {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let logs = paths.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    let shown = logs.map(|path| {
        let said = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        format!("{}\n{}\n", path.display(), lines[lines.len().saturating_sub(LINES)..].join("\n"))
    });
    shown.collect()
}
