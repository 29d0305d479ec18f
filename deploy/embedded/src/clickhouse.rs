//! `footfall clickhouse`: the engine behind ClickHouse's interface and nothing else, so that collectors and processors of
//! their own can be tried on one machine.

use anyhow::Result;
use collector::process::{say, stop_signal, told};
use schemas::configuration::Configuration;

use crate::cli;
use crate::data::Data;
use crate::host::Host;

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// When the engine cannot be opened or the port is taken.
pub async fn clickhouse(
    configuration: &Configuration,
    data: &Data,
    arguments: &cli::Clickhouse,
) -> Result<()> {
    let stop = stop_signal()?;
    let host = Host::open(data, arguments.listen.unwrap_or(configuration.clickhouse.listen)).await?;
    host.store().await?;
    say(format!("clickhouse http://{}", host.address()));
    data.set_running(host.address(), None)?;
    say("ready");
    told(stop).await;
    data.clear_running();
    host.close().await;
    Ok(())
}
