//! The whole chain under test, each program a process of its own: collectors, Apache Kafka, processors and ClickHouse, with a
//! proxy wherever two of them meet.
//!
//! ```text
//! collectors ─▶ to_kafka ─▶ broker ◀─ from_kafka ◀─ processors ─▶ to_clickhouse ─▶ clickhouse
//! ```

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use tokio::process::Command;

use crate::client::{ClickHouse, Sender};
use crate::kafka::{Broker, Listener};
use crate::port::Port;
use crate::process::Process;
use crate::program::{self, built};
use crate::proxy::Proxy;

/// How a chain is set up.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Collectors.
    pub collectors: usize,
    /// Processors.
    pub processors: usize,
    /// Partitions of the topic.
    pub partitions: u32,
    /// More of the configuration file, such as its sites.
    pub configuration: String,
    /// More of the clients' settings, as lines of `[kafka.client]`.
    pub client: String,
    /// Whether Kafka asks for TLS and a password.
    pub secured: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            collectors: 1,
            processors: 1,
            partitions: 3,
            configuration: String::new(),
            client: String::new(),
            secured: false,
        }
    }
}

/// A program with its own port or ports, which it keeps through all of its lives.
struct Place {
    name: String,
    ports: Vec<Port>,
    process: Option<Process>,
}

/// What runs.
pub struct Chain {
    /// Files of all programs, the keys that they share among them, and their logs.
    pub folder: PathBuf,
    /// The broker itself.
    pub broker: Broker,
    /// Between collectors and broker.
    pub to_kafka: Proxy,
    /// Between broker and processors.
    pub from_kafka: Proxy,
    /// Between processors and ClickHouse.
    pub to_clickhouse: Proxy,
    clickhouse: Place,
    collectors: Vec<Place>,
    processors: Vec<Place>,
}

/// One of the programs that are ours to kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    /// A collector, by number.
    Collector(usize),
    /// A processor, by number.
    Processor(usize),
    /// ClickHouse.
    ClickHouse,
}

impl Chain {
    /// Starts the broker and the proxies, and prepares the programs, with their files in `folder`.
    ///
    /// # Errors
    /// When the broker does not start.
    pub async fn prepare(plan: &Plan, folder: &Path) -> Result<Self> {
        let (to_kafka, from_kafka) = (Proxy::start().await?, Proxy::start().await?);
        let listener = if plan.secured { Listener::secured } else { Listener::plain };
        let listeners = [
            listener("COLLECTORS").behind(to_kafka.address()),
            listener("PROCESSORS").behind(from_kafka.address()),
        ];
        let broker = Broker::start_with(&listeners).await?;
        to_kafka.forward_to(broker.listener("COLLECTORS")?);
        from_kafka.forward_to(broker.listener("PROCESSORS")?);
        let clickhouse = Place::new("clickhouse", 1)?;
        let to_clickhouse = Proxy::start().await?;
        to_clickhouse.forward_to(clickhouse.address(0)?);
        let places = |name: &str, count: usize, ports: usize| {
            (0..count).map(|number| Place::new(&format!("{name}-{number}"), ports)).collect::<Result<_>>()
        };
        let chain = Self {
            collectors: places("collector", plan.collectors, 2)?,
            processors: places("processor", plan.processors, 1)?,
            clickhouse,
            to_kafka,
            from_kafka,
            to_clickhouse,
            broker,
            folder: folder.to_owned(),
        };
        chain.configure(plan)?;
        Ok(chain)
    }

    /// Starts all programs that do not run.
    ///
    /// # Errors
    /// When one does not get ready; the text says what it said.
    pub async fn begin_all(&mut self) -> Result<()> {
        let collectors = (0..self.collectors.len()).map(Member::Collector);
        let processors = (0..self.processors.len()).map(Member::Processor);
        for member in [Member::ClickHouse].into_iter().chain(collectors).chain(processors) {
            if !self.runs(member)? {
                self.begin(member).await?;
            }
        }
        Ok(())
    }

