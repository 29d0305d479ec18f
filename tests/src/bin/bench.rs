//! Measures speed against what the machine can do, in one run: `make bench`. See the README, "Speed".

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand, ValueEnum};
use tests::bench::figures::Figures;
use tests::bench::{collector, end_to_end, floor, import, journal, pipeline, requests};
use tests::program::repository;
use tokio::net::TcpListener;

/// Measures speed and writes target/bench.json.
#[derive(Debug, Parser)]
struct Arguments {
    /// Measures only these parts.
    #[arg(long, value_enum)]
    only: Vec<Part>,
    #[command(subcommand)]
    serve: Option<Serve>,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The journal beside a bare loop; first, since a disk that has just taken much else stalls both.
    Journal,
    /// The processor's core.
    Pipeline,
    /// The collector beside its floors.
    Requests,
    /// An import of an access log.
    Import,
    /// From Kafka to ClickHouse, beside a bare consumer.
    EndToEnd,
}

/// The servers that this program starts of itself.
#[derive(Debug, Subcommand)]
enum Serve {
    #[command(hide = true, name = "serve-bare")]
    Bare { folder: PathBuf },
    #[command(hide = true, name = "serve-durable")]
    Durable { folder: PathBuf },
    #[command(hide = true, name = "serve-collector")]
    Collector { folder: PathBuf },
}

const HOW_TO_READ: &str = "\
Each server ran on one core and the load on another, in turns; medians. On a shared machine read the ratios: a figure
alone may be off by 40 %, a ratio by 10 %. bare_hyper answers and does nothing else, durable_floor first has 250 bytes
on the disk. No durable figure can beat its floor: a ratio above 1 means that the disk stalled, so repeat the run.
Wanted: collector_to_bare_hyper 0.6 or more, collector_to_durable_floor 0.9 or more,
collector_cpu_to_durable_floor 1.3 or less, processor_core_hits_per_s 300000 or more,
end_to_end_to_bare_consumer 0.5 or more.";

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.serve {
        Some(serve) => {
            // As many workers as this process may use cores: one.
            tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(serve))
        }
        None => measure(&arguments.only),
    }
}

async fn run(serve: Serve) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    say(listener.local_addr()?)?;
    match serve {
        Serve::Bare { .. } => floor::bare(listener).await,
        Serve::Durable { folder } => floor::durable(listener, &folder.join("durable")).await,
        Serve::Collector { folder } => collector::collector(listener, &folder.join("collector")).await,
    }
}

fn measure(only: &[Part]) -> Result<()> {
    ensure!(!cfg!(debug_assertions), "measure the release build: `make bench`");
    ensure!(std::thread::available_parallelism()?.get() > 1, "two cores are needed: one serves, one loads");
    // Beside the repository's files, not in /tmp, which may be memory: the disk is what is measured.
    let target = repository().join("target");
    std::fs::create_dir_all(&target)?;
    let folder = tempfile::tempdir_in(&target)?;
    let mut figures = Figures::default();
    for part in Part::value_variants().iter().filter(|part| only.is_empty() || only.contains(part)) {
        say(format!("measuring: {part:?}"))?;
        match part {
            Part::Requests => requests::requests(folder.path(), &mut figures)?,
            Part::Journal => journal::journal(folder.path(), &mut figures)?,
            Part::Pipeline => pipeline::pipeline(&mut figures)?,
            Part::Import => import::import(folder.path(), &mut figures)?,
            Part::EndToEnd => end_to_end::end_to_end(folder.path(), &mut figures)?,
        }
    }
    finish(&figures, &target.join("bench.json"))
}

fn finish(figures: &Figures, path: &Path) -> Result<()> {
    figures.write(path)?;
    say(format!("\n{figures}\n{HOW_TO_READ}\n\nwritten: {}", path.display()))
}

fn say(text: impl std::fmt::Display) -> Result<()> {
    writeln!(std::io::stdout(), "{text}")?;
    Ok(std::io::stdout().flush()?)
}
