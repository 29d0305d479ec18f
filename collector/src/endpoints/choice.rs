//! `POST /consent`: a visitor's choice becomes a cookie. A form is answered by a page, so that it works without JavaScript;
//! a script by 204.

use hyper::Response;
use hyper::body::Incoming;
use schemas::choice::week_of;
use schemas::configuration::Site;

use super::erase::after_refusal;
use super::return_address::{own_page, privacy_page, see_other};
use super::{Body, Collector, no_content, submitted};
use crate::choice_cookie::Place;
use crate::refusal::Refusal;
use crate::request::Sender;
use crate::submission::{Submission, outcome};

pub(super) async fn post(
    collector: &Collector,
    sender: &Sender<'_>,
    body: Incoming,
) -> Result<Response<Body>, Refusal> {
    let (submission, site) = submitted::admit(collector, sender, body).await?;
    let choice = submission.choice(collector.policy_revision(sender.now), week_of(sender.now))?;
    let mut response = match submission.place {
        Place::Form => see_other(&return_address(collector, sender, site, &submission))?,
        Place::Script => no_content(),
    };
    submitted::keep(&choice, &mut response, (sender, site, submission.place))?;
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
