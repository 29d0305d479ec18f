//! TLS and passwords, names and topics: what is set up wrong is said before it does harm.

use serde_json::json;
use tests::chain::{Chain, Member, Plan};
use tests::process::Process;

use super::{chain, until, until_said};

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_with_a_password_hits_are_counted_and_without_it_they_wait() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = chain(Plan { secured: true, ..Plan::default() }, folder.path()).await;
    let views = "SELECT count() FROM open_hits FINAL WHERE kind = 'view'";
    hit(&mut chain, 204).await;
    until(&chain.operator().unwrap(), views, "1").await;

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
    until(&chain.operator().unwrap(), views, "2").await;
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

#[tokio::test(flavor = "multi_thread")]
async fn two_processors_of_one_name_do_not_both_go_on() {
    let folder = tempfile::tempdir().unwrap();
    // They tell each other apart by their heartbeats.
    let plan = Plan { client: "\"heartbeat.interval.ms\" = \"500\"".into(), ..Plan::default() };
    let mut chain = chain(plan, folder.path()).await;
    hit(&mut chain, 204).await;
    until(&chain.operator().unwrap(), "SELECT count() FROM open_hits FINAL WHERE kind = 'view'", "1").await;
    let mut command = tokio::process::Command::new(tests::program::built("processor"));
    command.args(["run", "--admin", "127.0.0.1:0", "--config"]).arg(chain.configuration("processor"));
    command.env("FOOTFALL_PROCESSOR_INSTANCE", "processor-0");
    let second = Process::start(command).await.unwrap();
    until_said(&mut chain, Member::Processor(0), "another processor runs under the same processor.instance")
        .await;
    hit(&mut chain, 204).await;
    until(&chain.operator().unwrap(), "SELECT count() FROM open_hits FINAL WHERE kind = 'view'", "2").await;
    second.stop().await.unwrap();
}

async fn hit(chain: &mut Chain, status: u16) {
    let hit = json!({ "site": "localhost", "url": "http://localhost/" });
    assert_eq!(chain.sender(0).unwrap().hit(&hit).await.unwrap(), status);
}
