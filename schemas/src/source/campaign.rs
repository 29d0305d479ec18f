//! The tags of a link: `utm_source`, `utm_medium`, `utm_campaign`, and advertisers' click ids as a bare fact.

use std::borrow::Cow;

use url::Url;

use super::{
    OTHER,
    known::{Known, known_host, known_name},
};
use crate::page::personal;

/// Longest word of a campaign in bytes.
const MAX_WORD_BYTES: usize = 40;
/// Most query parameters that are looked at.
const MAX_PARAMETERS: usize = 100;

/// Click ids that advertisers add to paid clicks, and whose they are.
///
/// `fbclid`, `igshid`, `srsltid` and `epik` are not among them: their networks add them to unpaid links as well.
pub(super) const CLICK_IDS: [(&str, &str); 13] = [
    ("gclid", "google"),
    ("gbraid", "google"),
    ("wbraid", "google"),
    ("dclid", "google"),
    ("msclkid", "bing"),
    ("ttclid", "tiktok"),
    ("li_fat_id", "linkedin"),
    ("yclid", "yandex"),
    ("twclid", "x"),
    ("rdt_cid", "reddit"),
    ("sccid", "snapchat"),
    ("qclid", "quora"),
    ("obclid", "outbrain"),
];

/// The words of a tagged link: each lower-case and plain, [`OTHER`] when it was not, empty when it was not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Campaign {
    source: String,
    medium: String,
    name: String,
}

impl Campaign {
    /// A campaign from its three words, which are made plain as those of a link are.
    #[must_use]
    pub fn new(source: &str, medium: &str, name: &str) -> Self {
        Self { source: word(source), medium: word(medium), name: word(name) }
    }

    /// `utm_source`
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// `utm_medium`
    #[must_use]
    pub fn medium(&self) -> &str {
        &self.medium
    }

    /// `utm_campaign`
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the link had none of the three.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.source.is_empty() && self.medium.is_empty() && self.name.is_empty()
    }

    /// All three as one value: `newsletter / email / spring`, `-` for a missing one; empty without a campaign.
    #[must_use]
    pub fn label(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        let shown = |word: &'_ String| if word.is_empty() { "-".to_owned() } else { word.clone() };
        [&self.source, &self.medium, &self.name].map(shown).join(" / ")
    }
}

/// What a page's address says of the link that led to it.
#[derive(Debug, Default)]
pub(super) struct Tags {
    pub(super) campaign: Campaign,
    /// Whose click id was there.
    pub(super) paid: Option<&'static str>,
    /// A source of the lists that `ref` or `source` names. Other words there mean something else to the site.
    pub(super) hint: Option<Known>,
}

impl Tags {
    pub(super) fn read(page: &Url) -> Self {
        let mut tags = Self::default();
        for (name, value) in page.query_pairs().take(MAX_PARAMETERS) {
            tags.add(&name.to_ascii_lowercase(), value);
        }
        tags
    }

    fn add(&mut self, name: &str, value: Cow<'_, str>) {
        let first = |slot: &mut String| {
            if slot.is_empty() {
                *slot = word(&value);
            }
        };
        match name {
            "utm_source" => first(&mut self.campaign.source),
            "utm_medium" => first(&mut self.campaign.medium),
            "utm_campaign" => first(&mut self.campaign.name),
            "ref" | "source" => {
                let word = word(&value);
                self.hint = self.hint.or_else(|| known_name(&word)).or_else(|| known_host(&word));
            }
            _ if !value.is_empty() => {
                let advertiser =
                    || CLICK_IDS.iter().find(|(id, _)| *id == name).map(|&(_, advertiser)| advertiser);
                self.paid = self.paid.or_else(advertiser);
            }
            _ => {}
        }
    }
}

/// A word as it is counted: lower-case, spaces as `-`, `^[a-z0-9][a-z0-9_.+-]{0,39}$` and nothing personal; otherwise [`OTHER`].
fn word(value: &str) -> String {
    let value = value.trim();
    if value.is_empty() {
        return String::new();
    }
    let word = value.get(..=MAX_WORD_BYTES).map_or(value, |_| "").to_ascii_lowercase().replace(' ', "-");
    let is_plain = word.starts_with(|char: char| char.is_ascii_lowercase() || char.is_ascii_digit())
        && word.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.' | b'+' | b'-')
        });
    // A name such as `anna.schmidt` cannot be told from a newsletter's; the fewest persons of a shown cell protect it.
    if is_plain && personal(value).is_none() && personal(&word).is_none() { word } else { OTHER.to_owned() }
}
