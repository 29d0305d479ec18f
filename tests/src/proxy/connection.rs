//! One connection through the proxy: a pump for each way, and how it ends.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::Orders;

/// Bytes carried at once.
const CHUNK: usize = 64 * 1024;

/// Both sides of a connection. Dropped before its ordered end, as by the end of its task, it resets them.
pub(super) struct Connection {
    client: TcpStream,
    target: Option<TcpStream>,
    ended: bool,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Requests,
    Replies,
}

/// Why a connection ends out of order.
enum Broken {
    /// A reply was swallowed.
    Cut,
    /// One of the sides is gone.
    Gone,
}

impl Connection {
    pub(super) fn new(client: TcpStream) -> Self {
        Self { client, target: None, ended: false }
    }

    pub(super) async fn carry(mut self, orders: watch::Sender<Orders>) {
        passage(&orders).await;
        let target = orders.borrow().target;
        let Some(target) = target else { return };
        let Ok(target) = TcpStream::connect(target).await else { return };
        let target = self.target.insert(target);
        // Small requests should not wait for an acknowledgement.
        self.client.set_nodelay(true).ok();
        target.set_nodelay(true).ok();

        let (from_client, to_client) = self.client.split();
        let (from_target, to_target) = target.split();
        let requests = pump(from_client, to_target, Way::Requests, &orders);
        let replies = pump(from_target, to_client, Way::Replies, &orders);
        match tokio::try_join!(requests, replies) {
            Ok(_) => self.ended = true,
            Err(Broken::Gone) => passage(&orders).await,
            Err(Broken::Cut) => {
                // The target may not have read the request yet; a reset could lose it.
                self.target = None;
                reset(&self.client);
                orders.send_modify(|orders| orders.cuts += 1);
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !self.ended {
            reset(&self.client);
            self.target.iter().for_each(reset);
        }
    }
}

/// Once closed, the socket sends RST in place of FIN.
fn reset(stream: &TcpStream) {
    stream.set_zero_linger().ok();
}

async fn passage(orders: &watch::Sender<Orders>) {
    orders.subscribe().wait_for(|orders| !orders.black_hole).await.ok();
}

async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    way: Way,
    orders: &watch::Sender<Orders>,
) -> Result<(), Broken> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk).await?;
        let mut rest = chunk.get(..read).unwrap_or_default();
        while !rest.is_empty() {
            passage(orders).await;
            to.writable().await?;
            let passed = pass(&to, rest, way, orders)?;
            rest = rest.get(passed..).unwrap_or_default();
        }
        if read == 0 {
            passage(orders).await;
            return Ok(to.shutdown().await?);
        }
    }
}

/// Passes as many bytes as the socket takes at once. No order changes meanwhile, so none is overtaken by bytes.
fn pass(to: &WriteHalf<'_>, bytes: &[u8], way: Way, orders: &watch::Sender<Orders>) -> Result<usize, Broken> {
    let now = orders.borrow();
    if now.black_hole {
        return Ok(0);
    }
    if now.cut_replies && way == Way::Replies {
        return Err(Broken::Cut);
    }
    match to.try_write(bytes) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        written => Ok(written?),
    }
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}
