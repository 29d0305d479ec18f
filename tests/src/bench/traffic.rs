//! Traffic of a busy site: three thousand visitors at a time with about four hits each, few pages that most look at
//! and many that few do. The same at every run.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use collector::browser::{Browser, ClientHints, recognise};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use schemas::event::{Kind, Visit};

/// The site that all of it is of.
pub const SITE: &str = "example.com";
/// Its configuration: a zone with daylight saving time, some policies, and no limit that a benchmark would meet.
pub const CONFIGURATION: &str = r#"
[limits]
hits_per_second = 1000000
burst = 1000000
journal_bytes = 17179869184
[[policy]]
revision = 1
date = "2025-01-01"
[[policy]]
revision = 2
date = "2026-01-01"
material = true
[[site]]
name = "example.com"
hosts = ["example.com", "www.example.com"]
time_zone = "Europe/Berlin"
group_pages = ["/account/*"]
page_parameters = ["category"]
"#;

/// Visitors under way at the same time.
const VISITORS: usize = 3000;
/// Time between two hits.
const STEP_MS: u64 = 50;
const PAGES: usize = 2000;

/// What browsers and programs call themselves, the common ones first.
#[rustfmt::skip]
pub const USER_AGENTS: [&str; 10] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
    "Mozilla/5.0 (Linux; Android 15; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
];
const REFERRERS: [&str; 8] = [
    "https://www.google.com/",
    "https://www.google.de/",
    "https://www.bing.com/",
    "https://duckduckgo.com/",
    "https://m.facebook.com/",
    "https://chatgpt.com/",
    "https://news.example.org/article/1234",
    "https://blog.example.net/",
];
const LANGUAGES: [&str; 5] = ["de", "en", "fr", "es", "tr"];

/// One hit, as a collector records it and as a web server logs it.
#[derive(Debug)]
pub struct Sample {
    /// As recorded.
    pub visit: Visit,
    /// The raw name of its browser, which only a log holds.
    pub user_agent: &'static str,
}

struct Visitor {
    address: IpAddr,
    browser: usize,
    language: &'static str,
    /// The page before; empty before the first.
    page: String,
}

/// An endless row of hits.
pub struct Traffic {
    random: StdRng,
    browsers: Vec<Browser>,
    visitors: Vec<Visitor>,
    now_ms: u64,
}

impl std::fmt::Debug for Traffic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Traffic(at {} ms)", self.now_ms)
    }
}

impl Traffic {
    /// The traffic from a moment on.
    pub fn starting(start: Timestamp) -> Self {
        let mut random = StdRng::seed_from_u64(7);
        let browsers = USER_AGENTS.iter().map(|name| recognise(name, &ClientHints::default())).collect();
        let visitors = (0..VISITORS).map(|_| Visitor::new(&mut random)).collect();
        let now_ms = u64::try_from(start.as_millisecond()).unwrap_or(0);
        Self { random, browsers, visitors, now_ms }
    }
}

impl Iterator for Traffic {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        let random = &mut self.random;
        self.now_ms += STEP_MS;
        let place = random.random_range(0..VISITORS);
        if random.random_range(0..4) == 0
            && let Some(visitor) = self.visitors.get_mut(place)
        {
            *visitor = Visitor::new(random);
        }
        let visitor = self.visitors.get_mut(place)?;
        let browser = self.browsers.get(visitor.browser)?;
        let mut visit = Visit {
            received_ms: self.now_ms,
            address: Visit::address_bytes(visitor.address),
            browser: browser.name.to_owned(),
            browser_version: browser.version.map_or(0, u32::from),
            os: browser.os.to_owned(),
            device: browser.device.as_str().to_owned(),
            bot: browser.bot.unwrap_or_default().to_owned(),
            language: visitor.language.to_owned(),
            hit_id: format!("{:032x}", random.random::<u128>()).into_bytes(),
            policy_revision: 2,
            marketing: true,
            ..Visit::default()
        };
        visitor.hit(&mut visit, random);
        Some(Sample { visit, user_agent: USER_AGENTS.get(visitor.browser)? })
    }
}

impl Visitor {
    fn new(random: &mut StdRng) -> Self {
        let address = if random.random_range(0..4) == 0 {
            let [high, low] = [random.random_range(0x2400..0x2a10_u128), random.random::<u64>().into()];
            IpAddr::V6(Ipv6Addr::from_bits(high << 112 | low << 40))
        } else {
            IpAddr::V4(Ipv4Addr::from_bits(random.random_range(0x0200_0000..0xdf00_0000)))
        };
        let browser = skewed(random, USER_AGENTS.len());
        let language = LANGUAGES.get(skewed(random, LANGUAGES.len())).copied().unwrap_or("en");
        Self { address, browser, language, page: String::new() }
    }

    /// Fills in what the visitor does next.
    fn hit(&mut self, visit: &mut Visit, random: &mut StdRng) {
        let before = std::mem::take(&mut self.page);
        match random.random_range(0..20) {
            0 if !before.is_empty() => {
                visit.kind = Kind::Event.into();
                visit.name = "Add to cart".into();
                visit.value_thousandths = 19_990;
            }
            1..=3 if !before.is_empty() => {
                visit.kind = Kind::Leave.into();
                visit.engaged_ms = 12_000;
                visit.scroll_percent = 70;
            }
            _ => {
                visit.kind = Kind::View.into();
                visit.referrer = if before.is_empty() { referrer(random) } else { before };
                self.page = page(random, visit.referrer.is_empty());
                visit.url.clone_from(&self.page);
                return;
            }
        }
        visit.url.clone_from(&before);
        self.page = before;
    }
}

fn referrer(random: &mut StdRng) -> String {
    let place = random.random_range(0..REFERRERS.len() * 2);
    REFERRERS.get(place).copied().unwrap_or_default().to_owned()
}

/// A page's address; now and then with the tags of a newsletter, a search or an id that must not be counted.
fn page(random: &mut StdRng, may_be_tagged: bool) -> String {
    let number = skewed(random, PAGES);
    match random.random_range(0..10) {
        0 if may_be_tagged => {
            format!(
                "https://www.example.com/?utm_source=newsletter&utm_medium=email&utm_campaign=week-{number}"
            )
        }
        0 => "https://www.example.com/".into(),
        1 => format!("https://www.example.com/account/{}", random.random_range(10_000..999_999)),
        2 => format!("https://www.example.com/shop/?category=shoes-{number}&session=3f2a9c81b2d4"),
        3 => format!("https://www.example.com/blog/2026/11/{}/hello-world.html", number % 28 + 1),
        _ => format!("https://www.example.com/products/model-{number}/details"),
    }
}

/// A number below `count`, small ones far more often than large ones.
fn skewed(random: &mut StdRng, count: usize) -> usize {
    let share: f64 = random.random();
    ((share * share * share) * count as f64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_mixed_and_the_same_at_every_run() {
        let start = "2026-11-22T08:00:00Z".parse().unwrap();
        let samples: Vec<Sample> = Traffic::starting(start).take(20_000).collect();
        let again = Traffic::starting(start).take(20_000).last().unwrap();
        assert_eq!(samples.last().unwrap().visit, again.visit);
        let share = |is: fn(&Visit) -> bool| samples.iter().filter(|sample| is(&sample.visit)).count();
        assert!((10_000..19_500).contains(&share(|visit| visit.kind() == Kind::View)));
        assert!((200..4000).contains(&share(|visit| visit.kind() == Kind::Event)));
        assert!((100..4000).contains(&share(|visit| !visit.bot.is_empty())));
        assert!((2000..8000).contains(&share(|visit| visit.address.len() == 16)));
    }
}
