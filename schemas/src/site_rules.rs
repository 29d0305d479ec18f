//! A site with what is compiled from its settings, and what its rules make of a hit. Collector and processor use the same: the
//! state that a browser holds must fit the one that the processor's memory holds.

use url::Url;

use crate::choice::site_key;
use crate::configuration::Site;
use crate::hit_kind::HitKind;
use crate::page::{MAX_URL_BYTES, Masked, Page, PageRuleError, PageRules};
use crate::source::{self, Channel, SiteHosts};
use crate::visit_state::{HitFacts, Origin};

/// Stands for the page of an address that is none.
pub const NO_PAGE: &str = "(none)";

/// A site and its rules.
#[derive(Debug)]
pub struct SiteRules {
    /// The site.
    pub site: Site,
    /// Its short key in the names of its cookies.
    pub key: String,
    /// What is the site itself.
    pub hosts: SiteHosts,
    /// How its pages are shown.
    pub pages: PageRules,
}

impl SiteRules {
    /// Compiles a site's rules.
    ///
    /// # Errors
    /// When a rule for its pages is wrong.
    pub fn new(site: &Site) -> Result<Self, PageRuleError> {
        let pages = PageRules::new(&site.group_pages, &site.page_parameters)?;
        Ok(Self { hosts: SiteHosts::new(&site.hosts), key: site_key(&site.name), site: site.clone(), pages })
    }

    /// The default rules, for a site that is not configured, or no longer.
    #[must_use]
    pub fn of_unknown(name: &str) -> Self {
        let hosts = SiteHosts::new(&[name]);
        Self { site: Site::with_defaults(name), key: site_key(name), hosts, pages: PageRules::default() }
    }
}

/// What a hit's address and referrer say, scrubbed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HitTexts {
    /// The page, or [`NO_PAGE`].
    pub page: String,
    /// What was masked in it.
    pub masked: Masked,
    /// What brought it.
    pub source: String,
    /// The kind of that.
    pub channel: &'static str,
    /// Its campaign; empty if none or not permitted.
    pub campaign: String,
}

impl HitTexts {
    /// The texts of a hit on `page`, whose address was `bytes` long before it was read; both are nothing when it could not be read.
    #[must_use]
    pub fn new(page: Option<&Url>, bytes: usize, origin: Option<source::Origin>, rules: &PageRules) -> Self {
        let is_page = |url: &&Url| bytes <= MAX_URL_BYTES && matches!(url.scheme(), "http" | "https");
        let shown = |url| Page::from_parsed(url, rules);
        let (page, masked) = page
            .filter(is_page)
            .map(shown)
            .map_or_else(|| (NO_PAGE.to_owned(), Masked::default()), |(page, masked)| (page.into(), masked));
        match origin {
            Some(origin) => Self {
                page,
                masked,
                channel: origin.channel.as_str(),
                campaign: origin.campaign.label(),
                source: origin.source,
            },
            None => Self {
                page,
                masked,
                channel: Channel::Direct.as_str(),
                campaign: String::new(),
                source: source::OTHER.to_owned(),
            },
        }
    }

    /// Those of a hit that moves no visit on, and of which none is asked.
    #[must_use]
    pub fn nothing() -> Self {
        let (page, source, campaign) = (String::new(), String::new(), String::new());
        Self { page, masked: Masked::default(), source, channel: "", campaign }
    }

    /// As [`HitTexts::new`], of a raw address and referrer.
    #[must_use]
    pub fn of(url: &str, referrer: &str, marketing: bool, rules: &SiteRules) -> Self {
        let page = Url::parse(url).ok();
        let referrer = (!referrer.is_empty()).then_some(referrer);
        let classify = |page| source::classify(page, referrer, &rules.hosts, marketing);
        Self::new(page.as_ref(), url.len(), page.as_ref().map(classify), &rules.pages)
    }

    /// Whether the referrer is forged; such a hit is dropped.
    #[must_use]
    pub fn is_spam(&self) -> bool {
        self.channel == Channel::Spam.as_str()
    }

    /// What a visit's state needs to know; `name` is the event's.
    #[must_use]
    pub fn facts<'a>(&'a self, kind: HitKind, name: &'a str) -> HitFacts<'a> {
        let origin = Origin { source: &self.source, channel: self.channel, campaign: &self.campaign };
        HitFacts { kind, page: &self.page, name, origin }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hit_is_scrubbed_and_credited_by_the_rules_of_its_site() {
        let rules = SiteRules::of_unknown("example.com");
        let url = "https://example.com/user/anna@example.com?utm_source=news&utm_medium=email";
        let texts = HitTexts::of(url, "https://www.google.com/", true, &rules);
        assert_eq!(texts.page, "/user/:email");
        assert_eq!((&*texts.source, texts.channel, &*texts.campaign), ("news", "email", "news / email / -"));
        let without = HitTexts::of(url, "https://www.google.com/", false, &rules);
        assert_eq!((&*without.source, without.channel, &*without.campaign), ("google", "search", ""));
        assert_eq!(without.facts(HitKind::View, "").page, "/user/:email");
    }

    #[test]
    fn what_is_no_page_is_named_so() {
        let rules = SiteRules::of_unknown("example.com");
        let long = format!("https://example.com/{}", "a".repeat(MAX_URL_BYTES));
        for url in ["", "nonsense", "mailto:anna@example.com", &long] {
            assert_eq!(HitTexts::of(url, "", true, &rules).page, NO_PAGE);
        }
        assert_eq!(HitTexts::of("", "", true, &rules).source, source::OTHER);
    }
}
