//! The operator's listener, on loopback by default: is the collector alive, is it ready, what does it count.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};

use crate::endpoints::{Body, Collector};

/// Media type of OpenMetrics text.
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers one request of the admin listener; `more` are metrics of other parts of the same program.
pub async fn answer(collector: Arc<Collector>, request: Request<Incoming>, more: String) -> Response<Body> {
    match request.uri().path() {
        "/livez" => plain(StatusCode::OK, "alive\n".into()),
        "/readyz" => ready(&collector),
        "/metrics" => metrics(&collector, &more),
        _ => plain(StatusCode::NOT_FOUND, "use /livez, /readyz or /metrics\n".into()),
    }
}

fn ready(collector: &Collector) -> Response<Body> {
    if collector.stopping.load(Ordering::Relaxed) {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "stopping\n".into());
    }
    match collector.recorder.admit() {
        Ok(()) => plain(StatusCode::OK, "ready\n".into()),
        Err(refusal) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{refusal}\n")),
    }
}

/// OpenMetrics texts end with `# EOF`, once.
fn metrics(collector: &Collector, more: &str) -> Response<Body> {
    let own = collector.telemetry.encode();
    let own = if more.is_empty() { own.as_str() } else { own.trim_end_matches("# EOF\n") };
    let mut response = plain(StatusCode::OK, format!("{own}{more}"));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(METRICS));
    response
}

fn plain(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
