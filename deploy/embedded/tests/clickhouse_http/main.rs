//! ClickHouse's HTTP interface before the real engine, as clients see it: the unmodified `clickhouse` crate and
//! a plain HTTP client. A process has one engine, so the chapters of this story share a server; each has its
//! own database.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a step that fails fails the test"
)]

mod access;
mod http_client;
mod interface;
mod rows;
mod streams;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clickhouse::{Client, Compression};
use embedded::clickhouse_http::{Limits, Server, serve};
use embedded::engine::{Engine, find_library};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use self::http_client::HttpClient;

/// The server under test.
struct Fixture {
    address: SocketAddr,
}

impl Fixture {
    fn http(&self) -> HttpClient {
        HttpClient { address: self.address }
    }

    /// A client of the `clickhouse` crate with a fresh database.
    async fn client(&self, database: &str) -> Client {
        let client = Client::default().with_url(format!("http://{}", self.address));
        client.query(&format!("CREATE DATABASE {database}")).execute().await.unwrap();
        client.with_database(database)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_find_clickhouse() {
    let data = tempfile::tempdir().unwrap();
    // Before the engine starts: it must leave the program's own signal handlers alone.
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    let library = find_library(None, None).unwrap_or_else(|error| panic!("{error}"));
    let engine = Arc::new(Engine::open(&library, data.path(), None).unwrap());
    let limits =
        Limits { statements: 8, sessions: 3, header_timeout: Duration::from_secs(3), ..Limits::default() };
    let server = Server::new(Arc::clone(&engine), limits);
    let server = server.with_page("/dashboard", "text/html; charset=utf-8", "<h1>hello</h1>".into());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let fixture = Fixture { address: listener.local_addr().unwrap() };
    let shutdown = async move {
        terminate.recv().await;
    };
    let serving = tokio::spawn(serve(listener, Arc::new(server), shutdown));
    let idle = fixture.http();
    let idle = tokio::spawn(async move { idle.idle().await });

    for (name, compression) in
        [("lz4", Compression::Lz4), ("plain", Compression::None), ("zstd", Compression::zstd())]
    {
        let client = fixture.client(&format!("rows_{name}")).await.with_compression(compression);
        rows::story(&client).await;
        streams::crate_story(&client).await;
    }
    streams::raw_story(&fixture).await;
    interface::story(&fixture).await;
    access::story(&fixture).await;
    interface::the_engine_keeps_no_statement_texts(&engine, data.path());

    assert_eq!(idle.await.unwrap(), 0, "a connection that says nothing is closed");
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM).unwrap();
    serving.await.unwrap();
    let refused = tokio::net::TcpStream::connect(fixture.address).await;
    assert!(refused.is_err(), "the listener is closed after shutdown");
}
