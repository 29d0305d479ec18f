//! People who visit a site for weeks, and what each of their browsers sends, in the order of time.

use std::net::{IpAddr, Ipv4Addr};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng, RngExt as _};
use schemas::hit_kind::HitKind;

const BROWSERS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Safari/605.1.15",
];
const BOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
const PAGES: [&str; 8] =
    ["/", "/pricing", "/blog", "/blog/ships", "/blog/harbour", "/contact", "/imprint", "/docs/start"];
/// Referrer and query of a visit's first page.
const ORIGINS: [(&str, &str); 7] = [
    ("", ""),
    ("", ""),
    ("https://www.google.com/", ""),
    ("https://chatgpt.com/", ""),
    ("https://news.example.org/today", ""),
    ("", "?utm_source=letter&utm_medium=email&utm_campaign=spring"),
    ("https://www.google.com/", "?gclid=abc"),
];
const NAMES: [&str; 3] = ["signup", "order", "play"];
const ELSEWHERE: [&str; 2] = ["https://partner.example.net/", "https://www.example.org/shop"];
/// How long the banner stands, in seconds: longer than it takes to send a view again, shorter than anything else on a page.
const CHOOSING_SECONDS: i64 = 2;
const FILES: [&str; 2] = ["/prices.csv", "/map.pdf"];

/// What a person chose, if anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Nothing yet.
    None,
    /// Statistics only.
    Statistics,
    /// Statistics and marketing.
    Everything,
    /// Neither.
    Refusal,
}

/// One person with one browser.
#[derive(Debug, Clone)]
pub struct Person {
    /// Nobody else's, unless people share one on purpose.
    pub address: IpAddr,
    /// The `User-Agent`.
    pub user_agent: &'static str,
    /// What he chooses.
    pub choice: Choice,
    /// From when on that stands; most chose before they came.
    pub chosen_from: Timestamp,
    /// Whether his browser keeps cookies.
    pub keeps_cookies: bool,
    /// Whether it is a program.
    pub is_bot: bool,
}

impl Person {
    /// What stands at a moment.
    #[must_use]
    pub fn choice_at(&self, at: Timestamp) -> Choice {
        if at < self.chosen_from { Choice::None } else { self.choice }
    }
}

/// One hit, as the tag sends it.
#[derive(Debug, Clone)]
pub struct Hit {
    /// When it reaches the collector.
    pub at: Timestamp,
    /// Whose it is: an index of the people.
    pub person: usize,
    /// What it is.
    pub kind: HitKind,
    /// The page with its query.
    pub url: String,
    /// Where the page was reached from.
    pub referrer: String,
    /// An event's name, a link's target.
    pub name: &'static str,
    /// What an event is worth.
    pub value: Option<u32>,
    /// How long a page was in use.
    pub engaged_ms: u32,
    /// The same when it is sent again.
    pub id: String,
    /// The answer does not reach the browser, nor does the cookie in it.
    pub is_unanswered: bool,
}

/// What is made.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// How many people.
    pub people: usize,
    /// The first day, in the site's zone.
    pub first_day: Date,
    /// How many days.
    pub days: i64,
    /// The site's host.
    pub host: &'a str,
    /// Its zone.
    pub zone: &'a TimeZone,
    /// Of how many people one shares address and browser with another one; 0 for never.
    pub shared_one_in: u32,
    /// Of how many people one chooses on the first page that he sees; 0 for never.
    pub late_choice_one_in: u32,
}

/// People and their hits, in the order of time.
pub fn traffic(plan: &Plan<'_>, random: &mut StdRng) -> (Vec<Person>, Vec<Hit>) {
    let mut people: Vec<Person> = Vec::with_capacity(plan.people);
    let mut hits = Vec::new();
    for number in 0..plan.people {
        let mut person = person(number, random);
        if plan.shared_one_in > 0
            && random.random_ratio(1, plan.shared_one_in)
            && let Some(other) = people.choose(random).filter(|other| !other.is_bot && !person.is_bot)
        {
            (person.address, person.user_agent) = (other.address, other.user_agent);
        }
        visits(plan, number, &mut person, random, &mut hits);
        people.push(person);
    }
    // Stable: what one person sends at one moment keeps its order.
    hits.sort_by_key(|hit| hit.at);
    (people, hits)
}

