//! Names that a site's pages choose: of events, and of the places that links lead out to.

use url::{Host, Url};

use crate::{
    page::personal,
    source::{OTHER, registrable_domain},
};

/// Longest name of an event in bytes.
const MAX_NAME_BYTES: usize = 40;

/// The name of an event as it is counted: `^[a-zA-Z][a-zA-Z0-9 _.:-]{0,39}$` and nothing that looks personal, otherwise
/// [`OTHER`].
#[must_use]
pub fn event_name(name: &str) -> &str {
    let name = name.trim();
    let is_plain = name.starts_with(|char: char| char.is_ascii_alphabetic())
        && name.len() <= MAX_NAME_BYTES
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_' | b'.' | b':' | b'-'));
    if is_plain && personal(name).is_none() { name } else { OTHER }
}

/// Where a link leads out to: the registrable domain of its host, or [`OTHER`] (addresses, intranets, `mailto:`, `tel:`).
#[must_use]
pub fn outbound_domain(url: &str) -> String {
    let domain =
        Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https")).and_then(|url| {
            let Some(Host::Domain(host)) = url.host() else { return None };
            registrable_domain(host).map(str::to_owned)
        });
    domain.unwrap_or_else(|| OTHER.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_events_stay_when_they_are_plain() {
        for name in ["signup", "Add to cart", "video:play", "form.submit", "step-2", "Download_2024"] {
            assert_eq!(event_name(name), name);
        }
        assert_eq!(event_name(" signup "), "signup");
        assert_eq!(event_name(&"ab-".repeat(13)), "ab-".repeat(13));
    }

    #[test]
    fn other_names_do_not() {
        let long = "ab-".repeat(14);
        for name in [
            "",
            "1st",
            "anna@example.org",
            "call 030-901820",
            "order 1234567",
            "a/b",
            "größe",
            "x\n",
            "user 192.168.0.7",
            &long,
        ] {
            assert_eq!(event_name(name), if name == "x\n" { "x" } else { OTHER }, "{name}");
        }
    }

    #[test]
    fn a_link_out_is_its_registrable_domain() {
        assert_eq!(
            outbound_domain("https://anna@www.docs.example.co.uk:8443/user/anna?x#y"),
            "example.co.uk"
        );
        for url in [
            "mailto:anna@example.org",
            "tel:+4930901820",
            "https://192.168.0.7/",
            "http://wiki/",
            "nonsense",
            "",
        ] {
            assert_eq!(outbound_domain(url), OTHER, "{url}");
        }
    }
}
