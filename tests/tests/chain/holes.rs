//! Rows that vanish are missed, and come back as long as Kafka has their records.

use std::path::Path;

use serde_json::json;
use tests::chain::{Chain, Member, Plan};

use super::{chain, until, until_metric, until_said};

const HITS: usize = 50;
const VIEWS: &str = "SELECT count() FROM open_hits FINAL WHERE kind = 'view'";
const DELETE: &str =
    "ALTER TABLE open_hits DELETE WHERE page IN ('/h7', '/h8', '/h33') SETTINGS mutations_sync = 1";

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_vanished_is_named_and_comes_back_from_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = counted(folder.path()).await;
    let operator = chain.operator().unwrap();
    chain.stop(Member::Processor(0)).await.unwrap();
    operator.query(DELETE).await.unwrap();
    let (missing, said) = chain.reconcile().await.unwrap();
    assert_eq!(missing, 3, "{said}");
    assert!(said.contains("missing: collector "), "{said}");

    chain.begin(Member::Processor(0)).await.unwrap();
    until_said(&mut chain, Member::Processor(0), "reading the log again").await;
    until(&operator, VIEWS, &HITS.to_string()).await;
    assert_eq!(chain.reconcile().await.unwrap().0, 0);
    until_metric(&mut chain, Member::Processor(0), "footfall_processor_missing_sequences", |missing| {
        missing == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_the_log_cannot_give_back_stays_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = counted(folder.path()).await;
    let operator = chain.operator().unwrap();
    chain.broker.delete_records("visits.raw", 3).await.unwrap();
    operator.query(DELETE).await.unwrap();
    until_metric(&mut chain, Member::Processor(0), "footfall_processor_missing_sequences", |missing| {
        missing == 3
    })
    .await;
    let hit = json!({ "site": "localhost", "url": "http://localhost/later" });
    assert_eq!(chain.sender(0).unwrap().hit(&hit).await.unwrap(), 204);
    until(&operator, VIEWS, &(HITS - 3 + 1).to_string()).await;
    assert_eq!(chain.reconcile().await.unwrap().0, 3, "what is missing stops nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_by_hand_brings_everything_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = counted(folder.path()).await;
    let operator = chain.operator().unwrap();
    chain.stop(Member::Processor(0)).await.unwrap();
    operator.query("TRUNCATE TABLE open_hits").await.unwrap();
    let mut command = chain.command(Member::Processor(0)).unwrap();
    command.arg("--replay");
    let processor = tests::process::Process::start(command).await.unwrap();
    until(&operator, VIEWS, &HITS.to_string()).await;
    processor.stop().await.unwrap();
    assert_eq!(chain.reconcile().await.unwrap().0, 0);
}

/// A chain that has counted some hits, each with its own page.
async fn counted(folder: &Path) -> Chain {
    let mut chain = chain(Plan::default(), folder).await;
    let sender = chain.sender(0).unwrap();
    for number in 0..HITS {
        let address = Some([203, 0, 113, number as u8].into());
        let hit = json!({ "site": "localhost", "url": format!("http://localhost/h{number}") });
        assert_eq!(sender.hit_from(address, &hit).await.unwrap(), 204);
    }
    until(&chain.operator().unwrap(), VIEWS, &HITS.to_string()).await;
    chain
}
