//! A hit that nobody else sends: its page names it in every table.

use std::net::IpAddr;

use serde_json::{Value, json};

/// The site that is counted.
pub const SITE: &str = "localhost";
/// A site that is not configured: hits of it are refused.
const ELSEWHERE: &str = "elsewhere.example";
/// So many visitors send them, so that they spread over lanes.
const VISITORS: u64 = 97;
/// Of so many hits one is refused.
const REFUSED_OF: u64 = 50;

/// One hit of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The round it is sent in.
    pub round: u32,
    /// 1, 2, 3, … within the round.
    pub number: u64,
}

impl Hit {
    /// Its page, as it is counted.
    #[must_use]
    pub fn page(self) -> String {
        format!("{}h{}", prefix(self.round), self.number)
    }

    /// Whether it brings an id, so that it may be sent again.
    #[must_use]
    pub fn has_id(self) -> bool {
        self.number.is_multiple_of(2)
    }

    /// Its sender, one of a few visitors.
    #[must_use]
    pub fn address(self) -> IpAddr {
        let visitor = u8::try_from(self.number % VISITORS).unwrap_or(0);
        IpAddr::from([198, 51, 100, visitor])
    }

    /// As the tag sends it.
    #[must_use]
    pub fn json(self) -> Value {
        let site = if self.number.is_multiple_of(REFUSED_OF) { ELSEWHERE } else { SITE };
        let page = self.page();
        let mut json = json!({ "site": site, "url": format!("http://localhost{page}") });
        if self.has_id() {
            json["id"] = page.into();
        }
        json
    }
}

/// What all pages of a round begin with.
#[must_use]
pub fn prefix(round: u32) -> String {
    format!("/r{round}/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::page::{Page, PageRules};

    #[test]
    fn no_page_is_masked() {
        for number in 1..100_000 {
            let hit = Hit { round: 12, number };
            let url = format!("http://localhost{}", hit.page());
            let (page, _) = Page::from_url(&url, &PageRules::default()).unwrap();
            assert_eq!(page.as_str(), hit.page());
        }
    }

    #[test]
    fn some_have_an_id_and_few_are_refused() {
        let json = |number| Hit { round: 1, number }.json();
        assert_eq!(json(1), json!({ "site": "localhost", "url": "http://localhost/r1/h1" }));
        assert_eq!(json(2)["id"], "/r1/h2");
        assert_eq!(json(50)["site"], "elsewhere.example");
    }
}
