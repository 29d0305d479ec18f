//! What one hit adds to the counts.

use std::{fmt, sync::Arc};

use super::{Entry, LATER_PAGE};

/// What is counted of a hit, given the visit it belongs to. Holds nothing else.
///
/// All flags are false and all numbers 0 for kinds of hits that do not advance a visit.
#[derive(Clone, PartialEq, Eq)]
pub struct Progress {
    /// The visitor's first visit ever.
    pub first_ever: bool,
    /// The visitor's first hit of the local day.
    pub first_today: bool,
    /// The visitor's first hit of the local week (ISO 8601, from Monday).
    pub first_week: bool,
    /// The visitor's first hit of the local month.
    pub first_month: bool,
    /// The hit begins a visit.
    pub new_visit: bool,
    /// A view of a page that the visitor has not viewed on this local day.
    pub first_view_of_page: bool,
    /// An event of a name that the visitor has not caused on this local day. For outbound clicks and downloads, which leave no
    /// trace in the state, the processor sets this by a [`super::DayFilter`] of its own.
    pub first_event_of_name: bool,
    /// Of a view: 1, 2 or [`LATER_PAGE`] for all later pages of the visit. Otherwise 0.
    pub page_number: u8,
    /// Seconds since the previous hit of the visit, less than 1800; 0 if the hit begins the visit.
    pub seconds_since_previous: u16,
    /// How the visit began. For a hit outside any known visit, its own page and origin.
    pub entry: Arc<Entry>,
    /// Of a view that is not the visit's first: the page viewed before.
    pub previous_page: Option<Arc<str>>,
    /// Of the first hit of a week: weeks from the week of the first visit to this one, at most 255. Otherwise 0.
    pub weeks_since_first: u8,
    /// Of a view: the first since this visit was taken over from memory, whose bounce may have to be taken back
    /// (see [`super::VisitState::is_continued_by`]).
    pub begun_in_memory: bool,
}

impl Progress {
    /// The progress of a hit that adds nothing to visits and visitors, credited to `entry`.
    #[must_use]
    pub fn uncounted(entry: Arc<Entry>) -> Self {
        Self {
            first_ever: false,
            first_today: false,
            first_week: false,
            first_month: false,
            new_visit: false,
            first_view_of_page: false,
            first_event_of_name: false,
            page_number: 0,
            seconds_since_previous: 0,
            entry,
            previous_page: None,
            weeks_since_first: 0,
            begun_in_memory: false,
        }
    }

    /// The progress of a hit whose state another hit had used already: ten tabs restored at once all come with the same
    /// cookie. The hit counts as a further one of that visit. It neither makes nor takes back a bounce, and a view is its own
    /// previous page, so that the exit it adds and the exit it takes back cancel out.
    #[must_use]
    pub fn of_used_state(self, page: &str) -> Self {
        let viewed = self.page_number > 0;
        Self {
            page_number: if viewed { LATER_PAGE } else { 0 },
            previous_page: viewed.then(|| page.into()),
            ..Self::uncounted(self.entry)
        }
    }

    /// The progress without its part in the visit's bounce.
    #[must_use]
    pub fn without_bounce(self) -> Self {
        let page_number = if self.page_number > 0 { LATER_PAGE } else { 0 };
        Self { page_number, ..self }
    }
}

/// Shows what is counted, but neither pages nor sources.
impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress")
            .field("first_ever", &self.first_ever)
            .field("first_today", &self.first_today)
            .field("first_week", &self.first_week)
            .field("first_month", &self.first_month)
            .field("new_visit", &self.new_visit)
            .field("first_view_of_page", &self.first_view_of_page)
            .field("first_event_of_name", &self.first_event_of_name)
            .field("page_number", &self.page_number)
            .field("seconds_since_previous", &self.seconds_since_previous)
            .field("weeks_since_first", &self.weeks_since_first)
            .field("begun_in_memory", &self.begun_in_memory)
            .finish_non_exhaustive()
    }
}
