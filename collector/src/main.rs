//! `collector`: takes hits where they come in, for processors elsewhere.

use std::process::ExitCode;

use clap::Parser as _;
use collector::cli::{Cli, Command, Run, Tag};
use collector::process::{self, FAILED, WRONG, complain, say};
use collector::run::run;
use collector::snippet;
use rustix::fs::Mode;
use schemas::configuration::Configuration;

fn main() -> ExitCode {
    process::log();
    match Cli::parse().command {
        Command::Run(arguments) => serve(&arguments),
        Command::Tag(arguments) => tag(&arguments),
    }
}

fn tag(arguments: &Tag) -> ExitCode {
    let configuration = match process::configuration(arguments.config.as_deref()) {
        Ok(configuration) => configuration,
        Err(error) => return ended(&error, WRONG),
    };
    match snippet::embed(&configuration, &arguments.embedding) {
        Ok(text) => {
            say(text);
            ExitCode::SUCCESS
        }
        Err(error) => ended(&error, WRONG),
    }
}

fn serve(arguments: &Run) -> ExitCode {
    let configuration = match process::configuration(arguments.config.as_deref()) {
        Ok(configuration) => with_addresses(configuration, arguments),
        Err(error) => return ended(&error, WRONG),
    };
    if arguments.check_config {
        return ExitCode::SUCCESS;
    }
    // Whatever is made from here on is for its owner only.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return ended(&error, FAILED),
    };
    let done = runtime.block_on(run(configuration, &arguments.data));
    // A look at a cluster that does not answer may be under way; nothing waits for its outcome any more.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ended(&error, error.exit_code()),
    }
}

fn with_addresses(mut configuration: Configuration, arguments: &Run) -> Configuration {
    let addresses = &mut configuration.collector;
    addresses.listen = arguments.listen.unwrap_or(addresses.listen);
    addresses.admin = arguments.admin.unwrap_or(addresses.admin);
    configuration
}

fn ended(error: &dyn std::error::Error, code: u8) -> ExitCode {
    complain(format!("collector: {error}"));
    ExitCode::from(code)
}
