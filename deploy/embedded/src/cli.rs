//! The command line. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use collector::cli::Embedding;
use processor::audit::AuditCommand;

/// Counts visits without keeping visitors, on one machine.
#[derive(Debug, Parser)]
#[command(name = "footfall", version, about, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs collector, processor and ClickHouse until it is stopped (Ctrl-C or SIGTERM).
    Up(Up),
    /// Runs ClickHouse alone, for processors of their own on this machine.
    Clickhouse(Clickhouse),
    /// Imports access logs (Apache's combined format; plain, gzip or zstd). A repeat changes nothing.
    Import(Import),
    /// Asks ClickHouse, whether `footfall up` runs on the data directory or not.
    Query(Query),
    /// Prints the lines that a website embeds to be counted.
    Tag(Tag),
    /// Checks that every record has its row; fails when one is missing.
    Reconcile(Common),
    /// Orders that everybody at an address is forgotten, waits until it is done, and prints a report. With --now, what was written
    /// until then cannot be read any more either. `footfall up` must run.
    Erase(Erase),
    /// The chain of what was erased and destroyed.
    Audit(Audit),
    /// Makes a database of networks' owners from free tables.
    #[command(hide = true)]
    IpData(IpData),
}

/// What all commands take.
#[derive(Debug, Args)]
pub struct Common {
    /// Configuration file; without one, one site `localhost` is served.
    #[arg(long, value_name = "FILE", env = "FOOTFALL_CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// Directory that keeps everything.
    #[arg(long, value_name = "DIR", default_value = "data", env = "FOOTFALL_DATA", global = true)]
    pub data: PathBuf,
    /// Checks the configuration and ends.
    #[arg(long, global = true)]
    pub check_config: bool,
}

/// `footfall up`.
#[derive(Debug, Args)]
pub struct Up {
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the help of a flattened group from its fields")]
    pub common: Common,
    /// Address of the collector, such as 127.0.0.1:8080.
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Address of ClickHouse's HTTP interface; it must be a loopback address.
    #[arg(long, value_name = "ADDR")]
    pub clickhouse: Option<SocketAddr>,
    /// Address of /livez, /readyz and /metrics.
    #[arg(long, value_name = "ADDR")]
    pub admin: Option<SocketAddr>,
    /// Serves a demonstration site with a sample log.
    #[arg(long)]
    pub demo: bool,
}

/// `footfall clickhouse`.
#[derive(Debug, Args)]
pub struct Clickhouse {
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the help of a flattened group from its fields")]
    pub common: Common,
    /// Address of ClickHouse's HTTP interface; it must be a loopback address.
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
}

/// `footfall import`.
#[derive(Debug, Args)]
pub struct Import {
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the help of a flattened group from its fields")]
    pub common: Common,
    /// The site that the logs are of.
    #[arg(long)]
    pub site: String,
    /// The logs, oldest first.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// `footfall query`.
#[derive(Debug, Args)]
pub struct Query {
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the help of a flattened group from its fields")]
    pub common: Common,
    /// The statement.
    pub sql: String,
    /// ClickHouse format of the answer; by default a table for a terminal, else tab-separated with names.
    #[arg(long)]
    pub format: Option<String>,
}

/// `footfall tag`.
#[derive(Debug, Args)]
pub struct Tag {
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the help of a flattened group from its fields")]
    pub common: Common,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the help of a flattened group from its fields")]
    pub embedding: Embedding,
}

/// `footfall erase`.
#[derive(Debug, Args)]
pub struct Erase {
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the help of a flattened group from its fields")]
    pub common: Common,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the help of a flattened group from its fields")]
    pub erase: processor::erasure::Erase,
}

/// `footfall audit`.
#[derive(Debug, Args)]
pub struct Audit {
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the help of a flattened group from its fields")]
    pub common: Common,
    /// What is wanted of it.
    #[command(subcommand)]
    pub command: AuditCommand,
}

/// `footfall ip-data`.
#[derive(Debug, Args)]
pub struct IpData {
    /// Tables of networks: first address, last address, number, organisation.
    #[arg(long, required = true, num_args = 1.., value_name = "CSV")]
    pub asn: Vec<PathBuf>,
    /// The database to make.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_commands_that_the_runbook_shows_are_understood() {
        let runbook = include_str!("../../runbook/written-orders.md");
        let shown: Vec<&str> = runbook.lines().filter(|line| line.starts_with("footfall ")).collect();
        assert!(shown.len() >= 7, "{shown:?}");
        for line in shown {
            // One argument may be quoted.
            let quoted = line.split('"').enumerate();
            let words = quoted.flat_map(|(place, part)| match place % 2 {
                0 => part.split_whitespace().collect(),
                _ => vec![part],
            });
            Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
}
