//! `ledger`: kills the program again and again under load, and judges every hit. Exits 0 only when all were right.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use tests::ledger::{Plan, kafka, play};

/// Every acknowledged hit is counted exactly once, whatever happens to the program.
#[derive(Debug, Parser)]
#[command(name = "ledger")]
struct Cli {
    /// How hits go from the collector to ClickHouse.
    #[arg(long, value_enum, default_value_t = Way::Embedded)]
    way: Way,
    /// Rounds of load, kill, restart and verdict.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// What the kills' moments are drawn from; by default another one each time.
    #[arg(long)]
    seed: Option<u64>,
    /// Clients that send at the same time.
    #[arg(long, default_value_t = 32)]
    clients: usize,
    /// Keeps the data directory here; by default it is a temporary one, kept only when something was wrong.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Way {
    /// Everything in one process.
    Embedded,
    /// Collectors, Apache Kafka, processors and ClickHouse, each a process of its own.
    Kafka,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let Cli { way, rounds, seed, clients, data } = Cli::parse();
    let seed = seed.unwrap_or_else(rand::random);
    let mut temporary = tempfile::tempdir()?;
    let data = data.unwrap_or_else(|| temporary.path().to_owned());
    say(&format!("seed {seed}"));
    let plan = Plan { rounds, seed, clients };
    let played = match way {
        Way::Embedded => play(plan, &data, say).await,
        Way::Kafka => kafka::play(plan, &data, say).await,
    };
    let is_right = played.as_ref().is_ok_and(tests::ledger::verdict::Verdict::is_right);
    if !is_right {
        temporary.disable_cleanup(true);
        say(&format!("WRONG with seed {seed}; the data directory is kept: {}", data.display()));
    }
    let verdict = played?;
    verdict.wrong.iter().for_each(|wrong| say(wrong));
    say(&format!("{rounds} rounds, {verdict}"));
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whoever reads it may be gone; the exit code still tells.
fn say(text: &str) {
    writeln!(std::io::stdout(), "{text}").ok();
}