    fn configure(&self, plan: &Plan) -> Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let Plan { partitions, configuration, client, .. } = plan;
        let (password, access) = self.access()?;
        for (role, proxy) in [("collector", &self.to_kafka), ("processor", &self.from_kafka)] {
            let text = format!(
                "[kafka]\nbrokers = \"{}\"\npartitions = {partitions}\nreplication = 1\n{password}\n\n[kafka.client]\n{access}{client}\n\
                 \"reconnect.backoff.max.ms\" = \"500\"\n\n[keys]\ndirectory = \"{}\"\n\n\
                 [clickhouse]\nurl = \"http://{}\"\n\n{configuration}",
                proxy.address(),
                self.folder.join("keys").display(),
                self.to_clickhouse.address(),
            );
            std::fs::write(self.configuration(role), text)?;
        }
        Ok(())
    }

    /// What names the password's file, and the client's settings for TLS, as far as the broker asks for them.
    fn access(&self) -> Result<(String, String)> {
        let Some(access) = self.broker.access() else { return Ok(Default::default()) };
        let path = self.folder.join("kafka.password");
        std::fs::write(&path, format!("{}\n", access.password))?;
        let client = format!(
            "\"security.protocol\" = \"SASL_SSL\"\n\"sasl.mechanism\" = \"PLAIN\"\n\"sasl.username\" = \"{}\"\n\
             \"ssl.ca.location\" = \"{}\"\n",
            access.user,
            access.authority.display(),
        );
        Ok((format!("password_file = \"{}\"", path.display()), client))
    }

    /// The configuration file of collectors or processors.
    #[must_use]
    pub fn configuration(&self, role: &str) -> PathBuf {
        self.folder.join(format!("{role}.toml"))
    }

    /// Starts a program that does not run.
    ///
    /// # Errors
    /// When it does not get ready; the text says what it said.
    pub async fn begin(&mut self, member: Member) -> Result<()> {
        let command = self.command(member)?;
        let log = self.data(member)?.with_extension("log");
        let place = self.place(member)?;
        ensure!(place.process.is_none(), "{} runs already", place.name);
        let started =
            Process::start_with_log(command, Some(log)).await.with_context(|| place.name.clone())?;
        place.process = Some(started);
        Ok(())
    }

    /// How a program is started, for a story that starts it by itself.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn command(&mut self, member: Member) -> Result<Command> {
        let folder = self.folder.clone();
        let (collector, processor) = (self.configuration("collector"), self.configuration("processor"));
        let place = self.place(member)?;
        let data = folder.join(&place.name);
        let command = match member {
            Member::ClickHouse => {
                let mut command = Command::new(program::footfall());
                command.args(["clickhouse", "--listen", &place.address(0)?.to_string(), "--data"]).arg(data);
                command
            }
            Member::Collector(_) => {
                let mut command = Command::new(built("collector"));
                command.args(["run", "--listen", &place.address(0)?.to_string()]);
                command.args(["--admin", &place.address(1)?.to_string(), "--data"]).arg(data);
                command.arg("--config").arg(collector);
                command
            }
            Member::Processor(_) => {
                let mut command = Command::new(built("processor"));
                command.args(["run", "--admin", &place.address(0)?.to_string(), "--config"]).arg(processor);
                command.env("FOOTFALL_PROCESSOR_INSTANCE", &place.name);
                command
            }
        };
        Ok(command)
    }

    /// Whether it runs.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn runs(&mut self, member: Member) -> Result<bool> {
        Ok(self.place(member)?.process.is_some())
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill(&mut self, member: Member) -> Result<()> {
        self.take(member)?.kill().await
    }

    /// SIGTERM, and waits until it has drained; gives what it said.
    ///
    /// # Errors
    /// When it does not end in good order.
    pub async fn stop(&mut self, member: Member) -> Result<String> {
        // One that is paused would not hear it.
        self.pause(member, false)?;
        let (status, said) = self.take(member)?.stop().await?;
        ensure!(status.success(), "{member:?} ended with {status}; it said:\n{said}");
        Ok(said)
    }

    /// SIGSTOP or SIGCONT.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&mut self, member: Member, is_paused: bool) -> Result<()> {
        let place = self.place(member)?;
        let process = place.process.as_ref().with_context(|| format!("{} does not run", place.name))?;
        process.signal(if is_paused { Signal::STOP } else { Signal::CONT })
    }

    /// Sends hits to a collector, whether it runs or not.
    ///
    /// # Errors
    /// When there is no such collector.
    pub fn sender(&mut self, collector: usize) -> Result<Sender> {
        let address = self.place(Member::Collector(collector))?.address(0)?;
        Ok(Sender::new(format!("http://{address}")))
    }

    /// Asks ClickHouse itself, not through the proxy.
    ///
    /// # Errors
    /// Never while there is one.
    pub fn operator(&self) -> Result<ClickHouse> {
        Ok(ClickHouse::new(format!("http://{}", self.clickhouse.address(0)?)))
    }

    /// A metric of a collector or a processor.
    ///
    /// # Errors
    /// When it does not tell it.
    pub async fn metric(&mut self, member: Member, name: &str) -> Result<u64> {
        let admin = match member {
            Member::Collector(_) => self.place(member)?.address(1)?,
            Member::Processor(_) | Member::ClickHouse => self.place(member)?.address(0)?,
        };
        let admin = format!("http://{admin}");
        Sender::new(admin.clone()).metric(&admin, name).await
    }

    /// `processor reconcile`: how many sequences have no row, and all that it said.
    ///
    /// # Errors
    /// When it does not say a number.
    pub async fn reconcile(&self) -> Result<(u64, String)> {
        let mut command = Command::new(built("processor"));
        command.arg("reconcile").arg("--config").arg(self.configuration("processor")).kill_on_drop(true);
        let output = command.output().await?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let missing = crate::ledger::verdict::missing(&said).with_context(|| {
            format!("processor reconcile complained: {}", String::from_utf8_lossy(&output.stderr))
        })?;
        ensure!(output.status.success() == (missing == 0), "{} with: {said}", output.status);
        Ok((missing, said))
    }

    /// The data directory of a program.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn data(&mut self, member: Member) -> Result<PathBuf> {
        let name = self.place(member)?.name.clone();
        Ok(self.folder.join(name))
    }

    fn take(&mut self, member: Member) -> Result<Process> {
        let place = self.place(member)?;
        place.process.take().with_context(|| format!("{} does not run", place.name))
    }

    fn place(&mut self, member: Member) -> Result<&mut Place> {
        let place = match member {
            Member::Collector(number) => self.collectors.get_mut(number),
            Member::Processor(number) => self.processors.get_mut(number),
            Member::ClickHouse => Some(&mut self.clickhouse),
        };
        place.with_context(|| format!("there is no {member:?}"))
    }
}

impl Place {
    fn new(name: &str, ports: usize) -> Result<Self> {
        let ports = (0..ports).map(|_| Port::take()).collect::<Result<_>>()?;
        Ok(Self { name: name.to_owned(), ports, process: None })
    }

    fn address(&self, port: usize) -> Result<SocketAddr> {
        Ok(self.ports.get(port).context("there is no such port")?.address())
    }
}
