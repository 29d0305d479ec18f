//! What is counted of a hit: the measures, columns of `open_hits` that are only ever added up.

use crate::{hit_kind::HitKind, visit_state::Progress};

/// The most a single leave adds to `engaged_ms`: as long as a visit lasts without a hit. What browsers claim beyond is ignored.
pub const ENGAGED_MS_MAX: u32 = 30 * 60 * 1000;

/// The largest value of an event, either way, in units of its currency.
pub const EVENT_VALUE_MAX: f64 = 1e9;

/// Who keeps the visit state between hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// The visitor's browser, for up to 13 months.
    Device,
    /// The processor's memory, for a local day; it cannot know what happened before.
    Memory,
}

/// What one row adds to each measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// Pages shown.
    pub views: u8,
    /// Visits begun.
    pub visits: u8,
    /// Visitors on their first hit of the local day.
    pub visitors: u8,
    /// Visitors on their first visit ever; device-held only.
    pub new_visitors: u8,
    /// Visitors on their first hit of the local week; device-held only.
    pub weekly_first: u8,
    /// Visitors on their first hit of the local month; device-held only.
    pub monthly_first: u8,
    /// +1 on the first page of a visit, -1 on the second: a visit adds up to 1 if it has exactly one view, else to 0.
    pub bounces: i8,
    /// Seconds since the previous hit of the visit.
    pub visit_seconds: u32,
    /// Milliseconds for which a page was in use, as told when it was left.
    pub engaged_ms: u32,
    /// Visitors on their first view of this page on this local day.
    pub page_visitors: u8,
    /// Events, outbound clicks and downloads.
    pub events: u8,
    /// The value of an event, in thousandths of its currency's unit: exact sums, and room for currencies of three decimals.
    pub event_value: i64,
    /// Visitors on their first event of this name on this local day.
    pub event_visitors: u8,
    /// What a row of bare counts stands for (refusals, bots, drops); 0 for a counted hit.
    pub count: u32,
}

impl Progress {
    /// What a hit of `kind` with this progress adds to each measure. `engaged_ms` matters to leaves, `event_value` (see
    /// [`event_value`]) to events.
    #[must_use]
    pub fn measures(&self, kind: HitKind, engaged_ms: u32, event_value: i64, hold: Hold) -> Measures {
        let on_device = hold == Hold::Device;
        let happened = matches!(kind, HitKind::Event | HitKind::Outbound | HitKind::Download);
        Measures {
            views: u8::from(kind == HitKind::View),
            visits: u8::from(self.new_visit),
            visitors: u8::from(self.first_today),
            new_visitors: u8::from(self.first_ever && on_device),
            weekly_first: u8::from(self.first_week && on_device),
            monthly_first: u8::from(self.first_month && on_device),
            bounces: bounces(self.page_number),
            visit_seconds: u32::from(self.seconds_since_previous),
            engaged_ms: if kind == HitKind::Leave { engaged_ms.min(ENGAGED_MS_MAX) } else { 0 },
            page_visitors: u8::from(self.first_view_of_page),
            events: u8::from(happened),
            event_value: if kind == HitKind::Event { event_value } else { 0 },
            event_visitors: u8::from(happened && self.first_event_of_name),
            count: 0,
        }
    }
}

fn bounces(page_number: u8) -> i8 {
    match page_number {
        1 => 1,
        2 => -1,
        _ => 0,
    }
}

impl Measures {
    /// A row of `count` things that are not visits.
    #[must_use]
    pub fn bare(count: u32) -> Self {
        Self { count, ..Self::default() }
    }

    /// What remains of a hit whose visit can no longer be known (late and memory-held): views and events.
    #[must_use]
    pub fn without_visit(self) -> Self {
        Self { views: self.views, events: self.events, event_value: self.event_value, ..Self::default() }
    }

