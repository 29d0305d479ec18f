//! The slow oracle: what an access log says, computed plainly, with every visitor's whole list of hits kept. It shares
//! no counting code with the program: only the names of browsers, pages and sources come from its libraries.

mod log;
pub mod traffic;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context as _, Result};
use collector::browser::{ClientHints, recognise};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maxminddb::Reader;
use schemas::page::{Page, PageRules};
use schemas::source::{Channel, SiteHosts, classify};
use serde_json::Value;
use url::Url;

use crate::figures::Figures;
use log::{Line, Verdict};

/// A pause of so many seconds ends a visit.
const PAUSE_SECONDS: i64 = 30 * 60;

/// What the oracle knows beside the log.
#[derive(Debug)]
pub struct Oracle {
    /// The site's host, which completes a line's path.
    pub host: String,
    /// The zone whose midnight ends the site's day.
    pub zone: TimeZone,
    /// Countries of addresses.
    pub country: Reader<Vec<u8>>,
    /// Providers of addresses.
    pub asn: Reader<Vec<u8>>,
}

/// One view, with everything that is counted of it.
#[derive(Debug, Clone)]
struct View {
    second: i64,
    page: String,
    country: String,
    isp: String,
    browser: String,
    os: String,
    source: String,
    channel: String,
}

/// One browser behind one address on one local day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Visitor {
    day: String,
    address: Option<IpAddr>,
    browser: String,
    version: Option<u16>,
    os: String,
    device: String,
}

/// Every visitor's list of views, in the order of the log.
type Visitors = BTreeMap<Visitor, Vec<View>>;

impl Oracle {
    /// Reads the databases.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn new(host: &str, zone: TimeZone, country: &Path, asn: &Path) -> Result<Self> {
        let open = |path: &Path| Reader::open_readfile(path).with_context(|| format!("{}", path.display()));
        Ok(Self { host: host.to_owned(), zone, country: open(country)?, asn: open(asn)? })
    }

    /// The figures of a log, which must be plain.
    ///
    /// # Errors
    /// When a database is damaged.
    pub fn figures(&self, log: &[u8]) -> Result<Figures> {
        let mut figures = Figures::default();
        let mut visitors = Visitors::new();
        let mut lines: Vec<&[u8]> = log.split(|byte| *byte == b'\n').collect();
        if lines.last().is_some_and(|line| line.is_empty()) {
            lines.pop();
        }
        for line in lines {
            let kind = self.line(line, &mut visitors, &mut figures)?;
            figures.add(["", "kind", kind, "rows"], 1);
        }
        for (visitor, views) in &visitors {
            count_visitor(&visitor.day, views, &mut figures);
        }
        Ok(figures)
    }

    /// Adds a line to its visitor's list; what kind of row it must become.
    fn line(&self, bytes: &[u8], visitors: &mut Visitors, figures: &mut Figures) -> Result<&'static str> {
        let text = std::str::from_utf8(bytes).ok().map(|text| text.trim_end_matches('\r'));
        let Some(line) = text.and_then(Line::read) else { return Ok("dropped unparsed") };
        match line.verdict() {
            Verdict::Method => return Ok("dropped method"),
            Verdict::Status => return Ok("dropped status"),
            Verdict::Asset => return Ok("dropped asset"),
            Verdict::View => {}
        }
        let browser = recognise(&line.user_agent, &ClientHints::default());
        let day = self.day(line.time);
        if let Some(bot) = browser.bot {
            figures.add([&day, "bot", bot, "hits"], 1);
            return Ok("bot");
        }
        let view = self.view(&line, browser.name, browser.os)?;
        if view.channel == Channel::Spam.as_str() {
            return Ok("dropped referrer_spam");
        }
        let visitor = Visitor {
            day,
            address: line.address,
            browser: browser.name.to_owned(),
            version: browser.version,
            os: browser.os.to_owned(),
            device: browser.device.as_str().to_owned(),
        };
        visitors.entry(visitor).or_default().push(view);
        Ok("view")
    }

    fn day(&self, time: Timestamp) -> String {
        time.to_zoned(self.zone.clone()).date().to_string()
    }

    fn view(&self, line: &Line, browser: &str, os: &str) -> Result<View> {
        let address = if line.target.starts_with('/') {
            format!("https://{}{}", self.host, line.target)
        } else {
            line.target.clone()
        };
        let page = Page::from_url(&address, &PageRules::default());
        let page = page.map_or("(none)".to_owned(), |(page, _)| page.as_str().to_owned());
        let hosts = SiteHosts::new(&[&self.host]);
        let referrer = Some(line.referrer.as_str()).filter(|referrer| !referrer.is_empty());
        let origin = Url::parse(&address).ok().map(|url| classify(&url, referrer, &hosts, true));
        Ok(View {
            second: line.time.as_second(),
            page,
            country: look_up(&self.country, line.address, &[&["country", "iso_code"], &["country_code"]])?,
            isp: look_up(&self.asn, line.address, &[&["isp"], &["autonomous_system_organization"]])?,
            browser: browser.to_owned(),
            os: os.to_owned(),
            source: origin.as_ref().map_or("(other)".into(), |origin| origin.source.clone()),
            channel: origin.map_or("direct".into(), |origin| origin.channel.as_str().to_owned()),
        })
    }
}

