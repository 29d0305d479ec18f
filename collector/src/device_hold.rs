//! The visit states that the browser behind a request holds. Each hit goes on from where the one before it left off; what is kept in the
//! end is one cookie for each site.
//!
//! A browser that sends no state is counted in memory, like one that never keeps any; the state that it is given is believed when it
//! comes back, not before. It is given one with the first page of a visit only: who permits it later, or follows a link before the first
//! answer is there, stays in memory until he comes to the site again.

use hyper::header::HeaderValue;
use schemas::event::{Progress, Visit};
use schemas::hit_kind::HitKind;
use schemas::keys::VisitKeys;
use schemas::names::event_name;
use schemas::site_rules::{HitTexts, SiteRules};
use schemas::visit_state::{HitFacts, NewVisitCookie, VisitCookie};

use crate::request::Sender;
use crate::visit_cookie;

/// The states of one request, one for each site that its hits are of.
pub struct DeviceHolds<'a> {
    sender: &'a Sender<'a>,
    keys: &'a VisitKeys,
    sites: Vec<DeviceHold<'a>>,
}

/// One site's state.
struct DeviceHold<'a> {
    rules: &'a SiteRules,
    standing: Standing,
    fate: Fate,
}

/// What is known of the browser.
enum Standing {
    /// It holds nothing that can be read.
    Nothing,
    /// It is to be given this one.
    Made(Box<VisitCookie>),
    /// It holds this one.
    Held(Box<VisitCookie>),
}

/// What becomes of the browser's cookie.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It stays as it is.
    Stays,
    /// It is replaced.
    Set,
    /// It is removed.
    Expires,
}

impl std::fmt::Debug for DeviceHolds<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceHolds([personal])")
    }
}

impl<'a> DeviceHolds<'a> {
    /// The states that `sender` holds; they are looked at when a hit needs them.
    pub fn new(sender: &'a Sender<'a>, keys: &'a VisitKeys) -> Self {
        Self { sender, keys, sites: Vec::new() }
    }

    /// Moves a site's state on by a `visit` whose visitor lets the browser hold it, and puts what it adds into the record. Gives the lane
    /// of the record: `lane`, or the one that the state has frozen. A program's visit has no state, and one that is dropped because its
    /// referrer is forged uses none up.
    pub fn take(&mut self, rules: &'a SiteRules, visit: &mut Visit, lane: u8) -> u8 {
        if !visit.bot.is_empty() {
            return lane;
        }
        let (sender, keys) = (self.sender, self.keys);
        let held = self.site(rules, |rules| DeviceHold::read(rules, keys, sender));
        held.map_or(lane, |held| held.take(visit, lane, sender))
    }

    /// Removes a site's state, if there is any: its visitor lets the browser hold none.
    pub fn expire(&mut self, rules: &'a SiteRules) {
        let sender = self.sender;
        self.site(rules, |rules| {
            let fate = if visit_cookie::is_there(rules, sender) { Fate::Expires } else { Fate::Stays };
            DeviceHold { rules, standing: Standing::Nothing, fate }
        });
    }

    /// The values of `Set-Cookie`, to be sent when the hits are on disk.
    pub fn into_cookies(self) -> Vec<HeaderValue> {
        let texts = self.sites.iter().flat_map(|hold| match (hold.fate, &hold.standing) {
            (Fate::Set, Standing::Made(cookie) | Standing::Held(cookie)) => {
                visit_cookie::keep(cookie, hold.rules, self.keys, self.sender)
            }
            (Fate::Expires, _) => visit_cookie::expire(hold.rules, self.sender),
            (Fate::Set | Fate::Stays, _) => Vec::new(),
        });
        // INVARIANT: a cookie's value is Base64 and its name hexadecimal.
        texts.filter_map(|text| HeaderValue::from_str(&text).ok()).collect()
    }

    /// A site's state; it is there once it was read.
    fn site(
        &mut self,
        rules: &'a SiteRules,
        read: impl FnOnce(&'a SiteRules) -> DeviceHold<'a>,
    ) -> Option<&mut DeviceHold<'a>> {
        if !self.sites.iter().any(|hold| hold.rules.key == rules.key) {
            self.sites.push(read(rules));
        }
        self.sites.iter_mut().find(|hold| hold.rules.key == rules.key)
    }
}

impl<'a> DeviceHold<'a> {
    fn read(rules: &'a SiteRules, keys: &VisitKeys, sender: &Sender<'_>) -> Self {
        let cookie = visit_cookie::read(rules, keys, sender);
        let standing = cookie.map_or(Standing::Nothing, |cookie| Standing::Held(cookie.into()));
        Self { rules, standing, fate: Fate::Stays }
    }

    fn take(&mut self, visit: &mut Visit, lane: u8, sender: &Sender<'_>) -> u8 {
        let kind = HitKind::from(visit.kind());
        if matches!(self.standing, Standing::Nothing) && kind != HitKind::View {
            return lane;
        }
        let texts = kind
            .advances_visit()
            .then(|| HitTexts::of(&visit.url, &visit.referrer, visit.marketing, self.rules));
        let nothing = HitTexts::nothing();
        if texts.as_ref().is_some_and(HitTexts::is_spam) {
            return lane;
        }
        let name = if kind == HitKind::Event { event_name(&visit.name) } else { "" };
        let facts = texts.as_ref().unwrap_or(&nothing).facts(kind, name);
        let moved = self.advance(&facts, visit.marketing, lane, sender);
        (visit.progress, visit.state_number) = (moved.progress, moved.number);
        moved.lane
    }

    fn advance(&mut self, hit: &HitFacts<'_>, marketing: bool, lane: u8, sender: &Sender<'_>) -> Moved {
        let (now, calendar) = (sender.now, &self.rules.site.time_zone);
        let allowed = |cookie: VisitCookie| if marketing { cookie } else { cookie.without_campaign() };
        let mut moved = Moved { lane, progress: None, number: None };
        self.standing = match std::mem::replace(&mut self.standing, Standing::Nothing) {
            Standing::Nothing => {
                let new = NewVisitCookie { site: &self.rules.key, lane, number: rand::random() };
                let made = VisitCookie::taken_over(new, hit, now, calendar);
                made.map_or(Standing::Nothing, |cookie| Standing::Made(cookie.into()))
            }
            Standing::Made(cookie) => {
                Standing::Made(allowed(*cookie).still_taken_over(hit, now, calendar).into())
            }
            Standing::Held(cookie) => {
                let cookie = allowed(*cookie);
                let (progress, next) = cookie.advance(rand::random(), hit, now, calendar);
                let number = next.is_some().then(|| cookie.number());
                moved = Moved { lane: cookie.lane(), progress: Some(progress.to_wire()), number };
                Standing::Held(next.unwrap_or(cookie).into())
            }
        };
        if hit.kind.advances_visit() {
            self.fate = Fate::Set;
        }
        moved
    }
}

/// What the state makes of a hit, as its record tells it.
struct Moved {
    lane: u8,
    progress: Option<Progress>,
    number: Option<u64>,
}

#[cfg(test)]
mod tests;
