//! `POST /erase`: an operator's command on this machine orders that everybody at an address is forgotten. It goes through the
//! journal, so that the order stands behind the visits that it concerns.
//!
//! ```text
//! POST /erase   Footfall-Operator: erase   {"address": "192.0.2.1", "site": "example.com"}
//! 200           {"order": "<uuid>", "copies": 6}
//! ```
//! Without `site` it concerns all sites. A web page that an operator looks at must not give orders: it cannot send that header
//! unasked, nor hide its `Origin`, and one whose name leads here (DNS rebinding) names itself in `Host`. Nor may strangers whose requests a
//! proxy of this machine passes on: it says so, or passes on a name that is not this machine's.

use std::net::IpAddr;

use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue, ORIGIN};
use hyper::{HeaderMap, Method, Request, Response};
use schemas::personal::Personal;
use serde::Deserialize;
use url::{Host, Url};

use crate::endpoints::{Body, Collector, body};
use crate::refusal::Refusal;
use crate::server::Ends;

/// Header that only a program on purpose sends.
const OPERATOR: &str = "footfall-operator";
/// What the header says for this order.
const ERASE: &[u8] = b"erase";
/// Headers by which a proxy says that it asks for somebody else (RFC 7239; RFC 9110, section 7.6.3).
const PASSED_ON: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/// Who is to be forgotten, and where. A field that is misspelt is refused: without its site an order concerns all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    address: String,
    site: Option<String>,
}

pub(super) async fn post(
    collector: &Collector,
    ends: Ends,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    let (parts, body) = request.into_parts();
    if parts.method != Method::POST {
        return Err(Refusal::MethodNotAllowed { allowed: "POST" });
    }
    check_operator(ends, &parts.headers)?;
    let (address, site) = read(&body::read(body).await?)?;
    let order = collector.order_erasure(site.as_deref(), *address.expose()).await?;
    let copies = collector.recorder.copies().count();
    let said = serde_json::json!({ "order": order.to_string(), "copies": copies });
    let mut response = Response::new(Body::from(said.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A program of this machine, and no web page: it comes from loopback or, where the listener has another address, from that one.
fn check_operator(Ends { peer, local }: Ends, headers: &HeaderMap) -> Result<(), Refusal> {
    let (peer, local) = (peer.ip().to_canonical(), local.map(|local| local.ip().to_canonical()));
    let is_own = peer.is_loopback() || Some(peer) == local;
    let is_passed_on = PASSED_ON.iter().any(|name| headers.contains_key(*name));
    let says_so = headers.get_all(OPERATOR).iter().all(|value| value.as_bytes() == ERASE)
        && headers.contains_key(OPERATOR);
    let is_page = headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site");
    let hosts: Vec<_> = headers.get_all(HOST).iter().collect();
    let is_asked_here = matches!(hosts.as_slice(), [host] if is_of_this_machine(host));
    let is_operator = is_own && says_so && !is_page && !is_passed_on && is_asked_here;
    if is_operator { Ok(()) } else { Err(Refusal::NotOperator) }
}

/// An address, or the one name that no name server can lead elsewhere (RFC 6761, section 6.3).
fn is_of_this_machine(host: &HeaderValue) -> bool {
    let url = host.to_str().ok().and_then(|host| Url::parse(&format!("http://{host}")).ok());
    match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        None => false,
    }
}

/// What is wrong is said without what was sent.
fn read(body: &[u8]) -> Result<(Personal<IpAddr>, Option<String>), Refusal> {
    let wrong = |field, problem| Refusal::BadField { field, problem };
    let shape = "must be {\"address\": \"…\"}, with \"site\": \"…\" for one site";
    let Asked { address, site } = serde_json::from_slice(body).map_err(|_| wrong("body", shape))?;
    let address = address.parse().map_err(|_| wrong("address", "is no IP address"))?;
    Ok((Personal::new(address), site))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use hyper::header::HeaderName;

    fn check(peer: &str, headers: &[(&str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let ends = |local| Ends { peer: SocketAddr::new(peer.parse().unwrap(), 50_000), local };
        let accepts = |local| check_operator(ends(local), &map).is_ok();
        assert!(accepts(Some("192.0.2.9:9100".parse().unwrap())) || !accepts(None), "no address is no proof");
        accepts(Some("192.0.2.9:9100".parse().unwrap()))
    }

    #[test]
    fn only_a_program_of_this_machine_gives_orders() {
        let (operator, host) = (("footfall-operator", "erase"), ("host", "127.0.0.1:9100"));
        for peer in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "192.0.2.9", "::ffff:192.0.2.9"] {
            assert!(check(peer, &[operator, host]), "{peer}");
        }
        for host in ["localhost", "LOCALHOST:9100", "[::1]:9100", "192.0.2.1"] {
            assert!(check("127.0.0.1", &[operator, ("host", host)]), "{host}");
        }
        for (peer, headers) in [
            ("192.0.2.1", vec![operator, host]),
            ("127.0.0.1", vec![host]),
            ("127.0.0.1", vec![("footfall-operator", "Erase"), host]),
            ("127.0.0.1", vec![operator, ("footfall-operator", "other"), host]),
            ("127.0.0.1", vec![operator]),
            ("127.0.0.1", vec![operator, host, host]),
            ("127.0.0.1", vec![operator, host, ("origin", "http://127.0.0.1:9100")]),
            ("127.0.0.1", vec![operator, host, ("origin", "null")]),
            ("127.0.0.1", vec![operator, host, ("sec-fetch-site", "none")]),
            ("127.0.0.1", vec![operator, ("host", "rebound.example.org:9100")]),
            ("127.0.0.1", vec![operator, ("host", "localhost.example.org")]),
            ("127.0.0.1", vec![operator, ("host", "")]),
            ("127.0.0.1", vec![operator, host, ("forwarded", "for=192.0.2.1")]),
            ("127.0.0.1", vec![operator, host, ("x-forwarded-for", "")]),
            ("127.0.0.1", vec![operator, host, ("via", "1.1 proxy")]),
            ("192.0.2.9", vec![operator, host, ("via", "1.1 proxy")]),
        ] {
            assert!(!check(peer, &headers), "{peer} {headers:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_what_was_sent() {
        for body in [
            "",
            "[]",
            r#"{"address":"192.0.2.77x"}"#,
            r#"{"address":["192.0.2.77"]}"#,
            r#"{"address":"192.0.2.77","sight":"a"}"#,
            r#"{"address":"192.0.2.77","address":"192.0.2.78"}"#,
            r#"{"site":"192.0.2.77"}"#,
        ] {
            let refusal = read(body.as_bytes()).unwrap_err().to_string();
            assert!(!refusal.contains("192.0.2") && refusal.starts_with("field "), "{body}: {refusal}");
        }
        let (address, site) = read(br#"{"address":"2001:db8::1","site":"a"}"#).unwrap();
        assert_eq!((address.expose().to_string().as_str(), site.as_deref()), ("2001:db8::1", Some("a")));
        assert!(matches!(read(br#"{"address":"192.0.2.1"}"#), Ok((_, None))));
    }
}
