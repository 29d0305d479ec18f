//! `footfall up`: collector, processor and ClickHouse in one process, each the same code as on many machines.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use collector::orders::Copies;
use collector::process::{say, stop_signal, told};
use collector::service::Service;
use processor::enrich::Networks;
use processor::import::Import;
use processor::pipeline::Pipeline;
use processor::run::journal::Run;
use processor::source::journal::{JournalSource, JournalSourceError};
use processor::store::Store;
use processor::telemetry::Telemetry;
use schemas::configuration::Configuration;
use schemas::keys::KeyKeeper;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::cli;
use crate::data::Data;
use crate::demo::ACCESS_LOG;
use crate::host::Host;
use crate::listeners::Listeners;
use crate::retention;

/// How long ClickHouse may take for what is left when the program stops.
const DRAIN: Duration = Duration::from_secs(30);
/// Said when it does not.
const NOT_WRITTEN: &str =
    "ClickHouse does not take rows; what is not written stays in the journal for the next start";

/// Runs until SIGTERM or SIGINT, then drains; a second one ends it at once, which loses nothing.
///
/// # Errors
/// When a part cannot start, or the processor cannot go on.
pub async fn up(mut configuration: Configuration, data: &Data, arguments: &cli::Up) -> Result<()> {
    override_addresses(&mut configuration, arguments);
    let stop = stop_signal()?;
    let listeners = Listeners::bind(&configuration.collector, arguments.demo).await?;
    let host = Host::open(data, configuration.clickhouse.listen).await?;
    let store = host.store().await?;
    store.write_goals(&configuration.sites).await?;
    if arguments.demo {
        import_demo(&configuration, data, &store).await?;
    }
    let keys = Arc::new(KeyKeeper::open(&configuration.keys.directory(data.path()))?);
    let service = Service::open(configuration.clone(), data.path(), Arc::clone(&keys), Copies::ONE)?;
    service.tell_key().await;
    let run = Run {
        source: JournalSource::open(&data.path().join("journal"), data.path(), rand::random)?,
        pipeline: pipeline(&configuration, data)?,
        store,
        keys,
        telemetry: Arc::new(Telemetry::default()),
    };
    let telemetry = Arc::clone(&run.telemetry);
    let mut processor = Processor::start(run, &service)?;

    announce(&listeners, &host);
    data.set_running(host.address(), Some(listeners.collector.admin))?;
    let serving = listeners.serve(&service, telemetry, stop.clone());
    say("ready");
    let ended = tokio::select! {
        () = told(stop) => None,
        followed = &mut processor.followed => Some(followed),
        () = async { tokio::join!(service.upkeep(), retention::keep(&service, data)); } => None,
    };
    service.stop();
    data.clear_running();
    if ended.is_none() {
        serving.finish().await;
    }
    service.close().await;
    let followed = processor.finish(ended).await;
    host.close().await;
    followed
}

/// The processor's loop and the word that ends it.
struct Processor {
    followed: JoinHandle<Result<(), JournalSourceError>>,
    drained: watch::Sender<bool>,
}

impl Processor {
    /// Rebuilds the state in memory and follows the journal.
    fn start(mut run: Run, service: &Service) -> Result<Self> {
        run.warm_up()?;
        let (drained, drain) = watch::channel(false);
        Ok(Self { followed: tokio::spawn(run.follow(service.confirmed(), told(drain))), drained })
    }

    /// Lets it write what is confirmed; `ended` is what it said if it has ended already.
    async fn finish(
        self,
        ended: Option<Result<Result<(), JournalSourceError>, tokio::task::JoinError>>,
    ) -> Result<()> {
        self.drained.send(true).ok();
        let followed = match ended {
            Some(followed) => followed,
            None => timeout(DRAIN, self.followed).await.context(NOT_WRITTEN)?,
        };
        Ok(followed.context("the processor panicked; this is a bug")??)
    }
}

fn override_addresses(configuration: &mut Configuration, arguments: &cli::Up) {
    let set = |to: &mut SocketAddr, from: Option<SocketAddr>| *to = from.unwrap_or(*to);
    set(&mut configuration.collector.listen, arguments.listen);
    set(&mut configuration.collector.admin, arguments.admin);
    set(&mut configuration.clickhouse.listen, arguments.clickhouse);
}

fn pipeline(configuration: &Configuration, data: &Data) -> Result<Pipeline> {
    let files = data.ip_data(&configuration.ip_data);
    if files.country.is_none() || files.asn.is_none() {
        tracing::warn!(
            "no IP databases: countries and providers are (unknown); `make ip-data` fetches free ones"
        );
    }
    Ok(Pipeline::new(configuration, Networks::open(&files)?)?)
}

/// The sample log, through the same import as any other; a second start changes nothing.
async fn import_demo(configuration: &Configuration, data: &Data, store: &Store) -> Result<()> {
    let path = data.demo_log();
    std::fs::write(&path, ACCESS_LOG).with_context(|| format!("cannot write {}", path.display()))?;
    let site = configuration.sites.iter().next().context("a configuration has a site")?;
    let import = Import { site, pipeline: pipeline(configuration, data)?, store };
    let imported = import.run(&[path], |_| ()).await?;
    tracing::info!(lines = imported.lines, known = imported.known, "sample log imported");
    Ok(())
}

fn announce(listeners: &Listeners, host: &Host) {
    say(format!("collector http://{}", listeners.collector.collector));
    say(format!("clickhouse http://{}", host.address()));
    say(format!("admin http://{}", listeners.collector.admin));
    if let Some(demo) = listeners.demo {
        say(format!("demo http://{demo}/"));
    }
}
