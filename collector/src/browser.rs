//! What a visitor's browser says it is: name, major version, operating system, class of device, or bot.
//!
//! Read from the User-Agent and the three client hints that browsers send unasked. Every name is on a closed
//! list (`schemas::closed_lists`), so nothing of the User-Agent itself goes any further. How well it does is measured:
//! `tests/data/README.md`.

mod client_hints;
mod device;
#[cfg(test)]
mod figures;
mod name;
mod operating_system;

pub use client_hints::ClientHints;
pub use device::Device;

use crate::bot;
use schemas::closed_lists::OTHER;
use woothee::parser::Parser;

/// Bytes of a User-Agent that are looked at; real ones are shorter.
pub const USER_AGENT_BYTES_MAX: usize = 512;

/// A browser as far as it is told apart from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Browser {
    /// One of `schemas::closed_lists::BROWSERS`, or `(other)`.
    pub name: &'static str,
    /// Major version, where the browser says one.
    pub version: Option<u16>,
    /// One of `schemas::closed_lists::OPERATING_SYSTEMS`, or `(other)`.
    pub os: &'static str,
    /// Class of device.
    pub device: Device,
    /// One of `schemas::closed_lists::BOTS` if no person is looking at the page; the other fields then say nothing,
    /// since a bot only pretends to be a browser.
    pub bot: Option<&'static str>,
}

/// Recognises the browser behind a request from its User-Agent and client hints.
///
/// An explicit token in the User-Agent (`Edg/`, `Vivaldi/`, an app's name) beats the hints; the hints tell apart
/// the browsers that send Chrome's User-Agent unchanged (Brave, Chromium and others).
#[must_use]
pub fn recognise(user_agent: &str, hints: &ClientHints<'_>) -> Browser {
    let user_agent = truncate(user_agent);
    let hints = hints.within_limits();
    let lower = user_agent.to_ascii_lowercase();
    let parsed = Parser::new().parse(user_agent).unwrap_or_default();
    if let Some(bot) = bot::name(&lower, &parsed, &hints) {
        return Browser { name: OTHER, version: None, os: OTHER, device: Device::Other, bot: Some(bot) };
    }
    let os = operating_system::recognise(&lower, parsed.os, &hints);
    let (name, version) = name::recognise(&lower, &parsed, &hints);
    Browser { name, version, os, device: device::recognise(&lower, os, &hints), bot: None }
}

/// Whether a User-Agent in lower case has the name of a browser in the form in which that browser writes it.
pub(crate) fn is_browser_name(lower: &str) -> bool {
    name::by_token(lower).is_some()
}

/// The first [`USER_AGENT_BYTES_MAX`] bytes, ending at a whole character.
pub(crate) fn truncate(user_agent: &str) -> &str {
    let end = user_agent.len().min(USER_AGENT_BYTES_MAX);
    (0..=end).rev().find_map(|end| user_agent.get(..end)).unwrap_or_default()
}

/// The number at the start of a version, such as 17 of `17.4.1`.
fn major(version: &str) -> Option<u16> {
    let end = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests;
