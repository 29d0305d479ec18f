//! The listeners of `footfall up`: the collector's and the demonstration site's.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use collector::endpoints::Body;
use collector::listeners::{FEW_CONNECTIONS, Serving, bind};
use collector::process::told;
use collector::server::serve;
use collector::service::Service;
use hyper::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY};
use hyper::{Response, StatusCode};
use processor::telemetry::Telemetry;
use schemas::configuration;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::demo::DemoSite;

/// Bound, not yet serving.
pub struct Listeners {
    /// The collector's own.
    pub collector: collector::listeners::Listeners,
    /// Address of the demonstration site.
    pub demo: Option<SocketAddr>,
    demonstration: Option<TcpListener>,
}

impl Listeners {
    /// Binds all of them, so that a port that is taken is known before anything is opened.
    ///
    /// # Errors
    /// When one cannot be bound.
    pub async fn bind(addresses: &configuration::Collector, demo: bool) -> Result<Self> {
        let collector = collector::listeners::Listeners::bind(addresses).await?;
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let demonstration = if demo { Some(bind(any_port, "demo", "another port").await?) } else { None };
        let demo = demonstration.as_ref().map(TcpListener::local_addr).transpose()?;
        Ok(Self { collector, demo, demonstration })
    }

    /// Serves all of them.
    pub fn serve(self, service: &Service, telemetry: Arc<Telemetry>, stop: watch::Receiver<bool>) -> Serving {
        let address = self.collector.collector;
        let mut serving = self.collector.serve(service, move || telemetry.encode(), stop.clone());
        if let (Some(listener), Some(own)) = (self.demonstration, self.demo) {
            let site = service.collector.configuration.sites.iter().next().map(|site| site.name.clone());
            let pages = DemoSite::new(
                &format!("http://{address}"),
                &site.unwrap_or_default(),
                &format!("http://{own}"),
            );
            let pages = Arc::new(pages);
            let demo = move |_, request: hyper::Request<_>| {
                std::future::ready(demo_page(&pages, request.uri().path()))
            };
            serving.also(serve(listener, FEW_CONNECTIONS, demo, told(stop)));
        }
        serving
    }
}

fn demo_page(site: &DemoSite, path: &str) -> Response<Body> {
    let found = site.answer(path);
    let (content_type, text) = found.unwrap_or(("text/plain; charset=utf-8", "There is no such page.\n"));
    let mut response = Response::new(Body::from(Bytes::copy_from_slice(text.as_bytes())));
    if found.is_none() {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer-when-downgrade"));
    if let Ok(policy) = HeaderValue::from_str(site.content_security_policy()) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}
