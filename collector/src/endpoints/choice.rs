//! `POST /consent`: a visitor's choice becomes a cookie. A form is answered by a page, so that it works without JavaScript;
//! a script by 204.

use hyper::Response;
use hyper::body::Incoming;
use hyper::header::SET_COOKIE;
use schemas::choice::week_of;
use schemas::configuration::Site;

use super::cors::allow_origin;
use super::erase::after_refusal;
use super::return_address::{header, own_page, privacy_page, see_other};
use super::{Body, Collector, body, no_content};
use crate::choice_cookie::{Place, set_cookies};
use crate::refusal::Refusal;
use crate::request::Sender;
use crate::submission::{Submission, outcome};

pub(super) async fn post(
    collector: &Collector,
    sender: &Sender<'_>,
    body: Incoming,
) -> Result<Response<Body>, Refusal> {
    collector.limits.check(*sender.client.expose())?;
    let submission = Submission::parse(sender.content_type(), &body::read(body).await?)?;
    let site = collector.site(&submission.site)?;
    sender.check_choice(site)?;
    let choice = submission.choice(collector.policy_revision(sender.now), week_of(sender.now))?;
    let mut response = match submission.place {
        Place::Form => see_other(&return_address(collector, sender, site, &submission))?,
        Place::Script => no_content(),
    };
    for cookie in set_cookies(&choice, site, sender, submission.place) {
        response.headers_mut().append(SET_COOKIE, header(&cookie)?);
    }
    if submission.place == Place::Script {
        allow_origin(&mut response, sender.origin_header().cloned());
    }
    let outcome = outcome(&choice, sender.signals(site).choice);
    if !choice.statistics {
        after_refusal(collector, sender, site, outcome, &mut response).await?;
    }
    collector.count(site, sender.now, outcome);
    Ok(response)
}

/// Back to a page of the site: the page asked for, else the one that asked, else the privacy page.
fn return_address(
    collector: &Collector,
    sender: &Sender<'_>,
    site: &Site,
    submission: &Submission,
) -> String {
    let own = |address: &str| own_page(site, address);
    let asked = submission.back.as_deref().and_then(own).or_else(|| sender.referer().and_then(own));
    asked.unwrap_or_else(|| privacy_page(collector, site, submission.language.as_deref()))
}
