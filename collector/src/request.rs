//! What a request says of its sender, read once from its headers.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{
    ACCEPT_LANGUAGE, CONTENT_TYPE, COOKIE, DNT, HOST, HeaderName, HeaderValue, ORIGIN, REFERER, USER_AGENT,
};
use ipnet::IpNet;
use jiff::Timestamp;
use schemas::choice::{Choice, Reading};
use schemas::configuration::Site;
use schemas::personal::Personal;
use url::Url;

use crate::browser::ClientHints;
use crate::client_address::{Evidence, client_address};
use crate::consent::Signals;
use crate::refusal::Refusal;

static SEC_GPC: HeaderName = HeaderName::from_static("sec-gpc");
static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static BRANDS: HeaderName = HeaderName::from_static("sec-ch-ua");
static MOBILE: HeaderName = HeaderName::from_static("sec-ch-ua-mobile");
static PLATFORM: HeaderName = HeaderName::from_static("sec-ch-ua-platform");

/// A request's sender; its headers are personal, so its `Debug` is silent.
pub struct Sender<'a> {
    /// When the request came.
    pub now: Timestamp,
    /// Where it came from.
    pub client: Personal<IpAddr>,
    /// By what that is known.
    pub evidence: Evidence,
    headers: &'a HeaderMap,
    public_url: Option<&'a str>,
}

impl std::fmt::Debug for Sender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sender([personal])")
    }
}

impl<'a> Sender<'a> {
    /// Reads the sender of a request.
    pub fn new(now: Timestamp, peer: IpAddr, headers: &'a HeaderMap, trusted_proxies: &[IpNet]) -> Self {
        let (client, evidence) = client_address(peer, headers, trusted_proxies);
        Self { now, client: Personal::new(client), evidence, headers, public_url: None }
    }

    /// The same, sent to a collector of that configured address.
    pub fn to(self, public_url: Option<&'a str>) -> Self {
        Self { public_url, ..self }
    }

    /// What the sender says about consent for a site.
    pub fn signals(&self, site: &Site) -> Signals {
        Signals {
            choice: self.choice(site),
            gpc: self.is_one(&SEC_GPC),
            dnt: self.is_one(&DNT),
            internal: site.is_internal(*self.client.expose()),
        }
    }

    fn choice(&self, site: &Site) -> Reading {
        if !self.has_cookies() {
            return Reading::None;
        }
        let name = Choice::cookie_name(&site.name);
        // One of ours that is no text is no choice that we made.
        let values = self.cookies(&name).map(|value| std::str::from_utf8(value).unwrap_or("malformed"));
        Choice::read(values, self.now)
    }

    /// Whether the request has any cookies.
    pub fn has_cookies(&self) -> bool {
        self.headers.contains_key(COOKIE)
    }

    /// The values of all cookies of that name. As bytes: other cookies may hold what is no text, and must not hide a refusal.
    pub fn cookies(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let headers = self.headers.get_all(COOKIE).iter();
        let pairs = headers.flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
        pairs.filter_map(move |pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    }

    /// Whether the page that sent the request may speak for the site.
    ///
    /// # Errors
    /// [`Refusal::ForeignOrigin`] for a page of another host. A request that names no page (curl, an app) may.
    pub fn check_origin(&self, site: &Site) -> Result<(), Refusal> {
        match self.text(&ORIGIN) {
            Some(origin) => match host_of(origin) {
                Some(host) if site.has_host(&host) => Ok(()),
                _ => Err(Refusal::ForeignOrigin),
            },
            None if self.is_from_another_site(site) => Err(Refusal::ForeignOrigin),
            None => Ok(()),
        }
    }

    /// As [`Sender::check_origin`], for requests that carry no `Origin`: images and links.
    ///
    /// # Errors
    /// [`Refusal::ForeignOrigin`] for a page of another host.
    pub fn check_referer(&self, site: &Site) -> Result<(), Refusal> {
        match self.referer().and_then(host_of) {
            Some(host) if !site.has_host(&host) => Err(Refusal::ForeignOrigin),
            _ => self.check_origin(site),
        }
    }

    /// Whether a choice may be taken: from the site's own pages, from the collector's own page, and from what is no browser. A page
    /// of anybody else must not choose in a visitor's name.
    ///
    /// # Errors
    /// [`Refusal::ForeignOrigin`] for a page of another host.
    pub fn check_choice(&self, site: &Site) -> Result<(), Refusal> {
        let page = self.origin().and_then(host_of);
        let is_own_page = page.is_some() && (page == self.host() || page == self.named_host());
        let is_hidden = self.origin().is_none() && self.text(&SEC_FETCH_SITE) == Some("cross-site");
        match (is_own_page, is_hidden) {
            (true, _) => Ok(()),
            (false, true) => Err(Refusal::ForeignOrigin),
            (false, false) => self.check_origin(site),
        }
    }

    /// The host of the page of another site than the collector's that sent the request by its script.
    pub fn page_of_another_site(&self) -> Option<String> {
        let (page, host) = (host_of(self.origin()?)?, self.host()?);
        (!is_same_site(&page, &host)).then_some(page)
    }

    /// Whether the page whose script or image asked is of another site than the collector's, so that its cookies are to be kept apart for
    /// that site. An image says so by its `Referer` or by `Sec-Fetch-Site`.
    pub fn is_embedded_elsewhere(&self) -> bool {
        let page = self.origin().or_else(|| self.referer()).and_then(host_of);
        match (page, self.host()) {
            (Some(page), Some(host)) => !is_same_site(&page, &host),
            _ => self.text(&SEC_FETCH_SITE) == Some("cross-site"),
        }
    }

    /// A browser says that another site's page sent the request, to a collector on the site's own host.
    fn is_from_another_site(&self, site: &Site) -> bool {
        let cross_site = self.text(&SEC_FETCH_SITE) == Some("cross-site");
        cross_site && self.host().is_some_and(|host| site.hosts.iter().any(|own| is_same_site(&host, own)))
    }

    /// The page that asked, from `Referer`.
    pub fn referer(&self) -> Option<&'a str> {
        self.text(&REFERER)
    }

