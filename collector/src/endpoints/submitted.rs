//! The one door of those who submit a choice, or an order: within their limits, for a site that is known, from a page that may
//! speak for its visitors.

use hyper::Response;
use hyper::body::Incoming;
use hyper::header::SET_COOKIE;
use schemas::choice::Choice;
use schemas::configuration::Site;

use super::cors::allow_origin;
use super::return_address::header;
use super::{Body, Collector, body};
use crate::choice_cookie::{Place, set_cookies};
use crate::refusal::Refusal;
use crate::request::Sender;
use crate::submission::Submission;

/// What was submitted, and for which site.
pub(super) async fn admit<'a>(
    collector: &'a Collector,
    sender: &Sender<'_>,
    body: Incoming,
) -> Result<(Submission, &'a Site), Refusal> {
    collector.limits.check(*sender.client.expose())?;
    let submission = Submission::parse(sender.content_type(), &body::read(body).await?)?;
    let site = collector.site(&submission.site)?;
    sender.check_choice(site)?;
    Ok((submission, site))
}

/// Puts the choice into the answer, which the page's script may read.
pub(super) fn keep(
    choice: &Choice,
    response: &mut Response<Body>,
    (sender, site, place): (&Sender<'_>, &Site, Place),
) -> Result<(), Refusal> {
    for cookie in set_cookies(choice, site, sender, place) {
        response.headers_mut().append(SET_COOKIE, header(&cookie)?);
    }
    if place == Place::Script {
        allow_origin(response, sender.origin_header().cloned());
    }
    Ok(())
}
