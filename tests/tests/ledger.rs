//! The program is killed twenty times under load; the whole chain has two rounds of faults. Whoever was told that his hit is
//! counted was told the truth.

use tests::ledger::{Plan, kafka, play};

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_lose_nothing_and_double_nothing() {
    let data = tempfile::tempdir().unwrap();
    let plan = Plan { rounds: 20, seed: 20, clients: 32 };
    let verdict = play(plan, data.path(), |told| println!("{told}")).await.unwrap();
    assert!(verdict.is_right(), "{verdict}\n{}", verdict.wrong.join("\n"));
    assert!(verdict.acknowledged > 1000 && verdict.unknown > 0, "too little load: {verdict}");
}

/// Of this seed, collectors and processors are killed while they send, and one is paused until it is taken for dead.
#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_chain_lose_nothing_and_double_nothing() {
    let data = tempfile::tempdir().unwrap();
    let plan = Plan { rounds: 2, seed: KAFKA_SEED, clients: 32 };
    let verdict = kafka::play(plan, data.path(), |told| println!("{told}")).await.unwrap();
    assert!(verdict.is_right(), "{verdict}\n{}", verdict.wrong.join("\n"));
    assert!(verdict.acknowledged > 1000, "too little load: {verdict}");
}

const KAFKA_SEED: u64 = 190;
