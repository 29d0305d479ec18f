//! A program under test as a child process: it says its addresses, then `ready`, and is killed, paused or stopped.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::task::JoinHandle;

/// Longest start, with the journal of a whole test to read again.
const START: Duration = Duration::from_secs(60);
/// Longest drain.
const STOP: Duration = Duration::from_secs(60);

/// A running program; dropped, it is killed.
pub struct Process {
    child: Child,
    stderr: JoinHandle<String>,
    /// What it said after `ready`.
    stdout: Option<JoinHandle<String>>,
    announced: BTreeMap<String, String>,
}

type Lines = tokio::io::Lines<BufReader<ChildStdout>>;

impl Process {
    /// Starts a program and waits until it is ready.
    ///
    /// # Errors
    /// When it ends or stays silent instead; the text has what it said on its standard error.
    pub async fn start(command: Command) -> Result<Self> {
        Self::start_with_log(command, None).await
    }

    /// The same; what it says on its standard error is also added to a file, which outlives a kill.
    ///
    /// # Errors
    /// As [`Process::start`].
    pub async fn start_with_log(command: Command, log: Option<PathBuf>) -> Result<Self> {
        let (mut process, mut stdout) = Self::spawn(command, log)?;
        match tokio::time::timeout(START, process.hear(&mut stdout)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => bail!("{error}; it said:\n{}", process.said().await),
            Err(_) => bail!("not ready within {START:?}; it said:\n{}", process.said().await),
        }
        // Whoever holds the pipe's other end keeps the program from failing on a later line.
        process.stdout = Some(tokio::spawn(async move {
            let mut said = String::new();
            while let Ok(Some(line)) = stdout.next_line().await {
                said.push_str(&line);
                said.push('\n');
            }
            said
        }));
        Ok(process)
    }

    /// Starts a program and kills it after `life`, however far it came by then.
    ///
    /// # Errors
    /// When it cannot be started, or ended by itself before.
    pub async fn start_and_kill(command: Command, life: Duration) -> Result<()> {
        let (mut process, _stdout) = Self::spawn(command, None)?;
        if let Ok(status) = tokio::time::timeout(life, process.child.wait()).await {
            bail!("it ended by itself ({}); it said:\n{}", status?, process.said().await);
        }
        Ok(process.child.kill().await?)
    }

    /// An address that it said, such as `http://127.0.0.1:4000`.
    ///
    /// # Errors
    /// When it did not say one of that name.
    pub fn address(&self, name: &str) -> Result<String> {
        self.announced.get(name).cloned().with_context(|| format!("the program named no {name}"))
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        let pid = id.and_then(Pid::from_raw).context("the program has ended already")?;
        Ok(kill_process(pid, signal)?)
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// The operating system's.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// SIGTERM; waits until the program has drained. Gives how it ended and what it said: its standard error, and its
    /// output after `ready`.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn stop(self) -> Result<(ExitStatus, String)> {
        self.signal(Signal::TERM)?;
        self.ended().await
    }

    /// As [`Process::stop`], of a program that ends without being told.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn ended(mut self) -> Result<(ExitStatus, String)> {
        match tokio::time::timeout(STOP, self.child.wait()).await {
            Ok(status) => Ok((status?, self.said().await)),
            Err(_) => bail!("it did not end within {STOP:?}; it said:\n{}", self.said().await),
        }
    }

    fn spawn(mut command: Command, log: Option<PathBuf>) -> Result<(Self, Lines)> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("{command:?} cannot be started"))?;
        let stdout = BufReader::new(child.stdout.take().context("the program has no output")?).lines();
        let stderr = child.stderr.take().context("the program has no error output")?;
        let stderr = tokio::spawn(listen(stderr, log));
        Ok((Self { child, stderr, stdout: None, announced: BTreeMap::new() }, stdout))
    }

    async fn hear(&mut self, lines: &mut Lines) -> Result<()> {
        while let Some(line) = lines.next_line().await? {
            let (name, address) = line.split_once(' ').unwrap_or((&line, ""));
            if name == "ready" {
                return Ok(());
            }
            self.announced.insert(name.to_owned(), address.trim_end_matches('/').to_owned());
        }
        bail!("the program ended before it was ready")
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

/// All that a program says on its standard error.
async fn listen(mut stderr: ChildStderr, log: Option<PathBuf>) -> String {
    let mut log = log.and_then(|path| OpenOptions::new().create(true).append(true).open(path).ok());
    let (mut said, mut bytes) = (Vec::new(), vec![0; 8192]);
    while let Ok(count @ 1..) = stderr.read(&mut bytes).await {
        let heard = bytes.get(..count).unwrap_or_default();
        said.extend_from_slice(heard);
        if let Some(log) = &mut log {
            log.write_all(heard).ok();
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}
