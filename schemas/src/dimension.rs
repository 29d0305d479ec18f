//! By what hits are broken down. The list is closed; names are column names of `open_hits` and `breakdowns`.

use std::{fmt, str::FromStr};

/// One property of a hit by which figures are broken down. All values are anonymous: taken from closed lists or scrubbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// The page the hit is about: path plus allow-listed parameters, scrubbed.
    Page,
    /// The page on which the visit began.
    EntryPage,
    /// The last page viewed in the visit. No column of the row: views add 1 at their `page` and take 1 from `previous_page`.
    ExitPage,
    /// Where the visit came from: a registrable domain, the name of a search engine or network, or `utm_source`.
    Source,
    /// The kind of that source: search, social, AI assistant, e-mail, paid, referral, direct, internal, campaign.
    Channel,
    /// The campaign that brought the visit: `utm_source`, `utm_medium`, `utm_campaign`.
    Campaign,
    /// The country of the address, ISO 3166-1 alpha-2.
    Country,
    /// The organisation that announces the address.
    Isp,
    /// The browser's family.
    Browser,
    /// The operating system's family.
    Os,
    /// The kind of device: desktop, mobile, tablet, other.
    Device,
    /// The browser's primary language, without region.
    Language,
    /// The name the site gave to what happened, or the file that was fetched.
    Event,
    /// The registrable domain a link led to.
    Outbound,
}

impl Dimension {
    /// All dimensions.
    pub const ALL: [Self; 14] = [
        Self::Page,
        Self::EntryPage,
        Self::ExitPage,
        Self::Source,
        Self::Channel,
        Self::Campaign,
        Self::Country,
        Self::Isp,
        Self::Browser,
        Self::Os,
        Self::Device,
        Self::Language,
        Self::Event,
        Self::Outbound,
    ];

    /// The dimension's name in reports and columns.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::EntryPage => "entry_page",
            Self::ExitPage => "exit_page",
            Self::Source => "source",
            Self::Channel => "channel",
            Self::Campaign => "campaign",
            Self::Country => "country",
            Self::Isp => "isp",
            Self::Browser => "browser",
            Self::Os => "os",
            Self::Device => "device",
            Self::Language => "language",
            Self::Event => "event",
            Self::Outbound => "outbound",
        }
    }

    /// The measure that counts the persons behind a cell of this dimension, on which disclosure control decides.
    #[must_use]
    pub fn persons(self) -> &'static str {
        match self {
            Self::Page => "page_visitors",
            Self::Event | Self::Outbound => "event_visitors",
            _ => "visitors",
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no dimension.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "unknown dimension: use page, entry_page, exit_page, source, channel, campaign, country, isp, browser, os, device, \
     language, event or outbound"
)]
pub struct UnknownDimension;

impl FromStr for Dimension {
    type Err = UnknownDimension;

    fn from_str(text: &str) -> Result<Self, UnknownDimension> {
        Self::ALL.into_iter().find(|dimension| dimension.as_str() == text).ok_or(UnknownDimension)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dimension_is_read_back_and_named_in_the_error() {
        for dimension in Dimension::ALL {
            assert_eq!(dimension.as_str().parse(), Ok(dimension));
            assert!(UnknownDimension.to_string().contains(dimension.as_str()));
        }
        assert_eq!("Page".parse::<Dimension>(), Err(UnknownDimension));
        assert_eq!("hour".parse::<Dimension>(), Err(UnknownDimension));
    }

    #[test]
    fn persons_are_counted_where_a_person_can_count_once() {
        assert_eq!(Dimension::Page.persons(), "page_visitors");
        assert_eq!(Dimension::Event.persons(), "event_visitors");
        assert_eq!(Dimension::Outbound.persons(), "event_visitors");
        assert_eq!(Dimension::EntryPage.persons(), "visitors");
    }
}
