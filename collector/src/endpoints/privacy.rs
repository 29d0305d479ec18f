//! `GET /privacy?site=[&language=]`: what would be recorded about this very request, a plain link away from every page. Works
//! without JavaScript.

use hyper::Response;
use hyper::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
};

use super::guest::Guest;
use super::{Body, Collector, parameter};
use crate::consent::decide;
use crate::privacy_page::{View, render};
use crate::refusal::Refusal;
use crate::request::Sender;

/// The page needs nothing but itself, and its forms go nowhere else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

pub(super) fn page(
    collector: &Collector,
    sender: &Sender<'_>,
    query: &str,
) -> Result<Response<Body>, Refusal> {
    let Guest { site, language, signals, policy } = Guest::admit(collector, sender, query)?;
    let view = View {
        site,
        sender,
        language,
        browser: collector.browsers.recognise(sender.user_agent(), &sender.client_hints()),
        network: collector.lookup.network(*sender.client.expose()),
        decision: decide(site, &signals, policy.material),
        signals,
        policy,
        policies: &collector.configuration.policies,
        erased: parameter(query, "erased").is_some(),
    };
    let mut response = Response::new(Body::from(render(&view)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(view.language.code()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    Ok(response)
}
