//! `processor`: from Kafka to ClickHouse, and the operator's commands over both.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Args, Parser, Subcommand};
use collector::process::{self, FAILED, WRONG, complain, say};
use processor::consumption::Begin;
use processor::reconcile::Reconciliation;
use processor::service;
use processor::store::Store;
use schemas::configuration::Configuration;

/// Turns personal information into anonymous counts in ClickHouse.
#[derive(Debug, Parser)]
#[command(name = "processor", version, about)]
struct Cli {
    /// Configuration file.
    #[arg(long, value_name = "FILE", env = "FOOTFALL_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Checks the configuration and ends.
    #[arg(long, global = true)]
    check_config: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Follows the topic until it is stopped (Ctrl-C or SIGTERM). As many may run as the topic has partitions.
    Run(Run),
    /// Checks that every record has its row; fails when one is missing.
    Reconcile,
}

#[derive(Debug, Args)]
struct Run {
    /// Address of /livez, /readyz and /metrics.
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
    /// Reads the whole topic again: missing rows come back, the others stay as they are.
    #[arg(long)]
    replay: bool,
    /// Reads a log on that ends before what was written: it lost records, or was made anew.
    #[arg(long, conflicts_with = "replay")]
    accept_shorter_log: bool,
}

impl Run {
    fn begin(&self) -> Begin {
        match (self.replay, self.accept_shorter_log) {
            (true, _) => Begin::Replay,
            (_, true) => Begin::AcceptShorterLog,
            _ => Begin::Committed,
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    process::log();
    let configuration = match process::configuration(cli.config.as_deref()) {
        Ok(configuration) => configuration,
        Err(error) => {
            complain(format!("processor: {error}"));
            return ExitCode::from(WRONG);
        }
    };
    if cli.check_config {
        return ExitCode::SUCCESS;
    }
    match command(cli.command, configuration) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format!("processor: {error:#}"));
            ExitCode::from(FAILED)
        }
    }
}

#[tokio::main]
async fn command(command: Command, mut configuration: Configuration) -> Result<()> {
    match command {
        Command::Run(run) => {
            configuration.processor.admin = run.admin.unwrap_or(configuration.processor.admin);
            service::run(configuration, run.begin()).await
        }
        Command::Reconcile => reconcile(&configuration).await,
    }
}

async fn reconcile(configuration: &Configuration) -> Result<()> {
    let found = Reconciliation::run(&Store::new(&configuration.clickhouse)?).await?;
    say(&found);
    ensure!(found.missing() == 0, "{} sequences have no row", found.missing());
    Ok(())
}
