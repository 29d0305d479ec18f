//! TLS and passwords, names and topics: what is set up wrong is said before it does harm.

use std::path::Path;

use serde_json::json;
use tests::chain::{Chain, Member, Plan};
use tests::process::Process;

use super::{chain, until, until_metric, until_said};

const VIEWS: &str = "SELECT count() FROM open_hits FINAL WHERE kind = 'view'";

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_with_a_password_hits_are_counted_and_without_it_they_wait() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = chain(Plan { secured: true, ..Plan::default() }, folder.path()).await;
    hit(&mut chain, 204).await;
    until(&chain.operator().unwrap(), VIEWS, "1").await;

    let password = chain.folder.join("kafka.password");
    let right = std::fs::read(&password).unwrap();
    chain.stop(Member::Collector(0)).await.unwrap();
    std::fs::write(&password, "wrong").unwrap();
    chain.begin(Member::Collector(0)).await.unwrap();
    hit(&mut chain, 204).await;
    until_said(&mut chain, Member::Collector(0), "uthentication").await;
    chain.kill(Member::Collector(0)).await.unwrap();
    let log =
        std::fs::read_to_string(chain.data(Member::Collector(0)).unwrap().with_extension("log")).unwrap();
    assert!(!log.contains(std::str::from_utf8(&right).unwrap().trim()), "the log tells the password");

    std::fs::write(&password, right).unwrap();
    chain.begin(Member::Collector(0)).await.unwrap();
    until(&chain.operator().unwrap(), VIEWS, "2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_of_other_partitions_stops_both_programs_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = Chain::prepare(&Plan::default(), folder.path()).await.unwrap();
    let settings = [("message.timestamp.type", "LogAppendTime"), ("retention.ms", "172800000")];
    chain.broker.create_topic("visits.raw", 5, &settings).await.unwrap();
    chain.begin(Member::ClickHouse).await.unwrap();
    for member in [Member::Collector(0), Member::Processor(0)] {
        let command = chain.command(member).unwrap();
        let said = match Process::start(command).await {
            Err(error) => error.to_string(),
            Ok(process) => {
                let (status, said) = process.ended().await.unwrap();
                assert!(!status.success(), "{member:?}");
                said
            }
        };
        assert!(said.contains("has 5 partitions, but kafka.partitions is 3"), "{member:?} said: {said}");
    }
}

/// They tell each other apart by their heartbeats.
async fn chain_of_quick_hearts(folder: &Path) -> Chain {
    let plan = Plan { client: "\"heartbeat.interval.ms\" = \"500\"".into(), ..Plan::default() };
    let mut chain = chain(plan, folder).await;
    hit(&mut chain, 204).await;
    until(&chain.operator().unwrap(), VIEWS, "1").await;
    chain
}

/// A second process with the first processor's name.
async fn second_of_its_name(chain: &Chain) -> Process {
    let mut command = tokio::process::Command::new(tests::program::built("processor"));
    command.args(["run", "--admin", "127.0.0.1:0", "--config"]).arg(chain.configuration("processor"));
    command.env("FOOTFALL_PROCESSOR_INSTANCE", "processor-0");
    Process::start(command).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processors_of_one_name_do_not_both_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = chain_of_quick_hearts(folder.path()).await;
    let second = second_of_its_name(&chain).await;
    until_said(&mut chain, Member::Processor(0), "another processor runs under the same processor.instance")
        .await;
    hit(&mut chain, 204).await;
    until(&chain.operator().unwrap(), VIEWS, "2").await;
    second.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_processor_whose_name_was_taken_once_takes_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = chain_of_quick_hearts(folder.path()).await;
    let second = second_of_its_name(&chain).await;
    until_said(&mut chain, Member::Processor(0), "joining it again").await;
    second.kill().await.unwrap();
    hit(&mut chain, 204).await;
    until(&chain.operator().unwrap(), VIEWS, "2").await;
    let partitions = "footfall_processor_partitions";
    until_metric(&mut chain, Member::Processor(0), partitions, |partitions| partitions == 3).await;
}

async fn hit(chain: &mut Chain, status: u16) {
    let hit = json!({ "site": "localhost", "url": "http://localhost/" });
    assert_eq!(chain.sender(0).unwrap().hit(&hit).await.unwrap(), status);
}
