//! What is away for a while: Kafka, ClickHouse, all processors. Hits are taken as long as the disk has room for them.

use serde_json::json;
use tests::chain::{Chain, Member, Plan};
use tests::client::Sender;

use super::{chain, until, until_metric, until_said};

/// The smallest journal there is: two segments of a mebibyte.
const SMALL: &str = "journal_bytes = 2097152\nsegment_bytes = 1048576\n";

#[tokio::test(flavor = "multi_thread")]
async fn while_kafka_is_down_the_journal_grows_and_then_hits_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { configuration: format!("[limits]\n{SMALL}"), ..Plan::default() };
    let mut chain = small_chain(plan, folder.path()).await;
    let (sender, collector) = (chain.sender(0).unwrap(), Member::Collector(0));
    let mut taken = send(&sender, 0, 100).await;
    assert_eq!(taken, 100);
    until_metric(&mut chain, collector, "footfall_collector_forwarded_total", |records| records > 100).await;

    chain.broker.kill().unwrap();
    let mut batch = 1;
    loop {
        let more = send(&sender, batch, 500).await;
        taken += more;
        if more < 500 {
            break;
        }
        batch += 1;
        assert!(batch < 100, "the journal took more than it may hold");
    }
    assert!(batch > 1, "the journal holds some thousands of hits");

    chain.broker.restart().await.unwrap();
    let question = "SELECT uniqExact(page) FROM open_hits WHERE kind = 'view'";
    until(&chain.operator().unwrap(), question, &taken.to_string()).await;
    until(
        &chain.operator().unwrap(),
        "SELECT count() FROM open_hits FINAL WHERE kind = 'view'",
        &taken.to_string(),
    )
    .await;
    assert_eq!(chain.reconcile().await.unwrap().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn collectors_and_processors_start_before_what_they_need() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = Chain::prepare(&Plan::default(), folder.path()).await.unwrap();
    chain.broker.kill().unwrap();
    for member in [Member::Collector(0), Member::Processor(0)] {
        chain.begin(member).await.unwrap();
    }
    assert_eq!(send(&chain.sender(0).unwrap(), 0, 10).await, 10);
    chain.broker.restart().await.unwrap();
    chain.begin(Member::ClickHouse).await.unwrap();
    until(&chain.operator().unwrap(), "SELECT count() FROM open_hits FINAL WHERE kind = 'view'", "10").await;
    chain.stop(Member::Collector(0)).await.unwrap();
    chain.stop(Member::Processor(0)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_committed_and_not_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = chain(Plan::default(), folder.path()).await;
    assert_eq!(send(&chain.sender(0).unwrap(), 0, 200).await, 200);
    let operator = chain.operator().unwrap();
    until(&operator, "SELECT count() FROM open_hits FINAL WHERE kind = 'view'", "200").await;
    chain.stop(Member::Processor(0)).await.unwrap();
    operator.query("SYSTEM STOP MERGES footfall.open_hits").await.unwrap();
    let rows = operator.query("SELECT count() FROM open_hits").await.unwrap();
    chain.begin(Member::Processor(0)).await.unwrap();
    until_metric(&mut chain, Member::Processor(0), "footfall_processor_hole_checks_total", |checks| {
        checks > 2
    })
    .await;
    assert_eq!(chain.metric(Member::Processor(0), "footfall_processor_unwritten").await.unwrap(), 0);
    assert_eq!(operator.query("SELECT count() FROM open_hits").await.unwrap(), rows);
}

/// Longer than a batch takes to fill, so that the processor stops taking records, and then loses its partitions.
#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_move_while_clickhouse_stands_still_are_read_on() {
    let folder = tempfile::tempdir().unwrap();
    let client = "\"session.timeout.ms\" = \"2000\"\n\"heartbeat.interval.ms\" = \"500\"".to_owned();
    let mut chain = chain(Plan { processors: 2, client, ..Plan::default() }, folder.path()).await;
    let operator = chain.operator().unwrap();
    for number in 0..2 {
        let partitions = "footfall_processor_partitions";
        until_metric(&mut chain, Member::Processor(number), partitions, |count| (1..3).contains(&count))
            .await;
    }
    chain.pause(Member::ClickHouse, true).unwrap();
    let sender = chain.sender(0).unwrap();
    for batch in 0..3000 {
        let hits: Vec<_> = (0..20)
            .map(
                |number| json!({ "site": "localhost", "url": format!("http://localhost/p{batch}/{number}") }),
            )
            .collect();
        let address = Some([198, 51, 100, (batch % 97) as u8].into());
        assert_eq!(sender.hit_from(address, &json!(hits)).await.unwrap(), 204);
    }
    until_said(&mut chain, Member::Processor(0), "waiting for ClickHouse").await;
    chain.kill(Member::Processor(1)).await.unwrap();
    until_metric(&mut chain, Member::Processor(0), "footfall_processor_partitions", |partitions| {
        partitions == 3
    })
    .await;
    chain.pause(Member::ClickHouse, false).unwrap();
    until(&operator, "SELECT count() FROM open_hits FINAL WHERE kind = 'view'", "60000").await;
    assert_eq!(chain.reconcile().await.unwrap().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_collector_has_shipped_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = chain(Plan::default(), folder.path()).await;
    assert_eq!(send(&chain.sender(0).unwrap(), 0, 300).await, 300);
    let said = chain.stop(Member::Collector(0)).await.unwrap();
    assert!(said.contains("everything is shipped"), "{said}");
    until(&chain.operator().unwrap(), "SELECT count() FROM open_hits FINAL WHERE kind = 'view'", "300").await;
    let question = "SELECT count() FROM open_hits FINAL WHERE kind = 'control' AND reason = 'goodbye'";
    until(&chain.operator().unwrap(), question, "1").await;
}

/// Without the limits of the other stories, which would name the section twice.
async fn small_chain(plan: Plan, folder: &std::path::Path) -> Chain {
    let limits = "hits_per_second = 1000000\nburst = 1000000\n";
    let configuration = format!("{}{limits}", plan.configuration);
    let mut chain = Chain::prepare(&Plan { configuration, ..plan }, folder).await.unwrap();
    chain.begin_all().await.unwrap();
    chain
}

/// Sends hits one after the other, until one is refused; gives how many were taken.
async fn send(sender: &Sender, batch: usize, count: usize) -> usize {
    for number in 0..count {
        let url = format!("http://localhost/b{batch}/h{number}");
        match sender.hit(&json!({ "site": "localhost", "url": url })).await.unwrap() {
            204 => {}
            503 => return number,
            status => panic!("answered {status}"),
        }
    }
    count
}
