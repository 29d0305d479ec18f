//! The choice cookie as it is set: on the collector's host only, for its life and no longer.

use schemas::choice::{CHOICE_DAYS, Choice};
use schemas::configuration::Site;

use crate::host_cookie;
use crate::request::Sender;

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// From where a choice comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// From a page by its script.
    Script,
    /// From a form, whose answer is a page of the collector's own site.
    Form,
}

/// The values of `Set-Cookie`.
///
/// A collector on another site than the page needs `SameSite=None` to be sent it. Sent by the page's script it is `Partitioned` too
/// (CHIPS): kept apart for each site, it comes through where browsers block third-party cookies. A form's is not: its partition would be the
/// collector's own, and a cookie of that one never comes with the site's hits. Where a browser sends both, the more private one counts:
/// what a page's script sets is set in both places, or an earlier refusal by form would outlive it.
pub fn set_cookies(choice: &Choice, site: &Site, sender: &Sender<'_>, place: Place) -> Vec<String> {
    let is_elsewhere = place == Place::Script && sender.page_of_another_site().is_some();
    let places: &[bool] = if is_elsewhere { &[true, false] } else { &[false] };
    let kept = |partitioned: &bool| {
        let cookie = (Choice::cookie_name(&site.name), choice.to_value());
        host_cookie::set_cookie(cookie, CHOICE_DAYS * SECONDS_PER_DAY, (site, sender), *partitioned)
    };
    places.iter().map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::HeaderMap;
    use schemas::choice::Method;
    use schemas::configuration::Configuration;

    const LAX: &str =
        "__Host-consent-a379a6f6=1.3.10.2968.b; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=15552000";
    const NONE: &str =
        "__Host-consent-a379a6f6=1.3.10.2968.b; HttpOnly; SameSite=None; Secure; Path=/; Max-Age=15552000";
    const CHIPS: &str = "__Host-consent-a379a6f6=1.3.10.2968.b; HttpOnly; SameSite=None; Partitioned; Secure; Path=/; Max-Age=15552000";

    fn set(hosts: &str, collector: &str, origin: &str, place: Place) -> Vec<String> {
        let text = format!("[[site]]\nname='example.com'\nhosts={hosts}");
        let configuration = Configuration::parse(&text, "test", std::iter::empty()).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("host", collector.parse().unwrap());
        if !origin.is_empty() {
            headers.insert("origin", origin.parse().unwrap());
        }
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let sender = Sender::new(now, "192.0.2.1".parse().unwrap(), &headers, &[]);
        let (statistics, marketing, method) = (true, false, Method::Banner);
        let choice = Choice { policy_revision: 3, statistics, marketing, week: 2968, method };
        set_cookies(&choice, configuration.sites.by_name("example.com").unwrap(), &sender, place)
    }

    #[test]
    fn the_table_of_cookies() {
        let (lax, none, both) = (vec![LAX], vec![NONE], vec![CHIPS, NONE]);
        let (one, two) = ("['example.com', 'www.example.com']", "['example.com', 'example.org']");
        for (hosts, collector, origin, script, form) in [
            (one, "stats.example.com", "https://www.example.com", &lax, &lax),
            (one, "example.com:8080", "http://example.com", &lax, &lax),
            (one, "collector.example.net", "https://example.com", &both, &none),
            (one, "collector.example.net", "", &none, &none),
            (one, "collector.example.net", "https://collector.example.net", &none, &none),
            (two, "stats.example.com", "https://example.com", &none, &none),
            (two, "stats.example.com", "https://example.org", &both, &none),
        ] {
            let case = format!("{collector} {origin}");
            assert_eq!(set(hosts, collector, origin, Place::Script), *script, "{case}");
            assert_eq!(set(hosts, collector, origin, Place::Form), *form, "{case}");
        }
    }
}
