//! `GET /consent?site=[&language=]`: whether there is something to ask, and in which words. It sets no cookie.

use std::collections::BTreeMap;

use hyper::Response;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use schemas::choice::{Choice, Reading};
use schemas::configuration::Site;
use schemas::outcome::Outcome;
use schemas::texts::BannerKey;
use serde::Serialize;

use super::cors::allow_origin;
use super::guest::Guest;
use super::{Body, Collector};
use crate::consent::Signals;
use crate::question::Question;
use crate::refusal::Refusal;
use crate::request::Sender;
use crate::texts;

/// What the banner needs to know.
#[derive(Serialize)]
struct Answer<'a> {
    site: &'a str,
    mode: &'static str,
    revision: u32,
    material: u32,
    choice: Option<Standing>,
    signal: Option<&'static str>,
    ask: bool,
    notice: bool,
    language: &'static str,
    direction: &'static str,
    texts: BTreeMap<BannerKey, &'a str>,
    privacy: String,
}

/// A choice in force.
#[derive(Serialize)]
struct Standing {
    statistics: bool,
    marketing: bool,
    revision: u32,
    /// Weeks since the Unix epoch: a copy that a page keeps must not outlive the choice.
    week: u32,
    method: &'static str,
}

pub(super) fn get(
    collector: &Collector,
    sender: &Sender<'_>,
    query: &str,
) -> Result<Response<Body>, Refusal> {
    let guest = Guest::admit(collector, sender, query)?;
    sender.check_origin(guest.site)?;
    let answer = answer(collector, sender, &guest);
    if answer.ask || answer.notice {
        collector.count(guest.site, sender.now, Outcome::Shown);
    }
    // INVARIANT: names, numbers and texts are always JSON.
    let mut response = Response::new(Body::from(serde_json::to_vec(&answer).unwrap_or_default()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    allow_origin(&mut response, sender.origin_header().cloned());
    Ok(response)
}

fn answer<'a>(collector: &Collector, sender: &Sender<'_>, guest: &Guest<'a>) -> Answer<'a> {
    let Guest { site, language, signals, policy } = *guest;
    let question = Question::of(site.mode, &signals, policy);
    Answer {
        site: &site.name,
        mode: site.mode.as_str(),
        revision: policy.revision,
        material: policy.material,
        choice: standing(signals.choice),
        signal: signal(&signals),
        ask: question == Question::Ask,
        notice: question == Question::Notice,
        language: language.code(),
        direction: language.direction(),
        texts: texts::banner(site, language),
        privacy: privacy_address(collector, sender, site),
    }
}

fn standing(reading: Reading) -> Option<Standing> {
    let Reading::Made(choice) = reading else { return None };
    let Choice { policy_revision: revision, statistics, marketing, week, method } = choice;
    Some(Standing { statistics, marketing, revision, week, method: method.letter() })
}

fn signal(signals: &Signals) -> Option<&'static str> {
    match (signals.gpc, signals.dnt) {
        (true, _) => Some("gpc"),
        (false, true) => Some("dnt"),
        (false, false) => None,
    }
}

/// As configured, else as the sender knows this collector.
fn privacy_address(collector: &Collector, sender: &Sender<'_>, site: &Site) -> String {
    let settings = &collector.configuration.collector;
    let address = settings.public_url.clone().or_else(|| {
        let address = sender.collector_address()?;
        Some(format!("{address}{}", settings.path_prefix))
    });
    let address = address.unwrap_or_else(|| settings.path_prefix.clone());
    format!("{address}/privacy?site={}", site.name)
}