/// The first of the fields that a database has for an address.
fn look_up(database: &Reader<Vec<u8>>, address: Option<IpAddr>, fields: &[&[&str]]) -> Result<String> {
    let found: Option<Value> = match address {
        // An IPv4 address in IPv6 clothes is that IPv4 address.
        Some(address) => database.lookup(address.to_canonical())?.decode()?,
        None => None,
    };
    let found = found.unwrap_or_default();
    let text = |path: &&[&str]| {
        let inner = path.iter().try_fold(&found, |value, field| value.get(field))?;
        inner.as_str().map(|text| text.trim().to_owned())
    };
    let name = fields.iter().find_map(text).filter(|name| !name.is_empty() && name.len() <= 80);
    Ok(name.unwrap_or_else(|| "(unknown)".to_owned()))
}

/// Cuts a visitor's day into visits and counts them.
fn count_visitor(day: &str, views: &[View], figures: &mut Figures) {
    let mut visits: Vec<Vec<View>> = Vec::new();
    let mut latest = i64::MIN;
    for view in views {
        // A line that was logged late counts as simultaneous with the line before it.
        let view = View { second: view.second.max(latest), ..view.clone() };
        let pause = view.second.saturating_sub(latest);
        latest = view.second;
        match visits.last_mut() {
            Some(visit) if pause < PAUSE_SECONDS => visit.push(view),
            _ => visits.push(vec![view]),
        }
    }
    let mut pages_seen = BTreeSet::new();
    for (number, visit) in visits.iter().enumerate() {
        count_visit(day, visit, number == 0, &mut pages_seen, figures);
    }
}

fn count_visit(
    day: &str,
    visit: &[View],
    is_first_today: bool,
    pages_seen: &mut BTreeSet<String>,
    figures: &mut Figures,
) {
    let (Some(entry), Some(exit)) = (visit.first(), visit.last()) else { return };
    figures.add([day, "total", "", "bounces"], i64::from(visit.len() == 1));
    figures.add([day, "total", "", "visit_seconds"], exit.second - entry.second);
    for (number, view) in visit.iter().enumerate() {
        let is_new_page = pages_seen.insert(view.page.clone());
        let counts = [
            ("views", true),
            ("visits", number == 0),
            ("visitors", number == 0 && is_first_today),
            ("page_visitors", is_new_page),
        ];
        // Where a visit came from is credited with all of it.
        let values = [
            ("page", &view.page),
            ("country", &view.country),
            ("isp", &view.isp),
            ("browser", &view.browser),
            ("os", &view.os),
            ("source", &entry.source),
            ("channel", &entry.channel),
        ];
        for (measure, counts) in counts {
            if measure != "page_visitors" {
                figures.add([day, "total", "", measure], i64::from(counts));
            }
            for (dimension, value) in values {
                figures.add([day, dimension, value, measure], i64::from(counts));
            }
        }
    }
}
