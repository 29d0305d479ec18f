//! `POST /hit`: one hit or an array, all or nothing, from a beacon (`text/plain`) or as JSON.

use hyper::Response;
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use schemas::configuration::Site;

use super::cors::allow_origin;
use super::visit::{Decided, decide_all, keep};
use super::{Body, Collector, body, no_content};
use crate::hit::{self, Hit};
use crate::refusal::Refusal;
use crate::request::Sender;

/// Says that a hit was answered but not recorded, for lack of consent or because it is internal.
pub(super) static HIT: HeaderName = HeaderName::from_static("footfall-hit");
pub(super) const NOT_RECORDED: HeaderValue = HeaderValue::from_static("not-recorded");

/// The hits of one request: what becomes of each, and the origin that asked.
pub(super) struct Hits<'a> {
    decided: Decided<'a>,
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
    let decided = decide_all(collector, sender, hits);
    Ok(Hits { decided, origin: sender.origin_header().cloned() })
}

/// Keeps what is to be kept and answers.
pub(super) async fn answer(collector: &Collector, hits: Hits<'_>) -> Result<Response<Body>, Refusal> {
    let mut response = no_content();
    keep(collector, hits.decided, &mut response).await?;
    allow_origin(&mut response, hits.origin);
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
