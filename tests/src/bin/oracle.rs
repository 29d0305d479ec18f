//! `oracle LOG`: imports a log with the built `footfall` into a fresh directory and compares every figure with the slow
//! oracle's. Exit code 1 when one differs. `FOOTFALL_REAL_LOG` names a log when the command line does not;
//! `FOOTFALL_IP_DATA_COUNTRY` and `FOOTFALL_IP_DATA_ASN` name other databases than `data/ip/*.mmdb`.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use jiff::tz::TimeZone;
use tests::command::Footfall;
use tests::figures::{Figures, of_open_hits, of_reports};
use tests::oracle::Oracle;
use tests::program::repository;

const SITE: &str = "example.com";

/// Compares the figures of a log with an independent computation.
#[derive(Debug, Parser)]
struct Arguments {
    /// An access log, plain.
    #[arg(env = "FOOTFALL_REAL_LOG", default_value = "/work/shared/data/apache_access.log")]
    log: PathBuf,
    /// Countries of addresses.
    #[arg(long, env = "FOOTFALL_IP_DATA_COUNTRY")]
    country: Option<PathBuf>,
    /// Providers of addresses.
    #[arg(long, env = "FOOTFALL_IP_DATA_ASN")]
    asn: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let log = std::fs::read(&arguments.log).with_context(|| arguments.log.display().to_string())?;
    let log_path = arguments.log.canonicalize()?;
    let named = |path: Option<PathBuf>, name| path.unwrap_or_else(|| repository().join("data/ip").join(name));
    let country = named(arguments.country, "country.mmdb").canonicalize()?;
    let asn = named(arguments.asn, "asn.mmdb").canonicalize()?;
    let expected = Oracle::new(SITE, TimeZone::UTC, &country, &asn)?.figures(&log)?;

    let footfall = Footfall::new("")?.with_ip_data(&country, &asn);
    writeln!(io::stdout(), "{}", footfall.import(SITE, &log_path)?.out.trim())?;
    let of_rows = of_open_hits(&footfall, SITE)?;
    let of_views = of_reports(&footfall, SITE, &expected.days())?;
    let (rows_equal, rows_differ) = compare("open_hits", &expected, &of_rows)?;
    let (views_equal, views_differ) = compare("reports", &expected.without("kind"), &of_views)?;
    let (equal, differ) = (rows_equal + views_equal, rows_differ + views_differ);
    writeln!(io::stdout(), "{equal} figures equal, {differ} differ")?;
    Ok(if differ == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn compare(of: &str, expected: &Figures, found: &Figures) -> Result<(usize, usize)> {
    let mut out = io::stdout().lock();
    let (mut equal, mut differ) = (0, 0);
    for (cell, expected, found) in expected.beside(found) {
        if expected == found {
            equal += 1;
            writeln!(out, "{of} {cell}: {found}")?;
        } else {
            differ += 1;
            writeln!(out, "{of} {cell}: {found}, but the oracle says {expected}")?;
        }
    }
    Ok((equal, differ))
}
