//! What every program does when it starts and when it is told to stop, and how it speaks to the person who started it:
//! results on standard output, everything else on standard error.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use schemas::configuration::{Configuration, ConfigurationError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

/// Exit code when something went wrong while a program ran.
pub const FAILED: u8 = 1;
/// Exit code for wrong usage or configuration; clap uses it too.
pub const WRONG: u8 = 2;

/// Logs to standard error; `FOOTFALL_LOG` says how much, `info` by default.
pub fn log() {
    let filter = EnvFilter::try_from_env("FOOTFALL_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let is_terminal = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(is_terminal)
        .with_writer(std::io::stderr)
        .init();
}

/// A line on standard output. A reader that went away (`| head`) is no error.
pub fn say(text: impl std::fmt::Display) {
    writeln!(io::stdout(), "{text}").ok();
}

/// Bytes on standard output, as they are.
pub fn show(bytes: &[u8]) {
    io::stdout().write_all(bytes).ok();
}

/// A line on standard error.
pub fn complain(text: impl std::fmt::Display) {
    writeln!(io::stderr(), "{text}").ok();
}

/// Reads the configuration file, if one is named, and the variables that override it.
///
/// # Errors
/// The first thing that is wrong, with the line or variable.
pub fn configuration(file: Option<&Path>) -> Result<Configuration, ConfigurationError> {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Configuration::load(file, variables)
}

/// True once SIGTERM or SIGINT has come; a second one ends the program at once, which loses nothing.
///
/// # Errors
/// When signals cannot be heard.
pub fn stop_signal() -> io::Result<watch::Receiver<bool>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tracing::info!("stopping");
        stop.send(true).ok();
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tracing::warn!("ended without draining");
        std::process::exit(FAILED.into());
    });
    Ok(stopped)
}

/// Resolves once the word has come, or can come no more.
pub async fn told(mut word: watch::Receiver<bool>) {
    word.wait_for(|told| *told).await.ok();
}
