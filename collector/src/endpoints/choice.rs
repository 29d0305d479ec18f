//! `POST /consent`: a visitor's choice becomes a cookie. A form is answered by a page, so that it works without JavaScript;
//! a script by 204.

use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, HeaderValue, LOCATION, SET_COOKIE};
use hyper::{Response, StatusCode};
use schemas::choice::week_of;
use schemas::configuration::Site;
use schemas::texts::Language;
use url::Url;

use super::cors::allow_origin;
use super::{Body, Collector, body, no_content};
use crate::choice_cookie::{Place, set_cookies};
use crate::device_hold::DeviceHolds;
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
    if !choice.statistics {
        forget_visit(collector, sender, site, &mut response);
    }
    if submission.place == Place::Script {
        allow_origin(&mut response, sender.origin_header().cloned());
    }
    collector.count(site, sender.now, outcome(&choice, sender.signals(site).choice));
    Ok(response)
}

/// Who refuses keeps no state of a visit.
fn forget_visit(collector: &Collector, sender: &Sender<'_>, site: &Site, response: &mut Response<Body>) {
    let keys = collector.keys.visit_keys();
    let mut holds = DeviceHolds::new(sender, &keys);
    if let Some(rules) = collector.rules.get(&site.name) {
        holds.expire(rules);
    }
    for cookie in holds.into_cookies() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// 303: the browser gets that page, and going back sends nothing twice.
fn see_other(address: &str) -> Result<Response<Body>, Refusal> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(LOCATION, header(address)?);
    Ok(response)
}

/// Back to a page of the site, and to nowhere else (no open redirect): the page asked for, else the one that
/// asked, else the privacy page.
fn return_address(
    collector: &Collector,
    sender: &Sender<'_>,
    site: &Site,
    submission: &Submission,
) -> String {
    let own = |address: &str| {
        let url = Url::parse(address).ok()?;
        let is_own = matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| site.has_host(host));
        is_own.then(|| String::from(url))
    };
    let language = submission.language.as_deref().and_then(Language::from_tag);
    let language = language.map_or_else(String::new, |language| format!("&language={}", language.code()));
    let prefix = &collector.configuration.collector.path_prefix;
    let page = format!("{prefix}/privacy?site={}{language}", site.name);
    let asked = submission.back.as_deref().and_then(own);
    asked.or_else(|| sender.referer().and_then(own)).unwrap_or(page)
}

fn header(text: &str) -> Result<HeaderValue, Refusal> {
    let problem = "holds characters that a header cannot";
    HeaderValue::from_str(text).map_err(|_| Refusal::BadField { field: "return", problem })
}
