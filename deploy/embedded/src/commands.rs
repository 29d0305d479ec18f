//! The commands that do one thing and end: `import`, `query`, `tag`, `reconcile`, `audit`, `ip-data`.

use std::io::IsTerminal as _;

use anyhow::{Context as _, Result, ensure};
use collector::process::{complain, say, show};
use collector::snippet;
use indicatif::{ProgressBar, ProgressStyle};
use processor::audit::AuditCommand;
use processor::enrich::Networks;
use processor::import::{Import, Imported};
use processor::pipeline::Pipeline;
use processor::reconcile::Reconciliation;
use schemas::configuration::Configuration;
use schemas::tables::DATABASE;

use crate::cli;
use crate::data::Data;
use crate::host::Host;
use crate::ip_data::write_asn_database;

/// `footfall import`.
///
/// # Errors
/// When a file cannot be read or ClickHouse cannot be used.
pub async fn import(mut configuration: Configuration, data: &Data, arguments: &cli::Import) -> Result<()> {
    configuration.sites.ensure(&arguments.site)?;
    for file in &arguments.files {
        std::fs::File::open(file).with_context(|| format!("log file {}", file.display()))?;
    }
    let host = Host::find(data).await?;
    let store = host.store().await?;
    let site = configuration.sites.by_name(&arguments.site).context("the site was added above")?.clone();
    let networks = Networks::open(&data.ip_data(&configuration.ip_data))?;
    let pipeline = Pipeline::new(&configuration, networks)?;
    let bar = progress_bar();
    let import = Import { site: &site, pipeline, store: &store };
    let imported = import
        .run(&arguments.files, |so_far| {
            bar.set_position(so_far.lines);
            bar.set_message(format!("{} views, {} bots", so_far.views, so_far.bots));
        })
        .await;
    bar.finish_and_clear();
    host.close().await;
    say(summary(&imported?));
    Ok(())
}

fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {human_pos} lines, {per_sec}, {elapsed}: {msg}")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    bar
}

fn summary(imported: &Imported) -> String {
    let Imported { lines, known, unfinished, views, bots, others, unparsed, unparsed_first } = imported;
    if *unfinished > 0 {
        complain("a file without a whole line was left for later; repeat the import when it has grown");
    }
    for (path, line) in unparsed_first {
        complain(format!("{}:{line}: not a line of an access log", path.display()));
    }
    format!(
        "{lines} lines: {views} views, {bots} of bots, {others} no views (assets, errors, other methods, internal traffic, repeats), \
         {unparsed} unparsed, {known} imported before"
    )
}

/// `footfall query`.
///
/// # Errors
/// ClickHouse's.
pub async fn query(data: &Data, arguments: &cli::Query) -> Result<()> {
    let is_terminal = std::io::stdout().is_terminal();
    let by_default = if is_terminal { "PrettyCompact" } else { "TabSeparatedWithNames" };
    let format = arguments.format.as_deref().unwrap_or(by_default);
    let host = Host::find(data).await?;
    host.store().await?;
    let client =
        clickhouse::Client::default().with_url(format!("http://{}", host.address())).with_database(DATABASE);
    // A question mark would be taken for a parameter.
    let mut answer = client.query(&arguments.sql.replace('?', "??")).fetch_bytes(format)?;
    let shown = async {
        while let Some(bytes) = answer.next().await? {
            show(&bytes);
        }
        anyhow::Ok(())
    }
    .await;
    drop(answer);
    host.close().await;
    shown
}

/// `footfall tag`.
///
/// # Errors
/// When the site or the collector's address is not known.
pub fn tag(configuration: &Configuration, arguments: &cli::Tag) -> Result<()> {
    say(snippet::embed(configuration, &arguments.embedding)?);
    Ok(())
}

/// `footfall reconcile`.
///
/// # Errors
/// When a sequence has no row, or ClickHouse cannot be used.
pub async fn reconcile(data: &Data) -> Result<()> {
    let host = Host::find(data).await?;
    let found = Reconciliation::run(&host.store().await?).await?;
    host.close().await;
    say(&found);
    ensure!(found.missing() == 0, "{} sequences have no row", found.missing());
    Ok(())
}

/// `footfall audit`.
///
/// # Errors
/// When the chain is broken, or ClickHouse cannot be used.
pub async fn audit(data: &Data, command: &AuditCommand) -> Result<()> {
    let host = Host::find(data).await?;
    let done = processor::audit::audit(&host.store().await?, command).await;
    host.close().await;
    Ok(done?)
}

/// `footfall ip-data`.
///
/// # Errors
/// When a table cannot be read or the database cannot be written.
pub fn ip_data(arguments: &cli::IpData) -> Result<()> {
    let summary = write_asn_database(&arguments.asn, &arguments.out)?;
    say(format!("{}: {} networks, {} bytes", arguments.out.display(), summary.networks, summary.bytes));
    Ok(())
}
