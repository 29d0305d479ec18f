//! The operator's listener, on loopback by default: is the collector alive, is it ready, what does it count; and his orders
//! (`erase`).

mod erase;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};

use crate::endpoints::{Body, Collector, text};
use crate::server::Ends;

/// Media type of OpenMetrics text.
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers one request of the admin listener; `more` are metrics of other parts of the same program.
pub async fn answer(
    collector: Arc<Collector>,
    ends: Ends,
    request: Request<Incoming>,
    more: String,
) -> Response<Body> {
    if request.uri().path() == "/erase" {
        return erase::post(&collector, ends, request).await.unwrap_or_else(|refusal| {
            collector.telemetry.refused(&refusal);
            text(&refusal)
        });
    }
    respond(request.uri().path(), || ready(&collector), || metrics(&collector, &more))
}

/// Answers a path of any program's admin listener: is it alive, is it ready or why not, what does it count.
pub fn respond(
    path: &str,
    ready: impl FnOnce() -> Result<(), String>,
    metrics: impl FnOnce() -> String,
) -> Response<Body> {
    match path {
        "/livez" => plain(StatusCode::OK, "alive\n".into()),
        "/readyz" => match ready() {
            Ok(()) => plain(StatusCode::OK, "ready\n".into()),
            Err(why) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        },
        "/metrics" => {
            let mut response = plain(StatusCode::OK, metrics());
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(METRICS));
            response
        }
        _ => plain(StatusCode::NOT_FOUND, "use /livez, /readyz or /metrics\n".into()),
    }
}

fn ready(collector: &Collector) -> Result<(), String> {
    if collector.stopping.load(Ordering::Relaxed) {
        return Err("stopping".into());
    }
    collector.recorder.admit().map_err(|refusal| refusal.to_string())
}

/// OpenMetrics texts end with `# EOF`, once.
fn metrics(collector: &Collector, more: &str) -> String {
    let own = collector.telemetry.encode();
    let own = if more.is_empty() { own.as_str() } else { own.trim_end_matches("# EOF\n") };
    format!("{own}{more}")
}

fn plain(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
