//! Imports access logs through the same pipeline as live hits. Each line gets a row, whatever it is, and the table
//! `imports` remembers how far a file got: a repeat changes nothing, a grown file adds its new lines, and a killed
//! import goes on where it was, warmed from its files' beginning.

mod log_line;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use collector::browser::{ClientHints, recognise};
use jiff::Timestamp;
use schemas::closed_lists::NONE;
use schemas::configuration::{Mode, Site};
use schemas::event::{Kind, Visit};
use schemas::local_time::Hour;
use schemas::wire::{CollectorId, Header};

use crate::open::RawVisit;
use crate::pipeline::{Pipeline, Taken};
use crate::row;
use crate::source::SourceId;
use crate::source::log_file::{HEAD_BYTES_MAX, LogFile, LogFileError, NumberedLine, collector_of};
use crate::store::{self, Store, StoreError};
use log_line::LogLine;

/// Rows in one insert.
const BATCH_ROWS: usize = 20_000;
/// Numbers of lines that do not parse, as far as they are kept to be shown.
const UNPARSED_SHOWN: usize = 10;

/// Why an import stopped. What it wrote stays, and the next try goes on behind it.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] LogFileError),
    /// ClickHouse did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an import did, over all its files.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Lines read.
    pub lines: u64,
    /// Lines that were imported before.
    pub known: u64,
    /// Lines of files that have no whole line yet: nothing is written of them.
    pub unfinished: u64,
    /// Lines that are views of persons.
    pub views: u64,
    /// Lines of bots.
    pub bots: u64,
    /// Lines that are no views: assets, errors, other methods, internal traffic.
    pub others: u64,
    /// Lines that do not parse.
    pub unparsed: u64,
    /// The first of these, as file and line number.
    pub unparsed_first: Vec<(PathBuf, u64)>,
}

/// An import of a site's logs.
#[derive(Debug)]
pub struct Import<'a> {
    /// The site that the logs are of.
    pub site: &'a Site,
    /// The transform, fresh.
    pub pipeline: Pipeline,
    /// ClickHouse.
    pub store: &'a Store,
}

/// One file on its way.
struct Progress<'a> {
    path: &'a Path,
    collector: CollectorId,
    source: SourceId,
    head_bytes: u64,
    through: u64,
    latest: Timestamp,
}

impl Import<'_> {
    /// Imports files, oldest first; `report` is told after every batch.
    ///
    /// # Errors
    /// When a file cannot be read or ClickHouse refuses.
    pub async fn run(
        mut self,
        files: &[PathBuf],
        mut report: impl FnMut(&Imported),
    ) -> Result<Imported, ImportError> {
        let files = oldest_first(files)?;
        let known = self.store.imports(&self.site.name).await?;
        let mut imported = Imported::default();
        let mut source = None;
        for path in &files {
            let progress = self.begin(path, &known, source)?;
            source = Some(progress.source);
            self.file(progress, &mut imported, &mut report).await?;
        }
        Ok(imported)
    }

    /// Finds out whether the file, or what it was before it grew, was imported before.
    fn begin<'a>(
        &self,
        path: &'a Path,
        known: &[store::Import],
        source: Option<SourceId>,
    ) -> Result<Progress<'a>, LogFileError> {
        let head = LogFile::head(path, HEAD_BYTES_MAX)?;
        let head = whole_lines(&head);
        let name = &self.site.name;
        let earlier = known.iter().find(|import| {
            let bytes = usize::try_from(import.head_bytes).unwrap_or(usize::MAX);
            let head = head.get(..bytes);
            head.is_some_and(|head| collector_of(name, head) == store::collector_of(&import.collector))
        });
        let fresh = collector_of(name, head);
        let latest = Timestamp::UNIX_EPOCH;
        Ok(match earlier {
            Some(import) => Progress {
                path,
                collector: store::collector_of(&import.collector),
                source: SourceId(store::collector_of(&import.source).0),
                head_bytes: import.head_bytes,
                through: import.through,
                latest,
            },
            None => Progress {
                path,
                collector: fresh,
                source: source.unwrap_or(SourceId(fresh.0)),
                head_bytes: head.len() as u64,
                through: 0,
                latest,
            },
        })
    }

    async fn file(
        &mut self,
        mut progress: Progress<'_>,
        imported: &mut Imported,
        report: &mut impl FnMut(&Imported),
    ) -> Result<(), ImportError> {
        let mut block = row::block();
        let mut whole_through = progress.through;
        for line in LogFile::open(progress.path)?.lines() {
            let line = line?;
            imported.lines += 1;
            if progress.head_bytes == 0 {
                imported.unfinished += 1;
                continue;
            }
            let is_known = line.number <= progress.through;
            let taken = self.pipeline.take_visit(progress.visit(self.site, &line));
            if is_known {
                imported.known += 1;
                continue;
            }
            match taken {
                Taken::Row(row) => {
                    imported.count(&row, progress.path, line.number);
                    row.write(&mut block, progress.source);
                }
                _ => imported.known += 1,
            }
            whole_through = if line.is_whole { line.number } else { whole_through };
            if block.rows() >= BATCH_ROWS {
                self.write(&mut block, &progress, whole_through).await?;
                report(imported);
            }
        }
        self.write(&mut block, &progress, whole_through).await?;
        report(imported);
        Ok(())
    }

    /// Inserts, and only then remembers.
    async fn write(
        &self,
        block: &mut crate::block::Block,
        progress: &Progress<'_>,
        through: u64,
    ) -> Result<(), StoreError> {
        if block.rows() == 0 {
            return Ok(());
        }
        self.store.insert("open_hits", &Bytes::from(block.take())).await;
        let import = store::Import {
            collector: progress.collector.to_string(),
            source: progress.source.to_string(),
            head_bytes: progress.head_bytes,
            through,
        };
        self.store.import_reached(&self.site.name, &import).await
    }
}

