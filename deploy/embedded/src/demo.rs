//! The demonstration site: six pages of an invented company that embed the tag, the banner and the pixel.
//!
//! Everything is compiled in and filled once; answering a request only looks a path up.

const LAYOUT: &str = include_str!("../demo/layout.html");

/// A sample access log of the same site, for trying out the import (Apache combined format, times in UTC).
///
/// Its addresses are those of public resolvers and of published crawlers, not of persons.
pub const ACCESS_LOG: &str = include_str!("../demo/access.log");

/// A page: path, title, description, what stands in `<main>`.
const PAGES: [(&str, &str, &str, &str); 6] = [
    (
        "/",
        "A quiet berth for your website",
        "Web hosting in two European ports.",
        include_str!("../demo/home.html"),
    ),
    ("/pricing", "Pricing", "Three sizes of berth and what they cost.", include_str!("../demo/pricing.html")),
    ("/blog", "Log book", "Notes from running a small harbour.", include_str!("../demo/blog.html")),
    (
        "/blog/counting-visits",
        "How we count visits without counting people",
        "What our statistics keep, and what went overboard.",
        include_str!("../demo/post.html"),
    ),
    ("/contact", "Contact", "How to reach the harbour office.", include_str!("../demo/contact.html")),
    (
        "/privacy",
        "Privacy",
        "What is recorded about a visit, and your choice.",
        include_str!("../demo/privacy.html"),
    ),
];

/// A file: path, content type, content.
const FILES: [(&str, &str, &str); 3] = [
    ("/harbour.css", "text/css; charset=utf-8", include_str!("../demo/harbour.css")),
    ("/harbour.svg", "image/svg+xml", include_str!("../demo/harbour.svg")),
    ("/price-list.csv", "text/csv; charset=utf-8", include_str!("../demo/price-list.csv")),
];

const HTML: &str = "text/html; charset=utf-8";

/// The site as it is served for one collector.
pub struct DemoSite {
    pages: Vec<(&'static str, String)>,
    policy: String,
}

impl DemoSite {
    /// Fills the pages.
    ///
    /// `collector` and `own` are base URLs without a slash at their end, such as `http://127.0.0.1:8080`; `own` is the one
    /// under which this site is reached. `site` is the site's name in the collector's configuration.
    #[must_use]
    pub fn new(collector: &str, site: &str, own: &str) -> DemoSite {
        let page = |&(path, title, description, main): &(&'static str, &str, &str, &str)| {
            let current = format!(r#"<a href="{path}" aria-current="page">"#);
            let html = LAYOUT
                .replace(&format!(r#"<a href="{path}">"#), &current)
                .replace("{{main}}", main)
                .replace("{{title}}", title)
                .replace("{{description}}", description)
                .replace("{{page}}", &attribute(&format!("{own}{path}")))
                .replace("{{collector}}", &attribute(collector))
                .replace("{{site}}", &attribute(site));
            (path, html)
        };
        DemoSite { pages: PAGES.iter().map(page).collect(), policy: content_security_policy(collector) }
    }

    /// Content type and body of a path (without its query), or nothing: answer 404.
    #[must_use]
    pub fn answer(&self, path: &str) -> Option<(&'static str, &str)> {
        let page = self.pages.iter().find(|(known, _)| *known == path).map(|(_, html)| (HTML, html.as_str()));
        page.or_else(|| FILES.iter().find(|(known, ..)| *known == path).map(|(_, kind, body)| (*kind, *body)))
    }

    /// The value of `Content-Security-Policy` for every answer: nothing but this site's own files and the collector.
    #[must_use]
    pub fn content_security_policy(&self) -> &str {
        &self.policy
    }
}

/// Allows the collector's origin only; a path in a source list would not survive redirects.
fn content_security_policy(collector: &str) -> String {
    let origin =
        url::Url::parse(collector).map_or("'none'".to_owned(), |url| url.origin().ascii_serialization());
    format!(
        "default-src 'none'; style-src 'self' {origin}; img-src 'self' {origin}; script-src {origin}; \
         connect-src {origin}; form-action 'self' {origin}; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// Text as it may stand in a quoted HTML attribute.
fn attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demo() -> DemoSite {
        DemoSite::new("http://127.0.0.1:4000/stats", "localhost", "http://127.0.0.1:5000")
    }

    fn html(demo: &DemoSite, path: &str) -> String {
        demo.answer(path).unwrap().1.to_owned()
    }

    #[test]
    fn every_page_embeds_tag_banner_pixel_and_choice() {
        let demo = demo();
        for (path, ..) in PAGES {
            let html = html(&demo, path);
            assert!(html.contains(
                r#"<script defer src="http://127.0.0.1:4000/stats/tag.js" data-site="localhost">"#
            ));
            assert!(html.contains(
                r#"<script defer src="http://127.0.0.1:4000/stats/consent.js" data-site="localhost">"#
            ));
            let choices =
                r#"<a href="http://127.0.0.1:4000/stats/privacy?site=localhost" data-footfall-consent>"#;
            assert!(html.contains(choices));
            assert!(html.contains(r#"src="http://127.0.0.1:4000/stats/pixel.gif?site=localhost""#));
            assert!(html.contains(r#"<form method="post" action="http://127.0.0.1:4000/stats/consent""#));
            assert!(html.contains(&format!(r#"name="return" value="http://127.0.0.1:5000{path}""#)));
            assert!(!html.contains("{{"), "{path}");
        }
    }

    #[test]
    fn pages_need_nothing_that_the_policy_forbids() {
        let demo = demo();
        for (path, ..) in PAGES {
            let html = html(&demo, path);
            assert_eq!(html.matches("<script").count(), 2, "{path}");
            for forbidden in ["style=", "<style", " onclick", " onload", " onsubmit", "javascript:"] {
                assert!(!html.contains(forbidden), "{path} has {forbidden}");
            }
        }
        let policy = demo.content_security_policy();
        assert!(policy.contains("script-src http://127.0.0.1:4000;"), "{policy}");
        assert!(!policy.contains("unsafe"));
    }

    #[test]
    fn a_newcomer_finds_an_event_a_download_and_a_link_that_leads_away() {
        let demo = demo();
        let pricing = html(&demo, "/pricing");
        assert!(pricing.contains(r#"data-footfall-event="Ask for a berth" data-footfall-value="19""#));
        assert!(pricing.contains(r#"href="/price-list.csv" download"#));
        assert!(html(&demo, "/blog/counting-visits").contains(r#"href="https://en.wikipedia.org/"#));
    }

    #[test]
    fn links_within_the_site_lead_somewhere() {
        let demo = demo();
        for (path, ..) in PAGES {
            let html = html(&demo, path);
            for link in html.split("href=\"/").skip(1) {
                let target: String = link.chars().take_while(|c| !['"', '?', '#'].contains(c)).collect();
                assert!(demo.answer(&format!("/{target}")).is_some(), "{path} links to /{target}");
            }
        }
    }

    #[test]
    fn a_page_is_marked_in_the_menu_and_unknown_paths_are_not_answered() {
        let demo = demo();
        assert!(html(&demo, "/blog").contains(r#"<a href="/blog" aria-current="page">Blog</a>"#));
        assert_eq!(demo.answer("/harbour.css").unwrap().0, "text/css; charset=utf-8");
        assert_eq!(demo.answer("/../Cargo.toml"), None);
    }

    #[test]
    fn values_cannot_leave_their_attribute() {
        let demo = DemoSite::new("http://collector.example", r#""><script>"#, "http://demo.example");
        assert!(!html(&demo, "/").contains("\"><script>"));
    }
}
