//! From Kafka to ClickHouse: a processor works off a topic, beside a consumer that only takes the same records.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use schemas::configuration::Kafka;
use schemas::wire;

use super::figures::{Figures, median, per_second};
use super::pipeline::{KEY_BYTES, Sealed};
use super::traffic::CONFIGURATION;
use crate::chain::{Chain, Member, Plan};
use crate::process::Process;

const RECORDS: usize = 300_000;
const ROUNDS: usize = 3;
const PARTITIONS: i32 = 6;
const TOPIC: &str = "visits.raw";
/// Longest wait for what is bound to come.
const PATIENCE: Duration = Duration::from_secs(120);
/// Time between two looks; rows come in steps of half a second.
const LOOK: Duration = Duration::from_millis(5);

/// Measures both in turns. A processor's start is left out: its time runs from its first rows to its last.
///
/// # Errors
/// When a part does not start, or rows are missing.
pub fn end_to_end(folder: &Path, figures: &mut Figures) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (drained, counted) = runtime.block_on(measure(&folder.join("chain")))?;
    figures.set("bare_consumer_hits_per_s", drained);
    figures.set("end_to_end_hits_per_s", counted);
    figures.set("end_to_end_to_bare_consumer", counted / drained);
    Ok(())
}

async fn measure(folder: &Path) -> Result<(f64, f64)> {
    let configuration = CONFIGURATION.to_owned();
    let plan =
        Plan { collectors: 0, partitions: PARTITIONS.unsigned_abs(), configuration, ..Plan::default() };
    let mut chain = Chain::prepare(&plan, folder).await?;
    chain.begin(Member::ClickHouse).await?;
    let kafka = Kafka {
        brokers: chain.broker.address().to_string(),
        replication: 1,
        partitions: 6,
        ..Kafka::default()
    };
    collector::kafka::topic::ensure_topic(&kafka).await?;
    let client = chain.broker.client();
    tokio::task::spawn_blocking(move || fill(&client)).await??;
    share_key(folder)?;
    let (mut drained, mut counted) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let client = chain.broker.client();
        drained.push(tokio::task::spawn_blocking(move || drain(&client)).await??);
        counted.push(process(&mut chain, round).await?);
    }
    Ok((median(drained), median(counted)))
}

/// Puts the records into the topic, each into its lane's partition.
fn fill(client: &ClientConfig) -> Result<()> {
    let sealed = Sealed::new(RECORDS);
    let mut settings = client.clone();
    settings.set("queue.buffering.max.messages", "0").set("linger.ms", "20").set("batch.size", "500000");
    let producer: BaseProducer = settings.create()?;
    for record in &sealed.records {
        let lane = wire::header(record)?.lane;
        let to = BaseRecord::<(), [u8]>::to(TOPIC).partition(i32::from(lane) % PARTITIONS).payload(record);
        producer.send(to).map_err(|(error, _)| error)?;
        producer.poll(Duration::ZERO);
    }
    Ok(producer.flush(PATIENCE)?)
}

/// Hits per second of a consumer that looks at nothing.
fn drain(client: &ClientConfig) -> Result<f64> {
    let mut settings = client.clone();
    settings.set("group.id", "bare").set("fetch.queue.backoff.ms", "20");
    let consumer: BaseConsumer = settings.create()?;
    let mut places = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        places.add_partition_offset(TOPIC, partition, Offset::Beginning)?;
    }
    consumer.assign(&places)?;
    let (begun, mut started, mut records) = (Instant::now(), None, 0);
    while records < RECORDS {
        ensure!(begun.elapsed() < PATIENCE, "only {records} records came");
        if let Some(Ok(_)) = consumer.poll(LOOK) {
            started.get_or_insert_with(Instant::now);
            records += 1;
        }
    }
    Ok(per_second(RECORDS, started.context("there are records")?.elapsed()))
}

/// Hits per second of a processor, by the rows that are in ClickHouse.
async fn process(chain: &mut Chain, round: usize) -> Result<f64> {
    let operator = chain.operator()?;
    operator.query("TRUNCATE TABLE open_hits").await?;
    let mut command = chain.command(Member::Processor(0))?;
    command.env("FOOTFALL_KAFKA_GROUP", format!("bench-{round}")).env("FOOTFALL_LOG", "warn");
    let processor = Process::start(command).await?;
    let (begun, mut first) = (Instant::now(), None);
    let rate = loop {
        let rows: usize = operator.query("SELECT count() FROM open_hits").await?.trim().parse()?;
        let (now, (since, before)) = (Instant::now(), *first.get_or_insert((Instant::now(), rows)));
        if before == 0 && rows > 0 {
            first = Some((now, rows));
        } else if rows >= RECORDS {
            break per_second(rows - before, now - since);
        }
        ensure!(begun.elapsed() < PATIENCE, "only {rows} of {RECORDS} rows came");
        tokio::time::sleep(LOOK).await;
    };
    processor.stop().await?;
    Ok(rate)
}

/// The key of the records, where the processor looks for it.
fn share_key(folder: &Path) -> Result<()> {
    let keys = folder.join("keys");
    std::fs::create_dir_all(&keys)?;
    let day = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(keys.join(format!("{day}.key")))?;
    Ok(file.write_all(&KEY_BYTES)?)
}
