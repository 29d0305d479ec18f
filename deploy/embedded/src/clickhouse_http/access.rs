//! Who may query. The engine has no users of its own, so this stands where ClickHouse checks a password.

use std::net::IpAddr;

use url::Url;

/// What a decision rests on.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestFacts<'a> {
    /// The address of the peer of the connection; forwarding headers are never believed.
    pub(super) peer: IpAddr,
    /// The `Host` header.
    pub(super) host: Option<&'a str>,
    /// The `Origin` header.
    pub(super) origin: Option<&'a str>,
    /// The `Sec-Fetch-Site` header.
    pub(super) fetch_site: Option<&'a str>,
    /// What is asked for.
    pub(super) asked: Asked,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A page without data; following a link to it from another site is fine.
    Page,
    /// A statement.
    Statement,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Somebody logged in on this machine: any statement that the engine's grants allow.
    Operator,
    /// Nobody.
    Refused(Refusal),
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The peer is another machine.
    Remote,
    /// The name of the server is not a loopback name: DNS rebinding, or a proxy that hides the peer.
    ForeignHost,
    /// A web page of another origin made the browser send this.
    ForeignOrigin,
}

impl Refusal {
    /// What to do about it.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Remote => {
                "this ClickHouse answers only to programs on its own machine; use a tunnel (ssh -L) to reach it from another one"
            }
            Self::ForeignHost => {
                "this ClickHouse answers only under a loopback name; use localhost, 127.0.0.1 or [::1] in the address"
            }
            Self::ForeignOrigin => {
                "this ClickHouse does not answer to web pages of another origin; open its own /dashboard instead"
            }
        }
    }
}

/// Decides on one request.
pub(super) fn decide(facts: &RequestFacts<'_>) -> Access {
    if !facts.peer.to_canonical().is_loopback() {
        return Access::Refused(Refusal::Remote);
    }
    let Some(host) = facts.host.filter(|host| is_loopback_name(host)) else {
        return Access::Refused(Refusal::ForeignHost);
    };
    if facts.asked == Asked::Statement && from_another_origin(facts, host) {
        return Access::Refused(Refusal::ForeignOrigin);
    }
    Access::Operator
}

/// Whether `host` (with or without a port) is `localhost`, `127.0.0.1` or `[::1]`.
fn is_loopback_name(host: &str) -> bool {
    let has_only_host = !host.contains(['/', '@', '?', '#', '\\']);
    let url = Url::parse(&format!("http://{host}/")).ok().filter(|_| has_only_host);
    url.is_some_and(|url| matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")))
}

/// A browser says so in `Sec-Fetch-Site` (Fetch Metadata) or, older ones, in `Origin`. Another port of this
/// machine is another origin.
fn from_another_origin(facts: &RequestFacts<'_>, host: &str) -> bool {
    let foreign_site = facts.fetch_site.is_some_and(|site| !matches!(site, "same-origin" | "none"));
    let own = format!("http://{host}");
    foreign_site || facts.origin.is_some_and(|origin| !origin.eq_ignore_ascii_case(&own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(peer: &str, host: &'static str) -> RequestFacts<'static> {
        let peer = peer.parse().unwrap();
        RequestFacts { peer, host: Some(host), origin: None, fetch_site: None, asked: Asked::Statement }
    }

    #[test]
    fn a_local_program_under_a_loopback_name_is_the_operator() {
        for (peer, host) in [
            ("127.0.0.1", "localhost:8123"),
            ("127.0.0.1", "127.0.0.1:8123"),
            ("::1", "[::1]:8123"),
            ("::ffff:127.0.0.1", "LOCALHOST"),
        ] {
            assert_eq!(decide(&facts(peer, host)), Access::Operator, "{peer} {host}");
        }
    }

    #[test]
    fn another_machine_is_refused_whatever_it_says() {
        for peer in ["192.168.1.5", "2001:db8::1", "::ffff:10.0.0.1"] {
            assert_eq!(decide(&facts(peer, "localhost")), Access::Refused(Refusal::Remote), "{peer}");
        }
    }

    #[test]
    fn a_name_that_only_resolves_to_loopback_is_refused() {
        for host in [
            "rebound.example:8123",
            "localhost.example",
            "127.0.0.1.nip.io",
            "",
            "x@localhost",
            "localhost/a",
        ] {
            assert_eq!(decide(&facts("127.0.0.1", host)), Access::Refused(Refusal::ForeignHost), "{host}");
        }
        let nameless = RequestFacts { host: None, ..facts("127.0.0.1", "") };
        assert_eq!(decide(&nameless), Access::Refused(Refusal::ForeignHost));
    }

    #[test]
    fn a_page_of_another_origin_is_refused() {
        let own = facts("127.0.0.1", "localhost:8123");
        for (origin, fetch_site, expected) in [
            (Some("http://localhost:8123"), Some("same-origin"), Access::Operator),
            (None, Some("none"), Access::Operator),
            (Some("http://localhost:8080"), None, Access::Refused(Refusal::ForeignOrigin)),
            (Some("https://evil.example"), None, Access::Refused(Refusal::ForeignOrigin)),
            (Some("null"), None, Access::Refused(Refusal::ForeignOrigin)),
            (None, Some("cross-site"), Access::Refused(Refusal::ForeignOrigin)),
            (None, Some("same-site"), Access::Refused(Refusal::ForeignOrigin)),
        ] {
            let facts = RequestFacts { origin, fetch_site, ..own };
            assert_eq!(decide(&facts), expected, "{origin:?} {fetch_site:?}");
        }
    }

    #[test]
    fn a_link_from_another_site_may_lead_to_a_page() {
        let link = RequestFacts {
            fetch_site: Some("cross-site"),
            asked: Asked::Page,
            ..facts("127.0.0.1", "localhost:8123")
        };
        assert_eq!(decide(&link), Access::Operator);
    }
}
