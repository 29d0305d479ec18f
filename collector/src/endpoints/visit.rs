//! From a checked hit and its sender to a record on disk, or to a bare count.

use jiff::Timestamp;
use schemas::configuration::Site;
use schemas::event::Visit;
use schemas::language::primary_language;
use schemas::local_time::LocalDay;
use schemas::outcome::Outcome;

use super::Collector;
use crate::consent::{self, Decision};
use crate::hit::Hit;
use crate::recorder::PermittedVisit;
use crate::refusal::Refusal;
use crate::request::Sender;

/// Whether all hits of a request were recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recorded {
    /// They are on disk.
    All,
    /// For at least one its visitor's consent is lacking.
    NotAll,
}

/// What becomes of a hit.
pub(super) enum Verdict<'a> {
    /// It is recorded.
    Record(Box<PermittedVisit>),
    /// Its visitor does not permit that: only its bare count is kept.
    Count { site: &'a Site, now: Timestamp, outcome: Outcome },
}

/// Decides on one hit of a known site whose page may speak for it. Nothing is kept yet.
pub(super) fn decide<'a>(
    collector: &Collector,
    sender: &Sender<'_>,
    site: &'a Site,
    hit: Hit,
) -> Verdict<'a> {
    let policy = collector.policy_state(sender.now);
    match consent::decide(site, &sender.signals(site), policy.material) {
        Decision::Permitted(permit) => {
            let local_day = LocalDay::of(sender.now, &site.time_zone);
            let permit = permit.lowered(hit.marketing);
            let visit = fill(collector, sender, site, hit, policy.revision);
            Verdict::Record(Box::new(PermittedVisit::new(permit, &site.name, local_day, visit)))
        }
        Decision::Refused(outcome) => Verdict::Count { site, now: sender.now, outcome },
    }
}

/// Returns when the disk has what is to be recorded; all or nothing. The request's headers should be gone by then: while
/// they are held, their connection needs a second buffer.
pub(super) async fn keep(collector: &Collector, verdicts: Vec<Verdict<'_>>) -> Result<Recorded, Refusal> {
    let (mut visits, mut counts) = (Vec::with_capacity(verdicts.len()), Vec::new());
    for verdict in verdicts {
        match verdict {
            Verdict::Record(visit) => visits.push(*visit),
            Verdict::Count { site, now, outcome } => counts.push((site, now, outcome)),
        }
    }
    let recorded = visits.len() as u64;
    collector.recorder.visits(visits).await?;
    collector.telemetry.recorded(recorded);
    for (site, now, outcome) in &counts {
        collector.count(site, *now, *outcome);
    }
    Ok(if counts.is_empty() { Recorded::All } else { Recorded::NotAll })
}

fn fill(collector: &Collector, sender: &Sender<'_>, site: &Site, hit: Hit, policy_revision: u32) -> Visit {
    let browser = collector.browsers.recognise(sender.user_agent(), &sender.client_hints());
    Visit {
        received_ms: u64::try_from(sender.now.as_millisecond()).unwrap_or(0),
        address: Visit::address_bytes(*sender.client.expose()),
        url: absolute(hit.url, site),
        referrer: hit.referrer,
        kind: hit.kind.into(),
        name: hit.name,
        value_thousandths: hit.value_thousandths,
        engaged_ms: hit.engaged_ms,
        scroll_percent: hit.scroll_percent,
        browser: browser.name.to_owned(),
        browser_version: browser.version.map_or(0, u32::from),
        os: browser.os.to_owned(),
        device: browser.device.as_str().to_owned(),
        language: primary_language(sender.accept_language()).to_owned(),
        bot: browser.bot.unwrap_or_default().to_owned(),
        hit_id: hit.id.into_bytes(),
        policy_revision,
        marketing: false,
        drop_reason: String::new(),
    }
}

/// Completes a bare path with the site's first host.
fn absolute(url: String, site: &Site) -> String {
    match site.hosts.first() {
        Some(host) if url.starts_with('/') => format!("https://{host}{url}"),
        _ => url,
    }
}
