//! Whose address a request comes from. Only hops in `trusted_proxies` are believed, from right to left, so that
//! nobody can claim another's address (RFC 7239, section 8.1).

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::FORWARDED;
use ipnet::IpNet;

/// Hops looked at before the chain is taken for an attack.
const HOPS_MAX: usize = 20;

/// By what an address is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The connection itself comes from it.
    Connection,
    /// A trusted proxy wrote it into the header of that name.
    Header(&'static str),
}

/// The nearest address that is no trusted proxy, and by what it is known.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted_proxies: &[IpNet]) -> (IpAddr, Evidence) {
    let trusted = |ip: IpAddr| trusted_proxies.iter().any(|network| network.contains(&ip));
    let (mut address, mut evidence) = (peer.to_canonical(), Evidence::Connection);
    if !trusted(address) {
        return (address, evidence);
    }
    let (header, hops) = hops(headers);
    for hop in hops.into_iter().rev().take(HOPS_MAX) {
        // A hop that is no address hides all before it.
        let Some(ip) = hop else { break };
        (address, evidence) = (ip, Evidence::Header(header));
        if !trusted(address) {
            break;
        }
    }
    (address, evidence)
}

/// The hops as the proxies wrote them, nearest last, and where. `X-Forwarded-For` is what most proxies write; `Forwarded`
/// counts only without it.
fn hops(headers: &HeaderMap) -> (&'static str, Vec<Option<IpAddr>>) {
    let values = |name: &str| -> Vec<String> {
        let texts = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?").to_owned());
        texts.collect()
    };
    let forwarded_for = values("x-forwarded-for");
    if forwarded_for.is_empty() {
        let elements = values(FORWARDED.as_str());
        let hops = elements.iter().flat_map(|value| value.split(',')).map(forwarded_hop);
        return ("Forwarded", hops.collect());
    }
    let hops = forwarded_for.iter().flat_map(|value| value.split(',')).map(address_of);
    ("X-Forwarded-For", hops.collect())
}

/// The `for=` of one element of a `Forwarded` header (RFC 7239, section 4).
fn forwarded_hop(element: &str) -> Option<IpAddr> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("for") { address_of(value) } else { None }
    })
}

/// An address with or without port, brackets and quotes.
fn address_of(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None if text.matches(':').count() == 1 => text.split_once(':')?.0,
        None => text,
    };
    bare.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(peer: &str, headers: &[(&'static str, &str)], trusted: &[&str]) -> String {
        known(peer, headers, trusted).0.to_string()
    }

    fn known(peer: &str, headers: &[(&'static str, &str)], trusted: &[&str]) -> (IpAddr, Evidence) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), &map, &trusted)
    }

    #[test]
    fn it_is_told_by_what_an_address_is_known() {
        let (list, standard) = (("x-forwarded-for", "198.51.100.9"), ("forwarded", "for=198.51.100.9"));
        let trusted = ["10.0.0.0/8"];
        for (peer, headers, trusted, expected) in [
            ("10.0.0.1", vec![list], &trusted[..], Evidence::Header("X-Forwarded-For")),
            ("10.0.0.1", vec![standard], &trusted[..], Evidence::Header("Forwarded")),
            ("10.0.0.1", vec![list, standard], &trusted[..], Evidence::Header("X-Forwarded-For")),
            ("10.0.0.1", vec![("x-forwarded-for", "unknown")], &trusted[..], Evidence::Connection),
            ("10.0.0.1", vec![], &trusted[..], Evidence::Connection),
            ("192.0.2.1", vec![list], &trusted[..], Evidence::Connection),
            ("10.0.0.1", vec![list], &[][..], Evidence::Connection),
        ] {
            assert_eq!(known(peer, &headers, trusted).1, expected, "{peer} {headers:?}");
        }
    }

    #[test]
    fn without_trusted_proxies_headers_are_not_believed() {
        assert_eq!(resolve("192.0.2.1", &[("x-forwarded-for", "198.51.100.9")], &[]), "192.0.2.1");
    }

    #[test]
    fn the_nearest_untrusted_hop_is_the_client() {
        let spoofed = [("x-forwarded-for", "1.1.1.1, 198.51.100.9, 10.0.0.2")];
        assert_eq!(resolve("10.0.0.1", &spoofed, &["10.0.0.0/8"]), "198.51.100.9");
    }

    #[test]
    fn several_headers_count_as_one_list() {
        let headers = [("x-forwarded-for", "198.51.100.9"), ("x-forwarded-for", "10.0.0.2")];
        assert_eq!(resolve("10.0.0.1", &headers, &["10.0.0.0/8"]), "198.51.100.9");
    }

    #[test]
    fn the_standard_header_is_read_too() {
        let headers = [("forwarded", r#"for=1.1.1.1, For="[2001:db8::7]:443";proto=https"#)];
        assert_eq!(resolve("10.0.0.1", &headers, &["10.0.0.0/8"]), "2001:db8::7");
    }

    #[test]
    fn a_hop_that_is_no_address_ends_the_chain() {
        let headers = [("x-forwarded-for", "198.51.100.9, unknown, 10.0.0.2")];
        assert_eq!(resolve("10.0.0.1", &headers, &["10.0.0.0/8"]), "10.0.0.2");
    }

    #[test]
    fn a_mapped_address_is_the_plain_one() {
        assert_eq!(resolve("::ffff:192.0.2.1", &[], &[]), "192.0.2.1");
        let headers = [("x-forwarded-for", "198.51.100.9:1234")];
        assert_eq!(resolve("::ffff:10.0.0.1", &headers, &["10.0.0.0/8"]), "198.51.100.9");
    }
}
