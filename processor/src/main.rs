//! `processor`: the operator's commands over a ClickHouse server.

use std::io::{Write as _, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use processor::reconcile::Reconciliation;
use processor::store::Store;
use schemas::configuration::Configuration;

/// Wrong usage or configuration; clap uses it too.
const WRONG: u8 = 2;

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
    /// Checks that every record has its row; fails when one is missing.
    Reconcile,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let configuration = match Configuration::load(cli.config.as_deref(), variables) {
        Ok(configuration) => configuration,
        Err(error) => {
            writeln!(stderr(), "processor: {error}").ok();
            return ExitCode::from(WRONG);
        }
    };
    if cli.check_config {
        return ExitCode::SUCCESS;
    }
    let Command::Reconcile = cli.command;
    match reconcile(&configuration) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(stderr(), "processor: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn reconcile(configuration: &Configuration) -> Result<()> {
    let found = Reconciliation::run(&Store::new(&configuration.clickhouse)?).await?;
    writeln!(stdout(), "{found}").ok();
    ensure!(found.missing() == 0, "{} sequences have no row", found.missing());
    Ok(())
}
