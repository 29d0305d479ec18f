//! A port of loopback that stays with one owner for as long as its value lives.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use tokio::net::{TcpListener, TcpSocket};

/// More connections than a test makes at once.
const BACKLOG: u32 = 1024;

/// Bound, but not listening. The system gives the port to nobody who asks for any; whoever asks for this one, a started
/// program for instance, gets it, if it sets `SO_REUSEADDR` as servers do.
#[derive(Debug)]
pub struct Port {
    address: SocketAddr,
    _held: TcpSocket,
}

impl Port {
    /// Takes a free port.
    ///
    /// # Errors
    /// The system's.
    pub fn take() -> Result<Self> {
        let held = bound((Ipv4Addr::LOCALHOST, 0).into())?;
        Ok(Self { address: held.local_addr()?, _held: held })
    }

    /// The port with its host.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens on it. Unless somebody listens, connections are refused.
    ///
    /// # Errors
    /// When somebody listens already.
    pub fn listen(&self) -> Result<TcpListener> {
        Ok(bound(self.address)?.listen(BACKLOG)?)
    }
}

fn bound(address: SocketAddr) -> Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
