//! `GET /tag.js` and `GET /consent.js`: embedded, compressed once, revalidated by their ETags.

use std::io::Write as _;
use std::sync::LazyLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG,
    HeaderName, HeaderValue, IF_NONE_MATCH, VARY,
};
use hyper::{HeaderMap, Response, StatusCode};
use schemas::configuration::Configuration;

use super::Body;
use crate::question::PolicyState;

/// `tag.js` made small; see the folder's README.
pub(crate) const TAG_TEXT: &str = include_str!("../../assets/tag.min.js");

static TAG: LazyLock<Asset> = LazyLock::new(|| Asset::new(TAG_TEXT));
const BANNER: &str = include_str!("../../assets/consent.js");

/// A script as it is, compressed, and its ETag.
#[derive(Debug)]
struct Asset {
    plain: Bytes,
    gzip: Option<Bytes>,
    etag: HeaderValue,
}

/// The banner's script under each revision of the policy: what is served changes with the UTC day.
#[derive(Debug)]
pub struct Banners(Vec<(u32, Asset)>);

impl Banners {
    /// Makes them all: revisions are few, and a request must not wait for the compression.
    pub fn new(configuration: &Configuration) -> Self {
        let revisions = configuration.policies.iter().map(|policy| policy.revision);
        let of = |revision| {
            let material = configuration.last_material_revision(revision);
            (revision, Asset::new(&bare(&with_policy(BANNER, PolicyState { revision, material }))))
        };
        // Before the first revision is in force, and without any, it is 1 that is asked for.
        Self(std::iter::once(1).chain(revisions.filter(|revision| *revision != 1)).map(of).collect())
    }

    pub(super) fn answer(&self, revision: u32, request: &HeaderMap) -> Response<Body> {
        let found = self.0.iter().rev().find(|(known, _)| *known <= revision).or(self.0.first());
        found.map_or_else(|| Response::new(Body::default()), |(_, asset)| asset.answer(request))
    }
}

/// Puts the policy's numbers in the place of those that the script was written with.
fn with_policy(script: &str, policy: PolicyState) -> String {
    const BEGIN: &str = "const POLICY = {";
    let place = script.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once('}')?.1)));
    let Some((before, after)) = place else { return script.to_owned() };
    let PolicyState { revision, material } = policy;
    format!("{before}{BEGIN} revision: {revision}, material: {material} }}{after}")
}

/// A script without what only its readers need: lines of comment, and indentation.
fn bare(script: &str) -> String {
    let lines =
        script.lines().map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

impl Asset {
    fn new(script: &str) -> Self {
        let plain = Bytes::from(script.to_owned());
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let gzip = encoder.write_all(&plain).and_then(|()| encoder.finish()).ok().map(Bytes::from);
        let etag = HeaderValue::from_str(&format!("W/\"{:08x}{:x}\"", crc32c::crc32c(&plain), plain.len()));
        Self { plain, gzip, etag: etag.unwrap_or(HeaderValue::from_static("\"script\"")) }
    }

    fn answer(&self, request: &HeaderMap) -> Response<Body> {
        let names = |header: HeaderName, needle: &str| {
            let text = request.get(header).and_then(|value| value.to_str().ok());
            text.is_some_and(|text| text.contains(needle))
        };
        let mut response = Response::new(Body::default());
        let headers = response.headers_mut();
        headers.insert(ETAG, self.etag.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        // A page that pins the tag by its integrity asks for it with CORS (Subresource Integrity, section 3.4).
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
        headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        if names(IF_NONE_MATCH, self.etag.to_str().unwrap_or("?")) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
        let body = match &self.gzip {
            Some(gzip) if names(ACCEPT_ENCODING, "gzip") => {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                gzip.clone()
            }
            _ => self.plain.clone(),
        };
        *response.body_mut() = Body::from(body);
        response
    }
}

pub(super) fn tag(request: &HeaderMap) -> Response<Body> {
    TAG.answer(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_takes_1500_bytes() {
        let bytes = TAG.gzip.as_ref().unwrap().len();
        assert!(bytes <= 1500, "{bytes} bytes");
    }

    #[test]
    fn the_policys_numbers_are_put_into_the_banner() {
        let policy = PolicyState { revision: 7, material: 5 };
        for script in [
            "a;\nconst POLICY = { revision: 1, material: 1 };\nb",
            "a;\nconst POLICY = {revision: 1, material: 1};\nb",
        ] {
            assert_eq!(with_policy(script, policy), "a;\nconst POLICY = { revision: 7, material: 5 };\nb");
        }
        assert_eq!(with_policy("no policy", policy), "no policy");
        assert!(with_policy(BANNER, policy).contains("const POLICY = { revision: 7, material: 5 }"));
    }

    #[test]
    fn what_is_served_is_small_and_keeps_its_lines() {
        assert_eq!(bare("/* a */\n  // b\n  c('//');\n\n    d();"), "/* a */\nc('//');\nd();\n");
        assert!(Asset::new(&bare(BANNER)).gzip.unwrap().len() <= 4000);
        assert_eq!(TAG.plain, TAG_TEXT, "its printed integrity is of what is served");
    }

    #[test]
    fn each_revision_has_its_own_banner() {
        let text = "[[policy]]\nrevision=2\ndate='2026-01-01'\n[[policy]]\nrevision=3\ndate='2026-02-01'\nmaterial=true";
        let banners = Banners::new(&Configuration::parse(text, "test", std::iter::empty()).unwrap());
        let etag = |revision| banners.answer(revision, &HeaderMap::new()).headers()[ETAG].clone();
        assert!(etag(1) != etag(2) && etag(2) != etag(3) && etag(3) == etag(4));
    }
}
