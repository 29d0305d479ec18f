//! Looks at what the last start left behind, and repairs its end.

use super::{JournalError, segments::PREPARED_NAME};
use schemas::journal::{Bound, Position, RecordId, SegmentReader, Step, segment};
use schemas::wire::CollectorId;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

/// How far a collector came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// The collector.
    pub collector: CollectorId,
    /// The number of its last record on the disk.
    pub last_sequence: u64,
}

/// What the last start left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The directory's last collector that has a record.
    pub previous: Option<Tail>,
    /// Behind the last whole record; [`Position::START`] in an empty directory.
    pub end: Position,
    /// Bytes after it that were cut off: a write that was not finished, so never answered.
    pub torn_bytes: u64,
    /// Bytes before it that can't be read. A reader names the numbers that were there.
    pub damaged_bytes: u64,
}

/// Bytes of each segment by its number.
pub(super) type SegmentsBytes = BTreeMap<u64, u64>;

/// Repairs the last segment and syncs it, so that what is read from it from now on stays readable.
pub(super) fn recover(directory: &Path) -> Result<(Recovered, SegmentsBytes), JournalError> {
    match fs::remove_file(directory.join(PREPARED_NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(JournalError::io(directory.join(PREPARED_NAME), error));
        }
        _ => {}
    }
    let numbers = segment::numbers(directory).map_err(|source| JournalError::io(directory, source))?;
    let mut recovered = Recovered::default();
    if let Some(last) = numbers.last() {
        recovered = repair(directory, *last)?;
        recovered.previous = last_tail(directory, &numbers)?;
    }
    Ok((recovered, sizes(directory, &numbers)?))
}

/// Cuts segment `number` behind its last whole frame.
fn repair(directory: &Path, number: u64) -> Result<Recovered, JournalError> {
    let mut recovered = Recovered::default();
    let Some(mut segment) = SegmentReader::open(directory, number)? else { return Ok(recovered) };
    recovered.torn_bytes = loop {
        match segment.step(Bound::Unknown)? {
            Step::Frame { payload_bytes } => drop(segment.take(payload_bytes)?),
            Step::Damaged { from, next } => recovered.damaged_bytes += next - from,
            Step::End { torn_bytes } => break torn_bytes,
        }
    };
    recovered.end = Position { segment: number, offset: segment.offset() };
    cut(directory, recovered.end)
        .map_err(|source| JournalError::io(segment::path(directory, number), source))?;
    Ok(recovered)
}

fn cut(directory: &Path, end: Position) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(segment::path(directory, end.segment))?;
    file.set_len(end.offset)?;
    file.sync_all()
}

/// The last record there is. A segment may have none: its program was killed before it wrote, or its records can't be read.
fn last_tail(directory: &Path, numbers: &[u64]) -> Result<Option<Tail>, JournalError> {
    let mut bound = Bound::Unknown;
    for number in numbers.iter().rev() {
        let Some(mut segment) = SegmentReader::open(directory, *number)? else { continue };
        let header = segment.header();
        if let Some(id) = last_record(&mut segment, bound)? {
            return Ok(Some(Tail { collector: id.collector, last_sequence: id.sequence }));
        }
        if let Some(header) = header.filter(|header| header.first_sequence > 1) {
            return Ok(Some(Tail { collector: header.collector, last_sequence: header.first_sequence - 1 }));
        }
        let previous_end = header.map_or(0, |header| header.previous_end);
        bound = if previous_end > 0 { Bound::Known(previous_end) } else { Bound::Unknown };
    }
    Ok(None)
}

fn last_record(segment: &mut SegmentReader, bound: Bound) -> Result<Option<RecordId>, JournalError> {
    let mut last = None;
    loop {
        match segment.step(bound)? {
            Step::Frame { payload_bytes } => last = RecordId::of(segment.take(payload_bytes)?).or(last),
            Step::Damaged { .. } => {}
            Step::End { .. } => return Ok(last),
        }
    }
}

fn sizes(directory: &Path, numbers: &[u64]) -> Result<SegmentsBytes, JournalError> {
    let size = |number: &u64| {
        let path = segment::path(directory, *number);
        let metadata = fs::metadata(&path).map_err(|source| JournalError::io(path, source))?;
        Ok((*number, metadata.len()))
    };
    numbers.iter().map(size).collect()
}
