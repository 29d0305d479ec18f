//! Adds what is known of an address and of a referrer. The result is still personal information.

mod networks;

use std::sync::Arc;

pub use collector::ip_databases::Network;
use schemas::event::Visit;
use schemas::personal::Personal;
use schemas::source::{self, Origin, SiteHosts};
use schemas::wire::Header;
use url::Url;

pub use networks::Networks;

use crate::open::RawVisit;

/// A visit with country, provider and origin: [`crate::anonymize`] is its one way on.
#[derive(Debug)]
pub struct EnrichedVisit {
    pub(crate) header: Header,
    pub(crate) visit: Personal<Visit>,
    pub(crate) network: Arc<Network>,
    /// Nothing when the page's address is none.
    pub(crate) page: Option<Personal<Url>>,
    /// Nothing without a page.
    pub(crate) origin: Option<Personal<Origin>>,
}

/// Consumes the raw visit.
pub fn enrich(raw: RawVisit, networks: &Networks, hosts: &SiteHosts) -> EnrichedVisit {
    let RawVisit { header, visit } = raw;
    let personal = visit.expose();
    let network = networks.of(personal.ip());
    let referrer = (!personal.referrer.is_empty()).then_some(personal.referrer.as_str());
    let page = Url::parse(&personal.url).ok();
    let classify = |page| Personal::new(source::classify(page, referrer, hosts, personal.marketing));
    let origin = page.as_ref().map(classify);
    EnrichedVisit { header, network, page: page.map(Personal::new), origin, visit }
}