    /// The page that asked, from `Origin`.
    pub fn origin(&self) -> Option<&'a str> {
        self.text(&ORIGIN)
    }

    /// As [`Sender::origin`], to be sent back.
    pub fn origin_header(&self) -> Option<&'a HeaderValue> {
        self.headers.get(&ORIGIN).filter(|origin| origin.to_str().is_ok())
    }

    /// The collector's host as visitors know it, without port. The configuration knows better than a header that a proxy may
    /// have written.
    pub fn host(&self) -> Option<String> {
        self.public_url.and_then(host_of).or_else(|| self.named_host())
    }

    /// The host that the request names.
    fn named_host(&self) -> Option<String> {
        host_of(&format!("http://{}", self.text(&HOST)?))
    }

    /// The address of this collector as the sender knows it, without path. A page of `https` reaches only what is `https` too; without
    /// any page it is taken for that: cookies need it.
    pub fn collector_address(&self) -> Option<String> {
        let address = Url::parse(&format!("http://{}", self.text(&HOST)?)).ok()?;
        let page = self.origin().or_else(|| self.referer()).unwrap_or_default();
        let scheme = if page.starts_with("http://") { "http" } else { "https" };
        let port = address.port().map_or_else(String::new, |port| format!(":{port}"));
        Some(format!("{scheme}://{}{port}", address.host_str()?))
    }

    /// What kind of body it is.
    pub fn content_type(&self) -> &'a str {
        self.text(&CONTENT_TYPE).unwrap_or_default()
    }

    /// The User-Agent; it goes no further than browser recognition.
    pub fn user_agent(&self) -> &'a str {
        self.text(&USER_AGENT).unwrap_or_default()
    }

    /// The languages a browser prefers.
    pub fn accept_language(&self) -> &'a str {
        self.text(&ACCEPT_LANGUAGE).unwrap_or_default()
    }

    /// The low-entropy client hints that browsers send unasked (User-Agent Client Hints, W3C draft).
    pub fn client_hints(&self) -> ClientHints<'a> {
        ClientHints { brands: self.text(&BRANDS), mobile: self.text(&MOBILE), platform: self.text(&PLATFORM) }
    }

    fn text(&self, name: &HeaderName) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Only the exact value `1` counts; of several, one suffices (GPC, section 3.3).
    fn is_one(&self, name: &HeaderName) -> bool {
        self.headers.get_all(name).iter().any(|value| value.as_bytes() == b"1")
    }
}

/// The host of an address, without port.
pub fn host_of(address: &str) -> Option<String> {
    Url::parse(address).ok()?.host_str().map(str::to_owned)
}

