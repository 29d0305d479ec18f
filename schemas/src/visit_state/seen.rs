//! The state of a visitor who has been seen: the day's filters and the visit that stands.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{
    DayFilter, Entry, HitFacts, LATER_PAGE, Moment, Progress, VISIT_GAP_S,
    hit_facts::{PAGE_BYTES_MAX, limited},
    local_day,
};
use crate::{hit_kind::HitKind, local_time::LocalDay};

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// Seconds since 1970. Tells the day, week and month that are counted already.
    pub(super) last_hit_s: u32,
    /// The Monday of the first visit's week.
    pub(super) first_week: LocalDay,
    pub(super) pages_today: DayFilter,
    pub(super) names_today: DayFilter,
    /// The first hit was counted in memory, where ever, week and month do not count.
    pub(super) only_counted_in_memory: bool,
    pub(super) visit: Visit,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Visit {
    pub(super) entry: Arc<Entry>,
    /// The page viewed last, if any.
    pub(super) page: Option<Arc<str>>,
    /// Views so far, at most [`LATER_PAGE`].
    pub(super) page_number: u8,
    /// No view has come since the visit was taken over from memory.
    pub(super) begun_in_memory: bool,
}

/// What a hit is the first of.
pub(super) struct Firsts {
    pub(super) ever: bool,
    pub(super) of_month: bool,
    pub(super) of_week: bool,
    pub(super) of_day: bool,
    pub(super) of_visit: bool,
}

impl Firsts {
    pub(super) const ALL: Self =
        Self { ever: true, of_month: true, of_week: true, of_day: true, of_visit: true };
}

impl Visit {
    fn begun(hit: &HitFacts<'_>) -> Self {
        Self { entry: Arc::new(Entry::of(hit)), page: None, page_number: 0, begun_in_memory: false }
    }
}

impl Seen {
    pub(super) fn begun(hit: &HitFacts<'_>, moment: Moment) -> Self {
        Self {
            last_hit_s: moment.time_s,
            first_week: moment.day.week(),
            pages_today: DayFilter::default(),
            names_today: DayFilter::default(),
            only_counted_in_memory: false,
            visit: Visit::begun(hit),
        }
    }

    pub(super) fn firsts(&self, moment: Moment, calendar: &TimeZone) -> Firsts {
        let last_day = local_day(self.last_hit_s, calendar);
        let gap_s = moment.time_s.checked_sub(self.last_hit_s);
        let of_day = moment.day != last_day;
        Firsts {
            ever: self.only_counted_in_memory,
            of_month: self.only_counted_in_memory || moment.day.month() != last_day.month(),
            of_week: self.only_counted_in_memory || moment.day.week() != last_day.week(),
            of_day,
            of_visit: of_day || gap_s.is_none_or(|gap_s| gap_s >= VISIT_GAP_S),
        }
    }

    /// The state at `moment`, before the hit itself is taken in.
    pub(super) fn carried_on(&self, hit: &HitFacts<'_>, moment: Moment, firsts: &Firsts) -> Self {
        let today = |filter: DayFilter| if firsts.of_day { DayFilter::default() } else { filter };
        Self {
            last_hit_s: moment.time_s,
            first_week: if firsts.ever { moment.day.week() } else { self.first_week },
            pages_today: today(self.pages_today),
            names_today: today(self.names_today),
            only_counted_in_memory: false,
            visit: if firsts.of_visit { Visit::begun(hit) } else { self.visit.clone() },
        }
    }

    /// Takes in a view or an event.
    pub(super) fn take_in(&mut self, hit: &HitFacts<'_>, firsts: &Firsts) -> Progress {
        let mut progress = Progress {
            first_ever: firsts.ever,
            first_today: firsts.of_day,
            first_week: firsts.of_week,
            first_month: firsts.of_month,
            new_visit: firsts.of_visit,
            ..Progress::uncounted(self.visit.entry.clone())
        };
        if hit.kind == HitKind::View {
            progress.first_view_of_page = self.pages_today.insert(hit.page);
            self.visit.view(hit.page, &mut progress);
        } else {
            progress.first_event_of_name = self.names_today.insert(hit.name);
        }
        progress
    }

    /// Only the first visit of a week is counted by its distance from the first week.
    pub(super) fn weeks_since_first(&self, moment: Moment, firsts: &Firsts) -> u8 {
        let weeks = if firsts.of_week { moment.day.weeks_since(self.first_week) } else { 0 };
        u8::try_from(weeks).unwrap_or(u8::MAX)
    }
}

impl Visit {
    fn view(&mut self, page: &str, progress: &mut Progress) {
        self.page_number = LATER_PAGE.min(self.page_number + 1);
        progress.page_number = self.page_number;
        progress.previous_page = self.page.replace(limited(page, PAGE_BYTES_MAX).into());
        progress.begun_in_memory = std::mem::take(&mut self.begun_in_memory);
    }
}
