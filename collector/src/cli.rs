//! The command line. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Records each visit a visitor permits, on disk before it answers, and ships it to Kafka.
#[derive(Debug, Parser)]
#[command(name = "collector", version, about, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Takes hits and ships them until it is stopped (Ctrl-C or SIGTERM).
    Run(Run),
}

/// `collector run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Configuration file; without one, one site `localhost` is served.
    #[arg(long, value_name = "FILE", env = "FOOTFALL_CONFIG")]
    pub config: Option<PathBuf>,
    /// Directory of the journal and, unless configured otherwise, of the keys.
    #[arg(long, value_name = "DIR", default_value = "data", env = "FOOTFALL_DATA")]
    pub data: PathBuf,
    /// Checks the configuration and ends.
    #[arg(long)]
    pub check_config: bool,
    /// Address of the collector, such as 127.0.0.1:8080.
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Address of /livez, /readyz and /metrics.
    #[arg(long, value_name = "ADDR")]
    pub admin: Option<SocketAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
