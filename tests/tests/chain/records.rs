//! Records that cannot be read: forged ones, old ones, and those whose key is not here yet. None stops the others.

use std::path::Path;

use rdkafka::producer::{FutureProducer, FutureRecord};
use schemas::keys::{DayKey, KeyId};
use schemas::local_time::Hour;
use schemas::wire::{self, CollectorId, Header};
use serde_json::json;
use tests::chain::{Chain, Member, Plan};
use tokio::time::Instant;

use super::{LOOK, PATIENCE, chain, until, until_metric, until_said};

const CHECKS: &str = "footfall_processor_hole_checks_total";
const VIEWS: &str = "SELECT count() FROM open_hits FINAL WHERE kind = 'view'";

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_records_without_a_key_are_counted_and_stop_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = chain(Plan::default(), folder.path()).await;
    hit(&mut chain, "/before").await;
    until(&chain.operator().unwrap(), VIEWS, "1").await;
    let three_days_ago = Hour::of(jiff::Timestamp::now()).epoch_hours() - 72;
    for partition in 0..3 {
        produce(&chain, partition, b"no record at all").await;
        produce(&chain, partition, b"").await;
        produce(&chain, partition, &forged(three_days_ago, partition)).await;
    }
    hit(&mut chain, "/after").await;
    until(&chain.operator().unwrap(), VIEWS, "2").await;
    let expired =
        "SELECT count(), any(site) FROM open_hits FINAL WHERE kind = 'expired' AND reason = 'expired'";
    until(&chain.operator().unwrap(), expired, "3\tlocalhost").await;
    let malformed = "footfall_processor_malformed_total";
    until_metric(&mut chain, Member::Processor(0), malformed, |records| records == 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_processor_without_the_collectors_keys_says_so_and_goes_on_when_it_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = Chain::prepare(&Plan::default(), folder.path()).await.unwrap();
    let (shared, own) = (chain.folder.join("keys"), chain.folder.join("own-keys"));
    let path = chain.configuration("processor");
    let text = std::fs::read_to_string(&path).unwrap();
    let other = text.replace(shared.to_str().unwrap(), own.to_str().unwrap());
    std::fs::write(&path, other).unwrap();
    chain.begin_all().await.unwrap();
    hit(&mut chain, "/").await;
    until_said(&mut chain, Member::Processor(0), "share the collectors' key directory").await;
    assert_eq!(chain.operator().unwrap().query(VIEWS).await.unwrap().trim(), "0");

    copy_keys(&shared, &own);
    until(&chain.operator().unwrap(), VIEWS, "1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_its_end_stops_its_partition_until_that_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let client = "\"session.timeout.ms\" = \"2000\"\n\"heartbeat.interval.ms\" = \"500\"".to_owned();
    let mut chain = chain(Plan { client, ..Plan::default() }, folder.path()).await;
    hit(&mut chain, "/before").await;
    until(&chain.operator().unwrap(), VIEWS, "1").await;
    chain.stop(Member::Processor(0)).await.unwrap();
    for partition in 0..3 {
        commit_far_ahead(&chain, partition).await;
    }
    chain.begin(Member::Processor(0)).await.unwrap();
    until_said(&mut chain, Member::Processor(0), "--accept-shorter-log").await;
    hit(&mut chain, "/meanwhile").await;
    let checks = chain.metric(Member::Processor(0), CHECKS).await.unwrap();
    until_metric(&mut chain, Member::Processor(0), CHECKS, |now| now > checks + 4).await;
    let stopped = "footfall_processor_stopped_partitions";
    assert_eq!(chain.metric(Member::Processor(0), stopped).await.unwrap(), 3);
    assert_eq!(chain.operator().unwrap().query(VIEWS).await.unwrap().trim(), "1");
    chain.stop(Member::Processor(0)).await.unwrap();
    let mut command = chain.command(Member::Processor(0)).unwrap();
    command.arg("--accept-shorter-log");
    let processor = tests::process::Process::start(command).await.unwrap();
    hit(&mut chain, "/after").await;
    until(&chain.operator().unwrap(), VIEWS, "3").await;
    processor.stop().await.unwrap();
    assert_eq!(chain.reconcile().await.unwrap().0, 0);
}

/// As soon as the group has no member any more.
async fn commit_far_ahead(chain: &Chain, partition: i32) {
    let until = Instant::now() + PATIENCE;
    while let Err(error) = chain.broker.commit("footfall", ("visits.raw", partition), 1_000_000) {
        assert!(Instant::now() < until, "{error}");
        tokio::time::sleep(LOOK).await;
    }
}

async fn hit(chain: &mut Chain, page: &str) {
    let hit = json!({ "site": "localhost", "url": format!("http://localhost{page}") });
    assert_eq!(chain.sender(0).unwrap().hit(&hit).await.unwrap(), 204);
}

async fn produce(chain: &Chain, partition: i32, bytes: &[u8]) {
    let producer: FutureProducer = chain.broker.client().create().unwrap();
    let record: FutureRecord<'_, (), [u8]> =
        FutureRecord::to("visits.raw").partition(partition).payload(bytes);
    producer.send(record, PATIENCE).await.unwrap();
}

/// A record under a key that nobody has.
fn forged(written_hour: u32, partition: i32) -> Vec<u8> {
    let header = Header {
        collector: CollectorId([partition as u8 + 1; 16]),
        sequence: 1,
        site: "localhost".into(),
        written_hour,
        lane: 0,
    };
    let mut record = Vec::new();
    wire::seal(&header, &DayKey::new(KeyId([1; 16]), [2; 32]), [3; 12], b"secret", &mut record);
    record
}

/// Under names of their own, beside those that the other machine has made.
fn copy_keys(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().replace(".key", ".collector.key");
        std::fs::copy(&path, to.join(name)).unwrap();
    }
}
