//! From a checked hit and its sender to a record on disk, or to a bare count.

use hyper::Response;
use hyper::header::{HeaderValue, SET_COOKIE};
use jiff::Timestamp;
use schemas::configuration::Site;
use schemas::event::{Kind, Visit};
use schemas::local_time::LocalDay;
use schemas::measure::Hold;
use schemas::outcome::Outcome;
use schemas::visitor;

use super::hit::{HIT, NOT_RECORDED};
use super::visitor::visitor;
use super::{Body, Collector};
use crate::consent::{self, Decision};
use crate::device_hold::DeviceHolds;
use crate::hit::Hit;
use crate::recorder::PermittedVisit;
use crate::refusal::Refusal;
use crate::request::Sender;

/// Whether all hits of a request were recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recorded {
    /// They are on disk.
    All,
    /// For at least one its visitor's consent is lacking, or it is internal.
    NotAll,
}

/// What becomes of a hit.
enum Verdict<'a> {
    /// It is recorded.
    Record(Box<PermittedVisit>),
    /// Its visitor does not permit that, or it is internal: only its bare count is kept.
    Count { site: &'a Site, now: Timestamp, outcome: Outcome },
}

/// What becomes of the hits of one request, and the cookies that its answer sets when they are on disk.
pub(super) struct Decided<'a> {
    verdicts: Vec<Verdict<'a>>,
    cookies: Vec<HeaderValue>,
}

/// Decides on hits of known sites whose page may speak for them. Nothing is kept yet.
pub(super) fn decide_all<'a>(
    collector: &'a Collector,
    sender: &Sender<'_>,
    hits: impl IntoIterator<Item = (&'a Site, Hit)>,
) -> Decided<'a> {
    let keys = collector.keys.visit_keys();
    let mut holds = DeviceHolds::new(sender, &keys);
    let verdicts =
        hits.into_iter().map(|(site, hit)| decide(collector, sender, &mut holds, site, hit)).collect();
    Decided { verdicts, cookies: holds.into_cookies() }
}

fn decide<'a: 'b, 'b>(
    collector: &'a Collector,
    sender: &Sender<'_>,
    holds: &mut DeviceHolds<'b>,
    site: &'a Site,
    hit: Hit,
) -> Verdict<'a> {
    let policy = collector.policy_state(sender.now);
    let decision = consent::decide(site, &sender.signals(site), policy.material);
    let rules = collector.rules.get(&site.name);
    let may_hold = matches!(decision, Decision::Permitted(permit) if permit.hold() == Hold::Device);
    // Where a visitor comes from says nothing of his consent: what is internal is not counted, and that is all.
    let must_expire = !may_hold && decision != Decision::Refused(Outcome::Internal);
    if let Some(rules) = rules.filter(|_| must_expire) {
        holds.expire(rules);
    }
    match decision {
        Decision::Permitted(permit) => {
            let permit = permit.lowered(hit.marketing);
            let mut visit = fill(collector, sender, site, hit, policy.revision);
            visit.marketing = permit.marketing();
            if !visit.marketing && visit.kind() == Kind::Outbound {
                // Where a link leads is marketing's business only.
                visit.name.clear();
            }
            let local_day = LocalDay::of(sender.now, &site.time_zone);
            let mut lane = visitor::lane(&site.name, local_day.epoch_days(), &visit);
            if let Some(rules) = rules.filter(|_| may_hold) {
                lane = holds.take(rules, &mut visit, lane);
            }
            Verdict::Record(Box::new(PermittedVisit::new(permit, &site.name, lane, visit)))
        }
        Decision::Refused(outcome) => Verdict::Count { site, now: sender.now, outcome },
    }
}

/// Returns when the disk has what is to be recorded, or says why it has nothing of it; only then the answer sets cookies. The request's
/// headers should be gone by then: while they are held, their connection needs a second buffer.
pub(super) async fn keep(
    collector: &Collector,
    decided: Decided<'_>,
    response: &mut Response<Body>,
) -> Result<(), Refusal> {
    let Decided { verdicts, cookies } = decided;
    let recorded = record(collector, verdicts).await?;
    let headers = response.headers_mut();
    for cookie in cookies {
        headers.append(SET_COOKIE, cookie);
    }
    if recorded == Recorded::NotAll {
        headers.insert(&HIT, NOT_RECORDED);
    }
    Ok(())
}

/// All or nothing.
async fn record(collector: &Collector, verdicts: Vec<Verdict<'_>>) -> Result<Recorded, Refusal> {
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
    Visit {
        received_ms: u64::try_from(sender.now.as_millisecond()).unwrap_or(0),
        url: absolute(hit.url, site),
        referrer: hit.referrer,
        kind: hit.kind.into(),
        name: hit.name,
        value_thousandths: hit.value_thousandths,
        engaged_ms: hit.engaged_ms,
        scroll_percent: hit.scroll_percent,
        hit_id: hit.id.into_bytes(),
        policy_revision,
        ..visitor(collector, sender)
    }
}

/// Completes a bare path with the site's first host.
fn absolute(url: String, site: &Site) -> String {
    match site.hosts.first() {
        Some(host) if url.starts_with('/') => format!("https://{host}{url}"),
        _ => url,
    }
}