    /// Each measure under its column's name, in the order of the columns.
    #[must_use]
    pub fn named(&self) -> [(&'static str, i64); 14] {
        [
            ("views", self.views.into()),
            ("visits", self.visits.into()),
            ("visitors", self.visitors.into()),
            ("new_visitors", self.new_visitors.into()),
            ("weekly_first", self.weekly_first.into()),
            ("monthly_first", self.monthly_first.into()),
            ("bounces", self.bounces.into()),
            ("visit_seconds", self.visit_seconds.into()),
            ("engaged_ms", self.engaged_ms.into()),
            ("page_visitors", self.page_visitors.into()),
            ("events", self.events.into()),
            ("event_value", self.event_value),
            ("event_visitors", self.event_visitors.into()),
            ("count", self.count.into()),
        ]
    }
}

/// The value of an event in thousandths, rounded; `None` if it is no number or beyond [`EVENT_VALUE_MAX`].
#[must_use]
pub fn event_value(units: f64) -> Option<i64> {
    // In this range every thousandth is far from the limits of both types.
    (units.abs() <= EVENT_VALUE_MAX).then(|| (units * 1000.0).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything_first() -> Progress {
        Progress {
            first_ever: true,
            first_today: true,
            first_week: true,
            first_month: true,
            new_visit: true,
            first_view_of_page: true,
            page_number: 1,
            seconds_since_previous: 7,
            ..Progress::uncounted(Default::default())
        }
    }

    #[test]
    fn what_reaches_beyond_a_day_counts_only_when_the_device_holds_it() {
        let device = everything_first().measures(HitKind::View, 0, 0, Hold::Device);
        assert_eq!((device.new_visitors, device.weekly_first, device.monthly_first), (1, 1, 1));
        let memory = everything_first().measures(HitKind::View, 0, 0, Hold::Memory);
        assert_eq!(memory, Measures { new_visitors: 0, weekly_first: 0, monthly_first: 0, ..device });
    }

    #[test]
    fn bounces_are_given_on_page_one_and_taken_back_on_page_two() {
        let at = |page_number| Progress { page_number, ..everything_first() };
        let bounces =
            [0, 1, 2, 3].map(|number| at(number).measures(HitKind::View, 0, 0, Hold::Device).bounces);
        assert_eq!(bounces, [0, 1, -1, 0]);
    }

    #[test]
    fn each_kind_counts_only_what_is_its_own() {
        let progress = Progress { first_event_of_name: true, ..Progress::uncounted(Default::default()) };
        let of = |kind| progress.measures(kind, 9_000, 12_340, Hold::Device);
        assert_eq!(of(HitKind::View), Measures { views: 1, ..Measures::default() });
        assert_eq!(of(HitKind::Leave), Measures { engaged_ms: 9_000, ..Measures::default() });
        let happened = Measures { events: 1, event_visitors: 1, ..Measures::default() };
        assert_eq!(of(HitKind::Event), Measures { event_value: 12_340, ..happened });
        assert_eq!(of(HitKind::Outbound), happened);
        assert_eq!(of(HitKind::Download), happened);
    }

    #[test]
    fn a_browser_cannot_claim_endless_engagement() {
        let claimed = everything_first().measures(HitKind::Leave, u32::MAX, 0, Hold::Device);
        assert_eq!(claimed.engaged_ms, ENGAGED_MS_MAX);
    }

    #[test]
    fn values_are_exact_thousandths_or_nothing() {
        assert_eq!(event_value(19.99), Some(19_990));
        assert_eq!(event_value(-0.0005), Some(-1));
        assert_eq!(event_value(1e9), Some(1_000_000_000_000));
        for units in [1.1e9, -1.1e9, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(event_value(units), None);
        }
    }

    #[test]
    fn a_late_hit_keeps_only_what_needs_no_visit() {
        let view = everything_first().measures(HitKind::View, 0, 0, Hold::Memory);
        assert_eq!(view.without_visit(), Measures { views: 1, ..Measures::default() });
        let event = everything_first().measures(HitKind::Event, 0, 500, Hold::Memory);
        assert_eq!(event.without_visit(), Measures { events: 1, event_value: 500, ..Measures::default() });
    }

    #[test]
    fn every_measure_has_its_name() {
        let measures =
            Measures { count: 3, ..everything_first().measures(HitKind::View, 0, 0, Hold::Device) };
        let named = measures.named();
        assert!(
            named.contains(&("count", 3))
                && named.contains(&("bounces", 1))
                && named.contains(&("visit_seconds", 7))
        );
    }
}
