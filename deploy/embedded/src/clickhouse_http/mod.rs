//! ClickHouse's HTTP interface before the in-process engine: enough for the unmodified `clickhouse` crate,
//! Grafana and curl. A request is let in (`access`), read (`request`, `body`), run on a connection of its own
//! (`execution`, `session`) and answered (`response`).

mod access;
mod body;
mod compression;
mod exception;
mod execution;
mod native;
mod request;
mod response;
mod session;
mod sql;
mod statement;

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_ENCODING, HOST, ORIGIN};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::access::{Access, Asked, RequestFacts};
use self::body::Body;
use self::request::Query;
use self::response::{Reply, ResponseBody};
use self::session::Sessions;
use crate::engine::{Connection, Engine, Exception};

/// The most that is done at once, and the longest that is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections; more wait to be accepted.
    pub connections: usize,
    /// Statements that run at once; more wait for `statement_wait`.
    pub statements: usize,
    /// How long a statement waits for its turn before it is refused (503).
    pub statement_wait: Duration,
    /// Longest statement, in bytes. The data of an INSERT do not count.
    pub statement_bytes: usize,
    /// Sessions kept at once.
    pub sessions: usize,
    /// Time for the head of a request, waiting for it included.
    pub header_timeout: Duration,
    /// Largest head of a request, in bytes.
    pub header_bytes: usize,
    /// How long running statements may go on after shutdown.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            statements: 32,
            statement_wait: Duration::from_secs(30),
            statement_bytes: 1 << 20,
            sessions: 64,
            header_timeout: Duration::from_secs(30),
            header_bytes: 64 << 10,
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// The interface over one engine.
pub struct Server {
    engine: Arc<Engine>,
    version: String,
    limits: Limits,
    turns: Arc<Semaphore>,
    sessions: Sessions<Connection>,
    pages: HashMap<&'static str, (&'static str, Bytes)>,
}

impl Server {
    /// A server over `engine`.
    #[must_use]
    pub fn new(engine: Arc<Engine>, limits: Limits) -> Self {
        Self {
            version: engine.version(),
            engine,
            limits,
            turns: Arc::new(Semaphore::new(limits.statements)),
            sessions: Sessions::new(limits.sessions),
            pages: HashMap::new(),
        }
    }

    /// Also serves a page without data, such as `/dashboard`.
    #[must_use]
    pub fn with_page(mut self, path: &'static str, content_type: &'static str, content: Bytes) -> Self {
        self.pages.insert(path, (content_type, content));
        self
    }

    async fn handle(
        self: Arc<Self>,
        peer: IpAddr,
        request: Request<Incoming>,
    ) -> Result<Response<ResponseBody>, Infallible> {
        let is_head = request.method() == Method::HEAD;
        let version = self.version.clone();
        let answer = self.answer(peer, request).await;
        let response = answer.unwrap_or_else(|exception| response::exception(&exception, &version));
        Ok(if is_head { response::without_body(response) } else { response })
    }

    async fn answer(
        self: Arc<Self>,
        peer: IpAddr,
        request: Request<Incoming>,
    ) -> Result<Response<ResponseBody>, Exception> {
        let path = request.uri().path();
        if matches!(path, "/ping" | "/replicas_status") {
            return Ok(response::plain(StatusCode::OK, "Ok.\n"));
        }
        if let Some((content_type, content)) = self.pages.get(path) {
            allow(peer, request.headers(), Asked::Page)?;
            return Ok(response::page(content_type, content.clone()));
        }
        allow(peer, request.headers(), Asked::Statement)?;
        match (request.method(), path) {
            (_, path) if path != "/" => {
                Ok(response::plain(StatusCode::NOT_FOUND, "There is no such page.\n"))
            }
            (&Method::GET | &Method::HEAD, _) if request.uri().query().is_none() => {
                Ok(response::plain(StatusCode::OK, "Ok.\n"))
            }
            (&Method::GET | &Method::HEAD | &Method::POST, _) => self.run(request).await,
            _ => Ok(response::plain(StatusCode::METHOD_NOT_ALLOWED, "Use GET or POST.\n")),
        }
    }

    async fn run(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<ResponseBody>, Exception> {
        let turn = self.turn().await?;
        let (query, body) = self.read(request).await?;
        let (reply, head) = Reply::new();
        tokio::task::spawn_blocking(move || {
            execution::run(&self, &query, body, reply);
            drop(turn);
        });
        let head =
            head.await.map_err(|_| Exception::new("the statement's thread ended without an answer"))?;
        head.map(response::answer)
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, Exception> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn = tokio::time::timeout(self.limits.statement_wait, turn).await;
        turn.ok().and_then(Result::ok).ok_or_else(exception::busy)
    }

    async fn read(&self, request: Request<Incoming>) -> Result<(Query, Body), Exception> {
        let (head, body) = request.into_parts();
        if head.headers.contains_key(CONTENT_ENCODING) {
            let text = "Content-Encoding of a request is not supported; use decompress=1, or send it plain";
            return Err(Exception::coded(48, "NOT_IMPLEMENTED", text));
        }
        let mut fields = request::url_fields(head.uri.query());
        if let Some(boundary) = request::form_boundary(&head.headers) {
            fields.extend(request::form_fields(body, boundary, self.limits.statement_bytes).await?);
            return Ok((Query::new(&head.method, &head.headers, fields)?, Body::empty()));
        }
        let query = Query::new(&head.method, &head.headers, fields)?;
        let body = if body.is_end_stream() { Body::empty() } else { Body::receive(body, query.decompress) };
        Ok((query, body))
    }
}

fn allow(peer: IpAddr, headers: &HeaderMap, asked: Asked) -> Result<(), Exception> {
    // A header that is there but can't be read must not pass for one that is not.
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("(unreadable)"));
    let facts = RequestFacts {
        peer,
        host: text(HOST.as_str()),
        origin: text(ORIGIN.as_str()),
        fetch_site: text("sec-fetch-site"),
        asked,
    };
    match access::decide(&facts) {
        Access::Operator => Ok(()),
        Access::Refused(refusal) => Err(exception::access_denied(refusal.advice())),
    }
}

/// Serves until `shutdown`, then lets running statements end, for `drain_timeout` at most.
pub async fn serve(listener: TcpListener, server: Arc<Server>, shutdown: impl Future<Output = ()>) {
    let slots = Arc::new(Semaphore::new(server.limits.connections));
    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = &mut shutdown => break,
        };
        if let Some((stream, peer, slot)) = accepted {
            let connection = connection(stream, peer, Arc::clone(&server), graceful.watcher());
            tokio::spawn(async move {
                connection.await;
                drop(slot);
            });
        }
    }
    drop(listener);
    tokio::time::timeout(server.limits.drain_timeout, graceful.shutdown()).await.unwrap_or_default();
}

/// The next connection once there is room for it; `None` if it failed or the system is out of files.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer.ip(), slot)),
        Err(_) => {
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

async fn connection(stream: TcpStream, peer: IpAddr, server: Arc<Server>, watcher: Watcher) {
    // Without it the last piece of an answer can wait for an acknowledgement.
    stream.set_nodelay(true).unwrap_or_default();
    let limits = server.limits;
    let service = service_fn(move |request| Arc::clone(&server).handle(peer, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.header_bytes)
        .serve_connection(TokioIo::new(stream), service);
    // A client that breaks off is its own business.
    watcher.watch(connection).await.unwrap_or_default();
}
