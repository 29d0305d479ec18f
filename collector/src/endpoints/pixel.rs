//! `GET /pixel.gif?site=&url=&referrer=&id=`: a view without JavaScript. The image always comes, so that a page
//! never shows a broken one; the status is honest.

use hyper::Response;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use url::form_urlencoded;

use super::visit::{Decided, decide_all, keep};
use super::{Body, Collector};
use crate::hit::Hit;
use crate::refusal::Refusal;
use crate::request::Sender;

/// A transparent GIF of one pixel (GIF89a).
const GIF: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x01D\0;";

/// What becomes of the view that the request is.
pub(super) fn view<'a>(
    collector: &'a Collector,
    sender: &Sender<'_>,
    query: &str,
) -> Result<Decided<'a>, Refusal> {
    collector.admit(sender)?;
    let hit = parse(sender, query)?;
    let site = collector.site(&hit.site)?;
    sender.check_referer(site)?;
    Ok(decide_all(collector, sender, [(site, hit)]))
}

/// Keeps what is to be kept and answers.
pub(super) async fn answer(collector: &Collector, view: Decided<'_>) -> Result<Response<Body>, Refusal> {
    let mut response = gif();
    keep(collector, view, &mut response).await?;
    Ok(response)
}

/// The image with a refusal's status.
pub(super) fn image(refusal: &Refusal) -> Response<Body> {
    let mut response = gif();
    *response.status_mut() = refusal.status();
    if let Some(seconds) = refusal.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

fn gif() -> Response<Body> {
    let mut response = Response::new(Body::from(GIF));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/gif"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}

/// `Referer` stands in for a missing `url`.
fn parse(sender: &Sender<'_>, query: &str) -> Result<Hit, Refusal> {
    let [mut site, mut url, mut referrer, mut id] = [const { None }; 4];
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let field = match &*name {
            "site" => &mut site,
            "url" => &mut url,
            "referrer" => &mut referrer,
            "id" => &mut id,
            _ => continue,
        };
        *field = Some(value.into_owned());
    }
    let missing = |field, problem| Refusal::BadField { field, problem };
    let site = site.ok_or(missing("site", "is missing"))?;
    let url = url.or_else(|| sender.referer().map(str::to_owned));
    Hit::view(
        site,
        url.ok_or(missing("url", "is missing, and there is no Referer in its place"))?,
        referrer,
        id,
    )
}
