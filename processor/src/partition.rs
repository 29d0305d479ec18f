//! One partition that this processor has: where it stands in it, and the state that its records made. Pure: which
//! records come, and when, is told by whoever reads the log.

use jiff::Timestamp;
use schemas::keys::Keys;

use crate::open::Record;
use crate::pipeline::{Pipeline, Taken};

/// A record's place in its partition.
pub type Offset = i64;

/// Where a partition's log begins and ends, and how far its rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// Its first record that is still there.
    pub low: Offset,
    /// Behind its last record.
    pub high: Offset,
    /// Behind the last record whose row is written, if any is.
    pub committed: Option<Offset>,
    /// The warm-up for the restart point; none when nothing is known of the latest written record.
    pub warm_up: Option<WarmUp>,
}

/// The records that rebuild a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WarmUp {
    /// Every record appended since then.
    pub since: Timestamp,
    /// The first of those that are still there.
    pub from: Offset,
}

/// Rows are written for records that the log does not have: it was cut, or is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "rows are written up to offset {committed}, but the log ends at {high}: it lost records or was made anew; \
     `processor run --accept-shorter-log` reads on from its beginning, and a collector whose file `position` is removed ships \
     its journal again"
)]
pub struct LogTooShort {
    /// How far rows are written.
    pub committed: Offset,
    /// Behind the log's last record.
    pub high: Offset,
}

/// Where reading begins, and from where on records become rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// The first record to be read.
    pub read_from: Offset,
    /// The first record whose row may not be written yet. Those before it only rebuild the state.
    pub write_from: Offset,
    /// Which days the state knows from their beginning.
    pub whole: Whole,
}

/// Of which records a state knows all. A visit of a day that it has not read from its beginning may have begun before, and
/// its rows must not replace those of a state that knew it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// All there ever were.
    All,
    /// Those appended since then.
    Since(Timestamp),
    /// The log was cut: those from the first one on.
    SinceFirst,
}

impl Start {
    /// Where to begin on a log without any state. Everything is written anew where the log is shorter than what was written,
    /// if that is accepted.
    ///
    /// # Errors
    /// [`LogTooShort`].
    pub fn of(log: &Log, accept_shorter: bool) -> Result<Self, LogTooShort> {
        let Some(committed) = log.committed else { return Ok(Self::everything(log)) };
        if committed > log.high {
            let short = LogTooShort { committed, high: log.high };
            return if accept_shorter { Ok(Self::everything(log)) } else { Err(short) };
        }
        let write_from = committed.max(log.low);
        // Behind the first record that is there none can have been cut.
        Ok(match log.warm_up.filter(|warm_up| warm_up.from > log.low) {
            Some(WarmUp { since, from }) => {
                Self { read_from: from.min(write_from), write_from, whole: Whole::Since(since) }
            }
            None => Self { write_from, ..Self::everything(log) },
        })
    }

    /// All that the log has, written anew.
    pub fn everything(log: &Log) -> Self {
        let whole = if log.low == 0 { Whole::All } else { Whole::SinceFirst };
        Self { read_from: log.low, write_from: log.low, whole }
    }
}

/// A partition's state.
#[derive(Debug)]
pub struct Partition {
    pipeline: Pipeline,
    next: Offset,
    write_from: Offset,
    whole: Whole,
    appended: Option<Timestamp>,
}

impl Partition {
    /// One that begins with a fresh `pipeline`.
    pub fn new(pipeline: Pipeline, start: Start) -> Self {
        let Start { read_from, write_from, whole } = start;
        let mut partition = Self { pipeline, next: read_from, write_from, whole, appended: None };
        if let Whole::Since(since) = whole {
            partition.pipeline.knows_since(since);
        }
        partition
    }

    /// Goes on with the state it has, if that is not beyond the restart point and not so far behind it that a fresh warm-up
    /// reads less.
    pub fn resume(self, start: Start) -> Option<Self> {
        let fits = (start.read_from..=start.write_from).contains(&self.next);
        fits.then_some(Self { write_from: start.write_from, ..self })
    }

    /// Takes the record at `offset`. Nothing comes of one that was read before, or that only rebuilds the state.
    pub fn take(&mut self, offset: Offset, record: Record<'_>, keys: &Keys) -> Option<Taken> {
        if offset < self.next {
            return None;
        }
        if self.whole == Whole::SinceFirst {
            let since = record.appended.unwrap_or(Timestamp::MAX);
            self.pipeline.knows_since(since);
            self.whole = Whole::Since(since);
        }
        self.next = offset.saturating_add(1);
        self.appended = record.appended;
        let taken = self.pipeline.take(record, keys);
        (offset >= self.write_from).then_some(taken)
    }

    /// The next record to be read.
    pub fn next(&self) -> Offset {
        self.next
    }

    /// Whether the state is rebuilt and records become rows.
    pub fn is_warm(&self) -> bool {
        self.next >= self.write_from
    }

    /// When the broker took the latest record.
    pub fn appended(&self) -> Option<Timestamp> {
        self.appended
    }

    /// Visitors whose state is held.
    pub fn visitors_held(&self) -> usize {
        self.pipeline.visitors_held()
    }

    /// Drops what is held of days that, with their grace, ended before `now`.
    pub fn forget_days_before(&mut self, now: Timestamp) {
        self.pipeline.forget_days_before(now);
    }

    /// Looks addresses up where `pipeline` does.
    pub fn share_networks(&mut self, pipeline: &Pipeline) {
        self.pipeline.share_networks(pipeline);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Partition {
        /// Takes repeats as if they were first copies, as nothing but a test may do.
        pub(crate) fn forget_copies(&mut self) {
            self.pipeline.forget_copies();
        }
    }

    const SINCE: Timestamp = Timestamp::UNIX_EPOCH;
    const WARM_UP: WarmUp = WarmUp { since: SINCE, from: 30 };
    const LOG: Log = Log { low: 10, high: 100, committed: Some(50), warm_up: Some(WARM_UP) };
    const CUT: Start = Start { read_from: 10, write_from: 10, whole: Whole::SinceFirst };

    #[test]
    fn a_restart_warms_up_and_writes_from_where_rows_end() {
        let whole = Whole::Since(SINCE);
        assert_eq!(Start::of(&LOG, false), Ok(Start { read_from: 30, write_from: 50, whole }));
    }

    #[test]
    fn without_a_commit_all_is_written() {
        let log = Log { committed: None, ..LOG };
        assert_eq!(Start::of(&log, false), Ok(CUT));
        let log = Log { committed: None, low: 0, ..LOG };
        assert_eq!(Start::of(&log, false), Ok(Start { read_from: 0, write_from: 0, whole: Whole::All }));
    }

    #[test]
    fn what_the_log_has_lost_at_its_beginning_is_passed_over() {
        let log = Log { committed: Some(3), warm_up: None, ..LOG };
        assert_eq!(Start::of(&log, false), Ok(CUT));
    }

    #[test]
    fn a_warm_up_that_begins_with_the_log_may_have_lost_its_beginning() {
        let warm_up = Some(WarmUp { from: 10, ..WARM_UP });
        let log = Log { warm_up, ..LOG };
        assert_eq!(Start::of(&log, false), Ok(Start { write_from: 50, ..CUT }));
    }

    #[test]
    fn a_log_that_ends_before_what_was_written_stops_unless_that_is_accepted() {
        let log = Log { committed: Some(101), ..LOG };
        assert_eq!(Start::of(&log, false), Err(LogTooShort { committed: 101, high: 100 }));
        assert_eq!(Start::of(&log, true), Ok(CUT));
    }
}
