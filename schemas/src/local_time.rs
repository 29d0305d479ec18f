//! The calendar of a site: its local days, weeks and months, whatever its time zone does to them.
//!
//! A local day begins at its first midnight and lasts until the next day begins, so the days of a zone follow each other
//! without gap or overlap: 23, 24 or 25 hours long, and empty where the zone skipped the date.

use std::{fmt, str::FromStr};

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Time, date},
    tz::{AmbiguousOffset, TimeZone},
};

const EPOCH: Date = date(1970, 1, 1);
const SECONDS_PER_HOUR: i64 = 3600;

/// A day of a site's calendar. Displays as ISO 8601 (`2026-11-22`); orders by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalDay(Date);

impl LocalDay {
    /// The local day that `time` falls in.
    ///
    /// Where clocks go back over midnight, the hour that repeats belongs to the day that had already begun.
    #[must_use]
    pub fn of(time: Timestamp, calendar: &TimeZone) -> Self {
        let shown = Self(calendar.to_datetime(time).date());
        let next = shown.next();
        if next.start(calendar) <= time { next } else { shown }
    }

    /// The calendar date.
    #[must_use]
    pub fn date(self) -> Date {
        self.0
    }

    /// The day after this one in the calendar.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.tomorrow().unwrap_or(self.0))
    }

    /// The Monday of this day's ISO 8601 week, which stands for the week.
    #[must_use]
    pub fn week(self) -> Self {
        let days_since_monday = i32::from(self.0.weekday().to_monday_zero_offset());
        Self(self.0.saturating_sub(days_since_monday.days()))
    }

    /// The first day of this day's month, which stands for the month.
    #[must_use]
    pub fn month(self) -> Self {
        Self(self.0.first_of_month())
    }

    /// Whole ISO weeks from the week of `earlier` to the week of this day; 0 if `earlier` is later.
    #[must_use]
    pub fn weeks_since(self, earlier: Self) -> u32 {
        let days = self.week().epoch_days() - earlier.week().epoch_days();
        u32::try_from(days / 7).unwrap_or(0)
    }

    /// The first moment of this day. A date that the zone skipped begins, and ends, where its successor begins.
    #[must_use]
    pub fn start(self, calendar: &TimeZone) -> Timestamp {
        let midnight = calendar.to_ambiguous_timestamp(self.0.to_datetime(Time::midnight()));
        let skipped = matches!(midnight.offset(), AmbiguousOffset::Gap { .. });
        // Of two midnights "compatible" is the first; of a skipped one it is a moment after the clocks changed.
        let Ok(start) = midnight.compatible() else { return self.outermost_moment() };
        if skipped { last_clock_change(start, calendar) } else { start }
    }

    /// The first moment of the next day, where this day ends.
    #[must_use]
    pub fn end(self, calendar: &TimeZone) -> Timestamp {
        self.next().start(calendar)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub fn epoch_days(self) -> i32 {
        (self.0 - EPOCH).get_days()
    }

    /// ClickHouse's `Date`: days since 1970-01-01, held within its range (1970-01-01 to 2149-06-06).
    #[must_use]
    pub fn clickhouse_date(self) -> u16 {
        u16::try_from(self.epoch_days().max(0)).unwrap_or(u16::MAX)
    }

    /// The day that ClickHouse's `Date` says.
    #[must_use]
    pub fn from_clickhouse_date(days: u16) -> Self {
        Self(EPOCH.saturating_add(i32::from(days).days()))
    }

    fn outermost_moment(self) -> Timestamp {
        if self.0 < EPOCH { Timestamp::MIN } else { Timestamp::MAX }
    }
}

/// The moment of the latest change of the clocks at or before `time`.
fn last_clock_change(time: Timestamp, calendar: &TimeZone) -> Timestamp {
    let just_after = time.saturating_add(1.second()).unwrap_or(time);
    calendar.preceding(just_after).next().map_or(time, |change| change.timestamp())
}

impl From<Date> for LocalDay {
    fn from(date: Date) -> Self {
        Self(date)
    }
}

impl fmt::Display for LocalDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text is not a day.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a day: write it as YYYY-MM-DD, such as 2026-11-22")]
pub struct NotADay;

impl FromStr for LocalDay {
    type Err = NotADay;

    fn from_str(text: &str) -> Result<Self, NotADay> {
        if text.len() != "YYYY-MM-DD".len() {
            return Err(NotADay);
        }
        text.parse().map(Self).map_err(|_| NotADay)
    }
}

/// A UTC hour, as hours since 1970-01-01T00:00Z. All that lasts of a hit's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(u32);

impl Hour {
    /// The hour that `time` falls in; times before 1970 count as its first hour.
    #[must_use]
    pub fn of(time: Timestamp) -> Self {
        Self(u32::try_from(time.as_second().max(0) / SECONDS_PER_HOUR).unwrap_or(u32::MAX))
    }

    /// From hours since 1970-01-01T00:00Z.
    #[must_use]
    pub fn from_epoch_hours(hours: u32) -> Self {
        Self(hours)
    }

    /// Hours since 1970-01-01T00:00Z.
    #[must_use]
    pub fn epoch_hours(self) -> u32 {
        self.0
    }

    /// The hour's first moment.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::from_second(i64::from(self.0) * SECONDS_PER_HOUR).unwrap_or(Timestamp::MAX)
    }

    /// ClickHouse's `DateTime` of the hour's first moment: seconds since 1970-01-01T00:00Z, held within its range.
    #[must_use]
    pub fn clickhouse_datetime(self) -> u32 {
        u32::try_from(self.start().as_second()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
