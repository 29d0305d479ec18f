//! The collector beside its two floors, in turns, so that what else the machine does meets all of them.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::figures::{Figures, median};
use super::load::{Seen, load};
use super::server::Server;

/// Time of one measurement.
const TIME: Duration = Duration::from_secs(3);
/// Rounds; the median of them counts.
const ROUNDS: usize = 5;
const MEBIBYTE: f64 = 1024.0 * 1024.0;
const NAMES: [&str; 3] = ["bare_hyper", "durable_floor", "collector"];

/// One measurement: what the load saw, and what a hit cost the server.
#[derive(Clone, Copy)]
struct Measured {
    seen: Seen,
    cpu_us_per_hit: f64,
}

/// Measures at 256 and at 32 connections.
///
/// # Errors
/// When a server or wrk does not do its part.
pub fn requests(folder: &Path, figures: &mut Figures) -> Result<()> {
    let servers = [
        Server::start("serve-bare", folder)?,
        Server::start("serve-durable", folder)?,
        Server::start("serve-collector", folder)?,
    ];
    let [_, _, collector] = &servers;
    figures.set("collector_idle_mib", collector.memory_bytes()? / MEBIBYTE);
    for server in &servers {
        load(server.address, 256, Duration::from_secs(1))?;
    }
    for (connections, suffix) in [(256, ""), (32, "_32")] {
        let mut rounds: [Vec<Measured>; 3] = Default::default();
        for _ in 0..ROUNDS {
            for (server, measured) in servers.iter().zip(&mut rounds) {
                measured.push(measure(server, connections)?);
            }
        }
        compare(&rounds, suffix, figures);
    }
    figures.set("collector_loaded_mib", collector.memory_bytes()? / MEBIBYTE);
    Ok(())
}

fn measure(server: &Server, connections: usize) -> Result<Measured> {
    let before = server.cpu_us()?;
    let seen = load(server.address, connections, TIME)?;
    Ok(Measured { seen, cpu_us_per_hit: (server.cpu_us()? - before) / seen.requests })
}

fn compare(rounds: &[Vec<Measured>; 3], suffix: &str, figures: &mut Figures) {
    let middle = |of: fn(&Measured) -> f64| rounds.each_ref().map(|round| median(round.iter().map(of)));
    let mut of_each = |figure: &str, of: fn(&Measured) -> f64| {
        for (name, value) in NAMES.iter().zip(middle(of)) {
            figures.set(format!("{name}{suffix}_{figure}"), value);
        }
    };
    of_each("hits_per_s", |measured| measured.seen.per_second);
    of_each("cpu_us_per_hit", |measured| measured.cpu_us_per_hit);
    of_each("p50_ms", |measured| measured.seen.p50_ms);
    of_each("p99_ms", |measured| measured.seen.p99_ms);
    let [bare, durable, collector] = middle(|measured| measured.seen.per_second);
    figures.set(format!("collector_to_bare_hyper{suffix}"), collector / bare);
    figures.set(format!("collector_to_durable_floor{suffix}"), collector / durable);
    let [_, durable, collector] = middle(|measured| measured.cpu_us_per_hit);
    figures.set(format!("collector_cpu_to_durable_floor{suffix}"), collector / durable);
}
