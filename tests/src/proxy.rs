//! A TCP proxy between two programs, in the test's own process: it carries bytes, and makes the faults of a network.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};
use tokio::task::{JoinHandle, JoinSet};

use self::connection::Connection;
use crate::port::Port;

mod connection;
#[cfg(test)]
mod tests;

/// Carries connections to a target that may be named, and changed, after the start. Dropped, it resets them all.
pub struct Proxy {
    port: Port,
    orders: watch::Sender<Orders>,
    connections: Arc<Mutex<JoinSet<()>>>,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

/// What holds for all connections now.
#[derive(Debug, Clone, Copy, Default)]
struct Orders {
    target: Option<SocketAddr>,
    black_hole: bool,
    cut_replies: bool,
    cuts: u64,
}

impl Proxy {
    /// Listens on a free port of loopback. Until [`Self::forward_to`] it resets whoever connects.
    ///
    /// # Errors
    /// The system's.
    pub async fn start() -> Result<Self> {
        let proxy = Self {
            port: Port::take()?,
            orders: watch::Sender::default(),
            connections: Arc::default(),
            accepting: Mutex::default(),
        };
        proxy.refuse(false).await?;
        Ok(proxy)
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Where new connections lead from now on.
    pub fn forward_to(&self, target: SocketAddr) {
        self.orders.send_modify(|orders| orders.target = Some(target));
    }

    /// Resets all connections, on both sides; bytes on their way are lost. New ones are welcome.
    pub async fn reset(&self) {
        self.connections.lock().await.shutdown().await;
    }

    /// While it is on, nothing passes either way, not even an end; connections stay, and new ones are accepted.
    /// Afterwards what was held back arrives, as after a network's outage, unless [`Self::reset`] has lost it.
    pub fn black_hole(&self, on: bool) {
        self.orders.send_modify(|orders| orders.black_hole = on);
    }

    /// While it is on, requests arrive but the target's next reply is swallowed, and the connection then reset: the
    /// client cannot know what became of its request.
    pub fn cut_replies(&self, on: bool) {
        self.orders.send_modify(|orders| orders.cut_replies = on);
    }

    /// How many connections have lost a reply so far.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.orders.borrow().cuts
    }

    /// While it is on, new connections are refused as by a port that nobody listens on. Those that there are stay.
    ///
    /// # Errors
    /// The system's.
    pub async fn refuse(&self, on: bool) -> Result<()> {
        let mut accepting = self.accepting.lock().await;
        if on && let Some(task) = accepting.take() {
            task.abort();
            task.await.ok();
        } else if !on && accepting.is_none() {
            let listener = self.port.listen()?;
            let (orders, connections) = (self.orders.clone(), Arc::clone(&self.connections));
            *accepting = Some(tokio::spawn(accept(listener, orders, connections)));
        }
        Ok(())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(task) = self.accepting.get_mut() {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener, orders: watch::Sender<Orders>, connections: Arc<Mutex<JoinSet<()>>>) {
    loop {
        // What fails is a connection that its client has given up already.
        if let Ok((client, _)) = listener.accept().await {
            let mut connections = connections.lock().await;
            while connections.try_join_next().is_some() {}
            connections.spawn(Connection::new(client).carry(orders.clone()));
        }
    }
}
