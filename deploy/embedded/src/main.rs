//! `footfall`: everything on one machine.

use std::process::ExitCode;

use clap::Parser as _;
use collector::process::{self, FAILED, WRONG, complain};
use embedded::cli::{Cli, Command, Common};
use embedded::data::Data;
use embedded::{clickhouse, commands, erase, up};
use rustix::fs::Mode;
use schemas::configuration::Configuration;

fn main() -> ExitCode {
    let cli = Cli::parse();
    process::log();
    let file = common(&cli.command).and_then(|common| common.config.as_deref());
    let configuration = match process::configuration(file) {
        Ok(configuration) => configuration,
        Err(error) => {
            complain(format!("footfall: {error}"));
            return ExitCode::from(WRONG);
        }
    };
    match run(&cli.command, configuration) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format!("footfall: {error:#}"));
            ExitCode::from(FAILED)
        }
    }
}

fn common(command: &Command) -> Option<&Common> {
    match command {
        Command::Up(up) => Some(&up.common),
        Command::Clickhouse(clickhouse) => Some(&clickhouse.common),
        Command::Import(import) => Some(&import.common),
        Command::Query(query) => Some(&query.common),
        Command::Tag(tag) => Some(&tag.common),
        Command::Reconcile(common) => Some(common),
        Command::Erase(erase) => Some(&erase.common),
        Command::Audit(audit) => Some(&audit.common),
        Command::IpData(_) => None,
    }
}

fn run(command: &Command, configuration: Configuration) -> anyhow::Result<()> {
    if common(command).is_some_and(|common| common.check_config) {
        return Ok(());
    }
    if let Command::IpData(arguments) = command {
        return commands::ip_data(arguments);
    }
    if let Command::Tag(arguments) = command {
        return commands::tag(&configuration, arguments);
    }
    let path = common(command).map(|common| common.data.as_path()).unwrap_or("data".as_ref());
    // Whatever is made from here on, by the engine too, is for its owner only.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let data = Data::open(path)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Up(arguments) => up::up(configuration, &data, arguments).await,
            Command::Clickhouse(arguments) => clickhouse::clickhouse(&configuration, &data, arguments).await,
            Command::Import(arguments) => commands::import(configuration, &data, arguments).await,
            Command::Query(arguments) => commands::query(&data, arguments).await,
            Command::Reconcile(_) => commands::reconcile(&data).await,
            Command::Tag(arguments) => commands::tag(&configuration, arguments),
            Command::Erase(arguments) => erase::erase(&configuration, &data, &arguments.erase).await,
            Command::Audit(arguments) => commands::audit(&data, &arguments.command).await,
            Command::IpData(arguments) => commands::ip_data(arguments),
        }
    })
}
