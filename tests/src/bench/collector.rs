//! The collector alone, as `footfall up` runs it but without processor and ClickHouse beside it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use collector::orders::Copies;
use collector::server::{Ends, serve};
use collector::service::Service;
use schemas::configuration::Configuration;
use schemas::keys::KeyKeeper;
use tokio::net::TcpListener;

use super::traffic::CONFIGURATION;

/// The site of [`super::traffic`], with limits that no benchmark meets.
///
/// # Errors
/// When the configuration is wrong.
pub fn configuration() -> Result<Configuration> {
    Ok(Configuration::parse(CONFIGURATION, "benchmark", std::iter::empty())?)
}

/// Serves until the process is ended.
///
/// # Errors
/// When `data` cannot be used.
pub async fn collector(listener: TcpListener, data: &Path) -> Result<()> {
    let keys = Arc::new(KeyKeeper::open(&data.join("keys"))?);
    let service = Service::open(configuration()?, data, keys, Copies::ONE)?;
    let collector = Arc::clone(&service.collector);
    let connections_max = collector.configuration.limits.connections;
    let answer = move |ends: Ends, request| Arc::clone(&collector).answer(ends.peer, request);
    tokio::join!(serve(listener, connections_max, answer, std::future::pending()), service.upkeep());
    Ok(())
}
