//! The listeners of `footfall up`: the public one, the operator's, and the demonstration site's.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use collector::admin;
use collector::endpoints::Body;
use collector::process::told;
use collector::server::serve;
use collector::service::Service;
use hyper::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY};
use hyper::{Response, StatusCode};
use processor::telemetry::Telemetry;
use schemas::configuration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::demo::DemoSite;
use crate::host::bind;

/// Connections of the admin listener and of the demonstration site.
const FEW_CONNECTIONS: usize = 64;

/// Bound, not yet serving.
pub struct Listeners {
    /// Address of the collector.
    pub collector: SocketAddr,
    /// Address of the operator's listener.
    pub admin: SocketAddr,
    /// Address of the demonstration site.
    pub demo: Option<SocketAddr>,
    public: TcpListener,
    operator: TcpListener,
    demonstration: Option<TcpListener>,
}

/// Serving until they are told to stop.
pub struct Serving(JoinSet<()>);

impl Listeners {
    /// Binds all of them, so that a port that is taken is known before anything is opened.
    ///
    /// # Errors
    /// When one cannot be bound.
    pub async fn bind(addresses: &configuration::Collector, demo: bool) -> Result<Self> {
        let public = bind(addresses.listen, "collector").await?;
        let operator = bind(addresses.admin, "admin").await?;
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let demonstration = if demo { Some(bind(any_port, "demo").await?) } else { None };
        Ok(Self {
            collector: public.local_addr()?,
            admin: operator.local_addr()?,
            demo: demonstration.as_ref().map(TcpListener::local_addr).transpose()?,
            public,
            operator,
            demonstration,
        })
    }

    /// Serves all of them.
    pub fn serve(self, service: &Service, telemetry: Arc<Telemetry>, stop: watch::Receiver<bool>) -> Serving {
        let mut serving = JoinSet::new();
        let collector = Arc::clone(&service.collector);
        let connections_max = collector.configuration.limits.connections;
        let public = move |peer, request| Arc::clone(&collector).answer(peer, request);
        serving.spawn(serve(self.public, connections_max, public, told(stop.clone())));

        let collector = Arc::clone(&service.collector);
        let operator = move |_, request| admin::answer(Arc::clone(&collector), request, telemetry.encode());
        serving.spawn(serve(self.operator, FEW_CONNECTIONS, operator, told(stop.clone())));

        if let (Some(listener), Some(own)) = (self.demonstration, self.demo) {
            let site = service.collector.configuration.sites.iter().next().map(|site| site.name.clone());
            let pages = DemoSite::new(
                &format!("http://{}", self.collector),
                &site.unwrap_or_default(),
                &format!("http://{own}"),
            );
            let pages = Arc::new(pages);
            let demo = move |_, request: hyper::Request<_>| {
                std::future::ready(demo_page(&pages, request.uri().path()))
            };
            serving.spawn(serve(listener, FEW_CONNECTIONS, demo, told(stop)));
        }
        Serving(serving)
    }
}

impl Serving {
    /// Waits until all have drained.
    pub async fn finish(self) {
        self.0.join_all().await;
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
