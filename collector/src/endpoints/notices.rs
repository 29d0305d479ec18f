//! `GET /policy/notices.json[?site=]`: the proof of what visitors of a site were told (`schemas::notices` says how to
//! recompute it). Without a site it is that of the first one. Public for every page.

use hyper::Response;
use hyper::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use jiff::tz::TimeZone;
use schemas::notices::chain;

use super::{Body, Collector, parameter};
use crate::refusal::Refusal;
use crate::request::Sender;
use crate::texts::banner_in_all_languages;

pub(super) fn get(
    collector: &Collector,
    sender: &Sender<'_>,
    query: &str,
) -> Result<Response<Body>, Refusal> {
    collector.limits.check(*sender.client.expose())?;
    let site = match parameter(query, "site") {
        Some(name) => collector.site(&name)?,
        None => collector.configuration.sites.iter().next().ok_or(Refusal::UnknownSite)?,
    };
    let today = sender.now.to_zoned(TimeZone::UTC).date();
    let in_force = collector.configuration.policies_until(today);
    let notices = chain(in_force, &site.name, &banner_in_all_languages(site));
    // INVARIANT: names, numbers and texts are always JSON.
    let mut response = Response::new(Body::from(serde_json::to_vec_pretty(&notices).unwrap_or_default()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    Ok(response)
}
