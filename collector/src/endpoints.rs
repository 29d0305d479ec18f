//! All endpoints of the public listener. Each handler either answers or refuses; `answer` is the one place where
//! a refusal becomes a response and a counter.

mod assets;
pub(crate) mod body;
mod choice;
mod consent;
mod cors;
mod erase;
mod guest;
mod hit;
mod notices;
mod pixel;
mod privacy;
mod return_address;
mod submitted;
mod visit;
mod visitor;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, ORIGIN, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use schemas::configuration::{Configuration, Site};
use schemas::keys::KeyKeeper;
use schemas::local_time::LocalDay;
use schemas::outcome::Outcome;
use schemas::site_rules::SiteRules;
use url::form_urlencoded;

pub use assets::Banners;
pub(crate) use assets::TAG_TEXT;

use crate::browser_cache::BrowserCache;
use crate::counts::ConsentCounts;
use crate::limits::NetworkLimits;
use crate::lookup::Lookup;
use crate::question::PolicyState;
use crate::recorder::Recorder;
use crate::refusal::Refusal;
use crate::request::Sender;
use crate::telemetry::Telemetry;

/// What every handler answers with.
pub type Body = Full<Bytes>;

/// What the handlers share.
pub struct Collector {
    /// Sites, policies, proxies.
    pub configuration: Configuration,
    /// The sites' compiled rules, by their names.
    pub rules: HashMap<String, SiteRules>,
    /// The keys of the cookies.
    pub keys: Arc<KeyKeeper>,
    /// The way into the journal.
    pub recorder: Recorder,
    /// Limits per client network.
    pub limits: NetworkLimits,
    /// Stricter ones for orders, each of which costs a record in every partition.
    pub order_limits: NetworkLimits,
    /// Recognised browsers.
    pub browsers: BrowserCache,
    /// Networks of those who ask what is known of them.
    pub lookup: Lookup,
    /// The banner's script under each revision of the policy.
    pub banners: Banners,
    /// Bare counts of the current hour.
    pub counts: ConsentCounts,
    /// Counters.
    pub telemetry: Telemetry,
    /// Set while the collector drains.
    pub stopping: AtomicBool,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Collector")
    }
}

impl Collector {
    /// Answers one request of the public listener.
    pub async fn answer(self: Arc<Self>, peer: SocketAddr, request: Request<Incoming>) -> Response<Body> {
        let origin = request.headers().get(ORIGIN).cloned();
        let is_image = request.uri().path().ends_with("/pixel.gif");
        match self.route(peer, request).await {
            Ok(response) => response,
            Err(refusal) => {
                self.telemetry.refused(&refusal);
                let mut response = if is_image { pixel::image(&refusal) } else { text(&refusal) };
                cors::allow_known_origin(&self, &mut response, origin);
                response
            }
        }
    }

    async fn route(&self, peer: SocketAddr, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        let (parts, body) = request.into_parts();
        let proxies = &self.configuration.collector.trusted_proxies;
        let sender = Sender::new(Timestamp::now(), peer.ip(), &parts.headers, proxies).to(self
            .configuration
            .collector
            .public_url
            .as_deref());
        let prefix = self.configuration.collector.path_prefix.as_str();
        let path = parts.uri.path().strip_prefix(prefix).ok_or(Refusal::NotFound)?;
        let query = parts.uri.query().unwrap_or_default();
        match (path, &parts.method) {
            ("/hit", &Method::POST) => {
                let hits = hit::read(self, &sender, body).await?;
                drop(parts);
                hit::answer(self, hits).await
            }
            ("/hit", &Method::OPTIONS) => cors::preflight(self, &sender, "POST"),
            ("/pixel.gif", &Method::GET) => {
                let view = pixel::view(self, &sender, query)?;
                drop(parts);
                pixel::answer(self, view).await
            }
            ("/tag.js", &(Method::GET | Method::HEAD)) => Ok(assets::tag(&parts.headers)),
            ("/consent.js", &(Method::GET | Method::HEAD)) => {
                Ok(self.banners.answer(self.policy_revision(sender.now), &parts.headers))
            }
            ("/consent", &Method::GET) => consent::get(self, &sender, query),
            ("/consent", &Method::POST) => choice::post(self, &sender, body).await,
            ("/consent", &Method::OPTIONS) => cors::preflight(self, &sender, "GET, POST"),
            ("/erase", &Method::POST) => erase::post(self, &sender, body).await,
            ("/erase", &Method::OPTIONS) => cors::preflight(self, &sender, "POST"),
            ("/privacy", &Method::GET) => privacy::page(self, &sender, query),
            ("/policy/notices.json", &Method::GET) => notices::get(self, &sender, query),
            (other, _) => Err(wrong_method(other)),
        }
    }

    /// Everything that can refuse a hit before its body is read.
    fn admit(&self, sender: &Sender<'_>) -> Result<(), Refusal> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(Refusal::Stopping);
        }
        self.recorder.admit()?;
        self.limits.check(*sender.client.expose())
    }

    pub(crate) fn site(&self, name: &str) -> Result<&Site, Refusal> {
        self.configuration.sites.by_name(name).ok_or(Refusal::UnknownSite)
    }

    /// The policy revision in force now; the policy changes with the UTC day.
    fn policy_revision(&self, now: Timestamp) -> u32 {
        self.configuration.policy_revision(now.to_zoned(jiff::tz::TimeZone::UTC).date())
    }

    /// As far as choices depend on it.
    fn policy_state(&self, now: Timestamp) -> PolicyState {
        let revision = self.policy_revision(now);
        PolicyState { revision, material: self.configuration.last_material_revision(revision) }
    }

    /// Keeps the bare count of an outcome.
    fn count(&self, site: &Site, now: Timestamp, outcome: Outcome) {
        let local_day = LocalDay::of(now, &site.time_zone).epoch_days();
        self.counts.add(&site.name, local_day, self.policy_revision(now), outcome);
        self.telemetry.consent(outcome);
    }
}

/// The first value of a query's parameter.
fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

/// The path exists for other methods, or not at all.
fn wrong_method(path: &str) -> Refusal {
    let allowed = match path {
        "/hit" | "/erase" => "POST, OPTIONS",
        "/consent" => "GET, POST, OPTIONS",
        "/tag.js" | "/consent.js" => "GET, HEAD",
        "/pixel.gif" | "/privacy" | "/policy/notices.json" => "GET",
        _ => return Refusal::NotFound,
    };
    Refusal::MethodNotAllowed { allowed }
}

/// A refusal as a text that tells what to do.
pub(crate) fn text(refusal: &Refusal) -> Response<Body> {
    let mut response = Response::new(Full::from(format!("{refusal}\n")));
    *response.status_mut() = refusal.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = refusal.retry_after() {
        headers.insert(RETRY_AFTER, seconds);
    }
    if let Refusal::MethodNotAllowed { allowed } = refusal {
        headers.insert(ALLOW, HeaderValue::from_static(allowed));
    }
    response
}

/// 204, nothing to say and nothing to keep.
fn no_content() -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
