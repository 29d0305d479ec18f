//! What brought a visit: its source, channel and campaign, from the referrer and the page's own address.
//! A raw referrer and a click id are personal; what leaves here is a registrable domain or a name from the lists in this folder,
//! a campaign's words, and the bare fact that a click was paid for.

mod campaign;
mod channel;
mod domain;
mod known;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use url::{Host, Url};

pub use campaign::Campaign;
use campaign::Tags;
pub use channel::Channel;
pub use domain::registrable_domain;
use known::{Known, known_app, known_host, known_name, spam_domain};

/// A visit without referrer or campaign.
pub const DIRECT: &str = "(direct)";
/// A hit that came from the site itself.
pub const INTERNAL: &str = "(internal)";
/// A source that has no public name: an address, an intranet, an app, a campaign word that is not plain.
pub const OTHER: &str = "(other)";

/// Longest referrer that is looked at, in bytes.
const MAX_REFERRER_BYTES: usize = 8 * 1024;

/// What brought a visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// A name from the lists (`google`), a registrable domain (`example.org`), a campaign's source, [`DIRECT`], [`INTERNAL`] or
    /// [`OTHER`].
    pub source: String,
    /// The kind of the source.
    pub channel: Channel,
    /// The words of a tagged link; empty without one.
    pub campaign: Campaign,
    /// An advertiser's click id was there. The id itself is not kept.
    pub paid_click: bool,
}

/// The hosts that are the site itself, and the forged referrers its owner has seen.
#[derive(Clone, Debug, Default)]
pub struct SiteHosts {
    hosts: HashSet<String>,
    spam: HashSet<String>,
}

impl SiteHosts {
    /// The site's own hosts: `example.com` (with `www.`), or `*.example.com` for all below it.
    #[must_use]
    pub fn new(hosts: &[impl AsRef<str>]) -> Self {
        Self { hosts: hosts.iter().map(|host| bare(host.as_ref())).collect(), spam: HashSet::new() }
    }

    /// Adds registrable domains to the list of referrer spam, for this site alone.
    #[must_use]
    pub fn with_spam(mut self, domains: &[impl AsRef<str>]) -> Self {
        self.spam.extend(domains.iter().map(|domain| bare(domain.as_ref())));
        self
    }

    fn contains(&self, host: &str) -> bool {
        let host = bare(host);
        let parents = host.match_indices('.').filter_map(|(dot, _)| host.get(dot..));
        self.hosts.contains(&host)
            || parents.into_iter().any(|parent| self.hosts.contains(&format!("*{parent}")))
    }
}

fn bare(host: &str) -> String {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host.strip_prefix("www.").map_or_else(|| host.clone(), str::to_owned)
}

/// Finds out what brought a hit to `page`.
///
/// A campaign's tags go before the referrer. Without `marketing` (the visitor did not permit it) neither tags nor click ids are
/// read: source and channel come from the referrer alone.
#[must_use]
pub fn classify(page: &Url, referrer: Option<&str>, hosts: &SiteHosts, marketing: bool) -> Origin {
    let by_referrer = by_referrer(page, referrer.unwrap_or_default(), hosts);
    if !marketing || by_referrer.channel == Channel::Spam {
        return by_referrer;
    }
    by_tags(by_referrer, Tags::read(page))
}

fn by_referrer(page: &Url, referrer: &str, hosts: &SiteHosts) -> Origin {
    // Servers log a missing referrer as "-"; browsers and apps send about: pages.
    let referrer = referrer.trim();
    if matches!(referrer, "" | "-" | "null") || referrer.starts_with("about:") {
        return Origin::new(DIRECT, Channel::Direct);
    }
    let url =
        Some(referrer).filter(|url| url.len() <= MAX_REFERRER_BYTES).and_then(|url| Url::parse(url).ok());
    let Some(url) = url else { return Origin::new(OTHER, Channel::Referral) };
    match (url.scheme(), url.host()) {
        ("http" | "https", Some(host)) => by_host(page, host, hosts),
        ("android-app", _) => {
            known_app(url.host_str().unwrap_or_default()).map_or_else(Origin::other, Origin::known)
        }
        _ => Origin::other(),
    }
}

fn by_host(page: &Url, host: Host<&str>, hosts: &SiteHosts) -> Origin {
    let text = host.to_string();
    if hosts.contains(&text) || page.host_str().is_some_and(|own| bare(own) == bare(&text)) {
        return Origin::new(INTERNAL, Channel::Internal);
    }
    let Host::Domain(domain) = host else { return Origin::other() };
    let domain = domain.trim_end_matches('.');
    if let Some(known) = known_host(domain) {
        return Origin::known(known);
    }
    let Some(registrable) = registrable_domain(domain) else { return Origin::other() };
    if hosts.spam.contains(registrable) || spam_domain(domain) {
        return Origin::new(registrable, Channel::Spam);
    }
    Origin::new(registrable, Channel::Referral)
}

/// What a tagged or paid link says goes before the referrer.
fn by_tags(referrer: Origin, tags: Tags) -> Origin {
    let (source, channel) = tagged_source(referrer, &tags);
    let channel = if tags.paid.is_some() {
        Channel::Paid
    } else {
        Channel::of_medium(tags.campaign.medium(), channel).unwrap_or(channel)
    };
    Origin { source, channel, campaign: tags.campaign, paid_click: tags.paid.is_some() }
}

/// The source that the link names, otherwise the referrer, otherwise the advertiser whose click id is there.
fn tagged_source(referrer: Origin, tags: &Tags) -> (String, Channel) {
    let named = tags.campaign.source();
    let known = if named.is_empty() { tags.hint } else { known_source(named) };
    match (known, tags.paid, referrer.channel) {
        (Some(known), _, _) => (known.name.to_owned(), known.channel),
        _ if !named.is_empty() => (named.to_owned(), Channel::Campaign),
        (None, Some(advertiser), Channel::Direct | Channel::Internal) => {
            (advertiser.to_owned(), Channel::Paid)
        }
        (None, None, Channel::Direct) if !tags.campaign.is_empty() => (referrer.source, Channel::Campaign),
        (None, _, channel) => (referrer.source, channel),
    }
}

/// A campaign's source as one of the lists' names, whether the link says `fb`, `Facebook` or `facebook.com`.
fn known_source(source: &str) -> Option<Known> {
    known_name(source).or_else(|| known_host(source))
}

impl Origin {
    fn new(source: &str, channel: Channel) -> Self {
        Self { source: source.to_owned(), channel, campaign: Campaign::default(), paid_click: false }
    }

    fn known(known: Known) -> Self {
        Self::new(known.name, known.channel)
    }

    fn other() -> Self {
        Self::new(OTHER, Channel::Referral)
    }
}