fn person(number: usize, random: &mut StdRng) -> Person {
    let is_bot = random.random_ratio(1, 40);
    let choices = [Choice::None, Choice::None, Choice::Statistics, Choice::Everything, Choice::Refusal];
    Person {
        address: Ipv4Addr::from(0x0b00_0000 + u32::try_from(number).unwrap_or(0)).into(),
        user_agent: if is_bot { BOT } else { pick(&BROWSERS, random) },
        choice: pick(&choices, random),
        chosen_from: Timestamp::MIN,
        keeps_cookies: random.random_ratio(4, 5),
        is_bot,
    }
}

fn visits(plan: &Plan<'_>, number: usize, person: &mut Person, random: &mut StdRng, hits: &mut Vec<Hit>) {
    // Most people come once, some nearly every day.
    let count = pick(&[1, 1, 1, 2, 2, 3, 5, 9, 40], random);
    let mut free_from = Timestamp::MIN;
    let mut starts: Vec<Timestamp> = (0..count).map(|_| moment(plan, random)).collect();
    starts.sort_unstable();
    let is_late = plan.late_choice_one_in > 0 && random.random_ratio(1, plan.late_choice_one_in);
    if let Some(first) = starts.first().filter(|_| is_late) {
        person.chosen_from = after(*first, CHOOSING_SECONDS);
    }
    for start in starts {
        let start = start.max(free_from);
        free_from = visit(plan, (number, person), start, random, hits);
        if is_late {
            // What memory knows of his first day ends with it; a state that begins on the same day would know only a part.
            free_from = after(free_from, 86_400);
        }
    }
}

/// Some second of the weeks; often near midnight, where days, weeks and months change.
fn moment(plan: &Plan<'_>, random: &mut StdRng) -> Timestamp {
    let day = plan.first_day.saturating_add(random.random_range(0..plan.days).days());
    let midnight = day.to_zoned(plan.zone.clone()).map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp());
    let second = if random.random_ratio(1, 6) {
        random.random_range(0..2400) + 85_200
    } else {
        random.random_range(0..86_400)
    };
    midnight.saturating_add(SignedDuration::from_secs(second)).unwrap_or(midnight)
}

/// One sitting: pages, each left again, and what happens on them. Gives when the person is free for another.
fn visit(
    plan: &Plan<'_>,
    (number, person): (usize, &Person),
    start: Timestamp,
    random: &mut StdRng,
    hits: &mut Vec<Hit>,
) -> Timestamp {
    let (referrer, query) = pick(&ORIGINS, random);
    let mut at = start;
    for page in 0..random.random_range(1..7) {
        let query = if page == 0 { query } else { "" };
        let path = pick(&PAGES, random);
        let url = format!("https://{}{path}{query}", plan.host);
        let hit = |kind, at, random: &mut StdRng| Hit {
            at,
            person: number,
            kind,
            url: url.clone(),
            referrer: if page == 0 { referrer.to_owned() } else { format!("https://{}/", plan.host) },
            name: "",
            value: None,
            engaged_ms: 0,
            id: format!("{:016x}", random.random::<u64>()),
            is_unanswered: false,
        };
        let view = hit(HitKind::View, at, random);
        if random.random_ratio(1, 30) {
            // The tag sends it again.
            hits.push(Hit { is_unanswered: true, ..view.clone() });
            at = after(at, 1);
        }
        hits.push(Hit { at, ..view });
        if person.is_bot {
            return after(at, 60);
        }
        at = after(at, random.random_range(2..200));
        if random.random_ratio(1, 4) {
            let value = random.random_bool(0.5).then(|| random.random_range(1..500));
            hits.push(Hit { name: pick(&NAMES, random), value, ..hit(HitKind::Event, at, random) });
            at = after(at, random.random_range(1..60));
        }
        // One in five pages stays open in another tab, and is left while others are read.
        let left_at = if random.random_ratio(1, 5) { after(at, random.random_range(1..5000)) } else { at };
        if random.random_ratio(1, 6) {
            let (kind, name) = if random.random_bool(0.5) {
                (HitKind::Outbound, pick(&ELSEWHERE, random))
            } else {
                (HitKind::Download, pick(&FILES, random))
            };
            hits.push(Hit { name, ..hit(kind, left_at, random) });
        }
        hits.push(Hit {
            engaged_ms: random.random_range(100..90_000),
            ..hit(HitKind::Leave, left_at, random)
        });
        // Some pauses end a visit, and some nearly do.
        at = after(at, pick(&[1, 3, 20, 400, 1700, 1799, 1800, 2500], random));
    }
    after(at, 1)
}

fn after(at: Timestamp, seconds: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(at)
}

fn pick<T: Copy>(from: &[T], random: &mut impl Rng) -> T {
    // INVARIANT: every list here has something in it.
    from.choose(random).copied().unwrap_or(from[0])
}