impl Imported {
    fn count(&mut self, row: &row::OpenHit, path: &Path, line: u64) {
        match (row.kind(), row.reason()) {
            ("bot", _) => self.bots += 1,
            ("dropped", UNPARSED) => {
                self.unparsed += 1;
                if self.unparsed_first.len() < UNPARSED_SHOWN {
                    self.unparsed_first.push((path.to_owned(), line));
                }
            }
            ("dropped", _) => self.others += 1,
            _ => self.views += 1,
        }
    }
}

/// Visits advance in one order, whatever the shell made of the files' names: by the time of each file's first line.
fn oldest_first(files: &[PathBuf]) -> Result<Vec<PathBuf>, LogFileError> {
    let mut dated = Vec::new();
    for path in files {
        let head = LogFile::head(path, HEAD_BYTES_MAX)?;
        let lines = head.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
        let first = lines.filter_map(LogLine::parse).map(|line| line.time).next();
        dated.push((first, path.clone()));
    }
    dated.sort_by_key(|(first, _)| *first);
    Ok(dated.into_iter().map(|(_, path)| path).collect())
}

/// A file is named by whole lines: half a line may be how many files begin. A first line that fills the head is taken
/// as far as it goes.
fn whole_lines(head: &[u8]) -> &[u8] {
    let end = head.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if end == 0 && head.len() == HEAD_BYTES_MAX { head } else { head.get(..end).unwrap_or_default() }
}

/// Why a line that does not parse is dropped.
const UNPARSED: &str = "unparsed";
/// Why a line from a network of the site's own people is dropped.
const INTERNAL: &str = "internal";

impl Progress<'_> {
    /// A line as a visit. One that does not parse has the time of the line before it.
    fn visit(&mut self, site: &Site, line: &NumberedLine) -> RawVisit {
        let text = std::str::from_utf8(&line.bytes).ok().filter(|_| !line.is_cut);
        let visit = match text.and_then(LogLine::parse) {
            Some(parsed) => {
                self.latest = parsed.time;
                visit_of(site, &parsed)
            }
            None => Visit { drop_reason: UNPARSED.into(), ..Visit::default() },
        };
        let header = Header {
            collector: self.collector,
            sequence: line.number,
            site: site.name.clone(),
            written_hour: Hour::of(self.latest).epoch_hours(),
            lane: 0,
        };
        RawVisit::from_log(header, visit)
    }
}

/// A log tells nothing of consent: it is the operator's to import only what the policy allows.
fn visit_of(site: &Site, line: &LogLine<'_>) -> Visit {
    let internal = || line.address.is_some_and(|address| site.is_internal(address)).then_some(INTERNAL);
    if let Some(reason) = line.drop_reason().or_else(internal) {
        return Visit { drop_reason: reason.into(), ..Visit::default() };
    }
    let browser = recognise(&line.user_agent, &ClientHints::default());
    let host = site.hosts.first().map_or(site.name.as_str(), String::as_str);
    let is_path = line.target.starts_with('/');
    Visit {
        received_ms: u64::try_from(line.time.as_millisecond()).unwrap_or(0),
        address: line.address.map(Visit::address_bytes).unwrap_or_default(),
        url: if is_path { format!("https://{host}{}", line.target) } else { line.target.to_owned() },
        referrer: line.referrer.clone(),
        kind: Kind::View.into(),
        browser: browser.name.to_owned(),
        browser_version: browser.version.map_or(0, u32::from),
        os: browser.os.to_owned(),
        device: browser.device.as_str().to_owned(),
        language: NONE.to_owned(),
        bot: browser.bot.unwrap_or_default().to_owned(),
        marketing: site.mode == Mode::OptOut,
        ..Visit::default()
    }
}
