//! What must be counted of people's hits, computed plainly with everybody's whole list of hits kept.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Zoned;
use schemas::configuration::{BeforeConsent, Mode, Site};
use schemas::hit_kind::HitKind;
use schemas::page::{Page, PageRules};
use schemas::source::{SiteHosts, classify};
use url::Url;

use super::people::{Choice, Hit, Person};
use crate::figures::Figures;

/// A pause of so many seconds ends a visit.
const PAUSE_SECONDS: i64 = 30 * 60;

/// How a visit began: source, channel, campaign, page.
type Entry = [String; 4];

/// A recorded hit, at its site's local time.
struct Recorded<'a> {
    hit: &'a Hit,
    time: Zoned,
    page: String,
    entry: Entry,
}

/// What a person's visits have come to.
#[derive(Default)]
struct Course {
    /// The last view or event.
    last: Option<Zoned>,
    /// The browser holds the state, or would if every answer arrived.
    has_state: bool,
    /// The first one that the browser held the state for.
    first_on_device: Option<Zoned>,
    entry: Option<Entry>,
    pages_today: BTreeSet<String>,
    named_today: BTreeSet<String>,
    /// Local day and views of the visit that stands.
    visit: Option<(String, u32)>,
    exit: String,
}

/// The figures of people who share neither address nor browser.
pub fn expected(site: &Site, people: &[Person], hits: &[Hit]) -> Figures {
    let mut figures = Figures::default();
    let mut sent = BTreeSet::new();
    let mut courses: BTreeMap<usize, Course> = BTreeMap::new();
    for hit in hits {
        let Some(person) = people.get(hit.person) else { continue };
        let day = hit.at.to_zoned(site.time_zone.clone()).date().to_string();
        if !is_recorded(site, person.choice_at(hit.at)) {
            figures.add([&day, "consent", "not recorded", "count"], 1);
        } else if !sent.insert((day.clone(), hit.id.clone())) {
            figures.add([&day, "kind", "repeat", "rows"], 1);
            // The state that its answer brings is of this moment.
            if let Some(course) = courses.get_mut(&hit.person).filter(|course| course.has_state) {
                course.last = Some(hit.at.to_zoned(site.time_zone.clone()));
            }
        } else if person.is_bot {
            figures.add([&day, "kind", "bot", "rows"], 1);
        } else {
            figures.add([&day, "kind", hit.kind.as_str(), "rows"], 1);
            let course = courses.entry(hit.person).or_default();
            course.take(&recorded(site, person, hit), may_hold(site, person, hit), &mut figures);
        }
    }
    courses.into_values().for_each(|course| course.end(&mut figures));
    figures
}

fn is_recorded(site: &Site, choice: Choice) -> bool {
    match choice {
        Choice::Refusal => false,
        Choice::Statistics | Choice::Everything => true,
        Choice::None => site.mode != Mode::OptIn || site.before_consent == BeforeConsent::Memory,
    }
}

/// Whether the person's browser keeps what the site may keep there.
fn may_hold(site: &Site, person: &Person, hit: &Hit) -> bool {
    let is_permitted = match site.mode {
        Mode::OptOut => true,
        Mode::OptIn => person.choice_at(hit.at) != Choice::None,
        Mode::Cookieless => false,
    };
    is_permitted && person.keeps_cookies
}

fn recorded<'a>(site: &Site, person: &Person, hit: &'a Hit) -> Recorded<'a> {
    let page: String = Page::from_url(&hit.url, &PageRules::default())
        .map_or_else(|_| "(none)".into(), |(page, _)| page.into());
    let may_credit = match person.choice_at(hit.at) {
        Choice::Everything => true,
        Choice::None => site.mode == Mode::OptOut,
        Choice::Statistics | Choice::Refusal => false,
    };
    Recorded {
        hit,
        time: hit.at.to_zoned(site.time_zone.clone()),
        entry: entry(site, hit, &page, may_credit),
        page,
    }
}

fn entry(site: &Site, hit: &Hit, page: &str, may_credit: bool) -> Entry {
    let hosts = SiteHosts::new(&site.hosts);
    let referrer = Some(hit.referrer.as_str()).filter(|referrer| !referrer.is_empty());
    let origin = Url::parse(&hit.url).ok().map(|url| classify(&url, referrer, &hosts, may_credit));
    let [source, channel, campaign] = origin.map_or_else(
        || ["(other)".into(), "direct".into(), String::new()],
        |origin| [origin.source, origin.channel.as_str().into(), origin.campaign.label()],
    );
    [source, channel, campaign, page.to_owned()]
}

