//! Where a form's answer leads: a page of the site, or the collector's own, and nowhere else (no open redirect).

use hyper::header::{CACHE_CONTROL, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};
use schemas::configuration::Site;
use schemas::texts::Language;
use url::Url;

use super::{Body, Collector};
use crate::refusal::Refusal;

/// 303: the browser gets that page, and going back sends nothing twice.
pub(super) fn see_other(address: &str) -> Result<Response<Body>, Refusal> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(LOCATION, header(address)?);
    Ok(response)
}

/// The address, if it is one of the site's own pages.
pub(super) fn own_page(site: &Site, address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let is_own =
        matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| site.has_host(host));
    is_own.then(|| String::from(url))
}

/// The privacy page of a site, in the language that a form named.
pub(super) fn privacy_page(collector: &Collector, site: &Site, language: Option<&str>) -> String {
    let language = language.and_then(Language::from_tag);
    let language = language.map_or_else(String::new, |language| format!("&language={}", language.code()));
    let prefix = &collector.configuration.collector.path_prefix;
    format!("{prefix}/privacy?site={}{language}", site.name)
}

/// A text as the value of a header.
pub(super) fn header(text: &str) -> Result<HeaderValue, Refusal> {
    let problem = "holds characters that a header cannot";
    HeaderValue::from_str(text).map_err(|_| Refusal::BadField { field: "return", problem })
}
