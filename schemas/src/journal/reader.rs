//! Follows a journal through its segments.

use super::frame;
use super::segment::{self, Header};
use super::{Bound, CollectorId, Position, RecordId, SegmentReader, Step};
use std::io;
use std::path::{Path, PathBuf};

/// How far a reader may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// To where the writer has confirmed. Everything before it was written whole, so anything else found there is damage.
    Confirmed(Position),
    /// To the end of what can be read, confirmed or not; a record cut off there is taken for one that was never answered.
    /// For a journal that nobody writes. Asking again at the end reads the unused rest of the segment anew.
    Everything,
}

/// What comes next. Reading may start again at any `next`; missing numbers are then told again until the record behind them is taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A record whose CRC is right.
    Record {
        /// The payload, as it was written.
        bytes: &'a [u8],
        /// Behind it.
        next: Position,
    },
    /// Bytes that can't be read as records, or a whole segment that is gone (`bytes` 0). Which numbers were there is told, as
    /// [`Item::Missing`], as soon as a later record shows it.
    Damaged {
        /// The first of them.
        from: Position,
        /// How many.
        bytes: u64,
        /// Where reading goes on.
        next: Position,
    },
    /// Numbers between two records, or between a record and a segment's header, that were not there to be read.
    Missing {
        /// Whose numbers.
        collector: CollectorId,
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
        /// Where the next item is read.
        next: Position,
    },
    /// The limit, or no more data yet.
    End,
}

/// Why a journal can't be read on. Damage is not among these.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file or the directory can't be opened or read.
    #[error(
        "cannot read the journal at {path}: {source}; check that the path is right and that this user may read it"
    )]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Written by a newer program.
    #[error(
        "{path} has journal format version {version}, which this program does not know; use the version that wrote it"
    )]
    Version {
        /// The segment.
        path: PathBuf,
        /// Its format version.
        version: u32,
    },
    /// The position is beyond what the writer has confirmed: they are not of the same journal.
    #[error(
        "reading shall go on at {position}, but the journal ends at {end}; it was replaced or restored from a backup: \
         remove the reader's position file to read it from its beginning"
    )]
    Ahead {
        /// The reader's place.
        position: Position,
        /// The journal's confirmed end.
        end: Position,
    },
}

/// The number of the first segment a directory ever had.
const FIRST_SEGMENT: u64 = 1;

/// Reads a journal's records in the order they were written.
pub struct Reader {
    directory: PathBuf,
    position: Position,
    segment: Option<SegmentReader>,
    /// Where the open segment's data ends, once its successor's header has told.
    bound: Option<Bound>,
    /// The record that should come next.
    expected: Option<RecordId>,
    /// Whether reading began in the first segment there ever was.
    from_first: bool,
}

/// An item without its bytes.
enum Found {
    Record { payload_bytes: usize },
    Damaged { from: Position, bytes: u64 },
    Missing { collector: CollectorId, first: u64, last: u64 },
    End,
}

impl Reader {
    /// Starts at `from`: [`Position::START`], or a `next` of an earlier item. The segment's earlier part is read through once, so that
    /// numbers missing right behind `from` are noticed.
    ///
    /// # Errors
    /// When the directory or the segment can't be read.
    pub fn open(directory: impl AsRef<Path>, from: Position) -> Result<Reader, ReadError> {
        let directory = directory.as_ref().to_path_buf();
        let mut reader = Reader {
            directory,
            position: from,
            segment: None,
            bound: None,
            expected: None,
            from_first: false,
        };
        reader.segment_from(from.segment)?;
        if let Some(segment) = SegmentReader::open(&reader.directory, from.segment)? {
            reader.enter(from.segment, segment)?;
            reader.catch_up(from)?;
        }
        Ok(reader)
    }

