//! The program under test: a child process on a data directory of its own, asked as visitors and operators ask it.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use clickhouse::{RowOwned, RowRead};
use http_body_util::{BodyExt as _, Full};
use hyper::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::program;

/// A browser that a person uses; an unknown client would be counted as a bot.
pub const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
/// Longest start, with the journal of a whole test to read again.
const START: Duration = Duration::from_secs(60);
/// Longest drain.
const STOP: Duration = Duration::from_secs(60);

/// Idle connections are given up before the collector closes them (after 5 s), so that no request meets the closing.
const IDLE: Duration = Duration::from_secs(2);

/// Why a request has no answer: nobody knows then what became of it, unless it could not connect.
pub type Unanswered = hyper_util::client::legacy::Error;

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
    running: Running,
}

/// Sends requests as a browser does; clones share their connections and outlive the program.
#[derive(Clone)]
pub struct Sender {
    collector: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// The process and what it says on its standard error.
struct Running {
    child: Child,
    stderr: JoinHandle<String>,
    /// What it said after `ready`.
    stdout: Option<JoinHandle<String>>,
}

/// What the program printed before `ready`.
#[derive(Default)]
struct Announced {
    collector: Option<String>,
    clickhouse: Option<String>,
    admin: Option<String>,
    demo: Option<String>,
}

impl Server {
    /// Starts the program and waits until it is ready.
    ///
    /// # Errors
    /// When it ends or stays silent instead; the text has what it said on its standard error.
    pub async fn start(options: Options<'_>) -> Result<Self> {
        let (mut running, mut stdout) = Running::spawn(options)?;
        let announced = match tokio::time::timeout(START, Announced::read(&mut stdout)).await {
            Ok(Ok(announced)) => announced,
            Ok(Err(error)) => bail!("{error}; it said:\n{}", running.said().await),
            Err(_) => bail!("footfall was not ready within {START:?}; it said:\n{}", running.said().await),
        };
        // Whoever holds the pipe's other end keeps the program from failing on a later line.
        running.stdout = Some(tokio::spawn(async move {
            let mut said = String::new();
            while let Ok(Some(line)) = stdout.next_line().await {
                said.push_str(&line);
                said.push('\n');
            }
            said
        }));
        let collector = announced.collector.context("footfall named no collector")?;
        Ok(Self {
            sender: Sender::new(collector.clone()),
            collector,
            clickhouse: announced.clickhouse.context("footfall named no ClickHouse")?,
            admin: announced.admin.context("footfall named no admin listener")?,
            demo: announced.demo,
            running,
        })
    }

    /// Starts the program and kills it after `life`, however far it came by then.
    ///
    /// # Errors
    /// When it cannot be started, or ended by itself before.
    pub async fn start_and_kill(options: Options<'_>, life: Duration) -> Result<()> {
        let (mut running, _stdout) = Running::spawn(options)?;
        if let Ok(status) = tokio::time::timeout(life, running.child.wait()).await {
            bail!("footfall ended by itself ({}); it said:\n{}", status?, running.said().await);
        }
        Ok(running.child.kill().await?)
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> Option<Pid> {
        let id = self.running.child.id().and_then(|id| i32::try_from(id).ok());
        id.and_then(Pid::from_raw)
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// The operating system's.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.running.child.kill().await?)
    }

    /// SIGTERM; waits until the program has drained. Gives how it ended and what it said: its standard
    /// error, and its output after `ready`.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn stop(mut self) -> Result<(ExitStatus, String)> {
        kill_process(self.pid().context("footfall has ended already")?, Signal::TERM)?;
        match tokio::time::timeout(STOP, self.running.child.wait()).await {
            Ok(status) => Ok((status?, self.running.said().await)),
            Err(_) => bail!("footfall did not end within {STOP:?}; it said:\n{}", self.running.said().await),
        }
    }

    /// What sends hits, for as many clients as are wanted.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender.clone()
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
        let request = Request::get(address).header(USER_AGENT, FIREFOX).body(Full::default())?;
        text(self.send(request).await?)
    }

    /// Asks ClickHouse; the answer is tab-separated unless the statement names a format.
    ///
    /// # Errors
    /// ClickHouse's, as its text.
    pub async fn query(&self, sql: &str) -> Result<String> {
        let address = format!("{}/?database=footfall", self.clickhouse);
        let request = Request::post(address).body(Full::from(sql.to_owned()))?;
        text(self.send(request).await?).with_context(|| sql.to_owned())
    }

