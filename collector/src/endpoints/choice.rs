//! `POST /consent`: a visitor's choice becomes a cookie, and `GET /privacy?site=`: the form for it, a plain link
//! away from every page. Both work without JavaScript.

use hyper::body::Incoming;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, REFERRER_POLICY, SET_COOKIE,
};
use hyper::{Response, StatusCode};
use schemas::choice::{CHOICE_DAYS, Choice, Method, Reading, week_of};
use schemas::configuration::Site;
use schemas::outcome::Outcome;
use url::{Url, form_urlencoded};

use super::{Body, Collector, body};
use crate::refusal::Refusal;
use crate::request::{Sender, host_of, is_same_site};

const PAGE: &str = include_str!("../../assets/privacy.html");
/// The page needs nothing but itself.
const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

pub(super) async fn post(
    collector: &Collector,
    sender: &Sender<'_>,
    body: Incoming,
) -> Result<Response<Body>, Refusal> {
    collector.limits.check(*sender.client.expose())?;
    let form = Form::parse(&body::read(body).await?);
    let site = collector.site(&form.site)?;
    let own_page = sender.host().and_then(|host| host_of(sender.origin()?).map(|origin| origin == host));
    if own_page != Some(true) {
        sender.check_origin(site)?;
    }
    let choice = form.choice(collector.policy_revision(sender.now), week_of(sender.now))?;
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(LOCATION, header(&return_address(collector, sender, site, form.back.as_deref()))?);
    headers.insert(SET_COOKIE, header(&cookie(&choice, sender, site))?);
    collector.count(site, sender.now, outcome(&choice));
    Ok(response)
}

pub(super) fn page(
    collector: &Collector,
    sender: &Sender<'_>,
    query: &str,
) -> Result<Response<Body>, Refusal> {
    let site = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "site");
    let site = collector.site(&site.ok_or(Refusal::UnknownSite)?.1)?;
    let state = match sender.signals(site).choice {
        Reading::None => "You have not chosen yet.",
        Reading::Malformed => "Your choice could not be read, so your visits are not counted.",
        Reading::Made(choice) if choice.statistics => "You accepted that your visits are counted.",
        Reading::Made(_) => "You refused: your visits are not counted.",
    };
    // Site names are letters, digits, dots, dashes and underscores: nothing to escape.
    let mut response =
        Response::new(Body::from(PAGE.replace("{{site}}", &site.name).replace("{{state}}", state)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// The form's fields; of repeated ones the last counts, but a refusal anywhere is a refusal.
#[derive(Default)]
struct Form {
    site: String,
    statistics: Option<bool>,
    marketing: Option<bool>,
    back: Option<String>,
}

impl Form {
    fn parse(body: &[u8]) -> Self {
        let mut form = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            match &*name {
                "site" => form.site = value.into_owned(),
                "statistics" => form.statistics = Some(form.statistics != Some(false) && value == "accept"),
                "marketing" => form.marketing = Some(form.marketing != Some(false) && value == "accept"),
                "return" => form.back = Some(value.into_owned()),
                _ => {}
            }
        }
        form
    }

    /// Without a field nothing is granted; marketing alone grants nothing.
    fn choice(&self, policy_revision: u32, week: u32) -> Result<Choice, Refusal> {
        let problem = "is missing; send statistics=accept or statistics=refuse";
        let statistics = self.statistics.ok_or(Refusal::BadField { field: "statistics", problem })?;
        let marketing = statistics && self.marketing == Some(true);
        Ok(Choice { policy_revision, statistics, marketing, week, method: Method::Form })
    }
}

fn outcome(choice: &Choice) -> Outcome {
    match (choice.statistics, choice.marketing) {
        (true, true) => Outcome::ChoseEverything,
        (true, false) => Outcome::ChoseStatistics,
        (false, _) => Outcome::ChoseRefusal,
    }
}

/// The choice cookie: on the collector's host only, for its life and no longer. A collector on another site than the
/// page needs `SameSite=None` to be sent it. It is not `Partitioned`: a form's answer is a page of the collector's own
/// site, and a cookie of that partition would never come with the site's hits.
fn cookie(choice: &Choice, sender: &Sender<'_>, site: &Site) -> String {
    let same_site = sender.host().is_none_or(|host| site.hosts.iter().all(|own| is_same_site(&host, own)));
    cookie::Cookie::build((Choice::cookie_name(&site.name), choice.to_value()))
        .path("/")
        .secure(true)
        .http_only(true)
        .max_age(cookie::time::Duration::days(CHOICE_DAYS))
        .same_site(if same_site { cookie::SameSite::Lax } else { cookie::SameSite::None })
        .build()
        .to_string()
}

/// Back to a page of the site, and to nowhere else (no open redirect): the page asked for, else the one that
/// asked, else the form.
fn return_address(collector: &Collector, sender: &Sender<'_>, site: &Site, asked: Option<&str>) -> String {
    let own = |address: &str| {
        let url = Url::parse(address).ok()?;
        let is_own = matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| site.has_host(host));
        is_own.then(|| String::from(url))
    };
    let form = format!("{}/privacy?site={}", collector.configuration.collector.path_prefix, site.name);
    asked.and_then(own).or_else(|| sender.referer().and_then(own)).unwrap_or(form)
}

fn header(text: &str) -> Result<HeaderValue, Refusal> {
    let problem = "holds characters that a header cannot";
    HeaderValue::from_str(text).map_err(|_| Refusal::BadField { field: "return", problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(body: &str) -> Option<(bool, bool)> {
        let choice = Form::parse(body.as_bytes()).choice(1, 2968).ok()?;
        Some((choice.statistics, choice.marketing))
    }

    #[test]
    fn of_contradicting_fields_the_more_private_reading_wins() {
        assert_eq!(choice("site=a"), None);
        assert_eq!(choice("statistics=accept"), Some((true, false)));
        assert_eq!(choice("statistics=accept&marketing=accept"), Some((true, true)));
        assert_eq!(choice("statistics=refuse&marketing=accept"), Some((false, false)));
        assert_eq!(choice("statistics=refuse&statistics=accept"), Some((false, false)));
        assert_eq!(choice("statistics=accept&statistics=refuse"), Some((false, false)));
        assert_eq!(choice("statistics=ACCEPT"), Some((false, false)));
    }
}
