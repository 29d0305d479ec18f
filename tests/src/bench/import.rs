//! `footfall import` of an access log, from its start to its end, ClickHouse's start and end included.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::figures::{Figures, per_second};
use super::traffic::{SITE, Sample, Traffic};
use crate::program::{footfall, repository};

const LINES: usize = 200_000;

/// Measures one line and then many, so that what a start costs is known.
///
/// # Errors
/// When the import fails.
pub fn import(folder: &Path, figures: &mut Figures) -> Result<()> {
    let (one, many) = (folder.join("one.log"), folder.join("many.log"));
    write_log(&one, 1)?;
    write_log(&many, LINES)?;
    let start = run(&folder.join("import"), &one)?;
    let whole = run(&folder.join("import"), &many)?;
    figures.set("import_start_s", start.as_secs_f64());
    figures.set("import_lines_per_s", per_second(LINES, whole));
    Ok(())
}

fn run(data: &Path, log: &Path) -> Result<Duration> {
    let mut command = Command::new(footfall());
    command.current_dir(repository()).env("FOOTFALL_LOG", "warn");
    command.args(["import", "--site", SITE, "--data"]).arg(data).arg(log);
    let started = Instant::now();
    let output = command.output().context("cannot start footfall")?;
    let elapsed = started.elapsed();
    ensure!(output.status.success(), "footfall import: {}", String::from_utf8_lossy(&output.stderr));
    Ok(elapsed)
}

/// A log in Apache's combined format; every third line is a page, the others are parts of it.
fn write_log(path: &Path, lines: usize) -> Result<()> {
    let mut log = BufWriter::new(File::create(path)?);
    let start = Timestamp::now() - SignedDuration::from_hours(6);
    for (number, sample) in Traffic::starting(start).take(lines).enumerate() {
        log.write_all(line(number, &sample)?.as_bytes())?;
    }
    Ok(log.flush()?)
}

fn line(number: usize, sample: &Sample) -> Result<String> {
    let Sample { visit, user_agent } = sample;
    let page = Url::parse(&visit.url)?;
    let time = Timestamp::from_millisecond(i64::try_from(visit.received_ms)?)?;
    let target = match number % 3 {
        0 => page.path().to_owned(),
        1 => format!("/assets/{number}.css"),
        _ => format!("/assets/{number}.webp"),
    };
    let address = visit.ip().context("traffic has addresses")?;
    let mut line = String::new();
    write!(line, "{address} - - [{}] ", time.strftime("%d/%b/%Y:%H:%M:%S +0000"))?;
    let referrer = if visit.referrer.is_empty() { "-" } else { &visit.referrer };
    writeln!(line, r#""GET {target} HTTP/1.1" 200 5123 "{referrer}" "{user_agent}""#)?;
    Ok(line)
}
