//! A collector's two listeners: the public one and the operator's.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use schemas::configuration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::admin;
use crate::process::told;
use crate::server::{Ends, serve};
use crate::service::Service;

/// Connections of a listener that few ask.
pub const FEW_CONNECTIONS: usize = 64;

/// A port cannot be had.
#[derive(Debug, thiserror::Error)]
#[error(
    "{part}: cannot listen on {address}: {error}; if another program has the port, choose one with {flag}"
)]
pub struct BindError {
    part: &'static str,
    address: SocketAddr,
    flag: &'static str,
    error: io::Error,
}

/// Binds a listener for `part` of a program; `flag` is where another address is chosen.
///
/// # Errors
/// When the port is taken or the address is not this machine's.
pub async fn bind(
    address: SocketAddr,
    part: &'static str,
    flag: &'static str,
) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|error| BindError { part, address, flag, error })
}

/// Bound, not yet serving.
pub struct Listeners {
    /// Address of the collector.
    pub collector: SocketAddr,
    /// Address of the operator's listener.
    pub admin: SocketAddr,
    public: TcpListener,
    operator: TcpListener,
}

/// Serving until they are told to stop.
pub struct Serving(JoinSet<()>);

impl Listeners {
    /// Binds both, so that a port that is taken is known before anything is opened.
    ///
    /// # Errors
    /// When one cannot be bound.
    pub async fn bind(addresses: &configuration::Collector) -> Result<Self, BindError> {
        let (listen, admin) = (addresses.listen, addresses.admin);
        let public = bind(listen, "collector", "--listen").await?;
        let operator = bind(admin, "admin", "--admin").await?;
        Ok(Self {
            collector: public.local_addr().unwrap_or(listen),
            admin: operator.local_addr().unwrap_or(admin),
            public,
            operator,
        })
    }

    /// Serves both; `more` are metrics of other parts of the same program.
    pub fn serve(
        self,
        service: &Service,
        more: impl Fn() -> String + Clone + Send + 'static,
        stop: watch::Receiver<bool>,
    ) -> Serving {
        let mut serving = JoinSet::new();
        let collector = Arc::clone(&service.collector);
        let connections_max = collector.configuration.limits.connections;
        let public = move |ends: Ends, request| Arc::clone(&collector).answer(ends.peer, request);
        serving.spawn(serve(self.public, connections_max, public, told(stop.clone())));

        let collector = Arc::clone(&service.collector);
        let operator = move |ends, request| admin::answer(Arc::clone(&collector), ends, request, more());
        serving.spawn(serve(self.operator, FEW_CONNECTIONS, operator, told(stop)));
        Serving(serving)
    }
}

impl Serving {
    /// A further listener of the same program.
    pub fn also(&mut self, served: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(served);
    }

    /// Waits until all have drained.
    pub async fn finish(self) {
        self.0.join_all().await;
    }
}
