//! Commands of the built `footfall` on one data directory.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::program::footfall;

/// `footfall` with a data directory, its environment and a configuration of its own.
#[derive(Debug)]
pub struct Footfall {
    folder: tempfile::TempDir,
    environment: Vec<(String, PathBuf)>,
}

/// What a command said, as text.
#[derive(Debug)]
pub struct Said {
    /// Exit code; nothing when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Footfall {
    /// A fresh directory; `configuration` is the text of `footfall.toml`.
    ///
    /// # Errors
    /// The system's.
    pub fn new(configuration: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("footfall.toml"), configuration)?;
        Ok(Self { folder, environment: Vec::new() })
    }

    /// Where country and provider are looked up.
    #[must_use]
    pub fn with_ip_data(mut self, country: &Path, asn: &Path) -> Self {
        self.environment.push(("FOOTFALL_IP_DATA_COUNTRY".into(), country.into()));
        self.environment.push(("FOOTFALL_IP_DATA_ASN".into(), asn.into()));
        self
    }

    /// The data directory; it need not exist yet.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A file beside the data directory.
    ///
    /// # Errors
    /// The system's.
    pub fn file(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes)?;
        Ok(path)
    }

    /// The command, ready to be started.
    pub fn command<I: IntoIterator<Item: AsRef<OsStr>>>(&self, name: &str, arguments: I) -> Command {
        let mut command = Command::new(footfall());
        command.arg(name).arg("--data").arg(self.data());
        command.arg("--config").arg(self.folder.path().join("footfall.toml"));
        command.args(arguments).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end, whatever that is.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run<I: IntoIterator<Item: AsRef<OsStr>>>(&self, name: &str, arguments: I) -> Result<Said> {
        Ok(Said::from(self.command(name, arguments).output().context("footfall cannot be started")?))
    }

    /// `footfall import`, which must succeed.
    ///
    /// # Errors
    /// When it does not.
    pub fn import(&self, site: &str, log: &Path) -> Result<Said> {
        self.run("import", [OsStr::new("--site"), OsStr::new(site), log.as_os_str()])?.done()
    }

    /// `footfall query`, as lines of tab-separated values without names.
    ///
    /// # Errors
    /// ClickHouse's.
    pub fn query(&self, sql: &str) -> Result<Vec<Vec<String>>> {
        let said = self.run("query", ["--format", "TabSeparatedRaw", sql])?.done()?;
        Ok(said.out.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    }
}

impl Said {
    /// Runs a command to its end with a text on its standard input.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn of(mut command: Command, input: &str) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("the program cannot be started")?;
        // One that does not read it has closed it by now.
        child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes())).transpose().ok();
        Ok(Self::from(child.wait_with_output()?))
    }

    /// # Errors
    /// What it complained about, unless it succeeded.
    pub fn done(self) -> Result<Self> {
        ensure!(self.code == Some(0), "footfall ended with {:?}: {}", self.code, self.err);
        Ok(self)
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}
