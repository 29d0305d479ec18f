//! ClickHouse for one command: the program that runs on the data directory, or the engine in this process, behind the
//! same HTTP interface.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use collector::listeners::bind;
use processor::store::Store;
use schemas::configuration::ClickHouse;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::clickhouse_http::{Limits, Server, serve};
use crate::data::Data;
use crate::engine::{Engine, find_library};

/// A ClickHouse that answers.
pub struct Host {
    address: SocketAddr,
    own: Option<Own>,
}

struct Own {
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Host {
    /// Uses the one that runs, or opens the engine for this command alone.
    ///
    /// # Errors
    /// When the engine cannot be opened.
    pub async fn find(data: &Data) -> Result<Self> {
        if let Some(address) = data.running() {
            return Ok(Self { address, own: None });
        }
        Self::open(data, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Opens the engine in this process and serves it.
    ///
    /// # Errors
    /// When the engine cannot be opened or the port is taken.
    pub async fn open(data: &Data, listen: SocketAddr) -> Result<Self> {
        anyhow::ensure!(
            listen.ip().is_loopback(),
            "the embedded ClickHouse has no users yet, so it listens on loopback only; {listen} is not"
        );
        let engine = engine(data.path(), &data.clickhouse())?;
        let listener = bind(listen, "ClickHouse", "--clickhouse").await?;
        let address = listener.local_addr()?;
        let server = Arc::new(Server::new(Arc::new(engine), Limits::default()));
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(listener, server, async { drop(stopped.await) }));
        Ok(Self { address, own: Some(Own { stop, served }) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The store over it, migrated.
    ///
    /// # Errors
    /// ClickHouse's.
    pub async fn store(&self) -> Result<Store> {
        let settings = ClickHouse { url: format!("http://{}", self.address), ..ClickHouse::default() };
        let store = Store::new(&settings)?;
        store.migrate().await?;
        Ok(store)
    }

    /// Ends what this command began; statements under way finish.
    pub async fn close(self) {
        if let Some(Own { stop, served }) = self.own {
            drop(stop);
            served.await.ok();
        }
    }
}

/// Opens the engine with its tables in `tables`.
fn engine(data: &Path, tables: &Path) -> Result<Engine> {
    let library = find_library(None, Some(data))?;
    let started = std::time::Instant::now();
    let engine = Engine::open(&library, tables, None)?;
    tracing::info!(version = engine.version(), elapsed_ms = started.elapsed().as_millis(), "engine opened");
    Ok(engine)
}
