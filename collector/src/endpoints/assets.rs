//! `GET /tag.js`: embedded, compressed once, revalidated by its ETag.

use std::io::Write as _;
use std::sync::LazyLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_NONE_MATCH, VARY,
};
use hyper::{HeaderMap, Response, StatusCode};

use super::Body;

static TAG: LazyLock<Asset> = LazyLock::new(|| Asset::new(include_bytes!("../../assets/tag.js")));

/// A script as it is, compressed, and its ETag.
struct Asset {
    plain: &'static [u8],
    gzip: Option<Bytes>,
    etag: HeaderValue,
}

impl Asset {
    fn new(plain: &'static [u8]) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let gzip = encoder.write_all(plain).and_then(|()| encoder.finish()).ok().map(Bytes::from);
        let etag = HeaderValue::from_str(&format!("W/\"{:08x}{:x}\"", crc32c::crc32c(plain), plain.len()));
        Self { plain, gzip, etag: etag.unwrap_or(HeaderValue::from_static("\"tag\"")) }
    }
}

pub(super) fn tag(request: &HeaderMap) -> Response<Body> {
    let names = |header: HeaderName, needle: &str| {
        request.get(header).and_then(|value| value.to_str().ok()).is_some_and(|text| text.contains(needle))
    };
    let mut response = Response::new(Body::default());
    let headers = response.headers_mut();
    headers.insert(ETAG, TAG.etag.clone());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    if names(IF_NONE_MATCH, TAG.etag.to_str().unwrap_or("?")) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    let body = match &TAG.gzip {
        Some(gzip) if names(ACCEPT_ENCODING, "gzip") => {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            gzip.clone()
        }
        _ => Bytes::from_static(TAG.plain),
    };
    *response.body_mut() = Body::from(body);
    response
}
