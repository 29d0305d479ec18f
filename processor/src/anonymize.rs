//! The single door from personal to anonymous information. It consumes the visit and builds each field anew from
//! allow-lists; nothing is copied that could tell a person. The address ends here.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemas::closed_lists;
use schemas::event::Visit;
use schemas::hit_kind::HitKind;
use schemas::language;
use schemas::local_time::{Hour, LocalDay};
use schemas::names;
use schemas::page::{Masked, Page, PageRules};
use schemas::personal::Personal;
use schemas::site_rules::{HitTexts, NO_PAGE};
use schemas::source::Channel;
use schemas::visit_state::{HitFacts, Origin as FactsOrigin};
use schemas::wire::Header;

use crate::enrich::EnrichedVisit;
use crate::row::Dimensions;
use crate::visits::Happening;

/// A visit of which nothing is left that could tell a person. Only this becomes a row.
#[derive(Debug)]
pub struct AnonymousVisit {
    header: Header,
    kind: HitKind,
    local_day: LocalDay,
    hour: Hour,
    policy_revision: u32,
    engaged_ms: u32,
    scroll_percent: u8,
    event_value: i64,
    marketing: bool,
    dimensions: Dimensions,
}

/// Consumes the enriched visit.
pub fn anonymize(enriched: EnrichedVisit, rules: &PageRules, zone: &TimeZone) -> AnonymousVisit {
    let EnrichedVisit { header, visit, network, page, origin } = enriched;
    let (visit, origin) = (visit.into_exposed(), origin.map(Personal::into_exposed));
    let received = received(&visit);
    let kind = HitKind::from(visit.kind());
    let HitTexts { page, mut masked, source, channel, campaign } =
        HitTexts::new(page.as_ref().map(Personal::expose), visit.url.len(), origin, rules);
    let dimensions = Dimensions {
        page,
        source,
        channel,
        campaign,
        network: Some(network),
        browser: closed_lists::browser(&visit.browser),
        os: closed_lists::operating_system(&visit.os),
        device: closed_lists::device(&visit.device),
        language: language::known(&visit.language),
        event: happening(kind, &visit, rules, &mut masked),
        outbound: if kind == HitKind::Outbound { outbound(&visit) } else { String::new() },
        bot: if visit.bot.is_empty() { "" } else { closed_lists::bot(&visit.bot) },
        masked,
    };
    AnonymousVisit {
        header,
        kind,
        local_day: LocalDay::of(received, zone),
        hour: Hour::of(received),
        policy_revision: visit.policy_revision,
        engaged_ms: visit.engaged_ms,
        scroll_percent: if kind == HitKind::Leave {
            u8::try_from(visit.scroll_percent.min(100)).unwrap_or(100)
        } else {
            0
        },
        event_value: visit.value_thousandths,
        marketing: visit.marketing,
        dimensions,
    }
}

/// The exact time of a visit; it goes no further than its hour and its visitor's state in memory.
pub(crate) fn received(visit: &Visit) -> Timestamp {
    let milliseconds = i64::try_from(visit.received_ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The page's text; what was masked is added to `masked`.
fn text(page: Option<(Page, Masked)>, masked: &mut Masked) -> String {
    let Some((page, more)) = page else { return NO_PAGE.to_owned() };
    masked.merge(&more);
    page.into()
}

/// An event by its name; a download by the file's scrubbed address.
fn happening(kind: HitKind, visit: &Visit, rules: &PageRules, masked: &mut Masked) -> String {
    match kind {
        HitKind::Event => names::event_name(&visit.name).to_owned(),
        HitKind::Download => format!("download {}", text(Page::from_url(&visit.name, rules).ok(), masked)),
        HitKind::View | HitKind::Leave | HitKind::Outbound => String::new(),
    }
}

/// Other sites that a visitor went to are marketing's business only if the visitor allows it.
fn outbound(visit: &Visit) -> String {
    if visit.marketing { names::outbound_domain(&visit.name) } else { "(other)".to_owned() }
}

impl AnonymousVisit {
    /// What the visitor's state needs to know.
    pub fn happening(&self) -> Happening<'_> {
        let texts = &self.dimensions;
        let origin = FactsOrigin { source: &texts.source, channel: texts.channel, campaign: &texts.campaign };
        let facts = HitFacts { kind: self.kind, page: &texts.page, name: &texts.event, origin };
        let clicked = if texts.outbound.is_empty() { &texts.event } else { &texts.outbound };
        Happening { facts, clicked, marketing: self.marketing }
    }

    /// Whether its referrer is forged to make a site known.
    pub fn is_spam(&self) -> bool {
        self.dimensions.channel == Channel::Spam.as_str()
    }

    /// Whether a program made it.
    pub fn is_bot(&self) -> bool {
        !self.dimensions.bot.is_empty()
    }

    pub(crate) fn kind(&self) -> HitKind {
        self.kind
    }

    pub(crate) fn local_day(&self) -> LocalDay {
        self.local_day
    }

    pub(crate) fn hour(&self) -> Hour {
        self.hour
    }

    pub(crate) fn policy_revision(&self) -> u32 {
        self.policy_revision
    }

    pub(crate) fn engaged_ms(&self) -> u32 {
        self.engaged_ms
    }

    /// How far the page had been scrolled when it was left.
    pub(crate) fn scroll_percent(&self) -> u8 {
        self.scroll_percent
    }

    pub(crate) fn event_value(&self) -> i64 {
        self.event_value
    }

    /// The record's clear header, and the texts.
    pub(crate) fn into_parts(self) -> (Header, Dimensions) {
        (self.header, self.dimensions)
    }
}
