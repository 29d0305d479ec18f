//! The visitor tuple: what tells one visitor without cookies from another, within one local day of one site.
//! It exists in memory and under encryption only.

use std::hash::BuildHasher;
use std::net::IpAddr;

use crate::event::{Erase, Visit};
use crate::personal::Personal;

/// One address with one browser. It is personal information: its `Debug` is silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitorTuple<'a>(Personal<Tuple<'a>>);

#[derive(Clone, PartialEq, Eq)]
struct Tuple<'a> {
    address: Option<IpAddr>,
    browser: Browser<'a>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Browser<'a> {
    name: &'a str,
    version: u32,
    os: &'a str,
    device: &'a str,
    language: &'a str,
}

impl<'a> VisitorTuple<'a> {
    /// The tuple of a visit.
    pub fn of(visit: &'a Visit) -> Self {
        let Visit { browser, browser_version, os, device, language, .. } = visit;
        let browser = Browser { name: browser, version: *browser_version, os, device, language };
        Self(Personal::new(Tuple { address: visit.ip(), browser }))
    }

    /// The tuple that an order names.
    pub fn of_order(order: &'a Erase) -> Self {
        let Erase { browser, browser_version, os, device, language, .. } = order;
        let browser = Browser { name: browser, version: *browser_version, os, device, language };
        Self(Personal::new(Tuple { address: order.ip(), browser }))
    }

    /// A hash of the address and one of the browser, each under its own keys: an order may name an address alone.
    pub fn hashes(&self, [of_address, of_browser]: &[impl BuildHasher; 2]) -> [u64; 2] {
        let Tuple { address, browser } = self.0.expose();
        [of_address.hash_one(address), of_browser.hash_one(browser)]
    }
}

/// The lane of a visit: 8 bits of a hash of site, local day and visitor tuple, the same on every collector.
/// So few bits tell nobody apart, and a visitor's hits of one day keep their order.
pub fn lane(site: &str, local_day: i32, visit: &Visit) -> u8 {
    let mut hash = crc32c::crc32c(site.as_bytes());
    let texts = [&visit.browser, &visit.os, &visit.device, &visit.language];
    hash = crc32c::crc32c_append(hash, &local_day.to_be_bytes());
    hash = crc32c::crc32c_append(hash, &visit.address);
    hash = crc32c::crc32c_append(hash, &visit.browser_version.to_be_bytes());
    for text in texts {
        // The length keeps "ab" + "c" and "a" + "bc" apart.
        hash = crc32c::crc32c_append(hash, &(text.len() as u32).to_be_bytes());
        hash = crc32c::crc32c_append(hash, text.as_bytes());
    }
    (hash >> 24) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(last: u8) -> Visit {
        Visit { address: vec![192, 0, 2, last], browser: "Firefox".into(), ..Visit::default() }
    }

    #[test]
    fn a_tuple_says_nothing_when_printed() {
        let text = format!("{:?}", VisitorTuple::of(&visit(77)));
        assert_eq!(text, "VisitorTuple([personal])");
    }

    #[test]
    fn lanes_are_stable_and_spread() {
        assert_eq!(lane("a", 20_000, &visit(1)), lane("a", 20_000, &visit(1)));
        let lanes: std::collections::HashSet<u8> =
            (0..=255).map(|last| lane("a", 20_000, &visit(last))).collect();
        assert!(lanes.len() > 120, "{} lanes for 256 visitors", lanes.len());
    }
}
