//! A real Apache Kafka of a test's own: one broker on free ports of loopback, in a temporary folder.

use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tempfile::TempDir;

pub use self::access::Access;
pub use self::listener::Listener;
use crate::port::Port;
use crate::program::repository;

mod access;
mod listener;
#[cfg(test)]
mod tests;

/// The listener that leads to the broker without a proxy.
const DIRECT: &str = "DIRECT";
/// Longest start, on a machine that builds at the same time.
const START: Duration = Duration::from_secs(60);
/// How long one question for the broker's metadata may take before its process is looked at again.
const QUESTION: Duration = Duration::from_millis(500);
/// How much of the broker's log an error tells.
const LINES: usize = 40;

/// A broker; dropped, it is killed and its data are gone.
pub struct Broker {
    folder: TempDir,
    address: SocketAddr,
    listeners: Vec<listener::Open>,
    _controller: Port,
    access: Option<Access>,
    child: Option<Child>,
}

impl Broker {
    /// Starts a broker that answers at [`Self::address`].
    ///
    /// # Errors
    /// When Kafka is not fetched, ends or stays silent; the text has the end of its log.
    pub async fn start() -> Result<Self> {
        Self::start_with(&[]).await
    }

    /// Starts a broker with more listeners, for instance behind proxies that are told afterwards where to lead.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(listeners: &[Listener<'_>]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let secured = listeners.iter().any(|listener| listener.secured);
        let access = secured.then(|| Access::make(folder.path())).transpose()?;
        let direct = Listener::plain(DIRECT).open()?;
        let address = direct.port.address();
        let mut listeners = listeners.iter().map(|listener| listener.open()).collect::<Result<Vec<_>>>()?;
        listeners.insert(0, direct);
        let controller = Port::take()?;
        let settings = listener::settings(&listeners, controller.address(), access.as_ref())?;
        std::fs::write(folder.path().join("listeners.properties"), settings)?;
        let mut broker = Self { folder, address, listeners, _controller: controller, access, child: None };
        broker.restart().await?;
        Ok(broker)
    }

    /// Where the broker answers without a proxy, TLS and passwords.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A listener's own address: where a proxy before it has to lead.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn listener(&self, name: &str) -> Result<SocketAddr> {
        let found = self.listeners.iter().find(|listener| listener.name == name);
        Ok(found.with_context(|| format!("there is no listener {name}"))?.port.address())
    }

    /// What clients of its secured listeners need.
    #[must_use]
    pub fn access(&self) -> Option<&Access> {
        self.access.as_ref()
    }

    /// Settings of a client at [`Self::address`].
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.address.to_string());
        client
    }

    /// Makes a topic, with settings such as `("retention.ms", "1000")`.
    ///
    /// # Errors
    /// The broker's.
    pub async fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let topic = settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
        for made in admin.create_topics([&topic], &AdminOptions::new()).await? {
            made.map_err(|(name, error)| anyhow!("{name}: {error}"))?;
        }
        Ok(())
    }

    /// Deletes all records that the first `partitions` partitions of a topic have now.
    ///
    /// # Errors
    /// The broker's.
    pub async fn delete_records(&self, topic: &str, partitions: i32) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        let mut ends = TopicPartitionList::new();
        for partition in 0..partitions {
            ends.add_partition_offset(topic, partition, Offset::End)?;
        }
        admin.delete_records(&ends, &AdminOptions::new()).await?;
        Ok(())
    }

    /// Commits an offset for a group that has no member.
    ///
    /// # Errors
    /// The broker's.
    pub fn commit(&self, group: &str, (topic, partition): (&str, i32), offset: i64) -> Result<()> {
        let consumer: BaseConsumer = self.client().set("group.id", group).create()?;
        let mut place = TopicPartitionList::new();
        place.add_partition_offset(topic, partition, Offset::Offset(offset))?;
        Ok(consumer.commit(&place, CommitMode::Sync)?)
    }

    /// SIGKILL. Data and ports stay.
    ///
    /// # Errors
    /// The system's.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Starts it again with its data and ports; kills it before if it runs.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn restart(&mut self) -> Result<()> {
        self.kill()?;
        let log = OpenOptions::new().create(true).append(true).open(self.log())?;
        let mut command = Command::new(repository().join("deploy/kafka/broker.sh"));
        command.arg(self.folder.path()).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn().context("the broker cannot be started")?);
        self.ready().await
    }

    /// SIGSTOP: it keeps its connections but says nothing more.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self) -> Result<()> {
        let pid = self.pid()?;
        kill_process(pid, Signal::STOP)?;
        let (_, status) =
            waitpid(Some(pid), WaitOptions::UNTRACED)?.context("the broker cannot be paused")?;
        ensure!(status.stopped(), "the broker has ended; it said:\n{}", self.said());
        Ok(())
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&self) -> Result<()> {
        Ok(kill_process(self.pid()?, Signal::CONT)?)
    }

    /// The process.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pid(&self) -> Result<Pid> {
        let child = self.child.as_ref().context("the broker does not run")?;
        i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("the broker has no process id")
    }

    /// Waits until it names itself as a broker.
    async fn ready(&mut self) -> Result<()> {
        let client: Arc<BaseConsumer> =
            Arc::new(self.client().set("reconnect.backoff.max.ms", "100").create()?);
        let started = Instant::now();
        while started.elapsed() < START {
            if let Some(status) = self.child.as_mut().map(Child::try_wait).transpose()?.flatten() {
                bail!("the broker ended ({status}); it said:\n{}", self.said());
            }
            let asked = Arc::clone(&client);
            let answer = tokio::task::spawn_blocking(move || asked.fetch_metadata(None, QUESTION)).await?;
            if answer.is_ok_and(|metadata| !metadata.brokers().is_empty()) {
                return Ok(());
            }
        }
        bail!("the broker did not answer within {START:?}; it said:\n{}", self.said())
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("broker.log")
    }

    /// The end of its log.
    fn said(&self) -> String {
        let log = std::fs::read(self.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Before its folder goes.
        self.kill().ok();
    }
}
