//! `footfall up` under test, on a data directory of its own.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use clickhouse::{RowOwned, RowRead};
use http_body_util::Full;
use hyper::{Request, Response};
use tokio::process::Command;

use crate::client::ClickHouse;
use crate::process::Process;
use crate::program;

pub use crate::client::{FIREFOX, Sender, Unanswered};

/// How the program is started.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The data directory.
    pub data: &'a Path,
    /// The configuration file's text; without one the program's defaults hold.
    pub configuration: Option<&'a str>,
    /// With the demonstration site and its sample log.
    pub demo: bool,
    /// Variables of its environment, beside the tests' own.
    pub environment: &'a [(&'a str, &'a str)],
}

impl<'a> Options<'a> {
    /// The defaults on a data directory.
    #[must_use]
    pub fn new(data: &'a Path) -> Self {
        Self { data, configuration: None, demo: false, environment: &[] }
    }

    fn command(self) -> Result<Command> {
        let mut command = Command::new(program::footfall());
        let any_port = "127.0.0.1:0";
        command.args(["up", "--listen", any_port, "--clickhouse", any_port, "--admin", any_port]);
        command.arg("--data").arg(self.data);
        if self.demo {
            command.arg("--demo");
        }
        if let Some(text) = self.configuration {
            command.arg("--config").arg(write_configuration(self.data, text)?);
        }
        command.envs(self.environment.iter().copied());
        Ok(command)
    }
}

/// A running `footfall up`; dropped, it is killed.
pub struct Server {
    /// Base address of the collector, such as `http://127.0.0.1:4000`.
    pub collector: String,
    /// Base address of ClickHouse's HTTP interface.
    pub clickhouse: String,
    /// Base address of `/livez`, `/readyz` and `/metrics`.
    pub admin: String,
    /// Base address of the demonstration site.
    pub demo: Option<String>,
    sender: Sender,
    operator: ClickHouse,
    process: Process,
}

impl Server {
    /// Starts the program and waits until it is ready.
    ///
    /// # Errors
    /// When it ends or stays silent instead; the text has what it said on its standard error.
    pub async fn start(options: Options<'_>) -> Result<Self> {
        let process = Process::start(options.command()?).await?;
        let (collector, clickhouse) = (process.address("collector")?, process.address("clickhouse")?);
        Ok(Self {
            sender: Sender::new(collector.clone()),
            collector,
            operator: ClickHouse::new(clickhouse.clone()),
            clickhouse,
            admin: process.address("admin")?,
            demo: process.address("demo").ok(),
            process,
        })
    }

    /// Starts the program and kills it after `life`, however far it came by then.
    ///
    /// # Errors
    /// When it cannot be started, or ended by itself before.
    pub async fn start_and_kill(options: Options<'_>, life: Duration) -> Result<()> {
        Process::start_and_kill(options.command()?, life).await
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// The operating system's.
    pub async fn kill(self) -> Result<()> {
        self.process.kill().await
    }

    /// SIGTERM; waits until the program has drained. Gives how it ended and what it said: its standard
    /// error, and its output after `ready`.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn stop(self) -> Result<(ExitStatus, String)> {
        self.process.stop().await
    }

    /// What sends hits, for as many clients as are wanted.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Who asks its ClickHouse.
    #[must_use]
    pub fn operator(&self) -> &ClickHouse {
        &self.operator
    }

    /// Sends a hit (or an array of hits) as a browser does, and gives the status.
    ///
    /// # Errors
    /// [`Unanswered`]; `is_connect()` of it means that nothing was sent.
    pub async fn hit(&self, json: &serde_json::Value) -> Result<u16, Unanswered> {
        self.sender.hit(json).await
    }

    /// Sends any request, for instance to `{collector}/pixel.gif`.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>> {
        self.sender.send(request).await
    }

    /// What `GET` gives, as text, of an address that answers 200.
    ///
    /// # Errors
    /// When there is no answer or another status.
    pub async fn get(&self, address: &str) -> Result<String> {
        self.sender.get(address).await
    }

    /// Asks ClickHouse; the answer is tab-separated unless the statement names a format.
    ///
    /// # Errors
    /// ClickHouse's, as its text.
    pub async fn query(&self, sql: &str) -> Result<String> {
        self.operator.query(sql).await
    }

    /// Asks ClickHouse through the `clickhouse` crate.
    ///
    /// # Errors
    /// ClickHouse's.
    pub async fn rows<T: RowOwned + RowRead>(&self, sql: &str) -> Result<Vec<T>> {
        self.operator.rows(sql).await
    }

    /// The value of a metric without labels, as `/metrics` tells it.
    ///
    /// # Errors
    /// When there is no such metric.
    pub async fn metric(&self, name: &str) -> Result<u64> {
        self.sender.metric(&self.admin, name).await
    }
}

/// Beside the data directory's own files.
fn write_configuration(data: &Path, text: &str) -> Result<PathBuf> {
    std::fs::create_dir_all(data)?;
    let path = data.join("footfall.toml");
    std::fs::write(&path, text)?;
    Ok(path)
}
