//! A processor of its own, `processor run`: it waits for ClickHouse and Kafka, and then follows the topic.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use collector::admin;
use collector::kafka::topic::{TopicError, ensure_topic};
use collector::process::{say, stop_signal, told};
use collector::server::serve;
use collector::service::keep_keys;
use schemas::configuration::{Configuration, Kafka};
use schemas::keys::{Clocks, KeyKeeper};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::batch::Batch;
use crate::consumption::{Begin, Consumption};
use crate::enrich::Networks;
use crate::pipeline::Pipeline;
use crate::run::kafka::{Parts, Run};
use crate::source::SourceId;
use crate::source::kafka::KafkaSource;
use crate::store::Store;
use crate::telemetry::Telemetry;

/// Connections of the admin listener.
const FEW_CONNECTIONS: usize = 64;
/// Wait before the next try when ClickHouse or Kafka cannot be reached.
const RETRY: Duration = Duration::from_secs(1);
/// Time between two looks at the keys.
const KEYS: Duration = Duration::from_secs(30);
/// Where keys and IP databases are when the configuration names none.
const DATA: &str = "data";

/// Runs until SIGTERM or SIGINT, then writes what was taken; a second one ends it at once, which loses nothing.
///
/// # Errors
/// When a part cannot start, or the processor cannot go on.
pub async fn run(configuration: Configuration, begin: Begin) -> Result<()> {
    let stop = stop_signal()?;
    let address = configuration.processor.admin;
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("admin: cannot listen on {address}; if another program has the port, choose one with --admin")
    })?;
    say(format!("admin http://{}", listener.local_addr()?));
    let telemetry = Arc::new(Telemetry::default());
    let operator = Arc::clone(&telemetry);
    let answer = move |_, request: hyper::Request<_>| {
        let telemetry = Arc::clone(&operator);
        async move { admin::respond(request.uri().path(), || telemetry.ready(), || telemetry.encode()) }
    };
    // It waits for ClickHouse and Kafka by itself, however long they take.
    say("ready");
    let serving = tokio::spawn(serve(listener, FEW_CONNECTIONS, answer, told(stop.clone())));
    let keys = Arc::new(KeyKeeper::open(&keys_directory(&configuration))?);
    let keeping = tokio::spawn(keep(Arc::clone(&keys), Arc::clone(&telemetry)));
    let pipeline = pipeline(&configuration)?;
    let followed = tokio::select! {
        () = told(stop.clone()) => Ok(()),
        parts = parts(&configuration, pipeline, keys, telemetry, begin) => follow(parts?, stop).await,
    };
    keeping.abort();
    if followed.is_err() {
        // Nobody has told it to stop.
        serving.abort();
    }
    serving.await.ok();
    followed
}

/// The key directory of a processor and of the operator's commands.
pub fn keys_directory(configuration: &Configuration) -> PathBuf {
    configuration.keys.directory(Path::new(DATA))
}

/// Keeps the keys while the program runs, whatever it waits for.
async fn keep(keys: Arc<KeyKeeper>, telemetry: Arc<Telemetry>) {
    let mut rounds = tokio::time::interval(KEYS);
    loop {
        rounds.tick().await;
        let clocks = Clocks::read();
        keep_keys(&keys, clocks);
        telemetry.oldest_readable_hours.set(keys.oldest_readable_hours(clocks.now));
    }
}

fn pipeline(configuration: &Configuration) -> Result<Pipeline> {
    let files = configuration.ip_data.or_found_beside(Path::new(DATA));
    if files.country.is_none() || files.asn.is_none() {
        tracing::warn!("no IP databases: countries and providers are (unknown); ip_data names them");
    }
    Ok(Pipeline::new(configuration, Networks::open(&files)?)?)
}

/// Waits for ClickHouse and Kafka, whichever comes later.
async fn parts(
    configuration: &Configuration,
    pipeline: Pipeline,
    keys: Arc<KeyKeeper>,
    telemetry: Arc<Telemetry>,
    begin: Begin,
) -> Result<Parts> {
    let store = Store::new(&configuration.clickhouse)?;
    until_answered("ClickHouse", || store.migrate()).await;
    until_answered("ClickHouse", || store.write_goals(&configuration.sites)).await;
    ensure_topic_in_time(&configuration.kafka).await?;
    let source = KafkaSource::join(&configuration.kafka, configuration.processor.instance.as_deref())?;
    let (source, id) = identified(source).await?;
    Ok(Parts {
        consumption: Consumption::new(pipeline, Batch::new(id, Arc::clone(&telemetry))),
        source,
        store,
        keys,
        telemetry,
        begin,
        partitions: configuration.kafka.partitions,
        hole_check: Duration::from_secs(configuration.processor.hole_check_seconds.max(1).into()),
    })
}

/// Which source it is, as soon as the cluster says its name.
async fn identified(source: KafkaSource) -> Result<(KafkaSource, SourceId)> {
    let mut source = source;
    loop {
        let asked = tokio::task::spawn_blocking(move || {
            let id = source.id();
            (source, id)
        });
        let (back, id) = asked.await.context("the Kafka client panicked; this is a bug")?;
        if let Some(id) = id {
            return Ok((back, id));
        }
        source = back;
        tracing::warn!("Kafka does not answer; trying again");
        tokio::time::sleep(RETRY).await;
    }
}

/// Waits for the cluster; a topic that is wrong is an error.
async fn ensure_topic_in_time(kafka: &Kafka) -> Result<(), TopicError> {
    loop {
        match ensure_topic(kafka).await {
            Err(error) if error.is_retryable() => tracing::warn!(%error, "trying again"),
            ensured => return ensured,
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn until_answered<F, E>(whom: &str, ask: impl Fn() -> F)
where
    F: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    while let Err(error) = ask().await {
        tracing::warn!(%error, "{whom} cannot be used yet; trying again");
        tokio::time::sleep(RETRY).await;
    }
}

/// Follows the topic on a thread of its own.
async fn follow(parts: Parts, stop: watch::Receiver<bool>) -> Result<()> {
    let run = Run::new(parts, Handle::current());
    let followed = tokio::task::spawn_blocking(move || run.follow(&stop));
    Ok(followed.await.context("the processor panicked; this is a bug")??)
}
