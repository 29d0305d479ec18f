//! `processor`: from Kafka to ClickHouse, and the operator's commands over both.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Args, Parser, Subcommand};
use collector::policy_mail::{policy_mail, subject};
use collector::process::{self, FAILED, WRONG, complain, say};
use processor::audit::{AuditCommand, audit};
use processor::consumption::Begin;
use processor::erasure::{Erase, erase};
use processor::reconcile::Reconciliation;
use processor::service;
use processor::store::Store;
use schemas::configuration::Configuration;
use schemas::texts::Language;

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
    /// Orders that everybody at an address is forgotten, waits until it is done, and prints a report. With --now, what was written
    /// until then cannot be read any more either.
    Erase(Erase),
    /// The chain of what was erased and destroyed.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Prints the mail that tells customers of a revision of the privacy policy.
    PolicyMail(PolicyMail),
}

#[derive(Debug, Args)]
struct PolicyMail {
    /// The revision, as [[policy]] has it.
    #[arg(long, value_name = "N")]
    revision: u32,
    /// en, de, fr, es, ru or ar; by default the site's.
    #[arg(long, value_name = "CODE", value_parser = language)]
    language: Option<Language>,
    /// The site whose customers it is for; by default the first.
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
}

fn language(code: &str) -> Result<Language, String> {
    Language::from_tag(code).ok_or_else(|| "there are texts in en, de, fr, es, ru and ar".to_owned())
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
        Command::Erase(arguments) => {
            let keys = service::keys_directory(&configuration);
            erase(&configuration, keys, &arguments).await
        }
        Command::Audit(command) => {
            let store = Store::new(&configuration.clickhouse)?;
            store.migrate().await?;
            Ok(audit(&store, &command).await?)
        }
        Command::PolicyMail(mail) => {
            let (policy, site) = subject(&configuration, mail.revision, mail.site.as_deref())?;
            say(policy_mail(&configuration, site, policy, mail.language.unwrap_or(site.language)));
            Ok(())
        }
    }
}

async fn reconcile(configuration: &Configuration) -> Result<()> {
    let found = Reconciliation::run(&Store::new(&configuration.clickhouse)?).await?;
    say(&found);
    ensure!(found.missing() == 0, "{} sequences have no row", found.missing());
    Ok(())
}
