//! Accepts connections within limits and drains them: after the stop signal no new one is accepted, and those
//! under way finish their answer.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::endpoints::Body;

/// Largest header, all fields together: browsers' cookies fit in, and little else.
const HEADER_BYTES_MAX: usize = 16 * 1024;
/// How long a header may take, and how long an idle connection is kept.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long connections under way may take to finish when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Wait after a failed accept: without file handles it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The two ends of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    /// Who asks.
    pub peer: SocketAddr,
    /// The address of this machine that was asked; nothing when the system does not say.
    pub local: Option<SocketAddr>,
}

/// Serves until `stop` resolves, then drains.
pub async fn serve<H, A>(
    listener: TcpListener,
    connections_max: usize,
    handler: H,
    stop: impl Future<Output = ()>,
) where
    H: Fn(Ends, Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(connections_max));
    let drain = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        // A place is taken before a connection: the rest waits in the kernel's queue.
        let (place, accepted) = tokio::select! {
            () = &mut stop => break,
            both = async { (Arc::clone(&places).acquire_owned().await, listener.accept().await) } => both,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = drain.watch(connection(stream, peer, handler.clone()));
                tokio::spawn(async move {
                    // A connection that ends in an error has lost its client; there is nobody to tell.
                    connection.await.ok();
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, drain.shutdown()).await.is_err() {
        tracing::warn!("connections still open when the server stopped");
    }
}

fn connection<H, A>(
    stream: TcpStream,
    peer: SocketAddr,
    handler: H,
) -> impl GracefulConnection<Error = hyper::Error> + Send + use<H, A>
where
    H: Fn(Ends, Request<Incoming>) -> A + Send + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    // Small answers must not wait for each other (Nagle); a failure only makes them slower.
    stream.set_nodelay(true).ok();
    let ends = Ends { peer, local: stream.local_addr().ok() };
    let service = service_fn(move |request| {
        let answer = handler(ends, request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX)
        .half_close(false)
        .serve_connection(TokioIo::new(stream), service)
}
