//! Where a broker listens, and the settings that say so.

use std::fmt::Write as _;
use std::net::SocketAddr;

use anyhow::Result;

use super::access::Access;
use crate::port::Port;

/// A listener of a broker, with a port of its own.
#[derive(Debug, Clone, Copy)]
pub struct Listener<'a> {
    /// In capitals.
    pub name: &'a str,
    /// Where it tells clients to connect, which is where they send everything but their first request.
    pub advertised: Option<SocketAddr>,
    /// With TLS and a password, see [`Access`].
    pub secured: bool,
}

impl<'a> Listener<'a> {
    /// Without TLS and passwords.
    #[must_use]
    pub fn plain(name: &'a str) -> Self {
        Self { name, advertised: None, secured: false }
    }

    /// With TLS and a password.
    #[must_use]
    pub fn secured(name: &'a str) -> Self {
        Self { secured: true, ..Self::plain(name) }
    }

    /// Clients are told to connect to a proxy, which must lead to this listener.
    #[must_use]
    pub fn behind(self, proxy: SocketAddr) -> Self {
        Self { advertised: Some(proxy), ..self }
    }

    pub(super) fn open(self) -> Result<Open> {
        let port = Port::take()?;
        let advertised = self.advertised.unwrap_or_else(|| port.address());
        Ok(Open { name: self.name.to_owned(), port, advertised, secured: self.secured })
    }
}

/// A listener that has its port.
pub(super) struct Open {
    pub(super) name: String,
    pub(super) port: Port,
    advertised: SocketAddr,
    secured: bool,
}

/// The text of `listeners.properties`.
pub(super) fn settings(
    listeners: &[Open],
    controller: SocketAddr,
    access: Option<&Access>,
) -> Result<String, std::fmt::Error> {
    let mut at = format!("listeners=CONTROLLER://{controller}");
    let mut advertised = String::from("advertised.listeners=");
    let mut protocols = String::from("listener.security.protocol.map=CONTROLLER:PLAINTEXT");
    let mut secrets = String::new();
    for (number, Open { name, port, advertised: told, secured }) in listeners.iter().enumerate() {
        write!(at, ",{name}://{}", port.address())?;
        write!(advertised, "{}{name}://{told}", if number == 0 { "" } else { "," })?;
        write!(protocols, ",{name}:{}", if *secured { "SASL_SSL" } else { "PLAINTEXT" })?;
        if let Some(access) = access.filter(|_| *secured) {
            secrets.push_str(&access.settings(name));
        }
    }
    Ok(format!("controller.quorum.voters=1@{controller}\n{at}\n{advertised}\n{protocols}\n{secrets}"))
}
