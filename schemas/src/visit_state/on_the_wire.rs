//! Progress as a record carries it. What comes out of a record is authentic, but may be of a collector of another version: it is
//! held within the same limits as if it had been made here.

use super::{
    CAMPAIGN_BYTES_MAX, CHANNEL_BYTES_MAX, Entry, LATER_PAGE, PAGE_BYTES_MAX, Progress, SOURCE_BYTES_MAX,
    VISIT_GAP_S, hit_facts::limited,
};
use crate::event;

impl Progress {
    /// The form that a record carries.
    #[must_use]
    pub fn to_wire(&self) -> event::Progress {
        let Entry { source, channel, campaign, page } = &*self.entry;
        event::Progress {
            first_ever: self.first_ever,
            first_today: self.first_today,
            first_week: self.first_week,
            first_month: self.first_month,
            new_visit: self.new_visit,
            first_view_of_page: self.first_view_of_page,
            first_event_of_name: self.first_event_of_name,
            page_number: self.page_number.into(),
            seconds_since_previous: self.seconds_since_previous.into(),
            entry_source: source.to_string(),
            entry_channel: channel.to_string(),
            entry_campaign: campaign.to_string(),
            entry_page: page.to_string(),
            previous_page: self.previous_page.as_deref().map(str::to_owned),
            weeks_since_first: self.weeks_since_first.into(),
            begun_in_memory: self.begun_in_memory,
        }
    }

    /// What a record carries; longer texts are cut and larger numbers held back.
    #[must_use]
    pub fn from_wire(wire: &event::Progress) -> Self {
        let seconds_max = VISIT_GAP_S - 1;
        let entry = Entry {
            source: limited(&wire.entry_source, SOURCE_BYTES_MAX).into(),
            channel: limited(&wire.entry_channel, CHANNEL_BYTES_MAX).into(),
            campaign: limited(&wire.entry_campaign, CAMPAIGN_BYTES_MAX).into(),
            page: limited(&wire.entry_page, PAGE_BYTES_MAX).into(),
        };
        Self {
            first_ever: wire.first_ever,
            first_today: wire.first_today,
            first_week: wire.first_week,
            first_month: wire.first_month,
            new_visit: wire.new_visit,
            first_view_of_page: wire.first_view_of_page,
            first_event_of_name: wire.first_event_of_name,
            page_number: u8::try_from(wire.page_number).unwrap_or(LATER_PAGE).min(LATER_PAGE),
            seconds_since_previous: u16::try_from(wire.seconds_since_previous.min(seconds_max))
                .unwrap_or_default(),
            entry: entry.into(),
            previous_page: wire.previous_page.as_deref().map(|page| limited(page, PAGE_BYTES_MAX).into()),
            weeks_since_first: u8::try_from(wire.weeks_since_first).unwrap_or(u8::MAX),
            begun_in_memory: wire.begun_in_memory,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn full() -> Progress {
        let entry = Entry {
            source: "example.org".into(),
            channel: "referral".into(),
            campaign: "news / email / spring".into(),
            page: "/landing".into(),
        };
        Progress {
            first_ever: true,
            first_today: true,
            first_week: true,
            first_month: true,
            new_visit: true,
            first_view_of_page: true,
            first_event_of_name: true,
            page_number: LATER_PAGE,
            seconds_since_previous: 1_799,
            previous_page: Some("/before".into()),
            weeks_since_first: 55,
            begun_in_memory: true,
            ..Progress::uncounted(entry.into())
        }
    }

    #[test]
    fn progress_survives_the_wire() {
        let uncounted = Progress::uncounted(full().entry);
        for progress in [full(), uncounted] {
            assert_eq!(Progress::from_wire(&progress.to_wire()), progress);
        }
    }

    #[test]
    fn what_another_version_wrote_is_held_within_the_limits() {
        let long = "ü".repeat(1_000);
        let wire = event::Progress {
            page_number: 200,
            seconds_since_previous: u32::MAX,
            weeks_since_first: 1_000,
            entry_page: long.clone(),
            previous_page: Some(long),
            ..full().to_wire()
        };
        let held = Progress::from_wire(&wire);
        assert_eq!(
            (held.page_number, held.seconds_since_previous, held.weeks_since_first),
            (LATER_PAGE, 1_799, 255)
        );
        assert_eq!((held.entry.page.len(), held.previous_page.map(|page| page.len())), (160, Some(160)));
    }

    proptest! {
        #[test]
        fn any_texts_are_read_back_or_cut(texts in proptest::collection::vec(".{0,30}", 5), flags in any::<[bool; 8]>()) {
            let [first_ever, first_today, first_week, first_month, new_visit, first_view_of_page, viewed, begun_in_memory] = flags;
            let entry = Entry { source: (&*texts[0]).into(), channel: (&*texts[1]).into(), campaign: (&*texts[2]).into(), page: (&*texts[3]).into() };
            let progress = Progress {
                first_ever, first_today, first_week, first_month, new_visit, first_view_of_page, begun_in_memory,
                previous_page: viewed.then(|| (&*texts[4]).into()),
                ..Progress::uncounted(entry.into())
            };
            let read = Progress::from_wire(&progress.to_wire());
            prop_assert_eq!(read.entry.page.clone(), progress.entry.page.clone());
            prop_assert_eq!(&read.to_wire(), &Progress::from_wire(&read.to_wire()).to_wire());
            prop_assert_eq!((read.first_ever, read.previous_page), (first_ever, progress.previous_page));
        }
    }
}