    /// Where the next item is read.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// The next item up to `limit`.
    ///
    /// # Errors
    /// When the journal can't be read on; damage is an item.
    pub fn next(&mut self, limit: Limit) -> Result<Item<'_>, ReadError> {
        let found = self.find(limit)?;
        let next = self.position;
        Ok(match (found, &mut self.segment) {
            (Found::Record { payload_bytes }, Some(segment)) => {
                self.position.offset = segment.offset() + (frame::HEAD_BYTES + payload_bytes) as u64;
                Item::Record { bytes: segment.take(payload_bytes)?, next: self.position }
            }
            (Found::Damaged { from, bytes }, _) => Item::Damaged { from, bytes, next },
            (Found::Missing { collector, first, last }, _) => Item::Missing { collector, first, last, next },
            (Found::Record { .. }, None) | (Found::End, _) => Item::End,
        })
    }

    fn find(&mut self, limit: Limit) -> Result<Found, ReadError> {
        if let Limit::Confirmed(end) = limit
            && self.position >= end
        {
            let position = self.position;
            return if position == end { Ok(Found::End) } else { Err(ReadError::Ahead { position, end }) };
        }
        loop {
            let bound = self.bound(limit)?;
            let number = self.position.segment;
            let step = self.segment.as_mut().map(|segment| segment.step(bound)).transpose()?;
            match step {
                Some(Step::Frame { payload_bytes }) => return self.record(payload_bytes),
                Some(Step::Damaged { from, next }) => return Ok(self.damaged(from, next)),
                Some(Step::End { .. }) if limit.ends_in(number) => return Ok(Found::End),
                Some(Step::End { torn_bytes }) => {
                    if let Some(found) = self.leave(bound, torn_bytes, limit)? {
                        return Ok(found);
                    }
                }
                None => {
                    if let Some(found) = self.go_on_from(number, limit)? {
                        return Ok(found);
                    }
                }
            }
        }
    }

    /// The frame at hand, or the numbers that are missing before it.
    fn record(&mut self, payload_bytes: usize) -> Result<Found, ReadError> {
        let Some(segment) = &mut self.segment else { return Ok(Found::End) };
        let Some(id) = segment.record_id(payload_bytes)? else { return Ok(Found::Record { payload_bytes }) };
        if let Some(missing) = self.missing_before(id) {
            self.expected = Some(id);
            return Ok(missing);
        }
        self.expected = Some(RecordId { sequence: id.sequence.saturating_add(1), ..id });
        Ok(Found::Record { payload_bytes })
    }

    /// A collector seen for the first time counts from 1, unless it may have begun before the place where reading began.
    fn missing_before(&self, id: RecordId) -> Option<Found> {
        let first = match self.expected {
            Some(expected) if expected.collector == id.collector => expected.sequence,
            None if !self.from_first => return None,
            Some(_) | None => 1,
        };
        (first < id.sequence).then(|| Found::Missing {
            collector: id.collector,
            first,
            last: id.sequence - 1,
        })
    }

    fn damaged(&mut self, from: u64, next: u64) -> Found {
        let from = Position { offset: from, ..self.position };
        self.position.offset = next;
        Found::Damaged { from, bytes: next - from.offset }
    }

    /// Leaves a segment whose frames are all read.
    fn leave(&mut self, bound: Bound, torn_bytes: u64, limit: Limit) -> Result<Option<Found>, ReadError> {
        let number = self.position.segment;
        if bound == Bound::Unknown && self.segment_from(number + 1)?.is_some() {
            if self.learn_bound()? {
                return Ok(None);
            }
            if let (true, Some(segment)) = (torn_bytes > 0, &mut self.segment) {
                let from = segment.offset();
                segment.pass_damage(from, from + torn_bytes);
                return Ok(Some(self.damaged(from, from + torn_bytes)));
            }
        }
        self.go_on_from(number + 1, limit)
    }

    /// Opens segment `number`, or the next there is. `None`: opened.
    fn go_on_from(&mut self, number: u64, limit: Limit) -> Result<Option<Found>, ReadError> {
        let Some(there) = self.segment_from(number)?.filter(|there| limit.includes(*there)) else {
            return Ok(Some(Found::End));
        };
        if there > number && self.position != Position::START {
            let from = self.position;
            self.segment = None;
            self.position = Position { segment: there, offset: 0 };
            return Ok(Some(Found::Damaged { from, bytes: 0 }));
        }
        match SegmentReader::open(&self.directory, there)? {
            Some(segment) => self.enter(there, segment),
            None => Ok(Some(Found::End)),
        }
    }

    fn enter(&mut self, number: u64, segment: SegmentReader) -> Result<Option<Found>, ReadError> {
        let header = segment.header();
        self.segment = Some(segment);
        self.position = Position { segment: number, offset: 0 };
        self.from_first |= number == FIRST_SEGMENT;
        self.bound = None;
        self.learn_bound()?;
        Ok(header.and_then(|header| self.expect_first_of(header)))
    }

    fn expect_first_of(&mut self, header: Header) -> Option<Found> {
        let id = RecordId { collector: header.collector, sequence: header.first_sequence };
        let missing = self.missing_before(id);
        self.expected = Some(id);
        missing
    }

    /// Reads up to `from` without telling, so that the number expected there is known.
    fn catch_up(&mut self, from: Position) -> Result<(), ReadError> {
        let Some(segment) = &mut self.segment else { return Ok(()) };
        while segment.offset() < from.offset {
            if let Step::Frame { payload_bytes } = segment.step(Bound::Known(from.offset))? {
                if let Some(id) = segment.record_id(payload_bytes)? {
                    self.expected = Some(RecordId { sequence: id.sequence.saturating_add(1), ..id });
                }
                segment.take(payload_bytes)?;
            }
        }
        self.position = from;
        Ok(())
    }

    fn bound(&mut self, limit: Limit) -> Result<Bound, ReadError> {
        match limit {
            Limit::Confirmed(end) if end.segment == self.position.segment => {
                return Ok(Bound::Known(end.offset));
            }
            // The successor is there by now: what it says, or its silence, is final.
            Limit::Confirmed(_) if self.bound.is_none() && self.segment.is_some() => {
                self.learn_bound()?;
                self.bound.get_or_insert(Bound::Unknown);
            }
            Limit::Confirmed(_) | Limit::Everything => {}
        }
        Ok(self.bound.unwrap_or(Bound::Unknown))
    }

    /// Asks the next segment's header where this one ends.
    fn learn_bound(&mut self) -> Result<bool, ReadError> {
        let successor = SegmentReader::open(&self.directory, self.position.segment + 1)?;
        let end = successor.and_then(|segment| segment.header()).map_or(0, |header| header.previous_end);
        if end > 0 {
            self.bound = Some(Bound::Known(end));
        }
        Ok(end > 0)
    }

    /// The first segment numbered `number` or higher.
    fn segment_from(&self, number: u64) -> Result<Option<u64>, ReadError> {
        let numbers = segment::numbers(&self.directory)
            .map_err(|source| ReadError::Io { path: self.directory.clone(), source })?;
        Ok(numbers.into_iter().find(|there| *there >= number))
    }
}

impl Limit {
    fn ends_in(self, number: u64) -> bool {
        matches!(self, Limit::Confirmed(end) if end.segment == number)
    }

    fn includes(self, number: u64) -> bool {
        match self {
            Limit::Confirmed(end) => number <= end.segment,
            Limit::Everything => true,
        }
    }
}
