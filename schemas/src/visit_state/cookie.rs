//! The visit state that a browser holds: what the cookie `__Host-visit-<site key>` carries, encrypted and authenticated.

use std::fmt;

use jiff::{Timestamp, ToSpan, tz::TimeZone};

use super::{HitFacts, Progress, VisitState, seen::Seen};
use crate::hit_kind::HitKind;
use crate::local_time::LocalDay;
use crate::source::Channel;

/// The life of the cookie from the UTC day of its making, never prolonged. Thirteen months (393 days at the least) are the most that
/// the French authority lets audience measurement keep (CNIL, guidelines of 17 September 2020); browsers stop at 400 days.
pub const VISIT_COOKIE_LIFE_DAYS: u16 = 390;

/// The most bytes of a site's key.
pub const SITE_KEY_BYTES_MAX: usize = 32;

/// What the device holds. Always the state of a visitor who has been seen.
#[derive(Clone, PartialEq, Eq)]
pub struct VisitCookie {
    pub(super) number: u64,
    pub(super) lane: u8,
    pub(super) site: Box<str>,
    /// A day of UTC.
    pub(super) created: LocalDay,
    pub(super) seen: Seen,
}

/// What a new cookie begins with.
#[derive(Clone, Copy)]
pub struct NewVisitCookie<'a> {
    /// The site's key, at most [`SITE_KEY_BYTES_MAX`] bytes.
    pub site: &'a str,
    /// The lane of the hit that makes the cookie, kept for its life.
    pub lane: u8,
    /// A random number, to be used once.
    pub number: u64,
}

impl VisitCookie {
    /// The cookie for a visitor whose `hit` came without one (see [`VisitState::taken_over`]). Only a view that a visit may begin
    /// with makes one: whoever comes from the site's own pages, or does something on a page, is in the middle of a visit that memory
    /// holds, and how it began is known there alone. None is made for a site key that is too long.
    #[must_use]
    pub fn taken_over(
        new: NewVisitCookie<'_>,
        hit: &HitFacts<'_>,
        now: Timestamp,
        calendar: &TimeZone,
    ) -> Option<Self> {
        if hit.kind != HitKind::View || hit.origin.channel == Channel::Internal.as_str() {
            return None;
        }
        let seen = VisitState::taken_over(hit, now, calendar).seen?;
        (new.site.len() <= SITE_KEY_BYTES_MAX).then(|| Self {
            number: new.number,
            lane: new.lane,
            site: new.site.into(),
            created: LocalDay::of(now, &TimeZone::UTC),
            seen,
        })
    }

    /// The cookie whose decrypted content is `bytes`, if it is one, belongs to `site` and has not outlived its time.
    #[must_use]
    pub fn open(bytes: &[u8], site: &str, now: Timestamp) -> Option<Self> {
        Self::from_bytes(bytes).filter(|cookie| *cookie.site == *site && cookie.is_alive(now))
    }

    /// What `hit` adds to the counts, and the cookie to set instead of this one: for views and events only, under the number
    /// `fresh`. The hit uses up [`Self::number`] if and only if it gets a new cookie.
    #[must_use]
    pub fn advance(
        &self,
        fresh: u64,
        hit: &HitFacts<'_>,
        now: Timestamp,
        calendar: &TimeZone,
    ) -> (Progress, Option<Self>) {
        let state = VisitState { seen: Some(self.seen.clone()) };
        let (progress, next) = state.advance(hit, now, calendar);
        let seen = next.seen.filter(|_| hit.kind.advances_visit());
        (progress, seen.map(|seen| Self { number: fresh, seen, ..self.clone() }))
    }

    /// The cookie after a further `hit` that was counted in memory too, because the browser has not shown yet that it keeps the
    /// cookie. The hit itself is told nothing of it.
    #[must_use]
    pub fn still_taken_over(self, hit: &HitFacts<'_>, now: Timestamp, calendar: &TimeZone) -> Self {
        let (_, next) = self.advance(self.number, hit, now, calendar);
        let mut next = next.unwrap_or(self);
        next.seen.only_counted_in_memory = true;
        next.seen.visit.begun_in_memory = true;
        next
    }

    /// The cookie with the visit's campaign forgotten (see [`VisitState::without_campaign`]).
    #[must_use]
    pub fn without_campaign(self) -> Self {
        let state = VisitState { seen: Some(self.seen.clone()) };
        match state.without_campaign().seen {
            Some(seen) => Self { seen, ..self },
            None => self,
        }
    }

    /// The one-use number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The lane of the visitor's records.
    #[must_use]
    pub fn lane(&self) -> u8 {
        self.lane
    }

    /// When the cookie's life ends, whatever happens until then.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        let last = self.created.date().saturating_add(i32::from(VISIT_COOKIE_LIFE_DAYS).days());
        LocalDay::from(last).start(&TimeZone::UTC)
    }

    /// A cookie from tomorrow has met a wrong clock; it would live too long.
    fn is_alive(&self, now: Timestamp) -> bool {
        now < self.expires() && self.created <= LocalDay::of(now, &TimeZone::UTC).next()
    }
}

/// Exact times and pages are personal: nothing of a cookie is printed.
impl fmt::Debug for VisitCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VisitCookie([personal])")
    }
}
