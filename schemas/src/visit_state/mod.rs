//! How a visit goes on from hit to hit, without knowing whose visit it is.
//!
//! A [`VisitState`] is what is kept of a visitor between two hits, in the visitor's own browser or in the processor's memory.
//! [`VisitState::advance`] turns it and the next hit into what is counted ([`Progress`]) and the state to keep instead.
//!
//! The rules:
//! - Only views and events advance a state. Leaves, outbound clicks and downloads change nothing, even after the visit has
//!   ended; they are credited to the visit's source and entry page.
//! - A visit ends with a gap of 30 minutes or with the site's local day. An event may begin a visit; its pages count from the
//!   first view, so that a visit is a bounce if and only if it has exactly one view, whatever its events.
//! - Time does not run backwards: a hit that is earlier than the last one counts as simultaneous with it. Only if the last one is
//!   more than a day ahead was its clock wrong; then the hit's own time is believed and a new visit begins.
//! - Days, weeks and months are the site's local ones. Times are whole seconds.

mod cookie;
mod day_filter;
mod encoding;
mod hit_facts;
mod on_the_wire;
mod progress;
mod seen;

use std::fmt;

use jiff::{Timestamp, tz::TimeZone};

use self::seen::{Firsts, Seen};
use crate::local_time::LocalDay;

pub use self::{
    cookie::{NewVisitCookie, SITE_KEY_BYTES_MAX, VISIT_COOKIE_LIFE_DAYS, VisitCookie},
    day_filter::DayFilter,
    encoding::STATE_BYTES_MAX,
    hit_facts::{
        CAMPAIGN_BYTES_MAX, CHANNEL_BYTES_MAX, Entry, HitFacts, Origin, PAGE_BYTES_MAX, SOURCE_BYTES_MAX,
    },
    progress::Progress,
};

/// The gap between two hits that ends a visit.
pub const VISIT_GAP_S: u32 = 30 * 60;

/// The page number that stands for all pages from the third on.
pub const LATER_PAGE: u8 = 3;

/// A last hit further ahead than this is the work of a wrong clock, not of hits overtaking each other.
const OVERTAKING_S_MAX: u32 = 24 * 60 * 60;

/// What is kept of a visitor between two hits. The default is the state of a visitor not seen before.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct VisitState {
    seen: Option<Seen>,
}

/// When a hit counts, after hits that overtook each other were put in order.
#[derive(Clone, Copy)]
struct Moment {
    time_s: u32,
    day: LocalDay,
}

impl VisitState {
    /// What `hit` adds to the counts, and the state to keep from now on.
    #[must_use]
    pub fn advance(&self, hit: &HitFacts<'_>, now: Timestamp, calendar: &TimeZone) -> (Progress, Self) {
        if !hit.kind.advances_visit() {
            let entry =
                self.seen.as_ref().map_or_else(|| Entry::of(hit).into(), |seen| seen.visit.entry.clone());
            return (Progress::uncounted(entry), self.clone());
        }
        let moment = self.moment(now, calendar);
        let firsts = self.seen.as_ref().map_or(Firsts::ALL, |seen| seen.firsts(moment, calendar));
        let mut next = match &self.seen {
            Some(seen) => seen.carried_on(hit, moment, &firsts),
            None => Seen::begun(hit, moment),
        };
        let mut progress = next.take_in(hit, &firsts);
        progress.seconds_since_previous = self.seconds_since_last(moment, &firsts);
        progress.weeks_since_first = next.weeks_since_first(moment, &firsts);
        (progress, Self { seen: Some(next) })
    }

    /// The state for the device of a visitor whose `hit` came without one and is counted in memory: this visit and day are
    /// marked as counted, but first ever, first of the week and of the month are left to the next hit. Remains the unseen
    /// visitor's state if `hit` is neither view nor event.
    #[must_use]
    pub fn taken_over(hit: &HitFacts<'_>, now: Timestamp, calendar: &TimeZone) -> Self {
        let (_, mut state) = Self::default().advance(hit, now, calendar);
        if let Some(seen) = &mut state.seen {
            seen.only_counted_in_memory = true;
            seen.visit.begun_in_memory = true;
        }
        state
    }

    /// Whether this memory-held visit still stands where `device`, a visit begun in memory and since held by the device, went
    /// on from. If so, it is the same visit: this state is to be removed and the device's bounce counts as it is. Otherwise
    /// somebody else went on with it; the device then counts [`Progress::without_bounce`].
    #[must_use]
    pub fn is_continued_by(&self, device: &Progress) -> bool {
        let Some(Seen { visit, .. }) = &self.seen else { return false };
        device.begun_in_memory
            && visit.page_number + 1 == device.page_number
            && visit.page == device.previous_page
    }

    /// The state with the visit's campaign forgotten, for a visitor who does not (or no longer) permit marketing. What
    /// else the campaign's link named, source and channel, goes with it: the visit is direct then.
    #[must_use]
    pub fn without_campaign(mut self) -> Self {
        if let Some(seen) = &mut self.seen {
            seen.visit.entry = Entry::clone(&seen.visit.entry).without_campaign().into();
        }
        self
    }

    /// Whether the visitor has not been seen before.
    #[must_use]
    pub fn is_unseen(&self) -> bool {
        self.seen.is_none()
    }

    fn moment(&self, now: Timestamp, calendar: &TimeZone) -> Moment {
        let now_s = u32::try_from(now.as_second().max(0)).unwrap_or(u32::MAX);
        let time_s = match &self.seen {
            Some(seen) if seen.last_hit_s.saturating_sub(now_s) <= OVERTAKING_S_MAX => {
                now_s.max(seen.last_hit_s)
            }
            _ => now_s,
        };
        Moment { time_s, day: local_day(time_s, calendar) }
    }

    fn seconds_since_last(&self, moment: Moment, firsts: &Firsts) -> u16 {
        match &self.seen {
            Some(seen) if !firsts.of_visit => {
                u16::try_from(moment.time_s.saturating_sub(seen.last_hit_s)).unwrap_or(u16::MAX)
            }
            _ => 0,
        }
    }
}

fn local_day(time_s: u32, calendar: &TimeZone) -> LocalDay {
    let time = Timestamp::from_second(i64::from(time_s)).unwrap_or(Timestamp::MAX);
    LocalDay::of(time, calendar)
}

/// Exact times and pages are personal: nothing of a state is printed.
impl fmt::Debug for VisitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VisitState([personal])")
    }
}

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
