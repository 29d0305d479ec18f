//! The program is killed twenty times under load. Whoever was told that his hit is counted was told the truth.

use tests::ledger::{Plan, play};

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_lose_nothing_and_double_nothing() {
    let data = tempfile::tempdir().unwrap();
    let plan = Plan { rounds: 20, seed: 20, clients: 32 };
    let verdict = play(plan, data.path(), |told| println!("{told}")).await.unwrap();
    assert!(verdict.is_right(), "{verdict}\n{}", verdict.wrong.join("\n"));
    assert!(verdict.acknowledged > 1000 && verdict.unknown > 0, "too little load: {verdict}");
}
