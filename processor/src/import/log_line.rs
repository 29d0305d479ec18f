//! One line in Apache's combined format:
//! `203.0.113.7 - - [17/May/2015:10:05:03 +0000] "GET /page HTTP/1.1" 200 1234 "https://referrer/" "User-Agent"`.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::fmt::strtime;

/// What a line says, as far as it is used.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct LogLine<'a> {
    pub(super) address: Option<IpAddr>,
    pub(super) time: Timestamp,
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) status: u16,
    pub(super) referrer: String,
    pub(super) user_agent: String,
}

/// File extensions that are no pages.
const ASSETS: [&str; 47] = [
    "7z", "atom", "avi", "avif", "bmp", "bz2", "css", "csv", "deb", "eot", "exe", "flv", "gif", "gz", "ico",
    "iso", "jar", "jpeg", "jpg", "js", "json", "map", "mjs", "mov", "mp3", "mp4", "mpg", "ogg", "otf", "pdf",
    "png", "rar", "rpm", "rss", "svg", "swf", "tar", "tgz", "ttf", "txt", "wav", "webm", "webp", "woff",
    "woff2", "xml", "zip",
];

impl<'a> LogLine<'a> {
    /// Nothing, when the line is not of this format.
    pub(super) fn parse(line: &'a str) -> Option<Self> {
        let (host, rest) = line.split_once(' ')?;
        let (_, rest) = rest.split_once('[')?;
        let (time, rest) = rest.split_once("] \"")?;
        let (request, rest) = quoted(rest)?;
        let mut numbers = rest.trim_start().splitn(3, ' ');
        let status = numbers.next()?.parse().ok()?;
        let quotes = numbers.nth(1).unwrap_or_default();
        let (referrer, rest) = quotes.split_once('"').and_then(|(_, rest)| quoted(rest)).unwrap_or_default();
        // A server that stopped, or a copy that was cut, may end a line within its last quotes.
        let user_agent =
            rest.split_once('"').map_or("", |(_, rest)| quoted(rest).map_or(rest, |(text, _)| text));
        let mut request = request.split(' ');
        Some(Self {
            address: host.parse().ok(),
            time: strtime::parse("%d/%b/%Y:%H:%M:%S %z", time).ok()?.to_timestamp().ok()?,
            method: request.next()?,
            target: request.next().filter(|target| !target.is_empty())?,
            status,
            referrer: unescape(referrer),
            user_agent: unescape(user_agent),
        })
    }

    /// Why the line is not a view: only a page that was sent, or that the browser had already, is one.
    pub(super) fn drop_reason(&self) -> Option<&'static str> {
        if self.method != "GET" {
            return Some("method");
        }
        if !(matches!(self.status, 200..=299) || self.status == 304) {
            return Some("status");
        }
        let path = self.target.split(['?', '#']).next().unwrap_or_default();
        let file = path.rsplit('/').next().unwrap_or_default();
        let (_, extension) = file.rsplit_once('.')?;
        let is_asset = ASSETS.binary_search(&extension.to_ascii_lowercase().as_str()).is_ok();
        is_asset.then_some("asset")
    }
}

/// The text up to an unescaped quote, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// Apache escapes quotes and backslashes; `-` stands for nothing.
fn unescape(text: &str) -> String {
    if text == "-" { String::new() } else { text.replace("\\\"", "\"").replace("\\\\", "\\") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINE: &str = r#"203.0.113.7 - frank [17/May/2015:10:05:03 +0200] "GET /blog/?x=1 HTTP/1.1" 200 123 "http://example.org/" "A \"quoted\" agent""#;

    #[test]
    fn a_line_is_taken_apart() {
        let line = LogLine::parse(LINE).unwrap();
        assert_eq!(line.address, Some("203.0.113.7".parse().unwrap()));
        assert_eq!(line.time, "2015-05-17T08:05:03Z".parse().unwrap());
        assert_eq!((line.method, line.target, line.status), ("GET", "/blog/?x=1", 200));
        assert_eq!(
            (line.referrer.as_str(), line.user_agent.as_str()),
            ("http://example.org/", "A \"quoted\" agent")
        );
        assert_eq!(line.drop_reason(), None);
    }

    #[test]
    fn the_common_format_without_referrer_and_agent_is_read_too() {
        let line = LogLine::parse(r#"::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.0" 304 -"#).unwrap();
        assert_eq!((line.referrer.as_str(), line.user_agent.as_str(), line.drop_reason()), ("", "", None));
    }

    #[test]
    fn a_line_cut_within_its_user_agent_keeps_what_is_there() {
        let cut = LINE.trim_end_matches(" agent\"");
        assert_eq!(LogLine::parse(cut).unwrap().user_agent, "A \"quoted\"");
    }

    #[test]
    fn what_is_no_view_has_its_reason() {
        let reason = |request: &str, status: u16| {
            let line = format!(r#"::1 - - [17/May/2015:10:05:03 +0000] "{request}" {status} 1 "-" "-""#);
            LogLine::parse(&line).unwrap().drop_reason()
        };
        for (request, status, expected) in [
            ("GET /a.html HTTP/1.1", 200, None),
            ("GET /v1.2 HTTP/1.1", 200, None),
            ("GET /dir.png/ HTTP/1.1", 200, None),
            ("GET /a.PNG?x=/page HTTP/1.1", 200, Some("asset")),
            ("GET /app.js HTTP/1.1", 304, Some("asset")),
            ("GET / HTTP/1.1", 301, Some("status")),
            ("GET / HTTP/1.1", 404, Some("status")),
            ("POST / HTTP/1.1", 200, Some("method")),
            ("HEAD / HTTP/1.1", 200, Some("method")),
        ] {
            assert_eq!(reason(request, status), expected, "{request} {status}");
        }
    }

    #[test]
    fn what_is_no_line_of_a_log_is_not_guessed_at() {
        for line in [
            "",
            "nonsense",
            "::1 - - [x] \"GET / HTTP/1.1\" 200 1",
            &LINE.replace("200", "ok"),
            &LINE.replace("GET /blog/?x=1 HTTP/1.1", "-"),
        ] {
            assert!(LogLine::parse(line).is_none(), "{line}");
        }
    }

    #[test]
    fn the_extensions_are_sorted() {
        assert!(ASSETS.is_sorted());
    }

    proptest! {
        #[test]
        fn hostile_lines_do_no_harm(line in ".*", cut in 0..LINE.len()) {
            for text in [line.as_str(), LINE.get(..cut).unwrap_or_default()] {
                if let Some(parsed) = LogLine::parse(text) {
                    parsed.drop_reason();
                }
            }
        }
    }
}