    /// Asks ClickHouse through the `clickhouse` crate.
    ///
    /// # Errors
    /// ClickHouse's.
    pub async fn rows<T: RowOwned + RowRead>(&self, sql: &str) -> Result<Vec<T>> {
        let client = clickhouse::Client::default().with_url(&self.clickhouse).with_database("footfall");
        // A question mark would be taken for a parameter.
        Ok(client.query(&sql.replace('?', "??")).fetch_all().await?)
    }

    /// The value of a metric without labels, as `/metrics` tells it.
    ///
    /// # Errors
    /// When there is no such metric.
    pub async fn metric(&self, name: &str) -> Result<u64> {
        let metrics = self.get(&format!("{}/metrics", self.admin)).await?;
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.with_context(|| format!("no metric {name} in:\n{metrics}"))?.parse()?)
    }
}

impl Sender {
    fn new(collector: String) -> Self {
        let mut client = Client::builder(TokioExecutor::new());
        client.retry_canceled_requests(false).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE);
        Self { collector, client: client.build_http() }
    }

    /// Sends a hit (or an array of hits) as a browser does.
    ///
    /// # Errors
    /// [`Unanswered`]; `is_connect()` of it means that nothing was sent.
    pub async fn hit(&self, json: &serde_json::Value) -> Result<u16, Unanswered> {
        let request = Request::post(format!("{}/hit", self.collector))
            .header(USER_AGENT, FIREFOX)
            .header(ACCEPT_LANGUAGE, "de-DE,de;q=0.9,en;q=0.5")
            .header(CONTENT_TYPE, "text/plain;charset=UTF-8");
        match request.body(Full::from(json.to_string())) {
            Ok(request) => Ok(self.client.request(request).await?.status().as_u16()),
            Err(_) => Ok(400),
        }
    }

    /// Sends any request, for instance to `{collector}/pixel.gif`.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>> {
        let (parts, body) = self.client.request(request).await?.into_parts();
        Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
    }
}

impl Running {
    fn spawn(options: Options<'_>) -> Result<(Self, Lines)> {
        let mut command = Command::new(program::footfall());
        let any_port = "127.0.0.1:0";
        command.args(["up", "--listen", any_port, "--clickhouse", any_port, "--admin", any_port]);
        command.arg("--data").arg(options.data);
        if options.demo {
            command.arg("--demo");
        }
        if let Some(text) = options.configuration {
            command.arg("--config").arg(write_configuration(options.data, text)?);
        }
        command.envs(options.environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("footfall cannot be started")?;
        let stdout = BufReader::new(child.stdout.take().context("footfall has no output")?).lines();
        let mut stderr = child.stderr.take().context("footfall has no error output")?;
        let stderr = tokio::spawn(async move {
            let mut said = Vec::new();
            stderr.read_to_end(&mut said).await.ok();
            String::from_utf8_lossy(&said).into_owned()
        });
        Ok((Self { child, stderr, stdout: None }, stdout))
    }

    /// Ends the program, if it has not ended yet, and gives its standard error, and its output after `ready`.
    async fn said(&mut self) -> String {
        self.child.kill().await.ok();
        let mut said = (&mut self.stderr).await.unwrap_or_default();
        if let Some(stdout) = self.stdout.take() {
            said.push_str(&stdout.await.unwrap_or_default());
        }
        said
    }
}

type Lines = tokio::io::Lines<BufReader<ChildStdout>>;

impl Announced {
    async fn read(lines: &mut Lines) -> Result<Self> {
        let mut announced = Self::default();
        while let Some(line) = lines.next_line().await? {
            let (name, address) = line.split_once(' ').unwrap_or((&line, ""));
            let address = Some(address.trim_end_matches('/').to_owned());
            match name {
                "collector" => announced.collector = address,
                "clickhouse" => announced.clickhouse = address,
                "admin" => announced.admin = address,
                "demo" => announced.demo = address,
                "ready" => return Ok(announced),
                _ => {}
            }
        }
        bail!("footfall ended before it was ready")
    }
}

/// Beside the data directory's own files.
fn write_configuration(data: &Path, text: &str) -> Result<PathBuf> {
    std::fs::create_dir_all(data)?;
    let path = data.join("footfall.toml");
    std::fs::write(&path, text)?;
    Ok(path)
}

fn text(response: Response<Bytes>) -> Result<String> {
    let status = response.status();
    let text = String::from_utf8_lossy(response.body()).into_owned();
    ensure!(status.is_success(), "{status}: {text}");
    Ok(text)
}
