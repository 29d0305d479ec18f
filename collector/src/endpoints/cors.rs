//! CORS (Fetch standard, section 3.2) for the pages of the configured sites, and for no others.

use hyper::Response;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderValue, VARY,
};

use super::hit::HIT;
use super::{Body, Collector, no_content};
use crate::refusal::Refusal;
use crate::request::{Sender, host_of};

/// Lets pages of configured sites send JSON.
pub(super) fn preflight(
    collector: &Collector,
    sender: &Sender<'_>,
    methods: &'static str,
) -> Result<Response<Body>, Refusal> {
    let host = sender.origin().and_then(host_of).ok_or(Refusal::ForeignOrigin)?;
    collector.configuration.sites.by_host(&host).ok_or(Refusal::ForeignOrigin)?;
    let mut response = no_content();
    allow_origin(&mut response, sender.origin_header().cloned());
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    Ok(response)
}

/// Lets pages of configured sites read a refusal, so that the tag knows which hits to keep for later.
pub(super) fn allow_known_origin(
    collector: &Collector,
    response: &mut Response<Body>,
    origin: Option<HeaderValue>,
) {
    let host = origin.as_ref().and_then(|origin| origin.to_str().ok()).and_then(host_of);
    if host.is_some_and(|host| collector.configuration.sites.by_host(&host).is_some()) {
        allow_origin(response, origin);
    }
}

/// CORS for an origin that was checked before.
pub(super) fn allow_origin(response: &mut Response<Body>, origin: Option<HeaderValue>) {
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from(HIT.clone()));
    }
}
