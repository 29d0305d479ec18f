//! The one door of those who ask what a site does about them: within their limits, for a site that is known.

use schemas::configuration::Site;
use schemas::texts::Language;

use super::{Collector, parameter};
use crate::consent::Signals;
use crate::question::PolicyState;
use crate::refusal::Refusal;
use crate::request::Sender;

/// Who asks about a site.
pub(super) struct Guest<'a> {
    /// The site of `?site=`.
    pub(super) site: &'a Site,
    /// The language to answer in: of `?language=`, else the browser's, else the site's.
    pub(super) language: Language,
    /// What the request says about consent for it.
    pub(super) signals: Signals,
    /// The policy as far as choices depend on it.
    pub(super) policy: PolicyState,
}

impl<'a> Guest<'a> {
    pub(super) fn admit(collector: &'a Collector, sender: &Sender<'_>, query: &str) -> Result<Self, Refusal> {
        collector.limits.check(*sender.client.expose())?;
        let site = collector.site(&parameter(query, "site").ok_or(Refusal::UnknownSite)?)?;
        let asked = parameter(query, "language");
        let language = Language::negotiate(asked.as_deref(), sender.accept_language(), site.language);
        let (signals, policy) = (sender.signals(site), collector.policy_state(sender.now));
        Ok(Self { site, language, signals, policy })
    }
}
