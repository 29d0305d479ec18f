//! `footfall`: everything on one machine.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use embedded::cli::{Cli, Command, Common};
use embedded::console::complain;
use embedded::data::Data;
use embedded::{commands, up};
use rustix::fs::Mode;
use schemas::configuration::Configuration;
use tracing_subscriber::EnvFilter;

/// Something went wrong while the program ran.
const FAILED: u8 = 1;
/// Wrong usage or configuration; clap uses it too.
const WRONG: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_env("FOOTFALL_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let is_terminal = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(is_terminal)
        .with_writer(std::io::stderr)
        .init();
    let configuration = match configuration(&cli.command) {
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
        Command::Import(import) => Some(&import.common),
        Command::Query(query) => Some(&query.common),
        Command::Reconcile(common) => Some(common),
        Command::IpData(_) => None,
    }
}

fn configuration(command: &Command) -> Result<Configuration, schemas::configuration::ConfigurationError> {
    let file = common(command).and_then(|common| common.config.as_deref());
    Configuration::load(
        file,
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
    )
}

fn run(command: &Command, configuration: Configuration) -> anyhow::Result<()> {
    if common(command).is_some_and(|common| common.check_config) {
        return Ok(());
    }
    if let Command::IpData(arguments) = command {
        return commands::ip_data(arguments);
    }
    let path = common(command).map(|common| common.data.as_path()).unwrap_or("data".as_ref());
    // Whatever is made from here on, by the engine too, is for its owner only.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let data = Data::open(path)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Up(arguments) => up::up(configuration, &data, arguments).await,
            Command::Import(arguments) => commands::import(configuration, &data, arguments).await,
            Command::Query(arguments) => commands::query(&data, arguments).await,
            Command::Reconcile(_) => commands::reconcile(&data).await,
            Command::IpData(arguments) => commands::ip_data(arguments),
        }
    })
}
