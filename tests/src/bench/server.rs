//! A server under load: this very program, started again as a server on the first core.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

/// Core of the servers.
const CORE: &str = "0";

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it answers.
    pub address: SocketAddr,
}

impl Server {
    /// Starts this program with a command that serves and says its address.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(command: &str, folder: &Path) -> Result<Self> {
        let program = std::env::current_exe()?;
        let mut taskset = Command::new("taskset");
        taskset.args(["-c", CORE]).arg(program).arg(command).arg(folder);
        let mut child = taskset
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start a server with taskset (Debian: util-linux)")?;
        let mut address = String::new();
        let stdout = child.stdout.take().context("its output is piped")?;
        BufReader::new(stdout).read_line(&mut address)?;
        let address = address.trim().parse().with_context(|| format!("{command} did not start"))?;
        Ok(Self { child, address })
    }

    /// Microseconds of CPU it has used, in the program and in the kernel.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu_us(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name, in brackets, may contain spaces; utime and stime are the 14th and 15th field (proc(5)).
        let (_, fields) = stat.rsplit_once(')').context("a name in brackets")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        let ticks: u64 = ticks.collect::<Result<Vec<_>, _>>()?.iter().sum();
        let ticks_per_second = rustix::param::clock_ticks_per_second() as f64;
        Ok(ticks as f64 * 1e6 / ticks_per_second)
    }

    /// Bytes of memory it holds now.
    ///
    /// # Errors
    /// When it has ended.
    pub fn memory_bytes(&self) -> Result<f64> {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id()))?;
        let pages: f64 = statm.split_whitespace().nth(1).context("resident pages")?.parse()?;
        Ok(pages * rustix::param::page_size() as f64)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