impl Course {
    fn take(&mut self, recorded: &Recorded<'_>, may_hold: bool, figures: &mut Figures) {
        let day = recorded.time.date().to_string();
        let is_new_day = self.last.as_ref().is_none_or(|last| last.date() != recorded.time.date());
        let kind = recorded.hit.kind;
        if kind.advances_visit() {
            self.advance(recorded, (&day, is_new_day), figures);
            // A state begins with what a visit may begin with, not in the midst of one.
            self.has_state |= may_hold && kind == HitKind::View && recorded.entry[1] != "internal";
        }
        // The processor forgets whoever has no cookie with the day; his browser does not.
        let is_known = self.entry.is_some() && (!is_new_day || kind.advances_visit() || self.has_state);
        let entry = self.entry.as_ref().filter(|_| is_known).unwrap_or(&recorded.entry);
        match kind {
            HitKind::View => credit(figures, &day, entry, "views"),
            HitKind::Leave => {
                figures.add([&day, "total", "", "engaged_ms"], recorded.hit.engaged_ms.into());
            }
            HitKind::Event | HitKind::Outbound | HitKind::Download => credit(figures, &day, entry, "events"),
        }
    }

    fn advance(&mut self, recorded: &Recorded<'_>, (day, is_new_day): (&str, bool), figures: &mut Figures) {
        let pause = self
            .last
            .as_ref()
            .map(|last| recorded.time.timestamp().as_second() - last.timestamp().as_second());
        let is_new_visit = is_new_day || pause.is_none_or(|pause| pause >= PAUSE_SECONDS);
        if self.has_state {
            self.on_device(&recorded.time, day, figures);
        }
        if is_new_day {
            (self.pages_today, self.named_today) = Default::default();
            figures.add([day, "total", "", "visitors"], 1);
        }
        if is_new_visit {
            self.end_visit(figures);
            self.entry = Some(recorded.entry.clone());
            self.visit = Some((day.to_owned(), 0));
            self.exit.clear();
            credit(figures, day, &recorded.entry, "visits");
        } else {
            figures.add([day, "total", "", "visit_seconds"], pause.unwrap_or(0));
        }
        if recorded.hit.kind == HitKind::View {
            self.view(recorded, day, figures);
        } else if self.named_today.insert(recorded.hit.name.to_owned()) {
            figures.add([day, "event", recorded.hit.name, "event_visitors"], 1);
        }
        self.last = Some(recorded.time.clone());
    }

    /// First ever, of the week and of the month count from the first hit on that came with a state.
    fn on_device(&mut self, time: &Zoned, day: &str, figures: &mut Figures) {
        let is_first = self.first_on_device.is_none();
        let first = self.first_on_device.get_or_insert_with(|| time.clone()).clone();
        let Some(last) = &self.last else { return };
        figures.add([day, "total", "", "new_visitors"], i64::from(is_first));
        if is_first || monday(last) != monday(time) {
            figures.add([day, "total", "", "weekly_first"], 1);
            let weeks = monday(&first).until(monday(time)).map_or(0, |span| span.get_days()) / 7;
            figures.add([&monday(time).to_string(), "week", "", "visitors"], 1);
            figures.add([&monday(&first).to_string(), "retention", &weeks.to_string(), "visitors"], 1);
        }
        let month = time.date().first_of_month();
        if is_first || last.date().first_of_month() != month {
            figures.add([day, "total", "", "monthly_first"], 1);
            figures.add([&month.to_string(), "month", "", "visitors"], 1);
        }
    }

    fn view(&mut self, recorded: &Recorded<'_>, day: &str, figures: &mut Figures) {
        if self.pages_today.insert(recorded.page.clone()) {
            figures.add([day, "page", &recorded.page, "page_visitors"], 1);
        }
        figures.add([day, "page", &recorded.page, "views"], 1);
        if let Some((_, views)) = &mut self.visit {
            *views += 1;
        }
        self.exit.clone_from(&recorded.page);
    }

    fn end_visit(&mut self, figures: &mut Figures) {
        if let Some((day, views)) = self.visit.take() {
            figures.add([&day, "total", "", "bounces"], i64::from(views == 1));
            if views > 0 {
                figures.add([&day, "exit_page", &self.exit, "exits"], 1);
            }
        }
    }

    fn end(mut self, figures: &mut Figures) {
        self.end_visit(figures);
    }
}

fn monday(time: &Zoned) -> jiff::civil::Date {
    let back = i64::from(time.date().weekday().to_monday_zero_offset());
    time.date().saturating_sub(jiff::Span::new().days(back))
}

fn credit(figures: &mut Figures, day: &str, entry: &Entry, measure: &str) {
    figures.add([day, "total", "", measure], 1);
    for (dimension, value) in ["source", "channel", "campaign", "entry_page"].into_iter().zip(entry) {
        if !value.is_empty() {
            figures.add([day, dimension, value, measure], 1);
        }
    }
}
