//! `POST /hit`: one hit or an array, all or nothing, from a beacon (`text/plain`) or as JSON.

use hyper::Response;
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderName,
    HeaderValue, VARY,
};
use schemas::configuration::Site;

use super::visit::{Recorded, Verdict, decide, keep};
use super::{Body, Collector, body, no_content};
use crate::hit::{self, Hit};
use crate::refusal::Refusal;
use crate::request::{Sender, host_of};

/// Says that a hit was answered but, for lack of consent, not recorded.
pub(super) static HIT: HeaderName = HeaderName::from_static("footfall-hit");
pub(super) const NOT_RECORDED: HeaderValue = HeaderValue::from_static("not-recorded");

/// The hits of one request: what becomes of each, and the origin that asked.
pub(super) struct Hits<'a> {
    verdicts: Vec<Verdict<'a>>,
    origin: Option<HeaderValue>,
}

/// Reads the hits of a request and decides on them.
pub(super) async fn read<'a>(
    collector: &'a Collector,
    sender: &Sender<'_>,
    body: Incoming,
) -> Result<Hits<'a>, Refusal> {
    collector.admit(sender)?;
    let hits = hit::parse(&body::read(body).await?)?;
    collector.limits.check_more(*sender.client.expose(), hits.len().saturating_sub(1))?;
    let hits = known(collector, sender, hits)?;
    let verdicts = hits.into_iter().map(|(site, hit)| decide(collector, sender, site, hit));
    Ok(Hits { verdicts: verdicts.collect(), origin: sender.origin_header().cloned() })
}

/// Keeps what is to be kept and answers.
pub(super) async fn answer(collector: &Collector, hits: Hits<'_>) -> Result<Response<Body>, Refusal> {
    let recorded = keep(collector, hits.verdicts).await?;
    let mut response = no_content();
    allow_origin(&mut response, hits.origin);
    if recorded == Recorded::NotAll {
        response.headers_mut().insert(&HIT, NOT_RECORDED);
    }
    Ok(response)
}

/// Each hit with its site; one that is refused refuses all, before anything is kept.
fn known<'a>(
    collector: &'a Collector,
    sender: &Sender<'_>,
    hits: Vec<Hit>,
) -> Result<Vec<(&'a Site, Hit)>, Refusal> {
    let with_site = |hit: Hit| {
        let site = collector.site(&hit.site)?;
        sender.check_origin(site)?;
        Ok((site, hit))
    };
    hits.into_iter().map(with_site).collect()
}

/// Lets pages of configured sites send JSON.
pub(super) fn preflight(collector: &Collector, sender: &Sender<'_>) -> Result<Response<Body>, Refusal> {
    let host = sender.origin().and_then(host_of).ok_or(Refusal::ForeignOrigin)?;
    collector.configuration.sites.by_host(&host).ok_or(Refusal::ForeignOrigin)?;
    let mut response = no_content();
    allow_origin(&mut response, sender.origin_header().cloned());
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    Ok(response)
}

/// CORS for an origin that was checked before.
fn allow_origin(response: &mut Response<Body>, origin: Option<HeaderValue>) {
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from(HIT.clone()));
    }
}
