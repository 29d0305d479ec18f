//! What a visit state needs to know of a hit, and what a visit keeps of the hit that began it.

use std::fmt;

use crate::hit_kind::HitKind;
use crate::source::{Channel, DIRECT};

/// The most bytes of a page that a state keeps; longer ones are cut, here as in the other limits.
pub const PAGE_BYTES_MAX: usize = 160;

/// The most bytes of a source that a state keeps.
pub const SOURCE_BYTES_MAX: usize = 64;

/// The most bytes of a channel that a state keeps.
pub const CHANNEL_BYTES_MAX: usize = 24;

/// The most bytes of a campaign that a state keeps.
pub const CAMPAIGN_BYTES_MAX: usize = 120;

/// The facts of a hit that matter to its visit. All texts are scrubbed already.
#[derive(Clone, Copy)]
pub struct HitFacts<'a> {
    /// What kind of hit it is.
    pub kind: HitKind,
    /// The page it is about.
    pub page: &'a str,
    /// What the site calls the event; empty for other kinds.
    pub name: &'a str,
    /// Where it came from.
    pub origin: Origin<'a>,
}

/// Where a hit came from.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    /// Registrable domain, name of a search engine or network, or `utm_source`; empty if direct.
    pub source: &'a str,
    /// The kind of source.
    pub channel: &'a str,
    /// Source, medium and campaign of the link; empty if none or not permitted.
    pub campaign: &'a str,
}

/// How a visit began. Frozen for as long as it lasts, so that what happens later is credited to it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The source of the hit that began the visit.
    pub source: Box<str>,
    /// Its channel.
    pub channel: Box<str>,
    /// Its campaign.
    pub campaign: Box<str>,
    /// Its page.
    pub page: Box<str>,
}

impl Entry {
    /// A link that was paid for without naming a campaign shows in its channel alone.
    pub(super) fn without_campaign(self) -> Self {
        if self.campaign.is_empty() && &*self.channel != Channel::Paid.as_str() {
            return self;
        }
        let (source, channel) = (DIRECT.into(), Channel::Direct.as_str().into());
        Self { source, channel, campaign: "".into(), page: self.page }
    }

    pub(super) fn of(hit: &HitFacts<'_>) -> Self {
        Self {
            source: limited(hit.origin.source, SOURCE_BYTES_MAX).into(),
            channel: limited(hit.origin.channel, CHANNEL_BYTES_MAX).into(),
            campaign: limited(hit.origin.campaign, CAMPAIGN_BYTES_MAX).into(),
            page: limited(hit.page, PAGE_BYTES_MAX).into(),
        }
    }
}

/// The longest beginning of `text` that has at most `bytes_max` bytes.
pub(super) fn limited(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

impl fmt::Debug for HitFacts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HitFacts({}, [personal])", self.kind)
    }
}

impl fmt::Debug for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Origin([personal])")
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entry([personal])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(limited("/pages", 10), "/pages");
        assert_eq!(limited("/pages", 3), "/pa");
        assert_eq!(limited("aéé", 2), "a");
        assert_eq!(limited("aéé", 3), "aé");
        assert_eq!(limited("🦀", 3), "");
    }
}
