//! `POST /erase`: a visitor's button. He is forgotten, and nothing is recorded of him until he chooses otherwise.
//!
//! The refusal holds whatever becomes of the order: a journal that is full, or a network that has sent too many orders, is told, but
//! must not stand between a visitor and his refusal.

use std::time::Duration;

use hyper::Response;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LANGUAGE, HeaderValue, SET_COOKIE};
use schemas::choice::week_of;
use schemas::configuration::Site;
use schemas::outcome::Outcome;
use schemas::texts::Language;
use tokio::time::timeout;

use super::return_address::{header, own_page, privacy_page, see_other};
use super::visitor::visitor;
use super::{Body, Collector, no_content, submitted, text};
use crate::choice_cookie::Place;
use crate::consent::{Decision, decide};
use crate::orders::OrderId;
use crate::refusal::Refusal;
use crate::request::Sender;
use crate::submission::{Submission, outcome};
use crate::texts::{self, fill};
use crate::visit_cookie;

/// How long a visitor waits for his order. The refusal must be answered even if the disk stands still.
const ORDER_WAIT: Duration = Duration::from_secs(2);

pub(super) async fn post(
    collector: &Collector,
    sender: &Sender<'_>,
    body: Incoming,
) -> Result<Response<Body>, Refusal> {
    let (submission, site) = submitted::admit(collector, sender, body).await?;
    let refusal = submission.refusal(collector.policy_revision(sender.now), week_of(sender.now));
    let (mut response, outcome) = match (forget(collector, sender, site).await, submission.place) {
        (Ok(_), Place::Form) => (see_other(&confirmation(collector, site, &submission))?, Outcome::Erased),
        (Ok(_), Place::Script) => (no_content(), Outcome::Erased),
        (Err(reason), _) => {
            collector.telemetry.refused(&reason);
            (not_yet(sender, site, &submission, &reason), outcome(&refusal, sender.signals(site).choice))
        }
    };
    submitted::keep(&refusal, &mut response, (sender, site, submission.place))?;
    expire(&mut response, (collector, sender), site)?;
    collector.count(site, sender.now, outcome);
    Ok(response)
}

/// What follows from a refusal that was just sent to `POST /consent`: the cookie of the visit goes, and of somebody who had accepted,
/// or was recorded without that as the site's mode permits, nothing is held in memory either.
pub(super) async fn after_refusal(
    collector: &Collector,
    sender: &Sender<'_>,
    site: &Site,
    outcome: Outcome,
    response: &mut Response<Body>,
) -> Result<(), Refusal> {
    let had_accepted = outcome == Outcome::Withdrew;
    let holds_visit =
        collector.rules.get(&site.name).is_some_and(|rules| visit_cookie::is_there(rules, sender));
    if had_accepted || holds_visit {
        expire(response, (collector, sender), site)?;
    }
    if !had_accepted && !was_recorded(collector, sender, site) {
        return Ok(());
    }
    if let Err(refusal) = forget(collector, sender, site).await {
        collector.telemetry.withdrawals_not_forgotten.inc();
        tracing::warn!(%refusal, site = site.name, "a refusal holds, but what is in memory stays until its day is over");
    }
    Ok(())
}

/// Whether a hit that came with the signals of this request, so before the choice that it brings, would have been recorded.
fn was_recorded(collector: &Collector, sender: &Sender<'_>, site: &Site) -> bool {
    let policy = collector.policy_state(sender.now);
    matches!(decide(site, &sender.signals(site), policy.material), Decision::Permitted(_))
}

/// Orders are limited more strictly than hits: each costs a record in every partition.
async fn forget(collector: &Collector, sender: &Sender<'_>, site: &Site) -> Result<OrderId, Refusal> {
    collector.order_limits.check(*sender.client.expose())?;
    in_time(ORDER_WAIT, collector.forget(&site.name, &visitor(collector, sender))).await
}

/// An order that takes too long may be in the journal all the same; a second one does no harm.
async fn in_time(
    wait: Duration,
    ordered: impl Future<Output = Result<OrderId, Refusal>>,
) -> Result<OrderId, Refusal> {
    timeout(wait, ordered).await.unwrap_or(Err(Refusal::Busy))
}

/// A visitor is told that his refusal holds; a script gets the reason.
fn not_yet(sender: &Sender<'_>, site: &Site, submission: &Submission, reason: &Refusal) -> Response<Body> {
    let mut response = text(reason);
    let again = reason.retry_after().filter(|_| submission.place == Place::Form);
    if let Some(seconds) = again.as_ref().and_then(|seconds| seconds.to_str().ok()) {
        let language =
            Language::negotiate(submission.language.as_deref(), sender.accept_language(), site.language);
        let words = fill(texts::page(language, "erase_not_yet"), &[("seconds", seconds)]);
        response.headers_mut().insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.code()));
        *response.body_mut() = Body::from(format!("{words}\n"));
    }
    response
}

/// Back to the page of the site that a form named, else to the privacy page, which says that it is done.
fn confirmation(collector: &Collector, site: &Site, submission: &Submission) -> String {
    let asked = submission.back.as_deref().and_then(|address| own_page(site, address));
    let page = || privacy_page(collector, site, submission.language.as_deref());
    asked.unwrap_or_else(|| format!("{}&erased=1#erase", page()))
}

fn expire(
    response: &mut Response<Body>,
    (collector, sender): (&Collector, &Sender<'_>),
    site: &Site,
) -> Result<(), Refusal> {
    if let Some(rules) = collector.rules.get(&site.name) {
        for cookie in visit_cookie::expire(rules, sender) {
            response.headers_mut().append(SET_COOKIE, header(&cookie)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn nobody_waits_for_a_disk_that_stands_still() {
        assert_eq!(in_time(Duration::from_millis(1), pending()).await, Err(Refusal::Busy));
        let order = OrderId([7; 16]);
        assert_eq!(in_time(ORDER_WAIT, async { Ok(order) }).await, Ok(order));
    }
}