/// Whether two hosts belong to one registrable domain, so that cookies between them are first-party.
pub fn is_same_site(host: &str, other: &str) -> bool {
    let domain = |host: &str| psl::domain_str(host).unwrap_or(host).to_ascii_lowercase();
    domain(host) == domain(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::configuration::Configuration;

    fn site() -> Site {
        let text = "[[site]]\nname='example.com'\nhosts=['example.com','www.example.com']";
        let configuration = Configuration::parse(text, "test", std::iter::empty()).unwrap();
        configuration.sites.by_name("example.com").unwrap().clone()
    }

    fn with_sender<T>(headers: &[(&'static str, &str)], ask: impl FnOnce(&Sender<'_>) -> T) -> T {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        ask(&Sender::new(now, "192.0.2.1".parse().unwrap(), &map, &[]))
    }

    #[test]
    fn only_an_exact_1_is_a_signal() {
        for (value, expected) in [("1", true), ("0", false), ("true", false), ("1 ", false), ("11", false)] {
            assert_eq!(
                with_sender(&[("sec-gpc", value)], |sender| sender.signals(&site()).gpc),
                expected,
                "{value:?}"
            );
        }
        assert!(with_sender(&[("dnt", "0"), ("dnt", "1")], |sender| sender.signals(&site()).dnt));
    }

    #[test]
    fn a_sender_says_nothing_when_printed() {
        let text = with_sender(&[("cookie", "secret=1")], |sender| format!("{sender:?}"));
        assert_eq!(text, "Sender([personal])");
    }

    #[test]
    fn the_choice_of_another_site_says_nothing() {
        let own = format!("a=b; {}=1.1.00.2968.f", Choice::cookie_name("example.com"));
        let other = format!("{}=1.1.00.2968.f", Choice::cookie_name("example.org"));
        assert!(matches!(
            with_sender(&[("cookie", &own)], |sender| sender.signals(&site()).choice),
            Reading::Made(_)
        ));
        assert_eq!(
            with_sender(&[("cookie", &other)], |sender| sender.signals(&site()).choice),
            Reading::None
        );
    }

    #[test]
    fn no_other_cookie_hides_a_refusal() {
        let refusal = format!("{}=1.1.00.2968.f", Choice::cookie_name("example.com"));
        let many = format!("{}{refusal}", "a=b; ".repeat(1000));
        let mut map = HeaderMap::new();
        map.append(COOKIE, many.parse().unwrap());
        let mut latin = b"name=J\xf6rg; ".to_vec();
        latin.extend_from_slice(refusal.as_bytes());
        for value in [HeaderValue::from_str(&many).unwrap(), HeaderValue::from_bytes(&latin).unwrap()] {
            map.insert(COOKIE, value);
            let now = "2026-11-22T10:00:00Z".parse().unwrap();
            let sender = Sender::new(now, "192.0.2.1".parse().unwrap(), &map, &[]);
            assert!(matches!(sender.signals(&site()).choice, Reading::Made(choice) if !choice.statistics));
        }
        let garbage = [Choice::cookie_name("example.com").as_bytes(), b"=1.1.10.2968.\xff"].concat();
        map.insert(COOKIE, HeaderValue::from_bytes(&garbage).unwrap());
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let sender = Sender::new(now, "192.0.2.1".parse().unwrap(), &map, &[]);
        assert_eq!(sender.signals(&site()).choice, Reading::Malformed);
    }

    #[test]
    fn the_configured_address_is_the_collectors_own_whatever_host_a_proxy_names() {
        let check = |host: &str, origin: &str, public_url| {
            with_sender(&[("host", host), ("origin", origin)], |sender| {
                let headers = sender.headers;
                let sender = Sender::new(sender.now, *sender.client.expose(), headers, &[]).to(public_url);
                (sender.check_choice(&site()), sender.host())
            })
        };
        let (public_url, own) = (Some("https://stats.example.net/x"), Some("stats.example.net".to_owned()));
        let page = "https://stats.example.net";
        assert_eq!(check("127.0.0.1:8080", page, None).0, Err(Refusal::ForeignOrigin));
        assert_eq!(check("127.0.0.1:8080", page, public_url), (Ok(()), own.clone()));
        assert_eq!(check("other.example.net", "https://other.example.net", public_url), (Ok(()), own));
        assert_eq!(check("127.0.0.1", "https://evil.example", public_url).0, Err(Refusal::ForeignOrigin));
        assert_eq!(check("127.0.0.1", "null", public_url).0, Err(Refusal::ForeignOrigin));
    }

    #[test]
    fn a_foreign_page_may_not_speak_for_the_site() {
        let check =
            |headers: &[(&'static str, &str)]| with_sender(headers, |sender| sender.check_referer(&site()));
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[("origin", "https://www.example.com")]), Ok(()));
        assert_eq!(check(&[("origin", "https://www.example.com:8443")]), Ok(()));
        for origin in ["https://example.org", "null", "https://example.com.evil.org", "nonsense"] {
            assert_eq!(check(&[("origin", origin)]), Err(Refusal::ForeignOrigin), "{origin}");
        }
        assert_eq!(check(&[("referer", "https://example.org/page")]), Err(Refusal::ForeignOrigin));
        let cross_site = ("sec-fetch-site", "cross-site");
        assert_eq!(check(&[cross_site, ("host", "stats.example.com:8080")]), Err(Refusal::ForeignOrigin));
        assert_eq!(check(&[cross_site, ("host", "collector.example.net")]), Ok(()));
    }
}
