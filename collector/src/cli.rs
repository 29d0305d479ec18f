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
    /// Prints the lines that a website embeds to be counted.
    Tag(Tag),
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

/// `collector tag`.
#[derive(Debug, Args)]
pub struct Tag {
    /// Configuration file.
    #[arg(long, value_name = "FILE", env = "FOOTFALL_CONFIG")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the help of a flattened group from its fields")]
    pub embedding: Embedding,
}

/// Which site embeds the tag, and from where.
#[derive(Debug, Args)]
pub struct Embedding {
    /// The site's name in the configuration.
    #[arg(long)]
    pub site: String,
    /// Address under which visitors reach the collector, with its path; by default the configuration's `public_url`.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
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
